//! Text that is not TOML: where, what of the rest can be read all the same, and how much of it can be shown.
//!
//! One bracket that is not closed makes the parser misread everything behind it. So where there is an error, each
//! section is parsed alone, and the lines with errors, or if need be the whole section, are taken out.

use std::borrow::Cow;
use std::ops::Range;

use toml::de::{DeTable, Error};

use super::mistakes::Mistake;
use super::report::{Report, Sort};

/// What stands in sections that may hold secrets, where nobody can tell any more what is a value.
const SENSITIVE: [&str; 4] = ["allow", "config", "secret", "[plugin"];
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
            let causes = causes(part);
            readable.push_str(&without(part, &causes));
            mistakes.extend(causes.iter().map(|error| mistake(error, section.start, text)));
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

/// Whether nothing of the text is lost.
fn is_readable(text: &str) -> bool {
    errors(text).iter().all(|error| error.message() == DUPLICATE)
}

/// The errors of a section that are not merely due to others: the first, and those in lines that begin with a key and
/// are wrong by themselves; one a line. Duplicates are found in the readable text.
fn causes(section: &str) -> Vec<Error> {
    let mut lines_before = Vec::new();
    let mut causes = errors(section);
    causes.sort_by_key(|error| place(error, section).start);
    causes.retain(|error| {
        let line = line_at(section, place(error, section).start);
        let text = section.get(line.clone()).unwrap_or_default();
        let wrong_alone = || begins_with_key(text) && !is_readable(text);
        let is_cause =
            error.message() != DUPLICATE && !lines_before.contains(&line) && (lines_before.is_empty() || wrong_alone());
        if is_cause {
            lines_before.push(line);
        }
        is_cause
    });
    causes
}

fn begins_with_key(line: &str) -> bool {
    let of_key = |character: char| character.is_alphanumeric() || "_-. \t\"'".contains(character);
    line.split_once('=').is_some_and(|(key, _)| key.chars().all(of_key))
}

/// The section with blanks for the lines of its errors, or, if that is not enough, for all but its header. Where the
/// header is wrong nothing is left: what follows must not be taken for the section before.
fn without<'t>(section: &'t str, causes: &[Error]) -> Cow<'t, str> {
    if causes.is_empty() {
        return Cow::Borrowed(section);
    }
    let wrong: Vec<Range<usize>> = causes
        .iter()
        .map(|error| line_at(section, place(error, section).start))
        .collect();
    let header = lines(section)
        .next()
        .filter(|line| section.get(line.clone()).is_some_and(is_header));
    let keep = |kept: &dyn Fn(&Range<usize>) -> bool| -> String {
        let shown = |line: Range<usize>| {
            let text = section.get(line.clone()).unwrap_or_default();
            if kept(&line) { text.to_owned() } else { blank(text) }
        };
        lines(section).map(shown).collect()
    };
    let most = keep(&|line| !wrong.contains(line));
    let header_is_wrong = header.as_ref().is_some_and(|header| wrong.contains(header));
    if header_is_wrong {
        Cow::Owned(blank(section))
    } else if is_readable(&most) {
        Cow::Owned(most)
    } else {
        Cow::Owned(keep(&|line| header.as_ref() == Some(line)))
    }
}

/// As many bytes and lines of nothing.
fn blank(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
        .collect()
}

/// An error of the parser with its place in the text it was given.
fn place(error: &Error, text: &str) -> Range<usize> {
    error.span().unwrap_or(text.len()..text.len())
}

fn mistake(error: &Error, start: usize, text: &str) -> Mistake {
    let shift = |at: usize| at.saturating_add(start).min(text.len());
    let span = error
        .span()
        .map_or(text.len()..text.len(), |span| shift(span.start)..shift(span.end));
    let (message, help) = match error.message().split_once(", expected ") {
        Some((message @ "string values must be quoted", _)) => (message, Some("put it into quotes".to_owned())),
        Some((message, "nothing")) => (message, Some("put texts, addresses too, into quotes".to_owned())),
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

/// What must not be shown of the line at a place, because it could be a secret: everything but a header or a known key,
/// unless the key's section has no place for secrets.
fn hidden_part(text: &str, at: usize, report: &Report) -> Option<Range<usize>> {
    let line = line_at(text, at);
    let shown = text.get(line.clone())?.trim_end();
    let section = sections(text).into_iter().rfind(|section| section.start <= at)?;
    let before = text.get(section.start..line.end)?;
    let safe = if is_header(shown) {
        let of_header = |character: char| character.is_ascii_alphanumeric() || "_-.[]".contains(character);
        shown
            .len()
            .saturating_sub(shown.trim_start().trim_start_matches(of_header).len())
    } else if is_known(before, report) && !SENSITIVE.iter().any(|word| before.to_lowercase().contains(word)) {
        return None;
    } else if is_known(shown, report) {
        shown.find('=').map_or(0, |equals| equals.saturating_add(1))
    } else {
        0
    };
    let value = shown.get(safe..)?.trim_start();
    let end = line.start.saturating_add(shown.len());
    Some(end.saturating_sub(value.len())..end)
}

/// Whether the last key in some lines is known. Its value may go on for some lines.
fn is_known(lines: &str, report: &Report) -> bool {
    let key = lines.lines().rev().find_map(|line| Some(line.split_once('=')?.0));
    key.and_then(|key| key.trim().split('.').next())
        .is_some_and(|key| report.has_key(key))
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
