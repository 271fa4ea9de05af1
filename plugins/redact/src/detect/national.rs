//! Numbers that states give to people. Those whose form is theirs alone are found anywhere; plain digits only where
//! their check digits are right and a word for them stands near.

use crate::class::Class;
use crate::context::{Context, may_begin, may_end};
use crate::detect::check::{digit, is_date, is_uniform, luhn, mod_11_10, pair, value, verhoeff, weighted};
use crate::detect::digits::Number;

/// The number that begins at `start`: its class, and where it ends.
pub(crate) fn national(
    bytes: &[u8],
    start: usize,
    number: &Number,
    context: impl Fn() -> Context,
) -> Option<(Class, usize)> {
    // The longest has 15 digits; most numbers of a text are shorter than all of these.
    if number.digits().len() < 8 || !may_begin(bytes, start) {
        return None;
    }
    let (class, end) = social_security(number, &context)
        .map(|(class, groups)| (class, number.end(groups)))
        .or_else(|| formatted(number).map(|groups| (Class::NationalId, number.end(groups))))
        .or_else(|| plain(number, &context).map(|groups| (Class::NationalId, number.end(groups))))?;
    may_end(bytes, end).then_some((class, end))
}

/// US social security numbers and, with a 9 in front, taxpayers' numbers: 3-2-4, or nine digits behind their name.
fn social_security(number: &Number, context: &impl Fn() -> Context) -> Option<(Class, usize)> {
    let groups = if number.is_split(&[3, 2, 4], b"-. ") { 3 } else { 1 };
    let digits = number.first(groups);
    if digits.len() != 9 {
        return None;
    }
    let (area, group, serial) = (value(digits.get(..3)?), pair(digits, 3), value(digits.get(5..)?));
    // Nobody has the number of the sample cards in wallets, nor that of the leaflet.
    let sample = matches!((area, group, serial), (78, 5, 1120) | (219, 9, 9999));
    if group == 0 || serial == 0 || area == 0 || area == 666 || sample {
        return None;
    }
    let taxpayer = matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99);
    if area >= 900 && !taxpayer || groups == 1 && !context().has(Context::SSN) {
        return None;
    }
    Some((Class::UsSsn, groups))
}

type Check = fn(&[u8]) -> bool;

/// Lengths of groups, what separates them, and the check.
type Form = (&'static [u8], &'static [u8], Check);

const FORMS: [Form; 10] = [
    // Brazil, CPF
    (&[3, 3, 3, 2], b"..-", cpf),
    // Argentina, CUIT and CUIL
    (&[2, 8, 1], b"--", |digits| {
        (11 - weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11 == digit(digits, 10)
    }),
    // Sweden, personnummer
    (&[6, 4], b"-", |digits| luhn(digits) && is_birth(digits)),
    (&[6, 4], b"+", |digits| luhn(digits) && is_birth(digits)),
    // Czechia and Slovakia, rodné číslo; women have 50 more months
    (&[6, 4], b"/", |digits| {
        value(digits).is_multiple_of(11) && is_date(pair(digits, 2) % 50, pair(digits, 4))
    }),
    // South Korea, until 2020
    (&[6, 7], b"-", |digits| {
        (11 - weighted(digits, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11) % 10 == digit(digits, 12)
            && is_birth(digits)
    }),
    // Switzerland, AHV
    (&[3, 4, 4, 2], b"...", ahv),
    // Belgium, rijksregisternummer
    (&[2, 2, 2, 3, 2], b"..-.", |digits| {
        let first = value(digits.get(..9).unwrap_or_default());
        let check = u64::from(pair(digits, 9));
        is_birth(digits) && (97 - first % 97 == check || 97 - (2_000_000_000 + first) % 97 == check)
    }),
    // Thailand
    (&[1, 4, 5, 2, 1], b"----", |digits| {
        (11 - weighted(digits, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 10 == digit(digits, 12)
    }),
    // Russia, SNILS
    (&[3, 3, 3, 2], b"-- ", snils),
];

/// How many groups are a number whose form tells what it is.
fn formatted(number: &Number) -> Option<usize> {
    let fits = |(lengths, separators, check): &&Form| {
        number.begins(lengths, separators) && check(number.first(lengths.len())) && !is_uniform(number.digits())
    };
    if let Some((lengths, ..)) = FORMS.iter().find(fits) {
        return Some(lengths.len());
    }
    // India, Aadhaar
    if number.is_split(&[4, 4, 4], b" -") && number.groups() == 3 && aadhaar(number.digits()) {
        return Some(3);
    }
    // France, NIR: 13 digits, then what is missing to a multiple of 97. With or without spaces.
    let nir = number.digits();
    (nir.len() == 15 && is_nir(nir) && number.separators().iter().all(|byte| *byte == b' ')).then(|| number.groups())
}

/// The word, how many digits, and the check.
type Kind = (Context, usize, Check);

const KINDS: [Kind; 34] = [
    (Context::SIN, 9, luhn),
    (Context::TFN, 9, |digits| {
        weighted(digits, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11)
    }),
    (Context::TFN, 8, |digits| {
        weighted(digits, &[10, 7, 8, 4, 6, 3, 5, 1]).is_multiple_of(11)
    }),
    (Context::BSN, 9, |digits| {
        (weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2]) + 10 * digit(digits, 8)).is_multiple_of(11)
    }),
    (Context::NIF, 9, |digits| {
        let rest = weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
        (if rest < 2 { 0 } else { 11 - rest }) == digit(digits, 8)
    }),
    (Context::ISRAELI, 9, luhn),
    (Context::ACN, 9, |digits| {
        (10 - weighted(digits, &[8, 7, 6, 5, 4, 3, 2, 1]) % 10) % 10 == digit(digits, 8)
    }),
    (Context::ABA, 9, |digits| {
        weighted(digits, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
    }),
    (Context::NHS, 10, |digits| {
        (11 - weighted(digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11 == digit(digits, 9)
    }),
    (Context::EGN, 10, |digits| {
        weighted(digits, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10 == digit(digits, 9)
            && is_date(pair(digits, 2) % 20, pair(digits, 4))
    }),
    (Context::NPI, 10, |digits| {
        let mut all = [8, 0, 8, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        all.iter_mut()
            .skip(5)
            .zip(digits)
            .for_each(|(slot, digit)| *slot = *digit);
        luhn(&all)
    }),
    (Context::MEDICARE, 10, medicare),
    (Context::MEDICARE, 11, medicare),
    (Context::CPR, 10, |digits| is_date(pair(digits, 2), pair(digits, 0))),
    (Context::FODSELSNUMMER, 10, |digits| luhn(digits) && is_birth(digits)),
    (Context::FODSELSNUMMER, 12, |digits| {
        digits.get(2..).is_some_and(|digits| luhn(digits) && is_birth(digits))
    }),
    (Context::FODSELSNUMMER, 11, |digits| {
        let first = (11 - weighted(digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11) % 11;
        let second = (11 - weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
        first == digit(digits, 9) && second == digit(digits, 10)
    }),
    (Context::PESEL, 11, |digits| {
        (10 - weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10) % 10 == digit(digits, 10)
            && is_date(pair(digits, 2) % 20, pair(digits, 4))
    }),
    (Context::STEUER_ID, 11, mod_11_10),
    (Context::CPF, 11, cpf),
    (Context::TCKN, 11, |digits| {
        let (odd, even) = (
            weighted(digits, &[1, 0, 1, 0, 1, 0, 1, 0, 1]),
            weighted(digits, &[0, 1, 0, 1, 0, 1, 0, 1]),
        );
        (odd * 7 + 9 * even) % 10 == digit(digits, 9) && (odd + even + digit(digits, 9)) % 10 == digit(digits, 10)
    }),
    (Context::AMKA, 11, |digits| {
        luhn(digits) && is_date(pair(digits, 2), pair(digits, 0))
    }),
    (Context::ABN, 11, |digits| {
        // 1 is taken off the first digit; that of the sum is its weight.
        (weighted(digits, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) + 89 - 10).is_multiple_of(89)
    }),
    (Context::SNILS, 11, snils),
    (Context::INN, 10, |digits| inn(digits, &[2, 4, 10, 3, 5, 9, 4, 6, 8])),
    (Context::INN, 12, |digits| {
        inn(digits, &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) && inn(digits, &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8])
    }),
    (Context::AADHAAR, 12, aadhaar),
    (Context::MY_NUMBER, 12, |digits| {
        let rest = weighted(digits, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
        (if rest < 2 { 0 } else { 11 - rest }) == digit(digits, 11)
    }),
    (Context::CNP, 13, |digits| {
        let rest = weighted(digits, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
        (if rest == 10 { 1 } else { rest }) == digit(digits, 12)
    }),
    (Context::AHV, 13, ahv),
    (Context::SOUTH_AFRICAN, 13, |digits| luhn(digits) && is_birth(digits)),
    (Context::JMBG, 13, |digits| {
        let rest = weighted(digits, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
        (11 - rest) % 11 == digit(digits, 12) && is_date(pair(digits, 2), pair(digits, 0))
    }),
    (Context::NIR, 13, |digits| matches!(digit(digits, 0), 1..=4 | 7 | 8)),
    (Context::PASSPORT, 9, |_| true),
];

/// How many groups are plain digits, grouped or not, that the words beside them name.
fn plain(number: &Number, context: &impl Fn() -> Context) -> Option<usize> {
    let mut said = None;
    for groups in 1..=number.groups() {
        let digits = number.first(groups);
        if !(8..=13).contains(&digits.len()) || is_uniform(digits) {
            continue;
        }
        // Words are looked up once, and only for numbers of a length that has a use for them.
        let said = *said.get_or_insert_with(context);
        if said == Context::NONE {
            return None;
        }
        let fits = |(word, length, check): &Kind| said.has(*word) && *length == digits.len() && check(digits);
        if KINDS.iter().any(fits) {
            return Some(groups);
        }
    }
    None
}

/// `YYMMDD`; coordination numbers have 60 more days.
fn is_birth(digits: &[u8]) -> bool {
    is_date(pair(digits, 2), pair(digits, 4) % 60)
}

fn cpf(digits: &[u8]) -> bool {
    let check = |weights: &[u32]| weighted(digits, weights) * 10 % 11 % 10;
    check(&[10, 9, 8, 7, 6, 5, 4, 3, 2]) == digit(digits, 9)
        && check(&[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) == digit(digits, 10)
}

fn ahv(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]);
    digits.starts_with(&[7, 5, 6]) && sum.is_multiple_of(10)
}

fn aadhaar(digits: &[u8]) -> bool {
    digit(digits, 0) >= 2 && verhoeff(digits)
}

fn medicare(digits: &[u8]) -> bool {
    matches!(digit(digits, 0), 2..=6) && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == digit(digits, 8)
}

fn snils(digits: &[u8]) -> bool {
    weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101 % 100 == pair(digits, 9)
}

fn inn(digits: &[u8], weights: &[u32]) -> bool {
    weighted(digits, weights) % 11 % 10 == digit(digits, weights.len())
}

fn is_nir(digits: &[u8]) -> bool {
    let month = pair(digits, 3);
    let key = value(digits.get(..13).unwrap_or_default()) % 97;
    matches!(digit(digits, 0), 1 | 2)
        && matches!(month, 1..=12 | 20..=42 | 50..=99)
        && 97 - key == u64::from(pair(digits, 13))
}

#[cfg(test)]
mod tests {
    use crate::detect::tests::found;

    #[test]
    fn us_numbers() {
        for text in ["536-22-1234", "536 22 1234", "536.22.1234", "900-70-1234"] {
            assert_eq!(found(&format!("is {text}.")), [("us-ssn", text)], "{text}");
        }
        assert_eq!(found("SSN: 536221234"), [("us-ssn", "536221234")]);
        for text in [
            "000-22-1234",
            "666-22-1234",
            "900-22-1234",
            "536-00-1234",
            "536-22-0000",
            "078-05-1120",
            "536-22.1234",
            "536-22-1234-1",
            "1-536-22-1234",
            "x536-22-1234",
            "536221234",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    /// Samples that the offices themselves, or the articles about them, give.
    #[test]
    fn numbers_with_a_form_of_their_own() {
        for text in [
            "111.444.777-35",
            "20-12345678-6",
            "811228-9874",
            "756.9217.0769.85",
            "85.07.30-033.28",
            "112-233-445 95",
            "2341 2341 2346",
            "2 55 08 14 168 025 38",
            "255081416802538",
        ] {
            assert_eq!(found(&format!("is {text}.")), [("national-id", text)], "{text}");
        }
        for text in [
            "111.444.777-36",
            "20-12345678-7",
            "811228-9875",
            "756.9217.0769.86",
            "85.07.30-033.29",
            "2341 2341 2347",
            "255081416802539",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn plain_digits_beside_a_name() {
        for (name, number, wrong) in [
            ("SIN", "130 692 544", "130 692 545"),
            ("tfn", "123456782", "123456783"),
            ("BSN", "111222333", "111222334"),
            ("NIF", "123456789", "123456788"),
            ("NHS number", "943 476 5919", "943 476 5918"),
            ("ABN", "51 824 753 556", "51 824 753 557"),
            ("ACN", "004 085 616", "004 085 617"),
            ("Medicare", "2123456701", "2123456711"),
            ("routing number", "021000021", "021000022"),
            ("NPI", "1234567893", "1234567894"),
            ("TC kimlik", "10000000146", "10000000147"),
            ("PESEL", "44051401359", "44051401358"),
            ("Steuer-ID", "86095742719", "86095742718"),
            ("cpf", "11144477735", "11144477736"),
            ("EGN", "7523169263", "7523169264"),
            ("INN", "7707083893", "7707083894"),
            ("INN", "500100732259", "500100732258"),
            ("aadhaar", "234123412346", "234123412347"),
            ("RSA id", "8001015009087", "8001015009088"),
            ("JMBG", "0101006500006", "0101006500007"),
            ("AHV", "7569217076985", "7569217076986"),
            ("my number: mynumber", "123456789018", "123456789019"),
        ] {
            assert_eq!(found(&format!("{name}: {number}")), [("national-id", number)], "{name}");
            assert_eq!(found(&format!("{name}: {wrong}")), [], "{name}");
            assert_eq!(found(&format!("order: {number}")), [], "{name}");
        }
        assert_eq!(found("passport 123456789"), [("national-id", "123456789")]);
    }
}
