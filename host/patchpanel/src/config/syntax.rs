//! Text that is not TOML: where, what of the rest can be read all the same, and how much of it can be shown.
//!
//! One bracket that is not closed makes the parser misread everything behind it. So where there is an error, each
//! section is parsed alone, and of those with an error only the header is kept.

use std::borrow::Cow;
use std::ops::Range;

use toml::de::{DeTable, Error};

use super::mistakes::Mistake;
use super::report::{Report, Sort};

/// Words in a section that may hold secrets, where nobody can tell any more what is a value.
const SENSITIVE: [&str; 2] = ["config", "secret"];
/// What the parser says where a key is given twice; it goes on with the first.
const DUPLICATE: &str = "duplicate key";

/// A text that was looked at.
pub(super) struct Syntax<'t> {
    text: &'t str,
    /// The text with blanks where it could not be read, so that everything else keeps its place.
    pub(super) readable: Cow<'t, str>,
    mistakes: Vec<Mistake>,
}

impl<'t> Syntax<'t> {
    pub(super) fn check(text: &'t str) -> Self {
        let mut mistakes = Vec::new();
        if errors(text).is_empty() {
            let readable = Cow::Borrowed(text);
            return Syntax {
                text,
                readable,
                mistakes,
            };
        }
        let mut readable = String::with_capacity(text.len());
        for section in sections(text) {
            let part = text.get(section.clone()).unwrap_or_default();
            let mut broken = errors(part);
            broken.retain(|error| error.message() != DUPLICATE);
            let header = part
                .split_inclusive('\n')
                .next()
                .filter(|line| is_header(line) && errors(line).is_empty());
            let kept = if broken.is_empty() {
                part
            } else {
                header.unwrap_or_default()
            };
            readable.push_str(kept);
            let lost = part.get(kept.len()..).unwrap_or_default();
            readable.extend(lost.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
            mistakes.extend(causes(part, broken).map(|error| mistake(&error, section.start, text)));
        }
        mistakes.extend(errors(&readable).iter().map(|error| mistake(error, 0, text)));
        Syntax {
            text,
            readable: Cow::Owned(readable),
            mistakes,
        }
    }

    /// Notes the mistakes. Call it last: what is shown of them depends on the keys that are known by then.
    pub(super) fn report(self, report: &Report) {
        for mistake in self.mistakes {
            if let Some(hidden) = hidden_part(self.text, mistake.span.start, report) {
                report.hide(hidden);
            }
            report.add(Sort::Syntax, mistake);
        }
    }
}

fn errors(text: &str) -> Vec<Error> {
    DeTable::parse_recoverable(text).1
}

/// The errors that are not merely due to others: the first, and those in lines that are wrong by themselves; one a line.
fn causes(text: &str, errors_in_it: Vec<Error>) -> impl Iterator<Item = Error> {
    let mut last_line = None;
    errors_in_it.into_iter().filter(move |error| {
        let at = error.span().map_or(text.len(), |span| span.start);
        let line = line_at(text, at);
        let wrong_alone = || text.get(line.clone()).is_some_and(|line| !errors(line).is_empty());
        let is_cause = last_line.is_none() || (last_line.as_ref() != Some(&line) && wrong_alone());
        if is_cause {
            last_line = Some(line);
        }
        is_cause
    })
}

fn mistake(error: &Error, start: usize, text: &str) -> Mistake {
    let shift = |at: usize| at.saturating_add(start).min(text.len());
    let span = error
        .span()
        .map_or(text.len()..text.len(), |span| shift(span.start)..shift(span.end));
    let (message, help) = match error.message().split_once(", expected ") {
        Some((message @ "string values must be quoted", _)) => (message, Some("put it into quotes".to_owned())),
        Some((message, expected)) => (message, Some(format!("expected here: {expected}"))),
        None if error.message() == DUPLICATE => (DUPLICATE, Some("it was given before; keep one".to_owned())),
        None => (error.message(), None),
    };
    Mistake {
        span,
        path: String::new(),
        message: message.to_owned(),
        help,
    }
}

/// The text cut in front of each header.
fn sections(text: &str) -> Vec<Range<usize>> {
    let headers = lines(text).filter(|line| text.get(line.clone()).is_some_and(is_header));
    let mut starts: Vec<usize> = std::iter::once(0).chain(headers.map(|line| line.start)).collect();
    starts.dedup();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(start, end)| start..end)
        .collect()
}

/// Whether the line looks like `[name]` or `[[name]]`, closed or not, rather than like an item of a list.
fn is_header(line: &str) -> bool {
    let line = line.trim();
    line.starts_with('[')
        && line
            .trim_start_matches('[')
            .trim_start()
            .starts_with(|first: char| first.is_ascii_alphabetic())
        && !line.ends_with(',')
}

/// What must not be shown of the line at a place, because it could be a secret: everything behind a key, unless the key
/// is known and its section has no place for secrets.
fn hidden_part(text: &str, at: usize, report: &Report) -> Option<Range<usize>> {
    let line = line_at(text, at);
    let shown = text.get(line.clone())?.trim_end();
    if is_header(shown) || shown.trim_start().starts_with('#') {
        return None;
    }
    let section = sections(text).into_iter().rfind(|section| section.start <= at)?;
    let before = text.get(section.start..line.end)?;
    let lowercase = before.to_lowercase();
    // A value may have begun some lines before.
    let key = before.lines().rev().find_map(|line| Some(line.split_once('=')?.0));
    let key = key
        .and_then(|key| key.trim().split('.').next())
        .map(|key| key.trim_matches(['"', '\'']));
    if key.is_some_and(|key| report.has_key(key)) && !SENSITIVE.iter().any(|word| lowercase.contains(word)) {
        return None;
    }
    let (key, value) = shown.split_at_checked(shown.find('=').map_or(0, |equals| equals.saturating_add(1)))?;
    let blanks = value.len().saturating_sub(value.trim_start().len());
    let start = line.start.saturating_add(key.len()).saturating_add(blanks);
    Some(start..line.start.saturating_add(shown.len()))
}

/// All lines with their ends.
fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0_usize;
    text.split_inclusive('\n').map(move |line| {
        let end = start.saturating_add(line.len());
        std::mem::replace(&mut start, end)..end
    })
}

/// The line at a place, with its end.
fn line_at(text: &str, at: usize) -> Range<usize> {
    lines(text).take_while(|line| line.start <= at).last().unwrap_or(0..0)
}
