//! What commands print. Texts come from events and from plugins, which nobody trusts: on a terminal, control characters
//! move the cursor, rename the window or fake other lines, and overrides of direction make text read as something else.

use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};

use anyhow::Context as _;
use serde_json::Value;

/// Text in which terminals find nothing to act on but the ends of lines and tabs.
pub(crate) fn plain(text: &str) -> String {
    let shown = |c| match c {
        '\n' | '\t' => c,
        c if is_unsafe(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(shown).collect()
}

/// JSON on one line with the same characters as escapes: its value is the same.
pub(crate) fn json(value: &Value) -> String {
    escaped(&value.to_string())
}

/// As [`json()`], indented.
pub(crate) fn pretty_json(value: &Value) -> String {
    escaped(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// JSON text has such characters in its strings only, but for the ends of lines that indent it.
pub(crate) fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_unsafe(c) {
            // Writing to a text cannot fail.
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}

/// All of them have four hexadecimal digits at most.
fn is_unsafe(c: char) -> bool {
    match c {
        ' '..='~' => false,
        // Marks, embeddings, overrides and isolates of direction; separators of lines and paragraphs; invisible ones.
        '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' => true,
        _ => c.is_control(),
    }
}

/// Writes to standard output, to the last byte.
///
/// # Errors
/// Where it cannot be written to. That nobody reads any more is none: whoever did has seen enough.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("cannot write the output"),
        _ => Ok(()),
    }
}

/// As [`print()`], with the end of a line.
pub(crate) fn print_line(line: impl Display) -> anyhow::Result<()> {
    print(&format!("{line}\n"))
}

/// Says something to whoever runs the command, on standard error. If nobody can hear it, nothing can be done about that.
pub(crate) fn say(text: impl Display) {
    let text = plain(&text.to_string());
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn terminals_find_nothing_to_act_on() {
        assert_eq!(
            plain("a\u{1b}[2J\u{9b}31m\n\tü\u{202e}\u{7f}\u{2028}💡"),
            "a\u{fffd}[2J\u{fffd}31m\n\tü\u{fffd}\u{fffd}\u{fffd}💡"
        );
    }

    #[test]
    fn json_keeps_its_value() {
        let value = json!({"a\u{9b}": "\u{1b}\u{9b}\u{202e}\u{7f}ü💡\n"});
        assert_eq!(json(&value), r#"{"a\u009b":"\u001b\u009b\u202e\u007fü💡\n"}"#);
        for text in [json(&value), pretty_json(&value)] {
            assert_eq!(serde_json::from_str::<Value>(&text).ok().as_ref(), Some(&value));
        }
        assert!(pretty_json(&value).starts_with("{\n"));
    }
}
