//! A pattern as canonical JSON.
//!
//! Canonical: `$or` multiplied out and, if anything is left of it, outermost; paths as dotted keys in alphabetical
//! order; single values of `anything-but` without a list; numbers in their shortest spelling.

use std::fmt::{self, Write};

use crate::matcher::{Excluded, Leaf, Matcher};
use crate::node::Node;
use crate::number::Bounds;

/// The item that holds where nothing stands.
pub(crate) const ABSENT: &str = "{\"exists\":false}";

/// One item of a list.
pub(crate) fn item(item: &Matcher) -> String {
    text(|out| matcher(out, item))
}

/// One alternative as a pattern of its own.
pub(crate) fn pattern(alternative: &Node) -> String {
    text(|out| object(out, alternative))
}

fn text(print: impl FnOnce(&mut dyn Write) -> fmt::Result) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = print(&mut text);
    text
}

/// Alternatives as one pattern.
pub(crate) fn alternatives(out: &mut dyn Write, alternatives: &[Node]) -> fmt::Result {
    if let [only] = alternatives {
        return object(out, only);
    }
    out.write_str("{\"$or\":")?;
    list(out, alternatives, object)?;
    out.write_char('}')
}

fn object(out: &mut dyn Write, node: &Node) -> fmt::Result {
    out.write_char('{')?;
    let mut path = Vec::new();
    members(out, node, &mut path, &mut true)?;
    out.write_char('}')
}

fn members<'n>(out: &mut dyn Write, node: &'n Node, path: &mut Vec<&'n str>, first: &mut bool) -> fmt::Result {
    if !node.not.is_empty() {
        comma(out, first)?;
        if path.is_empty() {
            out.write_str("\"not\":")?;
            alternatives(out, &node.not)?;
        } else {
            string(out, &path.join("."))?;
            out.write_str(":{\"not\":")?;
            alternatives(out, &node.not)?;
            out.write_char('}')?;
        }
    }
    if let Some(found) = &node.leaf {
        comma(out, first)?;
        string(out, &path.join("."))?;
        out.write_char(':')?;
        leaf(out, found)?;
    }
    for (name, child) in &node.children {
        path.push(name);
        members(out, child, path, first)?;
        path.pop();
    }
    Ok(())
}

fn comma(out: &mut dyn Write, first: &mut bool) -> fmt::Result {
    if std::mem::take(first) {
        Ok(())
    } else {
        out.write_char(',')
    }
}

fn leaf(out: &mut dyn Write, leaf: &Leaf) -> fmt::Result {
    out.write_char('[')?;
    let mut first = true;
    for item in &leaf.any {
        comma(out, &mut first)?;
        matcher(out, item)?;
    }
    if leaf.or_absent {
        comma(out, &mut first)?;
        out.write_str(ABSENT)?;
    }
    out.write_char(']')
}

fn matcher(out: &mut dyn Write, item: &Matcher) -> fmt::Result {
    match item {
        Matcher::Null => out.write_str("null"),
        Matcher::Bool(flag) => write!(out, "{flag}"),
        Matcher::Text(text) => string(out, text),
        Matcher::Number(number) => out.write_str(number.text()),
        Matcher::Exists => out.write_str("{\"exists\":true}"),
        Matcher::Prefix(text) => operator(out, "prefix", text),
        Matcher::PrefixIgnoreCase(text) => ignoring_case(out, "prefix", text.text()),
        Matcher::Suffix(text) => operator(out, "suffix", text),
        Matcher::SuffixIgnoreCase(text) => ignoring_case(out, "suffix", text.text()),
        Matcher::EqualsIgnoreCase(text) => operator(out, "equals-ignore-case", text.text()),
        Matcher::Wildcard(wildcard) => operator(out, "wildcard", &wildcard.text()),
        Matcher::Numeric(bounds) => numeric(out, bounds),
        Matcher::AnythingBut(excluded) => anything_but(out, excluded),
        Matcher::Cidr(network) => operator(out, "cidr", &network.to_string()),
        Matcher::AtLeast(level) => operator(out, "at-least", level.name()),
        Matcher::AtMost(level) => operator(out, "at-most", level.name()),
        Matcher::All(matchers) => {
            out.write_str("{\"all\":")?;
            list(out, matchers, matcher)?;
            out.write_char('}')
        }
    }
}

fn operator(out: &mut dyn Write, name: &str, text: &str) -> fmt::Result {
    write!(out, "{{\"{name}\":")?;
    string(out, text)?;
    out.write_char('}')
}

fn ignoring_case(out: &mut dyn Write, name: &str, text: &str) -> fmt::Result {
    write!(out, "{{\"{name}\":")?;
    operator(out, "equals-ignore-case", text)?;
    out.write_char('}')
}

fn numeric(out: &mut dyn Write, bounds: &Bounds) -> fmt::Result {
    let low = bounds
        .low
        .as_ref()
        .map(|bound| (if bound.inclusive { ">=" } else { ">" }, bound));
    let high = bounds
        .high
        .as_ref()
        .map(|bound| (if bound.inclusive { "<=" } else { "<" }, bound));
    out.write_str("{\"numeric\":[")?;
    let mut first = true;
    for (sign, bound) in low.into_iter().chain(high) {
        comma(out, &mut first)?;
        write!(out, "\"{sign}\",{}", bound.number.text())?;
    }
    out.write_str("]}")
}

fn anything_but(out: &mut dyn Write, excluded: &Excluded) -> fmt::Result {
    out.write_str("{\"anything-but\":")?;
    match excluded {
        Excluded::Texts(texts) => one_or_list(out, texts, |out, text| string(out, text))?,
        Excluded::Numbers(numbers) => one_or_list(out, numbers, |out, number| out.write_str(number.text()))?,
        Excluded::Prefixes(texts) => inner(out, "prefix", texts, |text| text.to_string())?,
        Excluded::Suffixes(texts) => inner(out, "suffix", texts, |text| text.to_string())?,
        Excluded::Wildcards(texts) => inner(out, "wildcard", texts, |text| text.text())?,
        Excluded::IgnoreCase(texts) => inner(out, "equals-ignore-case", texts, |text| text.text().to_owned())?,
    }
    out.write_char('}')
}

fn inner<T>(out: &mut dyn Write, name: &str, items: &[T], text: impl Fn(&T) -> String) -> fmt::Result {
    write!(out, "{{\"{name}\":")?;
    one_or_list(out, items, |out, item| string(out, &text(item)))?;
    out.write_char('}')
}

fn one_or_list<T>(out: &mut dyn Write, items: &[T], print: impl Fn(&mut dyn Write, &T) -> fmt::Result) -> fmt::Result {
    if let [only] = items {
        print(out, only)
    } else {
        list(out, items, print)
    }
}

fn list<T>(out: &mut dyn Write, items: &[T], print: impl Fn(&mut dyn Write, &T) -> fmt::Result) -> fmt::Result {
    out.write_char('[')?;
    let mut first = true;
    for item in items {
        comma(out, &mut first)?;
        print(out, item)?;
    }
    out.write_char(']')
}

fn string(out: &mut dyn Write, text: &str) -> fmt::Result {
    let quoted = serde_json::to_string(text).map_err(|_| fmt::Error)?;
    out.write_str(&quoted)
}
