//! Bank account numbers, ISO 13616.

use crate::bytes::{at, before, is_alnum, is_digit};

/// The account number whose check digits begin at `digits`: where it begins and ends.
pub(crate) fn account(bytes: &[u8], digits: usize, run_end: usize) -> Option<(usize, usize)> {
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
    let mut name = [0; 2];
    name.copy_from_slice(country);
    name.make_ascii_uppercase();
    let known = IBANS
        .binary_search_by(|(country, _)| country.as_bytes().cmp(&name))
        .ok()?;
    let length = IBANS.get(known)?.1;
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
