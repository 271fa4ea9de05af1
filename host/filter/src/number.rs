//! Numbers that compare by exact value, however they are spelled.

use std::cmp::Ordering;

/// The value of a JSON number: whole numbers of up to 64 bits exactly, everything else as the nearest `f64`.
///
/// Invariant: `Large` are the whole numbers from 2^53 up to 2^127, on either side of zero, where not all whole numbers
/// are an `f64`. All others are `Float`, so that most comparisons are those of floats.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Exact {
    Float(f64),
    Large(i128),
}

/// 2^53: below it every whole number is an `f64`, and from it on every `f64` is a whole number.
const LARGE: f64 = 9_007_199_254_740_992.0;
/// 2^127: whole floats below it fit `i128`.
const LARGE_END: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;

impl Exact {
    /// The value of a number in an event. `None` only for numbers that no `f64` can hold.
    pub(crate) fn of(number: &serde_json::Number) -> Option<Exact> {
        if let Some(whole) = number.as_i64() {
            return Some(Exact::of_whole(whole.into()));
        }
        if let Some(whole) = number.as_u64() {
            return Some(Exact::of_whole(whole.into()));
        }
        number.as_f64().and_then(Exact::of_float)
    }

    /// The value of a number as JSON spells it; the same as [`Exact::of`] what serde_json makes of the text.
    pub(crate) fn parse(text: &[u8]) -> Option<Exact> {
        let (sign, digits) = text.strip_prefix(b"-").map_or((1, text), |digits| (-1, digits));
        if digits.len() <= 20 && digits.iter().all(u8::is_ascii_digit) {
            let add = |whole: i128, digit: &u8| whole * 10 + i128::from(digit - b'0');
            let whole = sign * digits.iter().fold(0, add);
            if whole >= i64::MIN.into() && whole <= u64::MAX.into() {
                return Some(Exact::of_whole(whole));
            }
        }
        std::str::from_utf8(text).ok()?.parse().ok().and_then(Exact::of_float)
    }

    fn of_whole(whole: i128) -> Exact {
        // Exact below the limit, and above it rounding does not lead below it.
        let float = whole as f64;
        if float.abs() < LARGE {
            Exact::Float(float)
        } else {
            Exact::Large(whole)
        }
    }

    /// The value of a number whose nearest `f64` this is, if that alone tells.
    pub(crate) fn of_small(nearest: f64) -> Option<Exact> {
        (nearest.abs() < LARGE).then_some(Exact::Float(nearest))
    }

    fn of_float(float: f64) -> Option<Exact> {
        match float.abs() {
            ..LARGE => Some(Exact::Float(if float == 0.0 { 0.0 } else { float })),
            // Exact: the float is whole and in range.
            LARGE..LARGE_END => Some(Exact::Large(float as i128)),
            _ => float.is_finite().then_some(Exact::Float(float)),
        }
    }

    /// The nearest `f64`. Of two values the greater never comes to less.
    pub(crate) fn nearest(self) -> f64 {
        match self {
            Exact::Float(float) => float,
            Exact::Large(whole) => rounded(whole),
        }
    }

    pub(crate) fn compare(self, other: Exact) -> Ordering {
        match (self, other) {
            (Exact::Float(a), Exact::Float(b)) => a.total_cmp(&b),
            (Exact::Large(a), Exact::Large(b)) => a.cmp(&b),
            (Exact::Float(a), Exact::Large(b)) => float_to_large(a, b),
            (Exact::Large(a), Exact::Float(b)) => float_to_large(b, a).reverse(),
        }
    }
}

/// Cold, because the compiler would else do it for every number, needed or not.
#[cold]
fn rounded(whole: i128) -> f64 {
    whole as f64
}

/// One of them is farther from zero, by its kind alone.
fn float_to_large(float: f64, large: i128) -> Ordering {
    let float_is_greater = if float.abs() < LARGE { large < 0 } else { float > 0.0 };
    if float_is_greater {
        Ordering::Greater
    } else {
        Ordering::Less
    }
}

/// A number in a pattern. Equal to another when its value is.
#[derive(Clone, Debug)]
pub(crate) struct Number {
    value: Exact,
    text: Box<str>,
}

impl Number {
    /// Reads a JSON number, by the same parser that reads events, so that equal text is always an equal value.
    pub(crate) fn parse(text: &str) -> Option<Number> {
        let read = |text: &str| Exact::of(&serde_json::from_str(text).ok()?);
        let value = read(text)?;
        let short = match value {
            Exact::Large(whole) => whole.to_string(),
            Exact::Float(float) => float.to_string(),
        };
        // The short form is printed if reading it gives the same value; near the ends of `f64` it may not.
        let same = read(&short).is_some_and(|again| again.compare(value).is_eq());
        let text = if same && short.len() <= text.len().max(24) {
            short.as_str()
        } else {
            text.trim()
        };
        Some(Number {
            value,
            text: text.into(),
        })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn exact(&self) -> Exact {
        self.value
    }

    pub(crate) fn compare(&self, other: Exact) -> Ordering {
        self.value.compare(other)
    }

    pub(crate) fn equals(&self, other: Exact) -> bool {
        self.compare(other).is_eq()
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.equals(other.value)
    }
}

/// One end of a range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bound {
    pub(crate) number: Number,
    pub(crate) inclusive: bool,
}

/// A range of numbers with at least one end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) low: Option<Bound>,
    pub(crate) high: Option<Bound>,
}

impl Bounds {
    pub(crate) fn contains(&self, value: Exact) -> bool {
        let above = self.low.as_ref().is_none_or(|low| match low.number.compare(value) {
            Ordering::Less => true,
            Ordering::Equal => low.inclusive,
            Ordering::Greater => false,
        });
        above
            && self.high.as_ref().is_none_or(|high| match high.number.compare(value) {
                Ordering::Greater => true,
                Ordering::Equal => high.inclusive,
                Ordering::Less => false,
            })
    }

    /// Whether no number at all can lie in the range.
    pub(crate) fn is_empty(&self) -> bool {
        let (Some(low), Some(high)) = (&self.low, &self.high) else {
            return false;
        };
        match low.number.compare(high.number.value) {
            Ordering::Less => false,
            Ordering::Equal => !(low.inclusive && high.inclusive),
            Ordering::Greater => true,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn order(a: &str, b: &str) -> Ordering {
        let event: serde_json::Number = serde_json::from_str(b).unwrap();
        Number::parse(a).unwrap().compare(Exact::of(&event).unwrap())
    }

    #[test]
    fn compares_by_exact_value() {
        use Ordering::{Equal, Greater, Less};
        for (a, b, expected) in [
            ("1", "1.0", Equal),
            ("1e0", "1", Equal),
            ("100e-2", "1", Equal),
            ("-0", "0", Equal),
            ("0.1", "1e-1", Equal),
            ("9007199254740993", "9007199254740992", Greater),
            ("18446744073709551615", "18446744073709551614", Greater),
            ("9007199254740993", "9007199254740992.0", Greater),
            ("2", "1.5", Greater),
            ("1", "1.5", Less),
            ("-1", "-1.5", Greater),
            ("-2", "-1.5", Less),
            ("1e300", "18446744073709551615", Greater),
            ("-1e300", "-9223372036854775808", Less),
            ("1e300", "1e299", Greater),
            ("5", "1e300", Less),
            ("5", "-1e300", Greater),
        ] {
            assert_eq!(order(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn text_is_read_as_serde_json_reads_it() {
        for text in [
            "0",
            "-0",
            "-0.0",
            "7",
            "-12",
            "999999999999999999",
            "9223372036854775807",
            "-9223372036854775808",
            "-9223372036854775809",
            "18446744073709551615",
            "18446744073709551616",
            "1e999",
            "-1e999",
            "1e-999",
            "0.1",
            "-122.42916360922355",
            "1e22",
            "1E+2",
            "123456789012345678901234567890",
            "37.729900216217324",
        ] {
            let expected = serde_json::from_str(text).ok().and_then(|number| Exact::of(&number));
            let found = Exact::parse(text.as_bytes());
            assert_eq!(found.is_some(), expected.is_some(), "{text}");
            if let (Some(found), Some(expected)) = (found, expected) {
                assert!(found.compare(expected).is_eq(), "{text}: {found:?} {expected:?}");
            }
        }
    }

    #[test]
    fn prints_what_reads_back() {
        for (text, printed) in [
            ("1.0", "1"),
            ("3.018e2", "301.8"),
            ("-0.0", "0"),
            ("1e30", "1e30"),
            ("1e300", "1e300"),
            ("12345678901234567890", "12345678901234567890"),
        ] {
            let number = Number::parse(text).unwrap();
            assert_eq!(number.text(), printed);
            assert_eq!(Number::parse(number.text()).unwrap(), number);
        }
        for text in ["", "x", "1e999", "0x10", "+1", "nan", "\"1\""] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
    }
}
