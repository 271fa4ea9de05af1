//! What the words beside a number say about it. Nine digits are a number; behind `SSN:` they are somebody's.

use crate::bytes::{at, before, is_alnum, is_digit};

/// A set of the constants below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Context(u64);

macro_rules! contexts {
    ($($(#[$doc:meta])* $name:ident: $bit:expr, [$($word:literal),+ $(,)?];)+) => {
        impl Context {
            $($(#[$doc])* pub(crate) const $name: Self = Self(1 << $bit);)+

            /// What one word in small letters says.
            fn of_word(word: &[u8]) -> Self {
                match word {
                    $($($word => Self::$name,)+)+
                    _ => Self::NONE,
                }
            }
        }
    };
}

// Names of numbers in the languages of those who have them, without what a word may also mean.
contexts! {
    PHONE: 0, [b"phone", b"phones", b"phonenumber", b"telephone", b"tel", b"mobile", b"mobilenumber", b"cell", b"cellphone",
        b"fax", b"sms", b"whatsapp", b"voicemail", b"landline", b"hotline", b"pager", b"msisdn", b"telefon", b"telefono",
        b"telefoon", b"portable", b"movil", b"celular", b"handy", b"handynummer", b"rufnummer"];
    /// Words that people also say of other numbers.
    CALL: 1, [b"call", b"called", b"calling", b"dial", b"ring", b"answering", b"contact", b"desk", b"office"];
    CARD: 2, [b"card", b"cards", b"cardnumber", b"creditcard", b"debitcard", b"cc", b"pan", b"visa", b"mastercard", b"maestro",
        b"amex", b"karte", b"carte", b"tarjeta"];
    SSN: 3, [b"ssn", b"social", b"itin", b"tin"];
    SIN: 4, [b"sin", b"nas"];
    TFN: 5, [b"tfn"];
    BSN: 6, [b"bsn", b"burgerservicenummer", b"sofinummer"];
    NIF: 7, [b"nif", b"contribuinte"];
    ISRAELI: 8, [b"teudat", b"zehut"];
    NHS: 9, [b"nhs"];
    EGN: 10, [b"egn"];
    PESEL: 11, [b"pesel"];
    STEUER_ID: 12, [b"steuer", b"steuerid", b"idnr", b"steueridentifikationsnummer", b"identifikationsnummer"];
    CPF: 13, [b"cpf"];
    TCKN: 14, [b"tckn", b"tc", b"kimlik"];
    FODSELSNUMMER: 15, [b"fodselsnummer", b"personnummer", b"personnr", b"fnr"];
    AMKA: 16, [b"amka"];
    AADHAAR: 17, [b"aadhaar", b"aadhar", b"uidai"];
    MY_NUMBER: 18, [b"mynumber"];
    ABN: 19, [b"abn"];
    ACN: 20, [b"acn"];
    MEDICARE: 21, [b"medicare"];
    ABA: 22, [b"aba", b"routing", b"rtn"];
    NPI: 23, [b"npi"];
    CNP: 24, [b"cnp"];
    AHV: 25, [b"ahv", b"avs"];
    SOUTH_AFRICAN: 26, [b"rsa", b"said", b"idnumber"];
    JMBG: 27, [b"jmbg", b"emso", b"embg"];
    NIR: 28, [b"nir", b"insee"];
    INN: 29, [b"inn"];
    SNILS: 30, [b"snils"];
    CPR: 31, [b"cpr"];
    PASSPORT: 32, [b"passport", b"passportnumber", b"reisepass", b"passeport", b"pasaporte"];
    LICENCE: 33, [b"licence", b"license", b"lic"];
    NINO: 34, [b"nino", b"insurance"];
    PPS: 35, [b"pps", b"ppsn"];
    DEA: 36, [b"dea"];
    IDENTITY: 37, [b"identity", b"national", b"nationalid", b"dni", b"nie", b"arc"];
    WALLET: 38, [b"wallet", b"btc", b"bitcoin", b"solana", b"crypto"];
    DRIVER: 39, [b"driver", b"drivers", b"driving"];
}

/// How far back words count.
const REACH: usize = 48;
/// Longer words are no names of numbers.
const LONGEST: usize = 32;

impl Context {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What the name of a field says: `phone_number`, `homePhone`, `ssn`.
    pub(crate) fn of_name(name: &[u8]) -> Self {
        let whole = Self::of_words(name);
        let mut rest = name;
        let mut all = whole;
        // Humps: each begins a word.
        while let Some(hump) = rest.iter().skip(1).position(u8::is_ascii_uppercase) {
            let (first, others) = rest.split_at(hump + 1);
            all = all.with(Self::of_words(first));
            rest = others;
        }
        all.with(Self::of_words(rest))
    }

    /// What the words before `start` say, up to what separates one field or sentence from the next.
    pub(crate) fn before(bytes: &[u8], start: usize) -> Self {
        let window = bytes.get(start.saturating_sub(REACH)..start).unwrap_or_default();
        // `[redacted:phone]` says nothing of what is behind it.
        let is_border = |byte: &u8| matches!(byte, b',' | b';' | b'{' | b'}' | b'&' | b'|' | b']');
        let is_glue = |byte: &u8| !is_alnum(*byte) && *byte < 0x80 && !is_border(byte);
        let glue = window.iter().rev().take_while(|byte| is_glue(byte)).count();
        let words = window.get(..window.len() - glue).unwrap_or_default();
        let is_end = |byte: &u8| is_border(byte) || matches!(byte, b'\n' | b'\r');
        let from = words.iter().rposition(is_end).map_or(0, |border| border + 1);
        Self::of_words(words.get(from..).unwrap_or_default())
    }

    /// What the word right behind `end` says: `555 0132 (office)`.
    pub(crate) fn behind(bytes: &[u8], end: usize) -> Self {
        let window = bytes.get(end..bytes.len().min(end + 12)).unwrap_or_default();
        let gap = window
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'-' | b'('))
            .count();
        if gap == 0 || gap > 2 {
            return Self::NONE;
        }
        let word = window.get(gap..).unwrap_or_default();
        let length = word.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        Self::of_words(word.get(..length).unwrap_or_default())
    }

    fn of_words(text: &[u8]) -> Self {
        let mut all = Self::NONE;
        for word in text.split(|byte| !byte.is_ascii_alphabetic()) {
            let mut buffer = [0; LONGEST];
            if (2..=LONGEST).contains(&word.len())
                && let Some(lower) = buffer.get_mut(..word.len())
            {
                lower.copy_from_slice(word);
                lower.make_ascii_lowercase();
                all = all.with(Self::of_word(lower));
            }
        }
        all
    }
}

/// Whether a number may begin at `start`: not in the middle of a word, a path, a fraction or a longer number.
pub(crate) fn may_begin(bytes: &[u8], start: usize) -> bool {
    let Some(last) = start.checked_sub(1) else { return true };
    let (previous, earlier) = (at(bytes, last), before(bytes, last));
    match previous {
        b'_' | b'/' | b'#' | b'$' | b'@' | b'~' => false,
        b'.' | b'-' | b'\\' => !is_alnum(earlier) && earlier != previous,
        b':' | b',' | b'+' | b'%' => !is_digit(earlier),
        0x80.. => true,
        _ => !is_alnum(previous),
    }
}

/// Whether a number may end at `end`.
pub(crate) fn may_end(bytes: &[u8], end: usize) -> bool {
    let (next, later) = (at(bytes, end), at(bytes, end + 1));
    match next {
        b'_' | b'%' | b'$' | b'@' => false,
        b'.' | b'-' | b':' | b'/' | b',' => !is_digit(later),
        _ => !is_alnum(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_before_a_number_count_up_to_a_border() {
        for (text, expected) in [
            ("Phone: ", Context::PHONE),
            ("Phone:\n", Context::PHONE),
            ("\"phone\": \"", Context::PHONE),
            ("my credit card number is ", Context::CARD),
            ("\"phone\": null, \"id\": ", Context::NONE),
            ("phone\nid ", Context::NONE),
            ("[redacted:phone] ", Context::NONE),
            ("telephonist ", Context::NONE),
            ("", Context::NONE),
        ] {
            assert_eq!(Context::before(text.as_bytes(), text.len()), expected, "{text}");
        }
        assert_eq!(Context::behind(b"555 0132-Office", 8), Context::CALL);
        assert_eq!(Context::of_name(b"homePhone"), Context::PHONE);
        assert_eq!(Context::of_name(b"phone_number_2"), Context::PHONE);
        assert_eq!(Context::of_name(b"CARD"), Context::CARD);
    }

    #[test]
    fn numbers_stand_alone() {
        for (text, start) in [("x1", 1), ("a-1", 2), ("/1", 1), ("1.1", 2), ("12:1", 3), ("$1", 1)] {
            assert!(!may_begin(text.as_bytes(), start), "{text}");
        }
        for (text, start) in [("1", 0), (" 1", 1), ("=1", 1), ("a: 1", 3), ("\"1", 1), ("tel:1", 4)] {
            assert!(may_begin(text.as_bytes(), start), "{text}");
        }
        for (text, fits) in [
            ("1.", true),
            ("1.2", false),
            ("1x", false),
            ("1)", true),
            ("1-Fax", true),
        ] {
            assert_eq!(may_end(text.as_bytes(), 1), fits, "{text}");
        }
    }
}
