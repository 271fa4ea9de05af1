//! Mistakes with the lines they are about.

use std::fmt;
use std::ops::Range;

use super::mistakes::Mistake;

/// Stands for what is not shown.
const ELLIPSIS: char = '…';
/// Most characters of a line that are shown.
const WIDTH: usize = 160;
/// Characters that stay in front of the mistake where a line is cut.
const BEFORE: usize = 60;
/// A tab's width; fixed, so that the marks stand below what they mark.
const TAB: usize = 4;

/// The lines of a text by their places.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let behind_newlines = text.match_indices('\n').map(|(at, _)| at.saturating_add(1));
        Lines {
            text,
            starts: std::iter::once(0).chain(behind_newlines).collect(),
        }
    }

    /// Line and column of a byte, from 1, the column in characters.
    pub(super) fn place(&self, at: usize) -> (usize, usize) {
        let number = self.starts.partition_point(|start| *start <= at).max(1);
        let before = self.text.get(self.start(number)..at).unwrap_or_default();
        (number, before.chars().count().saturating_add(1))
    }

    /// The line of this number without its end, and where it starts.
    fn line(&self, number: usize) -> (usize, &'t str) {
        let start = self.start(number);
        let rest = self.text.get(start..).unwrap_or_default();
        (start, rest.lines().next().unwrap_or_default())
    }

    fn start(&self, number: usize) -> usize {
        self.starts.get(number.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// A line as it is shown, with what is to be marked in it.
struct Shown {
    characters: Vec<char>,
    marked: Range<usize>,
}

pub(super) fn mistake(
    out: &mut fmt::Formatter<'_>,
    file: &str,
    lines: &Lines<'_>,
    hidden: &[Range<usize>],
    mistake: &Mistake,
) -> fmt::Result {
    let (number, column) = lines.place(mistake.span.start);
    let (start, line) = lines.line(number);
    let shown = cut(show(line, start, hidden, &mistake.span));
    let text: String = shown.characters.iter().collect();
    let gutter = " ".repeat(number.to_string().len());
    let indent = " ".repeat(shown.marked.start);
    let marks = "^".repeat(shown.marked.len().max(1));
    writeln!(out, "{file}:{number}:{column}: {}", mistake.sentence())?;
    writeln!(out, "{gutter} |")?;
    writeln!(out, "{}", format_args!("{number} | {text}").to_string().trim_end())?;
    writeln!(out, "{gutter} | {indent}{marks}")?;
    if let Some(help) = &mistake.help {
        writeln!(out, "{gutter} = help: {help}")?;
    }
    Ok(())
}

/// The line without what is hidden, one ellipsis for each of those parts.
fn show(line: &str, start: usize, hidden: &[Range<usize>], span: &Range<usize>) -> Shown {
    let mut characters: Vec<char> = Vec::new();
    let mut marked: Option<Range<usize>> = None;
    let mut last_hidden = None;
    for (offset, character) in line.char_indices() {
        let at = start.saturating_add(offset);
        let before = characters.len();
        let part = hidden.iter().position(|range| range.contains(&at));
        match (part, character) {
            (Some(_), _) if part == last_hidden => {}
            (Some(_), _) => characters.push(ELLIPSIS),
            (None, '\t') => characters.extend([' '; TAB]),
            // An escape sequence must not reach the terminal.
            (None, control) if control.is_control() => characters.push(char::REPLACEMENT_CHARACTER),
            (None, other) => characters.push(other),
        }
        last_hidden = part;
        if span.contains(&at) || (span.is_empty() && span.start == at) {
            // Inside of what is hidden nothing more is shown; the ellipsis stands for all of it.
            let first = if characters.len() == before {
                before.saturating_sub(1)
            } else {
                before
            };
            marked = Some(marked.map_or(first, |marked| marked.start)..characters.len());
        }
    }
    let end = characters.len();
    Shown {
        characters,
        marked: marked.unwrap_or(end..end),
    }
}

/// Cuts a long line so that the mistake stays in sight.
fn cut(shown: Shown) -> Shown {
    if shown.characters.len() <= WIDTH {
        return shown;
    }
    let from = shown.marked.start.saturating_sub(BEFORE);
    let mut characters = Vec::with_capacity(WIDTH);
    if from > 0 {
        characters.push(ELLIPSIS);
    }
    let shift = from.saturating_sub(characters.len());
    characters.extend(shown.characters.iter().skip(from).take(WIDTH));
    if shown.characters.len() > from.saturating_add(WIDTH) {
        characters.push(ELLIPSIS);
    }
    let within = |at: usize| at.saturating_sub(shift).min(characters.len());
    let marked = within(shown.marked.start)..within(shown.marked.end);
    Shown { characters, marked }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str, hidden: &[Range<usize>], span: Range<usize>) -> (String, String) {
        let shown = cut(show(line, 0, hidden, &span));
        let marks = format!(
            "{}{}",
            " ".repeat(shown.marked.start),
            "^".repeat(shown.marked.len().max(1))
        );
        (shown.characters.into_iter().collect(), marks)
    }

    #[test]
    fn hides_and_marks() {
        let line = "\tkey = \"secret\" # é";
        let secret = 7..15;
        let hidden = std::slice::from_ref(&secret);
        assert_eq!(
            shown(line, hidden, 1..4),
            ("    key = … # é".to_owned(), "    ^^^".to_owned())
        );
        assert_eq!(
            shown(line, hidden, 7..15),
            ("    key = … # é".to_owned(), "          ^".to_owned())
        );
        assert_eq!(shown(line, hidden, 9..12).1, "          ^");
        assert_eq!(shown("a\u{1b}[31m", &[], 1..2).0, "a\u{fffd}[31m");
        assert_eq!(shown("ab", &[], 2..2).1, "  ^");
        assert_eq!(shown("ab", &[0..1, 1..2], 0..2), ("……".to_owned(), "^^".to_owned()));
    }

    #[test]
    fn cuts_long_lines_around_the_mistake() {
        let line = format!("{}wrong{}", "x".repeat(500), "y".repeat(500));
        let (text, marks) = shown(&line, &[], 500..505);
        assert_eq!(text.chars().count(), WIDTH + 2);
        let marked: String = text
            .chars()
            .zip(marks.chars())
            .filter(|(_, mark)| *mark == '^')
            .map(|(c, _)| c)
            .collect();
        assert_eq!(marked, "wrong");
    }

    #[test]
    fn places_count_characters_from_one() {
        let lines = Lines::new("é=1\nb\r\n");
        for (at, expected) in [
            (0, (1, 1)),
            (2, (1, 2)),
            (4, (1, 4)),
            (5, (2, 1)),
            (8, (3, 1)),
            (99, (3, 1)),
        ] {
            assert_eq!(lines.place(at), expected, "{at}");
        }
    }
}
