//! The compiled pattern.

use std::fmt;
use std::str::FromStr;

use crate::eval;
use crate::explain::{self, Explanation};
use crate::fields::Fields;
use crate::limits::{MAX_ALTERNATIVES, MAX_DEPTH, MAX_MATCHERS, MAX_TEXT_BYTES};
use crate::mistake::{Mistake, Report};
use crate::node::Node;
use crate::parse::{OR, Reader};
use crate::print;
use crate::source::{Measure, Source, SourceValue, too_deep, too_large};
use crate::terms::{Cost, cost, multiply_out};

/// A compiled event pattern: a pure predicate over events that cannot fail.
///
/// `Display` prints canonical JSON, and reading that gives an equal pattern. Equal patterns match the same events;
/// patterns that match the same events need not be equal.
///
/// ```
/// use patchpanel_filter::Pattern;
/// use serde_json::json;
///
/// let pattern: Pattern = r#"{"level": [{"at-least": "warning"}], "payload": {"attempts": [{"numeric": [">", 3]}]}}"#
///     .parse()
///     .unwrap();
/// let event = json!({"level": "error", "payload": {"attempts": 4}});
/// assert!(pattern.matches(event.as_object().unwrap()));
/// assert_eq!(
///     pattern.to_string(),
///     r#"{"level":[{"at-least":"warning"}],"payload.attempts":[{"numeric":[">",3]}]}"#
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// The event matches if any of these holds. Never empty.
    alternatives: Box<[Node]>,
}

impl Pattern {
    /// Compiles a pattern for JSON of any shape. An object is an event pattern, and a list is CloudEvents filters.
    ///
    /// # Errors
    /// Every mistake in the pattern, in the order of the text.
    pub fn parse(source: &Source) -> Result<Pattern, Vec<Mistake>> {
        compile(source, None)
    }

    /// As [`Pattern::parse`], for events whose top-level fields all have one of these names. If `metadata` is one of
    /// them, it is where CloudEvents filters look for attributes that are no fields.
    ///
    /// # Errors
    /// Every mistake in the pattern, other top-level fields among them.
    ///
    /// ```
    /// use patchpanel_filter::{Pattern, Source};
    ///
    /// let source = Source::from_json(r#"{"sorce": ["github"], "payload.private": "yes"}"#).unwrap();
    /// let mistakes = Pattern::parse_with_fields(&source, &["type", "source", "payload"]).unwrap_err();
    /// let said: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    /// assert_eq!(said, [
    ///     "sorce: events have no field `sorce` (did you mean `source`?)",
    ///     "payload.private: a list or an object is expected, and this is a string (write [\"yes\"])",
    /// ]);
    /// ```
    pub fn parse_with_fields(source: &Source, fields: &[&str]) -> Result<Pattern, Vec<Mistake>> {
        compile(source, Some(fields))
    }

    /// Whether the event matches. Takes time in proportion to the pattern and to the parts of the event that it
    /// reads, and allocates nothing.
    pub fn matches(&self, event: &dyn Fields) -> bool {
        self.alternatives
            .iter()
            .any(|alternative| eval::holds(alternative, event))
    }

    /// Why the event matches or does not, condition by condition. Unlike [`Pattern::matches`] it reads all that the
    /// pattern names, allocates freely and takes its time.
    ///
    /// ```
    /// use patchpanel_filter::Pattern;
    /// use serde_json::json;
    ///
    /// let pattern: Pattern = r#"{"type": ["git.push"], "payload.attempts": [{"numeric": [">", 3]}]}"#.parse().unwrap();
    /// let event = json!({"type": "Git.push", "payload": {"attempts": 5}});
    /// assert_eq!(
    ///     pattern.explain(event.as_object().unwrap()).to_string(),
    ///     r#"✓ payload.attempts: asked [{"numeric":[">",3]}], found 5
    /// ✗ type: asked ["git.push"], found "Git.push"
    /// nearest miss: `type` differs only in case from "git.push""#
    /// );
    /// ```
    pub fn explain(&self, event: &dyn Fields) -> Explanation {
        explain::explain(&self.alternatives, event)
    }

    pub(crate) fn alternatives(&self) -> &[Node] {
        &self.alternatives
    }

    /// The top-level fields that the pattern reads, each once, in alphabetical order.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        let mut roots = Vec::new();
        for alternative in &self.alternatives {
            alternative.names(&mut roots);
        }
        roots.sort_unstable();
        roots.dedup();
        roots.into_iter()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::alternatives(f, &self.alternatives)
    }
}

impl FromStr for Pattern {
    type Err = Vec<Mistake>;

    /// Reads JSON and compiles it, as [`Pattern::parse`] does.
    fn from_str(text: &str) -> Result<Pattern, Vec<Mistake>> {
        let source = Source::from_json(text).map_err(|mistake| vec![mistake])?;
        Pattern::parse(&source)
    }
}

fn compile(source: &Source, fields: Option<&[&str]>) -> Result<Pattern, Vec<Mistake>> {
    let (pattern, size) = compile_once(source, fields)?;
    if size.is_small() {
        return Ok(pattern);
    }
    // Multiplying out can make a small text large, and so can paths. The promise that the canonical text reads back covers its limits.
    let canonical = pattern.to_string();
    match Source::from_json(&canonical)
        .map_err(|mistake| vec![mistake])
        .and_then(|source| compile_once(&source, None))
    {
        Ok(_) => Ok(pattern),
        Err(mistakes) => Err(mistakes
            .into_iter()
            .take(1)
            .map(|mistake| Mistake {
                span: source.span.clone(),
                path: String::new(),
                message: format!("{}, {}", written_out(source), mistake.message),
                help: Some("split it over several subscriptions".to_owned()),
            })
            .collect()),
    }
}

fn compile_once(source: &Source, fields: Option<&[&str]>) -> Result<(Pattern, Size), Vec<Mistake>> {
    let measure = source.measure();
    if let Some(deep) = measure.too_deep {
        return Err(vec![too_deep(deep)]);
    }
    if measure.bytes > MAX_TEXT_BYTES {
        return Err(vec![too_large(source.span.clone())]);
    }
    let mut report = Report::default();
    let terms = Reader {
        fields,
        report: &mut report,
    }
    .read(source);
    let cost = cost(&terms);
    if report.is_empty() {
        check_cost(cost, source, &mut report);
    }
    if !report.is_empty() {
        return Err(report.into_mistakes());
    }
    let mut alternatives = multiply_out(terms);
    alternatives.iter_mut().for_each(Node::shrink);
    let pattern = Pattern {
        alternatives: alternatives.into(),
    };
    Ok((pattern, Size { measure, cost }))
}

/// A text and what it comes to.
struct Size {
    measure: Measure,
    cost: Cost,
}

impl Size {
    /// Whether the canonical text is sure to keep the limits, which saves reading it.
    ///
    /// An alternative prints each value of the text once at most: with a path, which has each name once at most, with
    /// all bytes escaped, and with no more punctuation, names of operators and digits than the constant below. The
    /// canonical text adds two levels, `$or` and its list, to the pattern and to each `not`.
    fn is_small(&self) -> bool {
        let per_value = self.measure.bytes.saturating_mul(6).saturating_add(64);
        let bytes = per_value
            .saturating_mul(self.measure.values)
            .saturating_mul(self.cost.alternatives);
        self.cost.inside_not <= 1 && bytes <= MAX_TEXT_BYTES && self.measure.depth <= MAX_DEPTH / 3
    }
}

/// What the canonical text is to whoever wrote this one.
fn written_out(source: &Source) -> &'static str {
    match source.value {
        SourceValue::Array(_) => "as an event pattern",
        _ => "with `$or` multiplied out",
    }
}

fn check_cost(cost: Cost, source: &Source, report: &mut Report) {
    let alternatives = cost.alternatives.max(cost.inside_not);
    if alternatives > MAX_ALTERNATIVES {
        let or = match source.value {
            SourceValue::Array(_) => "any",
            _ => OR,
        };
        let message =
            format!("`{or}` multiplies out to {alternatives} alternatives, and {MAX_ALTERNATIVES} are allowed");
        let help = format!("two `{or}` in one pattern multiply; split it over several subscriptions");
        report.advise::<()>(&source.span, &"", message, help);
    } else if cost.matchers > MAX_MATCHERS {
        let message = format!(
            "the pattern comes to {} matchers, and {MAX_MATCHERS} are allowed",
            cost.matchers
        );
        report.advise::<()>(&source.span, &"", message, "split it over several subscriptions");
    }
}
