//! Text in the midst of markup.

/// What Markdown takes for more than itself, in one dialect or another.
const fn is_special(c: char) -> bool {
    matches!(
        c,
        '\\' | '`' | '*' | '_' | '~' | '|' | '[' | ']' | '(' | ')' | '<' | '>' | '#' | '!'
    )
}

/// What a character is in [`markdown`], counted in UTF-16 code units; never less.
#[must_use]
pub const fn markdown_cost(c: char) -> usize {
    c.len_utf16() + if is_special(c) { 1 } else { 0 }
}

/// The text with a backslash before whatever Markdown would act on. Bare addresses of the web stay as they are, so that
/// they can be followed.
#[must_use]
pub fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        if is_address(word.trim_end()) {
            escaped.push_str(word);
            continue;
        }
        for c in word.chars() {
            if is_special(c) {
                escaped.push('\\');
            }
            escaped.push(c);
        }
    }
    escaped
}

fn is_address(word: &str) -> bool {
    let behind = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://"));
    behind.is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'+,;=%".contains(&byte))
    })
}

/// The text in HTML or XML.
#[must_use]
pub fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_shows_as_itself() {
        assert_eq!(
            markdown("**b** [x](http://e.vil) `c`"),
            "\\*\\*b\\*\\* \\[x\\]\\(http://e.vil\\) \\`c\\`"
        );
        assert_eq!(
            markdown("see https://h.example/a_b?c=d#e\nend"),
            "see https://h.example/a_b?c=d#e\nend"
        );
        assert_eq!(markdown("https://h.example/)[x]"), "https://h.example/\\)\\[x\\]");
        assert_eq!(html("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }

    #[test]
    fn the_cost_is_what_comes_out() {
        let text = "*💡_ü\\ plain";
        let cost: usize = text.chars().map(markdown_cost).sum();
        assert_eq!(markdown(text).encode_utf16().count(), cost);
    }
}
