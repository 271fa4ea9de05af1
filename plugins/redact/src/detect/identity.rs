//! Numbers that states give to people and that have letters in them. See [`national`](super::national) for the others.

use crate::bytes::{at, before, is_alnum};
use crate::context::{Context, may_begin, may_end};
use crate::detect::check::{digit, is_date, pair, value, weighted};

const LONGEST: usize = 18;
const SHORTEST: usize = 7;

/// Whether the word `start..end` may be one: a look at its ends settles almost every word.
#[inline]
pub(crate) fn may_be(bytes: &[u8], start: usize, end: usize) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    (SHORTEST..=LONGEST).contains(&(end - start))
        && is_sign(at(bytes, start))
        && is_sign(before(bytes, end))
        && is_sign(before(bytes, end - 1))
}

/// Whether the word `start..end` is the number of a person.
pub(crate) fn is_identity(bytes: &[u8], start: usize, end: usize, context: impl Fn() -> Context) -> bool {
    let Some(word) = bytes.get(start..end) else {
        return false;
    };
    if !may_begin(bytes, start) || !may_end(bytes, end) {
        return false;
    }
    let mut buffer = [0; LONGEST];
    let Some(shape) = buffer.get_mut(..word.len()) else {
        return false;
    };
    let (mut digits, mut letters) = (0, 0);
    for (slot, byte) in shape.iter_mut().zip(word) {
        *slot = match byte {
            b'0'..=b'9' => b'9',
            b'A'..=b'Z' => b'A',
            b'-' => b'-',
            _ => return false,
        };
        digits += usize::from(*slot == b'9');
        letters += usize::from(*slot == b'A');
    }
    if digits < 4 {
        return false;
    }
    by_shape(word, shape, &context) || is_document(word, digits, letters, context)
}

fn by_shape(word: &[u8], shape: &[u8], context: &impl Fn() -> Context) -> bool {
    let first = at(word, 0);
    match shape {
        b"AAAAAA99A99A999A" => codice_fiscale(word),
        // Mexico, CURP
        b"AAAA999999AAAAAA99" | b"AAAA999999AAAAAAA9" => curp(word),
        // China, the last of 18 digits as an X
        b"99999999999999999A" | b"999999999999999999" => resident(word),
        // Finland
        b"999999-999A" | b"999999-9999" | b"999999A999A" | b"999999A9999" => finnish(word),
        // Spain: DNI, and NIE for foreigners
        b"99999999A" => spanish(word),
        b"A9999999A" => match first {
            b'X' | b'Y' | b'Z' => spanish(word),
            b'S' | b'T' | b'F' | b'G' => singaporean(word),
            _ => false,
        },
        // United Kingdom; no check digit
        b"AA999999A" => {
            let fits = !b"DFIQUV".contains(&first) && matches!(word.last(), Some(b'A'..=b'D'));
            fits && context().has(Context::NINO)
        }
        // Taiwan
        b"A999999999" => context().has(Context::IDENTITY) && taiwanese(word),
        // Ireland
        b"9999999A" | b"9999999AA" => context().has(Context::PPS) && irish(word),
        // US, prescribers
        b"AA9999999" | b"A99999999" => context().has(Context::DEA) && prescriber(word),
        // India, tax; its name is also that of a card's number
        b"AAAAA9999A" => b"ABCFGHJLPT".contains(&at(word, 3)) && context().has(Context::CARD.with(Context::IDENTITY)),
        _ => false,
    }
}

/// Passports and driving licences: no form in common, so their names must stand there.
fn is_document(word: &[u8], digits: usize, letters: usize, context: impl Fn() -> Context) -> bool {
    if !word.iter().all(|byte| is_alnum(*byte)) || digits < 5 {
        return false;
    }
    let said = context();
    said.has(Context::PASSPORT) && (7..=9).contains(&word.len()) && letters <= 3
        || said.has(Context::DRIVER) && said.has(Context::LICENCE)
}

/// Digits as values; letters count as nothing.
fn digits(word: &[u8]) -> [u8; LONGEST] {
    let mut all = [0; LONGEST];
    for (slot, byte) in all.iter_mut().zip(word) {
        *slot = if byte.is_ascii_digit() { byte - b'0' } else { 0 };
    }
    all
}

fn is_at(letters: &[u8], place: u64, found: Option<&u8>) -> bool {
    usize::try_from(place).ok().and_then(|place| letters.get(place)) == found
}

/// Characters in odd places count by a table, in even ones by their order.
fn codice_fiscale(word: &[u8]) -> bool {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
    ];
    let sum: u32 = word
        .iter()
        .take(15)
        .enumerate()
        .map(|(place, &byte)| {
            let order = if byte.is_ascii_digit() {
                byte - b'0'
            } else {
                byte - b'A'
            };
            match place % 2 {
                0 => ODD.get(usize::from(order)).copied().unwrap_or(0),
                _ => u32::from(order),
            }
        })
        .sum();
    word.last().is_some_and(|last| u32::from(last - b'A') == sum % 26)
}

fn curp(word: &[u8]) -> bool {
    let sum: u32 = word
        .iter()
        .take(17)
        .zip((2..=18).rev())
        .map(|(&byte, weight)| {
            let order = match byte {
                b'0'..=b'9' => u32::from(byte - b'0'),
                // There is an Ñ behind the N.
                b'A'..=b'N' => u32::from(byte - b'A') + 10,
                _ => u32::from(byte - b'A') + 11,
            };
            order * weight
        })
        .sum();
    let all = digits(word);
    is_date(pair(&all, 6), pair(&all, 8)) && (10 - sum % 10) % 10 == digit(&all, 17)
}

/// GB 11643: ISO 7064, MOD 11-2.
fn resident(word: &[u8]) -> bool {
    let all = digits(word);
    let sum = weighted(&all, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    let century = matches!(pair(&all, 6), 19 | 20);
    century && is_date(pair(&all, 10), pair(&all, 12)) && is_at(b"10X98765432", u64::from(sum % 11), word.last())
}

fn finnish(word: &[u8]) -> bool {
    let all = digits(word);
    let number = value(all.get(..6).unwrap_or_default()) * 1000 + value(all.get(7..10).unwrap_or_default());
    is_date(pair(&all, 2), pair(&all, 0)) && is_at(b"0123456789ABCDEFHJKLMNPRSTUVWXY", number % 31, word.last())
}

fn spanish(word: &[u8]) -> bool {
    let mut all = digits(word);
    if let (Some(first), Some(letter)) = (all.first_mut(), word.first().filter(|byte| !byte.is_ascii_digit())) {
        *first = letter - b'X';
    }
    let number = value(all.get(..8).unwrap_or_default());
    is_at(b"TRWAGMYFPDXBNJZSQVHLCKE", number % 23, word.last())
}

fn singaporean(word: &[u8]) -> bool {
    let all = digits(word);
    let later = matches!(word.first(), Some(b'T' | b'G'));
    let sum = weighted(all.get(1..8).unwrap_or_default(), &[2, 7, 6, 5, 4, 3, 2]) + if later { 4 } else { 0 };
    let letters: &[u8] = match word.first() {
        Some(b'S' | b'T') => b"JZIHGFEDCBA",
        _ => b"XWUTRQPNMLK",
    };
    is_at(letters, u64::from(sum % 11), word.last())
}

fn taiwanese(word: &[u8]) -> bool {
    const PLACES: [u32; 26] = [
        10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21, 22, 35, 23, 24, 25, 26, 27, 28, 29, 32, 30, 31, 33,
    ];
    let place = word
        .first()
        .and_then(|letter| PLACES.get(usize::from(letter - b'A')))
        .copied()
        .unwrap_or(0);
    let all = digits(word);
    let rest = weighted(all.get(1..10).unwrap_or_default(), &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
    (place / 10 + place % 10 * 9 + rest).is_multiple_of(10)
}

fn irish(word: &[u8]) -> bool {
    let all = digits(word);
    let second = word.get(8).map_or(0, |letter| u32::from(letter - b'A') + 1);
    let sum = weighted(all.get(..7).unwrap_or_default(), &[8, 7, 6, 5, 4, 3, 2]) + second * 9;
    is_at(b"WABCDEFGHIJKLMNOPQRSTUV", u64::from(sum % 23), word.get(7))
}

fn prescriber(word: &[u8]) -> bool {
    let all = digits(word);
    let number = all.get(2..9).unwrap_or_default();
    (weighted(number, &[1, 0, 1, 0, 1]) + 2 * weighted(number, &[0, 1, 0, 1, 0, 1])) % 10 == digit(number, 6)
}

#[cfg(test)]
mod tests {
    use crate::detect::tests::found;

    /// Samples that the offices themselves, or the articles about them, give.
    #[test]
    fn numbers_with_letters() {
        for text in [
            "RSSMRA85T10A562S",
            "HEGG560427MVZRRL04",
            "11010519491231002X",
            "131052-308T",
            "12345678Z",
            "X1234567L",
            "S1234567D",
        ] {
            assert_eq!(found(&format!("is {text}.")), [("national-id", text)], "{text}");
        }
        for text in [
            "RSSMRA85T10A562T",
            "HEGG560427MVZRRL05",
            "110105194912310021",
            "131052-308U",
            "12345678A",
            "X1234567M",
            "S1234567E",
            "x12345678Z",
            "12345678Zx",
            "AB-12345678Z",
            "A123456789",
            "AB123456C",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn numbers_beside_a_name() {
        for (name, number) in [
            ("National Insurance number", "AB123456C"),
            ("national ID", "A123456789"),
            ("PPS", "1234567T"),
            ("DEA", "AB1234563"),
            ("PAN", "ABCPE1234F"),
            ("passport no.", "C01X00T47"),
            ("passport", "X1234567"),
            ("driver's license", "D1234567"),
        ] {
            assert_eq!(found(&format!("{name}: {number}")), [("national-id", number)], "{name}");
            assert_eq!(found(&format!("order: {number}")), [], "{name}");
        }
        assert_eq!(found("software license: ABC12345"), []);
    }
}
