//! A notification as a line of RFC 5424.

use patchpanel_event::Level;

use crate::notification::Notification;

/// Longest line; what every receiver has to take is less, what most take is not (RFC 5424, section 6.1).
const LINE_BYTES: usize = 8 << 10;
/// The number under which RFC 5424 has names of one's own, from the range for documentation (RFC 5612).
const ENTERPRISE: u32 = 32473;

/// One line of RFC 5424: facility "user", the plugin as its message id, fields as structured data. Nothing that the plugin
/// says ends the line or its structure.
pub(crate) fn line(notification: &Notification<'_>) -> String {
    let Notification {
        plugin,
        level,
        title,
        body,
        fields,
    } = *notification;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut line = format!(
        "<{}>1 {} {} patchpanel {} {} ",
        8 + severity(level),
        patchpanel_event::format_time(patchpanel_event::now() / 1000 * 1000),
        name(host.trim(), 255),
        std::process::id(),
        name(plugin, 32)
    );
    if fields.is_empty() {
        line.push('-');
    } else {
        line.push_str(&format!("[patchpanel@{ENTERPRISE}"));
        for (field, value) in fields {
            let mut escaped = String::new();
            for c in plain(value).chars() {
                if matches!(c, '"' | '\\' | ']') {
                    escaped.push('\\');
                }
                escaped.push(c);
            }
            // A field that does not fit goes as a whole, or the structure would stay open.
            let field = format!(" {}=\"{escaped}\"", name(field, 32));
            if line.len() + field.len() < LINE_BYTES / 2 {
                line.push_str(&field);
            }
        }
        line.push(']');
    }
    let said = [title, body].map(plain);
    let words: Vec<&str> = said
        .iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    if !words.is_empty() {
        line.push(' ');
        line.push_str(&words.join(": "));
    }
    line.truncate(line.floor_char_boundary(LINE_BYTES));
    line
}

/// RFC 5424, table 2; the journal has the same.
pub(crate) const fn severity(level: Level) -> u8 {
    match level {
        Level::Debug => 7,
        Level::Info => 6,
        Level::Warning => 4,
        Level::Error => 3,
        Level::Critical => 2,
    }
}

/// On one line.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Printable ASCII without what the format means something by, or `-`.
fn name(text: &str, longest: usize) -> String {
    let good = |c: &char| c.is_ascii_graphic() && !matches!(c, '=' | ']' | '"');
    let name: String = text.chars().filter(good).take(longest).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn line(plugin: &str, level: Level, title: &str, body: &str, fields: &[(String, String)]) -> String {
        super::line(&Notification {
            plugin,
            level,
            title,
            body,
            fields,
        })
    }

    #[test]
    fn a_line_keeps_its_structure_whatever_is_said() {
        let fields = [("na me=]\"".to_owned(), "a\"b]c\\d\n<0>1 forged".to_owned())];
        let said = line("on-call", Level::Critical, "disk\nfull", "at \u{7f}once", &fields);
        let (head, rest) = said.split_once(" [").unwrap();
        let parts: Vec<&str> = head.split(' ').collect();
        let [start, time, _host, "patchpanel", _process, "on-call"] = parts.as_slice() else {
            unreachable!("{head}")
        };
        assert_eq!(*start, "<10>1");
        assert!(patchpanel_event::parse_time(time).is_some());
        assert_eq!(
            rest,
            "patchpanel@32473 name=\"a\\\"b\\]c\\\\d <0>1 forged\"] disk full: at  once"
        );
        assert!(line("p", Level::Info, "", "", &[]).ends_with(" p -"));
        let long = line(
            "p",
            Level::Debug,
            "t",
            &"ä".repeat(LINE_BYTES),
            &[("f".to_owned(), "x".repeat(LINE_BYTES))],
        );
        assert!(
            long.starts_with("<15>1") && long.len() <= LINE_BYTES && long.contains("[patchpanel@32473]"),
            "{long}"
        );
    }
}
