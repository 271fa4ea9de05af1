//! The compiled pattern.

use std::fmt;
use std::str::FromStr;

use crate::eval;
use crate::fields::Fields;
use crate::limits::{MAX_ALTERNATIVES, MAX_MATCHERS, MAX_TEXT_BYTES};
use crate::mistake::{Mistake, Report};
use crate::node::Node;
use crate::parse::{Reader, Term};
use crate::print;
use crate::source::{Source, too_deep, too_large};

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
    /// Compiles a pattern for JSON of any shape.
    ///
    /// # Errors
    /// Every mistake in the pattern, in the order of the text.
    pub fn parse(source: &Source) -> Result<Pattern, Vec<Mistake>> {
        compile(source, None)
    }

    /// As [`Pattern::parse`], for events whose top-level fields all have one of these names.
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

    /// Reads JSON and compiles it, for events of any shape.
    fn from_str(text: &str) -> Result<Pattern, Vec<Mistake>> {
        let source = Source::from_json(text).map_err(|mistake| vec![mistake])?;
        Pattern::parse(&source)
    }
}

fn compile(source: &Source, fields: Option<&[&str]>) -> Result<Pattern, Vec<Mistake>> {
    let pattern = compile_once(source, fields)?;
    // Multiplying out can make a small text large. The promise that the canonical text reads back covers its limits.
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
                message: format!("with `$or` multiplied out, {}", mistake.message),
                help: Some("split it over several subscriptions".to_owned()),
            })
            .collect()),
    }
}

fn compile_once(source: &Source, fields: Option<&[&str]>) -> Result<Pattern, Vec<Mistake>> {
    match source.measure() {
        (_, Some(deep)) => return Err(vec![too_deep(deep)]),
        (bytes, None) if bytes > MAX_TEXT_BYTES => return Err(vec![too_large(source.span.clone())]),
        _ => {}
    }
    let mut report = Report::default();
    let terms = Reader {
        fields,
        report: &mut report,
    }
    .read(source);
    if report.is_empty() {
        check_cost(&terms, source, &mut report);
    }
    if !report.is_empty() {
        return Err(report.into_mistakes());
    }
    let mut alternatives = multiply_out(&terms);
    alternatives.iter_mut().for_each(Node::shrink);
    Ok(Pattern {
        alternatives: alternatives.into(),
    })
}

/// What terms come to once `$or` is multiplied out.
#[derive(Clone, Copy)]
struct Cost {
    alternatives: usize,
    matchers: usize,
    /// The largest number of alternatives in any `not`.
    inside_not: usize,
}

fn cost(terms: &[Term]) -> Cost {
    let mut total = Cost {
        alternatives: 1,
        matchers: 0,
        inside_not: 0,
    };
    for term in terms {
        let term = match term {
            Term::Field { leaf, .. } => Cost {
                alternatives: 1,
                matchers: leaf.count(),
                inside_not: 0,
            },
            Term::Not { terms, .. } => {
                let inner = cost(terms);
                let inside_not = inner.inside_not.max(inner.alternatives);
                Cost {
                    alternatives: 1,
                    matchers: inner.matchers,
                    inside_not,
                }
            }
            Term::Or(branches) => {
                let none = Cost {
                    alternatives: 0,
                    matchers: 0,
                    inside_not: 0,
                };
                branches
                    .iter()
                    .map(|branch| cost(branch))
                    .fold(none, |sum, branch| Cost {
                        alternatives: sum.alternatives.saturating_add(branch.alternatives),
                        matchers: sum.matchers.saturating_add(branch.matchers),
                        inside_not: sum.inside_not.max(branch.inside_not),
                    })
            }
        };
        let ours = total.matchers.saturating_mul(term.alternatives);
        let theirs = term.matchers.saturating_mul(total.alternatives);
        total = Cost {
            alternatives: total.alternatives.saturating_mul(term.alternatives),
            matchers: ours.saturating_add(theirs),
            inside_not: total.inside_not.max(term.inside_not),
        };
    }
    total
}

fn check_cost(terms: &[Term], source: &Source, report: &mut Report) {
    let cost = cost(terms);
    let alternatives = cost.alternatives.max(cost.inside_not);
    if alternatives > MAX_ALTERNATIVES {
        let message =
            format!("`$or` multiplies out to {alternatives} alternatives, and {MAX_ALTERNATIVES} are allowed");
        let help = "two `$or` in one pattern multiply; split it over several subscriptions";
        report.advise::<()>(&source.span, "", message, help);
    } else if cost.matchers > MAX_MATCHERS {
        let message = format!(
            "the pattern comes to {} matchers, and {MAX_MATCHERS} are allowed",
            cost.matchers
        );
        report.advise::<()>(&source.span, "", message, "split it over several subscriptions");
    }
}

/// All ways to choose one branch of every `$or`.
fn multiply_out(terms: &[Term]) -> Vec<Node> {
    let mut common = Node::default();
    for term in terms {
        match term {
            Term::Field { path, leaf, .. } => common.at(path, |node| node.leaf = Some(leaf.clone())),
            Term::Not { path, terms, .. } => common.at(path, |node| node.not.extend(multiply_out(terms))),
            Term::Or(_) => {}
        }
    }
    let mut alternatives = vec![common];
    for term in terms {
        if let Term::Or(branches) = term {
            let branches: Vec<Node> = branches.iter().flat_map(|branch| multiply_out(branch)).collect();
            let pairs = alternatives
                .iter()
                .flat_map(|node| branches.iter().map(move |branch| (node, branch)));
            alternatives = pairs
                .map(|(node, branch)| {
                    let mut both = node.clone();
                    both.merge(branch);
                    both
                })
                .collect();
        }
    }
    alternatives
}
