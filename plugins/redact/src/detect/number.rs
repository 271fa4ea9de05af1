//! Numbers with check digits: payment cards and bank accounts.

use crate::bytes::{at, before, is_alnum, is_digit, run};
use crate::class::Class;
use crate::finding::Sink;

pub(crate) fn detect(bytes: &[u8], sink: &mut Sink) {
    let mut from = 0;
    while let Some(start) = bytes
        .get(from..)
        .and_then(|rest| rest.iter().position(|&byte| is_digit(byte)))
    {
        let start = from + start;
        let run_end = run(bytes, start, is_digit);
        from = run_end;
        if let Some((account, end)) = account(bytes, start, run_end) {
            sink.push(account, end, Class::Iban);
            from = end;
        } else if let Some(end) = card(bytes, start, run_end) {
            sink.push(start, end, Class::Card);
            from = end;
        }
    }
}

/// Where the card number ends that begins at `start`, whose first digits end at `run_end`.
fn card(bytes: &[u8], start: usize, run_end: usize) -> Option<usize> {
    let previous = before(bytes, start);
    // Part of a longer word, of a decimal fraction, of a reference.
    if is_alnum(previous) || matches!(previous, b'_' | b'.') && is_digit(before(bytes, start.saturating_sub(1))) {
        return None;
    }
    let mut digits = Digits::default();
    let mut end = run_end;
    match run_end - start {
        13..=19 => digits.add(bytes.get(start..run_end)?),
        4 => end = grouped(bytes, start, &mut digits)?,
        _ => return None,
    }
    if is_alnum(at(bytes, end)) || at(bytes, end) == b'_' || at(bytes, end) == b'.' && is_digit(at(bytes, end + 1)) {
        return None;
    }
    let all = digits.all();
    (is_issued(all) && luhn(all) && all.iter().any(|&digit| Some(&digit) != all.first())).then_some(end)
}

/// Groups as on the card: fours and a rest, or 4-6-5 and 4-6-4, one kind of separator throughout.
fn grouped(bytes: &[u8], start: usize, digits: &mut Digits) -> Option<usize> {
    let separator = at(bytes, start + 4);
    if !matches!(separator, b' ' | b'-') {
        return None;
    }
    digits.add(bytes.get(start..start + 4)?);
    let mut end = start + 4;
    let mut groups = [0usize; 5];
    for group in groups.iter_mut().skip(1) {
        if at(bytes, end) != separator || !is_digit(at(bytes, end + 1)) {
            break;
        }
        let group_end = run(bytes, end + 1, is_digit);
        *group = group_end - end - 1;
        if *group > 6 {
            return None;
        }
        digits.add(bytes.get(end + 1..group_end)?);
        end = group_end;
        // A number may stand behind the last group, with the same separator.
        if *group < 4 {
            break;
        }
    }
    match groups {
        [_, 4, 4, 4, last] if last < 4 => Some(end),
        // Four groups of four, and whatever follows: 16 digits are the rule.
        [_, 4, 4, 4, last] => Some(end - if last > 0 { last + 1 } else { 0 }).inspect(|_| digits.truncate(16)),
        [_, 6, 4 | 5, 0, 0] => Some(end),
        _ => None,
    }
}

/// At most 19 digits; more make it no card.
#[derive(Default)]
struct Digits {
    values: [u8; 24],
    count: usize,
}

impl Digits {
    fn add(&mut self, text: &[u8]) {
        for (slot, byte) in self.values.iter_mut().skip(self.count).zip(text) {
            *slot = byte - b'0';
        }
        self.count += text.len();
    }

    fn truncate(&mut self, count: usize) {
        self.count = self.count.min(count);
    }

    fn all(&self) -> &[u8] {
        self.values.get(..self.count).unwrap_or_default()
    }
}

/// ISO/IEC 7812-1, annex B.
fn luhn(digits: &[u8]) -> bool {
    let weigh = |(place, &digit): (usize, &u8)| {
        let doubled = u32::from(digit) << (place % 2);
        if doubled > 9 { doubled - 9 } else { doubled }
    };
    digits.iter().rev().enumerate().map(weigh).sum::<u32>() % 10 == 0
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

/// The account number whose check digits begin at `digits`: where it begins and ends.
fn account(bytes: &[u8], digits: usize, run_end: usize) -> Option<(usize, usize)> {
    let start = digits.checked_sub(2)?;
    let country = bytes.get(start..digits)?;
    // In capitals, or all in small letters as people type.
    let is_letter = if at(bytes, start).is_ascii_lowercase() {
        u8::is_ascii_lowercase
    } else {
        u8::is_ascii_uppercase
    };
    if run_end - digits < 2 || !country.iter().all(is_letter) || is_alnum(before(bytes, start)) {
        return None;
    }
    let length = IBANS
        .iter()
        .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(country))?
        .1;
    let mut compact = [0u8; 34];
    let (mut end, mut count) = (start, 0);
    for slot in compact.iter_mut().take(length) {
        // In groups of four, with a space or a dash between them.
        if matches!(at(bytes, end), b' ' | b'-') && count > 0 && count % 4 == 0 {
            end += 1;
        }
        let byte = at(bytes, end);
        if !is_digit(byte) && !is_letter(&byte) {
            return None;
        }
        *slot = byte.to_ascii_uppercase();
        (end, count) = (end + 1, count + 1);
    }
    let compact = compact.get(..length)?;
    (!is_alnum(at(bytes, end)) && mod_97(compact) == 1).then_some((start, end))
}

/// ISO 7064, as ISO 13616 uses it: the first four characters behind the others, letters as two digits.
fn mod_97(account: &[u8]) -> u32 {
    let (head, tail) = account.split_at(account.len().min(4));
    tail.iter().chain(head).fold(0, |rest, &byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.wrapping_sub(b'A')) + 10) % 97,
    })
}

/// Lengths by country, from the IBAN registry.
#[rustfmt::skip]
const IBANS: [(&str, usize); 89] = [
    ("AD", 24), ("AE", 23), ("AL", 28), ("AT", 20), ("AZ", 28), ("BA", 20), ("BE", 16), ("BG", 22), ("BH", 22),
    ("BI", 27), ("BR", 29), ("BY", 28), ("CH", 21), ("CR", 22), ("CY", 28), ("CZ", 24), ("DE", 22), ("DJ", 27),
    ("DK", 18), ("DO", 28), ("EE", 20), ("EG", 29), ("ES", 24), ("FI", 18), ("FK", 18), ("FO", 18), ("FR", 27),
    ("GB", 22), ("GE", 22), ("GI", 23), ("GL", 18), ("GR", 27), ("GT", 28), ("HN", 28), ("HR", 21), ("HU", 28),
    ("IE", 22), ("IL", 23), ("IQ", 23), ("IS", 26), ("IT", 27), ("JO", 30), ("KW", 30), ("KZ", 20), ("LB", 28),
    ("LC", 32), ("LI", 21), ("LT", 20), ("LU", 20), ("LV", 21), ("LY", 25), ("MC", 27), ("MD", 24), ("ME", 22),
    ("MK", 19), ("MN", 20), ("MR", 27), ("MT", 31), ("MU", 30), ("NI", 28), ("NL", 18), ("NO", 15), ("OM", 23),
    ("PK", 24), ("PL", 28), ("PS", 29), ("PT", 25), ("QA", 29), ("RO", 24), ("RS", 22), ("RU", 33), ("SA", 24),
    ("SC", 31), ("SD", 18), ("SE", 24), ("SI", 19), ("SK", 24), ("SM", 27), ("SO", 23), ("ST", 25), ("SV", 28),
    ("TL", 23), ("TN", 24), ("TR", 26), ("UA", 29), ("VA", 22), ("VG", 24), ("XK", 20), ("YE", 30),
];

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

    #[test]
    fn accounts() {
        for text in [
            "GB82WEST12345698765432",
            "DE89 3704 0044 0532 0130 00",
            "NO93-8601-1117-947",
            "gb82west12345698765432",
            "MT84MALT011000012345MTLCAST001S",
        ] {
            assert_eq!(found(&format!("to {text}.")), [("iban", text)], "{text}");
        }
        for text in [
            "GB82WEST12345698765433",
            "GB82west12345698765432",
            "XX82WEST12345698765432",
            "AGB82WEST12345698765432",
            "GB82WEST1234569876543",
            "DE89 370400 44 0532 0130 00",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
