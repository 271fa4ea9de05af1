//! Event text is not trusted: on a terminal, control characters move the cursor, rename the window or fake other lines,
//! and bidirectional overrides make text read as something else.

use std::fmt::Write;

/// Appends `text` with everything that a terminal would act on made visible.
pub(crate) fn push_text(out: &mut String, text: &str) {
    push(out, text, |out, c| {
        let _ = match c {
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            _ => write!(out, "\\u{{{:x}}}", u32::from(c)),
        };
    });
}

/// Appends JSON text with the same characters as JSON escapes. They can only stand in its strings, so its value stays.
pub(crate) fn push_json(out: &mut String, json: &str) {
    push(out, json, |out, c| {
        let _ = write!(out, "\\u{:04x}", u32::from(c));
    });
}

fn push(out: &mut String, text: &str, escape: impl Fn(&mut String, char)) {
    let mut copied = 0;
    for (at, c) in text.char_indices().filter(|(_, c)| is_unsafe(*c)) {
        out.push_str(text.get(copied..at).unwrap_or_default());
        escape(out, c);
        copied = at + c.len_utf8();
    }
    out.push_str(text.get(copied..).unwrap_or_default());
}

const fn is_unsafe(c: char) -> bool {
    match c {
        ' '..='~' => false,
        // Marks, embeddings, overrides and isolates of direction; separators of lines and paragraphs; invisible ones.
        '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => true,
        '\u{fff9}'..='\u{fffb}' => true,
        _ => c.is_ascii_control() || matches!(c, '\u{80}'..='\u{9f}'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_get_nothing_to_act_on() {
        let mut out = String::new();
        push_text(&mut out, "a\u{1b}[2J\u{9b}31m\nü\u{202e}\u{7f}\u{2028}💡");
        assert_eq!(out, "a\\u{1b}[2J\\u{9b}31m\\nü\\u{202e}\\u{7f}\\u{2028}💡");
    }

    #[test]
    fn json_keeps_its_value() {
        let json = "{\"a\":\"\u{9b}\u{202e}ü\"}";
        let mut out = String::new();
        push_json(&mut out, json);
        assert_eq!(out, "{\"a\":\"\\u009b\\u202eü\"}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&out).ok(),
            serde_json::from_str(json).ok()
        );
    }
}
