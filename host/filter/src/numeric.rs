//! Reads `{"numeric": [...]}`: one bound, or a lower and then an upper one.

use std::cmp::Ordering;

use crate::matcher::Matcher;
use crate::mistake::Report;
use crate::number::{Bound, Bounds, Number};
use crate::operators::{number, wrong_operand};
use crate::source::{Source, SourceValue};
use crate::way::Way;

const SHAPES: &str = "such as [\"=\", 5], [\"<\", 10] or [\">\", 0, \"<=\", 5]";

/// A sign, split into its direction and whether the number itself is meant too.
#[derive(Clone, Copy)]
struct Sign {
    direction: Ordering,
    inclusive: bool,
}

/// Reads the operand of `numeric`. A plain `=` is the same as the number itself.
pub(crate) fn read(operand: &Source, path: &Way<'_>, report: &mut Report) -> Option<Matcher> {
    let SourceValue::Array(items) = &operand.value else {
        let example = match &operand.value {
            SourceValue::Number(text) => format!("[\"=\", {text}]"),
            _ => "[\">\", 0, \"<=\", 5]".to_owned(),
        };
        return wrong_operand(operand, path, "a list", &example, report);
    };
    match items.as_slice() {
        [sign, value] => {
            let sign_read = read_sign(sign, &path.item(0), report);
            let value = read_number(value, &path.item(1), report);
            one(sign_read?, value?)
        }
        [low, low_value, high, high_value] => {
            let low_sign = read_sign(low, &path.item(0), report);
            let low_value = read_number(low_value, &path.item(1), report);
            let high_sign = read_sign(high, &path.item(2), report);
            let high_value = read_number(high_value, &path.item(3), report);
            two(
                (low_sign?, low_value?),
                (high_sign?, high_value?),
                operand,
                path,
                report,
            )
        }
        _ => {
            let message = format!(
                "one bound or two are expected, which is 2 or 4 items, and this is {}",
                items.len()
            );
            report.advise(&operand.span, path, message, SHAPES)
        }
    }
}

fn one(sign: Sign, number: Number) -> Option<Matcher> {
    let bound = |number| {
        Some(Bound {
            number,
            inclusive: sign.inclusive,
        })
    };
    Some(match sign.direction {
        Ordering::Equal => Matcher::Number(number),
        Ordering::Greater => Matcher::Numeric(Bounds {
            low: bound(number),
            high: None,
        }),
        Ordering::Less => Matcher::Numeric(Bounds {
            low: None,
            high: bound(number),
        }),
    })
}

fn two(
    (first, first_number): (Sign, Number),
    (second, second_number): (Sign, Number),
    operand: &Source,
    path: &Way<'_>,
    report: &mut Report,
) -> Option<Matcher> {
    match (first.direction, second.direction) {
        (Ordering::Greater, Ordering::Less) => {}
        (Ordering::Equal, _) | (_, Ordering::Equal) => {
            let help = "write [\"=\", 5] alone, or two items in the field's list for two values";
            return report.advise(&operand.span, path, "`=` cannot be one of two bounds", help);
        }
        (Ordering::Less, Ordering::Greater) => {
            let help = format!(
                "write [\"{}\", {}, \"{}\", {}]",
                spelling(second),
                second_number.text(),
                spelling(first),
                first_number.text()
            );
            return report.advise(&operand.span, path, "the lower bound comes first", help);
        }
        _ => {
            let message = format!(
                "both bounds are {} ones",
                if first.direction.is_gt() { "lower" } else { "upper" }
            );
            return report.advise(
                &operand.span,
                path,
                message,
                "give one lower and one upper bound, or one of the two",
            );
        }
    }
    let bounds = Bounds {
        low: Some(Bound {
            number: first_number,
            inclusive: first.inclusive,
        }),
        high: Some(Bound {
            number: second_number,
            inclusive: second.inclusive,
        }),
    };
    if bounds.is_empty() {
        return report.advise(
            &operand.span,
            path,
            "no number lies between these bounds",
            "the lower bound must be below the upper one",
        );
    }
    Some(Matcher::Numeric(bounds))
}

fn read_sign(source: &Source, path: &Way<'_>, report: &mut Report) -> Option<Sign> {
    let known = |direction, inclusive| Some(Sign { direction, inclusive });
    let SourceValue::String(text) = &source.value else {
        let message = format!("a comparison is expected, and this is {}", source.kind());
        return report.advise(
            &source.span,
            path,
            message,
            "one of \"=\", \"<\", \"<=\", \">\", \">=\"",
        );
    };
    match text.as_str() {
        "=" => known(Ordering::Equal, true),
        "<" => known(Ordering::Less, false),
        "<=" => known(Ordering::Less, true),
        ">" => known(Ordering::Greater, false),
        ">=" => known(Ordering::Greater, true),
        _ => {
            let help = match text.as_str() {
                "==" => "write \"=\"",
                "=<" => "write \"<=\"",
                "=>" => "write \">=\"",
                "!=" | "<>" => "use {\"anything-but\": 5} instead of `numeric`",
                _ => "one of \"=\", \"<\", \"<=\", \">\", \">=\"",
            };
            report.advise(&source.span, path, format!("unknown comparison `{text}`"), help)
        }
    }
}

fn read_number(source: &Source, path: &Way<'_>, report: &mut Report) -> Option<Number> {
    match &source.value {
        SourceValue::Number(text) => number(text, source, path, report),
        SourceValue::String(text) if Number::parse(text).is_some() => {
            let message = "a number is expected, and this is a string";
            report.advise(&source.span, path, message, format!("write {text} without quotes"))
        }
        _ => wrong_operand(source, path, "a number", "5", report),
    }
}

fn spelling(sign: Sign) -> &'static str {
    match (sign.direction, sign.inclusive) {
        (Ordering::Equal, _) => "=",
        (Ordering::Less, false) => "<",
        (Ordering::Less, true) => "<=",
        (Ordering::Greater, false) => ">",
        (Ordering::Greater, true) => ">=",
    }
}
