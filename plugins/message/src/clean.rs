//! Texts of events and of remote servers are not trusted: control characters fake lines, headers or whole commands, and
//! bidirectional overrides make text read as something else.

/// Text for people, of several lines: line ends are `\n`, tabs stay, other control characters and what changes the
/// direction of text unseen are gone, and so is white space at the ends.
#[must_use]
pub fn text(text: &str) -> String {
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept: String = unix
        .chars()
        .filter(|&c| matches!(c, '\n' | '\t') || !is_unsafe(c))
        .collect();
    kept.trim().to_owned()
}

/// The same on one line: whatever separates lines is a space.
#[must_use]
pub fn line(text: &str) -> String {
    let spaced = text.chars().map(|c| match c {
        '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
        _ => c,
    });
    let kept: String = spaced.filter(|&c| !is_unsafe(c)).collect();
    kept.trim().to_owned()
}

const fn is_unsafe(c: char) -> bool {
    match c {
        ' '..='~' => false,
        // Marks, embeddings, overrides and isolates of direction; separators of lines and paragraphs. Joiners stay:
        // scripts and emoji are written with them.
        '\u{61c}'
        | '\u{200e}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' => true,
        _ => c.is_ascii_control() || matches!(c, '\u{80}'..='\u{9f}'),
    }
}

/// Characters of a remote text that are kept: enough for a reason, too few for a page of HTML.
const LONGEST_REMOTE: usize = 300;

/// What a remote server said, for a log, a status or a dead letter: one line, bounded, and with none of these secrets,
/// in which servers like to repeat what they were sent.
#[must_use]
pub fn remote(text: &str, secrets: &[String]) -> String {
    let mut text = line(text);
    for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST_SECRET) {
        text = text.replace(secret.as_str(), "[redacted]");
    }
    crate::Limit::new(LONGEST_REMOTE, crate::chars).truncate(&text)
}

/// Shorter ones stand in every text.
const SHORTEST_SECRET: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_letters_stay() {
        assert_eq!(
            text(" a\r\nb\rc\n\td\u{1b}[2J\u{0}ü 👩\u{200d}💻 \n"),
            "a\nb\nc\n\td[2Jü 👩\u{200d}💻"
        );
        assert_eq!(line("a\r\nBcc: b\u{85}\u{2028}c\u{202e}"), "a  Bcc: b  c");
    }

    #[test]
    fn remote_texts_are_short_and_hold_no_secret() {
        let secrets = ["T0/B0/s3cret".to_owned(), "a".to_owned()];
        assert_eq!(remote("no T0/B0/s3cret\nhere", &secrets), "no [redacted] here");
        assert_eq!(remote(&"x".repeat(5000), &[]).chars().count(), LONGEST_REMOTE);
    }
}
