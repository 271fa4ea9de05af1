//! Payment card numbers, ISO/IEC 7812.

use crate::bytes::{at, before, is_alnum, is_digit};
use crate::context::Context;
use crate::detect::check::{is_uniform, luhn};
use crate::detect::digits::Number;

/// Where the card number ends that begins at `start`.
pub(crate) fn card(bytes: &[u8], start: usize, number: &Number, context: impl FnOnce() -> Context) -> Option<usize> {
    let previous = before(bytes, start);
    // Part of a longer word, of a decimal fraction, of a reference.
    if is_alnum(previous) || matches!(previous, b'_' | b'.') && is_digit(before(bytes, start.saturating_sub(1))) {
        return None;
    }
    let groups = groups(number)?;
    let (digits, end) = (number.first(groups), number.end(groups));
    if is_alnum(at(bytes, end)) || at(bytes, end) == b'_' || at(bytes, end) == b'.' && is_digit(at(bytes, end + 1)) {
        return None;
    }
    let fits = luhn(digits) && !is_uniform(digits) && (is_issued(digits) || context().has(Context::CARD));
    fits.then_some(end)
}

/// How many groups are the number: one, or those as on the card: fours and a rest, or 4-6-5 and 4-6-4, with one kind of
/// separator throughout.
fn groups(number: &Number) -> Option<usize> {
    let lengths = number.lengths();
    if let Some(12..=19) = lengths.first() {
        return Some(1);
    }
    let separator = *number.separators().first()?;
    if !matches!(separator, b' ' | b'-') {
        return None;
    }
    let same = 1 + number
        .separators()
        .iter()
        .take_while(|other| **other == separator)
        .count();
    match *lengths.get(..same)? {
        [4, 4, 4, 4, 1..=3, ..] => Some(5),
        // Four groups of four, and whatever follows: 16 digits are the rule.
        [4, 4, 4, 4, ..] => Some(4),
        [4, 4, 4, 1..=3, ..] => Some(4),
        [4, 6, 4 | 5, ..] => Some(3),
        _ => None,
    }
}

/// Whether a network gives out numbers that begin like this and are as long.
fn is_issued(digits: &[u8]) -> bool {
    let prefix = |length: usize| {
        digits
            .iter()
            .take(length)
            .fold(0u32, |sum, &digit| sum * 10 + u32::from(digit))
    };
    let length = digits.len();
    match prefix(4) {
        // Visa
        4000..=4999 => matches!(length, 13 | 16 | 19),
        // Mastercard
        5100..=5599 | 2221..=2720 => length == 16,
        // American Express
        3400..=3499 | 3700..=3799 => length == 15,
        // Diners Club
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => (14..=19).contains(&length),
        // JCB
        3528..=3589 => (16..=19).contains(&length),
        1800 | 2131 => length == 15,
        // Mir, Troy
        2200..=2204 => (16..=19).contains(&length),
        9792 => length == 16,
        // Maestro, RuPay, Verve
        5000..=5099 | 5600..=5899 => (13..=19).contains(&length),
        // Discover, UnionPay, Maestro, RuPay
        6000..=6999 => (13..=19).contains(&length),
        8100..=8299 => (16..=19).contains(&length),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::detect::tests::found;

    #[test]
    fn cards() {
        for text in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "5500-0000-0000-0004",
            "340000000000009",
            "3400 000000 00009",
            "30000000000004",
            "6011000000000004",
            "2223003122003222",
            "4222222222222",
            "6304000000000000 ".trim(),
        ] {
            assert_eq!(found(&format!("pay {text}, please")), [("card", text)], "{text}");
        }
        assert_eq!(found("4111 1111 1111 1111 1234 5"), [("card", "4111 1111 1111 1111")]);
    }

    #[test]
    fn numbers_that_are_no_cards() {
        for text in [
            "4111111111111112",
            "1234567890123456",
            "0000000000000000",
            "4111-1111 1111-1111",
            "a4111111111111111",
            "4111111111111111a",
            "41111111111111110000",
            "0.4111111111111111",
            "1557933565000",
            "4111 11111111 1111",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
