//! Rows of a table, or of JSON.

use serde_json::{Value, json};

use crate::engines::Name;
use crate::measure::Change;
use crate::supervise::Outcome;

/// One engine with one workload.
pub(crate) struct Row<'a> {
    pub(crate) set: &'a str,
    pub(crate) rules: usize,
    pub(crate) engine: Name,
    pub(crate) outcome: &'a Outcome,
}

pub(crate) const HEAD: &str = "\
set                   rules engine    valid  checked   parsed   matches parse ms     add ms   add µs  B each  B said     \
insert µs     remove µs
                                      k/s      k/s      k/s   an event      all        all     each                     \
median/p99    median/p99";

impl Row<'_> {
    pub(crate) fn json(&self) -> Value {
        let mut row = json!({"set": self.set, "rules": self.rules, "engine": self.engine.name()});
        let figures = self
            .outcome
            .figures
            .as_ref()
            .and_then(|figures| serde_json::to_value(figures).ok());
        if let (Some(row), Some(Value::Object(figures))) = (row.as_object_mut(), figures) {
            row.extend(figures);
        }
        if let (Some(row), Some((insert, remove))) = (row.as_object_mut(), &self.outcome.changes) {
            row.insert("insert_us".to_owned(), json!(insert));
            row.insert("remove_us".to_owned(), json!(remove));
        }
        if let (Some(row), Some(words)) = (row.as_object_mut(), &self.outcome.words) {
            row.insert("words".to_owned(), json!(words));
        }
        row
    }

    pub(crate) fn line(&self) -> String {
        let words = self.outcome.words.as_deref().unwrap_or_default();
        let head = format!("{:18} {:>8} {:8}", self.set, self.rules, self.engine.name());
        let Some(figures) = &self.outcome.figures else {
            return format!("{head} {words}");
        };
        let each = |whole: f64| whole / self.rules as f64;
        let speed = &figures.speed;
        let thousands = |speed: Option<f64>| number(speed.map(|speed| speed / 1e3));
        let (insert, remove) = self.outcome.changes.unzip();
        let line = format!(
            "{head}{:>7} {:>8} {:>8} {:>10} {:>8} {:>10} {:>8} {:>7} {:>7} {:>13} {:>13}  {words}",
            thousands(speed.valid),
            thousands(speed.checked),
            thousands(Some(speed.parsed)),
            number(Some(speed.matches)),
            number(figures.parse_ms),
            number(Some(figures.add_ms)),
            number(Some(each(figures.add_ms * 1e3))),
            number(Some(each(figures.bytes as f64))),
            number(figures.said_bytes.map(|bytes| each(bytes as f64))),
            change(insert),
            change(remove),
        );
        line.trim_end().to_owned()
    }
}

fn change(change: Option<Change>) -> String {
    match change {
        None => number(None),
        Some(Change { median, p99 }) => format!("{}/{}", number(Some(median)), number(Some(p99))),
    }
}

/// Three digits at least, or a dash for nothing.
fn number(number: Option<f64>) -> String {
    match number {
        None => "-".to_owned(),
        Some(number) if number >= 100.0 => format!("{number:.0}"),
        Some(number) if number >= 10.0 => format!("{number:.1}"),
        Some(number) if number >= 0.01 || number == 0.0 => format!("{number:.2}"),
        Some(number) => format!("{number:.1e}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_short() {
        let numbers = [None, Some(12345.6), Some(99.99), Some(1.0), Some(0.0), Some(0.000_05)];
        assert_eq!(numbers.map(number), ["-", "12346", "100.0", "1.00", "0.00", "5.0e-5"]);
    }
}
