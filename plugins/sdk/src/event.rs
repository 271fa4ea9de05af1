//! The event, and its native JSON.

pub use crate::bindings::host::patchpanel::plugin::events::{Event, Level};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::fmt::Write;

impl Level {
    /// As in JSON: `debug`, `info`, `warning`, `error` or `critical`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    /// From what [`Level::as_str`] gives.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Debug, Self::Info, Self::Warning, Self::Error, Self::Critical];
        all.into_iter().find(|level| level.as_str() == text)
    }
}

impl Event {
    /// An event of this type with nothing else in it: for tests, and as a start for [`Outcome::Split`](crate::Outcome).
    pub fn new(id: impl Into<String>, type_: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            type_: type_.into(),
            source: String::new(),
            level: Level::Info,
            time: 0,
            message: String::new(),
            subject: None,
            correlation_id: None,
            channels: Vec::new(),
            metadata: "{}".to_owned(),
            payload: "null".to_owned(),
        }
    }

    /// A copy for [`Outcome::Split`](crate::Outcome), with the id `<id>.<number>`: the same each time, because the
    /// router may call a transform again for the same event.
    #[must_use]
    pub fn part(&self, number: usize) -> Self {
        let mut part = self.clone();
        let _ = write!(part.id, ".{number}");
        part
    }

    /// The payload, parsed; null where there is none.
    #[must_use]
    pub fn payload_json(&self) -> Value {
        // The router passes nothing on that is not JSON.
        serde_json::from_str(&self.payload).unwrap_or_default()
    }

    /// The payload as a type of the plugin's own: cheaper than [`Event::payload_json`] where few fields matter.
    ///
    /// # Errors
    /// Where the payload has another shape.
    pub fn payload_as<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.payload)
    }

    /// The metadata, parsed.
    #[must_use]
    pub fn metadata_json(&self) -> Map<String, Value> {
        serde_json::from_str(&self.metadata).unwrap_or_default()
    }

    /// The time in RFC 3339, UTC, with as many digits behind the second as needed: none, 3, 6 or 9.
    #[must_use]
    pub fn rfc3339(&self) -> String {
        let mut out = String::with_capacity(30);
        push_time(&mut out, self.time);
        out
    }

    /// The event's native JSON, on one line: the form in which the router accepts events. Empty fields are left out,
    /// metadata and payload stand as they are.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(192 + self.message.len() + self.metadata.len() + self.payload.len());
        out.push_str("{\"id\":");
        push_string(&mut out, &self.id);
        out.push_str(",\"type\":");
        push_string(&mut out, &self.type_);
        let optional = |out: &mut String, key: &str, value: &str| {
            if !value.is_empty() {
                out.push_str(key);
                push_string(out, value);
            }
        };
        optional(&mut out, ",\"source\":", &self.source);
        out.push_str(",\"level\":\"");
        out.push_str(self.level.as_str());
        out.push('"');
        optional(&mut out, ",\"message\":", &self.message);
        out.push_str(",\"time\":\"");
        push_time(&mut out, self.time);
        out.push('"');
        optional(&mut out, ",\"subject\":", self.subject.as_deref().unwrap_or_default());
        optional(
            &mut out,
            ",\"correlation_id\":",
            self.correlation_id.as_deref().unwrap_or_default(),
        );
        if !self.channels.is_empty() {
            out.push_str(",\"channels\":");
            for (index, channel) in self.channels.iter().enumerate() {
                out.push(if index == 0 { '[' } else { ',' });
                push_string(&mut out, channel);
            }
            out.push(']');
        }
        if !matches!(self.metadata.as_str(), "" | "{}") {
            push_raw(&mut out, ",\"metadata\":", &self.metadata);
        }
        if !matches!(self.payload.as_str(), "" | "null") {
            push_raw(&mut out, ",\"payload\":", &self.payload);
        }
        out.push('}');
        out
    }
}

/// Raw JSON keeps its spelling, but not its line breaks: they can only be white space between tokens, and one event has
/// to stay on one line.
fn push_raw(out: &mut String, key: &str, json: &str) {
    out.push_str(key);
    for (index, line) in json.split(['\n', '\r']).enumerate() {
        if index > 0 {
            out.push(' ');
        }
        out.push_str(line);
    }
}

/// A JSON string.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(text.get(copied..at).unwrap_or_default());
        out.push_str(escape);
        if escape.is_empty() {
            let _ = write!(out, "\\u{byte:04x}");
        }
        copied = at + 1;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out.push('"');
}

/// Nanoseconds since the epoch in RFC 3339. (A date library would be larger than the rest of a small plugin.)
fn push_time(out: &mut String, nanoseconds: u64) {
    const DAY: u64 = 86_400;
    let (seconds, fraction) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    let (year, month, day) = civil_date(seconds / DAY);
    let second_of_day = seconds % DAY;
    let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    let _ = match fraction {
        0 => Ok(()),
        _ if fraction % 1_000_000 == 0 => write!(out, ".{:03}", fraction / 1_000_000),
        _ if fraction % 1_000 == 0 => write!(out, ".{:06}", fraction / 1_000),
        _ => write!(out, ".{fraction:09}"),
    };
    out.push('Z');
}

/// Year, month and day of a day counted from 1970-01-01. Counts in years that begin in March, so that the leap day comes
/// last and months follow one linear formula.
const fn civil_date(days: u64) -> (u64, u64, u64) {
    const DAYS_FROM_MARCH_OF_YEAR_0: u64 = 719_468;
    const DAYS_IN_400_YEARS: u64 = 146_097;
    let days = days + DAYS_FROM_MARCH_OF_YEAR_0;
    let day_of_era = days % DAYS_IN_400_YEARS;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + days / DAYS_IN_400_YEARS * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn json_leaves_out_what_is_empty() {
        let event = Event::new("1", "a.b");
        assert_eq!(
            event.to_json(),
            r#"{"id":"1","type":"a.b","level":"info","time":"1970-01-01T00:00:00Z"}"#
        );
    }

    #[test]
    fn json_has_all_fields_in_order_on_one_line() {
        let event = Event {
            source: "here".to_owned(),
            level: Level::Critical,
            time: 1_735_689_599_123_456_789,
            message: "say \"hi\"\n\u{1}\\ü".to_owned(),
            subject: Some("s".to_owned()),
            correlation_id: Some("c".to_owned()),
            channels: vec!["x".to_owned(), "y".to_owned()],
            metadata: "{\n \"a\": 1}".to_owned(),
            payload: r#"[1.10, "\n"]"#.to_owned(),
            ..Event::new("1", "a.b")
        };
        let json = event.to_json();
        assert_eq!(
            json,
            "{\"id\":\"1\",\"type\":\"a.b\",\"source\":\"here\",\"level\":\"critical\",\
             \"message\":\"say \\\"hi\\\"\\n\\u0001\\\\ü\",\"time\":\"2024-12-31T23:59:59.123456789Z\",\
             \"subject\":\"s\",\"correlation_id\":\"c\",\"channels\":[\"x\",\"y\"],\
             \"metadata\":{  \"a\": 1},\"payload\":[1.10, \"\\n\"]}"
        );
        let value: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value.get("message"), Some(&Value::from(event.message)));
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        let at = |seconds: u64, fraction: u64| {
            Event {
                time: seconds * 1_000_000_000 + fraction,
                ..Event::new("", "")
            }
            .rfc3339()
        };
        assert_eq!(at(951_782_399, 0), "2000-02-28T23:59:59Z");
        assert_eq!(at(951_782_400, 1_000_000), "2000-02-29T00:00:00.001Z");
        assert_eq!(at(1_709_251_200, 1_000), "2024-03-01T00:00:00.000001Z");
        assert_eq!(at(4_107_542_400, 0), "2100-03-01T00:00:00Z");
        assert_eq!(
            Event {
                time: u64::MAX,
                ..Event::new("", "")
            }
            .rfc3339(),
            "2554-07-21T23:34:33.709551615Z"
        );
    }

    #[test]
    fn parts_have_ids_of_their_own() {
        let event = Event {
            payload: r#"{"n": 2}"#.to_owned(),
            ..Event::new("e", "t")
        };
        assert_eq!(event.part(2).id, "e.2");
        assert_eq!(event.payload_json(), serde_json::json!({"n": 2}));
        assert!(event.metadata_json().is_empty());
        assert!(event.payload_as::<Vec<u8>>().is_err());
    }
}
