//! The line for people: time, level, type, source, message, subject, payload.

use crate::escape;
use patchpanel_plugin::{Event, Level};

/// How to print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) color: bool,
    /// How many characters of a payload.
    pub(crate) max_payload: usize,
}

const DIM: &str = "\u{1b}[2m";
const BOLD: &str = "\u{1b}[1m";
const CYAN: &str = "\u{1b}[36m";
const RESET: &str = "\u{1b}[0m";

pub(crate) fn push_line(out: &mut String, event: &Event, style: Style) {
    let (level, level_color) = level(event.level);
    painted(out, style, DIM, |out| out.push_str(&time(event)));
    out.push(' ');
    painted(out, style, level_color, |out| out.push_str(level));
    out.push(' ');
    painted(out, style, CYAN, |out| escape::push_text(out, &event.type_));
    if !event.source.is_empty() {
        out.push(' ');
        painted(out, style, DIM, |out| escape::push_text(out, &event.source));
    }
    if !event.message.is_empty() {
        out.push(' ');
        painted(out, style, BOLD, |out| escape::push_text(out, &event.message));
    }
    if let Some(subject) = event.subject.as_deref().filter(|subject| !subject.is_empty()) {
        out.push_str(" subject=");
        escape::push_text(out, subject);
    }
    if style.max_payload > 0 && event.payload != "null" {
        out.push(' ');
        painted(out, style, DIM, |out| {
            push_payload(out, &event.payload, style.max_payload)
        });
    }
}

fn painted(out: &mut String, style: Style, color: &str, write: impl FnOnce(&mut String)) {
    if style.color {
        out.push_str(color);
    }
    write(out);
    if style.color {
        out.push_str(RESET);
    }
}

/// Names of one width, so that columns line up.
const fn level(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::Debug => ("DEBUG", "\u{1b}[34m"),
        Level::Info => ("INFO ", "\u{1b}[32m"),
        Level::Warning => ("WARN ", "\u{1b}[33m"),
        Level::Error => ("ERROR", "\u{1b}[31m"),
        Level::Critical => ("CRIT ", "\u{1b}[1;41;37m"),
    }
}

/// In milliseconds, always: people compare lines, and width matters more than the last digits.
fn time(event: &Event) -> String {
    let milliseconds = Event {
        time: event.time / 1_000_000 * 1_000_000,
        ..Event::new("", "")
    }
    .rfc3339();
    match milliseconds.strip_suffix('Z') {
        Some(whole) if !whole.contains('.') => format!("{whole}.000Z"),
        _ => milliseconds,
    }
}

fn push_payload(out: &mut String, payload: &str, max: usize) {
    match payload.char_indices().nth(max) {
        Some((end, _)) => {
            escape::push_text(out, payload.get(..end).unwrap_or_default());
            out.push('…');
        }
        None => escape::push_text(out, payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(event: &Event, color: bool, max_payload: usize) -> String {
        let mut out = String::new();
        push_line(&mut out, event, Style { color, max_payload });
        out
    }

    fn sample() -> Event {
        Event {
            source: "ci".to_owned(),
            level: Level::Warning,
            time: 1_735_689_599_000_456_789,
            message: "build\nfailed".to_owned(),
            subject: Some("job-1".to_owned()),
            payload: r#"{"code": 1}"#.to_owned(),
            ..Event::new("1", "build.failed")
        }
    }

    #[test]
    fn a_line_says_all_in_order() {
        assert_eq!(
            line(&sample(), false, 200),
            r#"2024-12-31T23:59:59.000Z WARN  build.failed ci build\nfailed subject=job-1 {"code": 1}"#
        );
        assert_eq!(
            line(&Event::new("1", "a"), false, 200),
            "1970-01-01T00:00:00.000Z INFO  a"
        );
    }

    #[test]
    fn payloads_are_cut_between_characters() {
        let event = Event {
            payload: "\"üüü\"".to_owned(),
            ..Event::new("1", "a")
        };
        assert!(line(&event, false, 2).ends_with(" \"ü…"));
        assert!(line(&event, false, 5).ends_with(" \"üüü\""));
        assert!(line(&event, false, 0).ends_with(" a"));
    }

    #[test]
    fn every_color_is_reset() {
        let line = line(&sample(), true, 200);
        assert_eq!(line.matches(RESET).count() * 2, line.matches('\u{1b}').count());
    }
}
