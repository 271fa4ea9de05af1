//! Classes of bytes, one table look-up each. Everything that detectors look for is ASCII, so bytes are enough, and
//! UTF-8 keeps the bytes of other characters out of all classes.

const DIGIT: u8 = 1;
const UPPER: u8 = 2;
const LOWER: u8 = 4;
const HEX: u8 = 8;
/// `_` and `-`.
const JOINT: u8 = 16;
/// What else stands in base64, tokens and URLs: `+`, `/`, `=`, `.`, `~`.
const EXTRA: u8 = 32;
const SPACE: u8 = 64;

const CLASSES: [u8; 256] = classes();

#[allow(
    clippy::indexing_slicing,
    reason = "constant evaluation: an index out of bounds does not compile"
)]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0u8;
    loop {
        table[byte as usize] = match byte {
            b'0'..=b'9' => DIGIT | HEX,
            b'A'..=b'F' => UPPER | HEX,
            b'a'..=b'f' => LOWER | HEX,
            b'G'..=b'Z' => UPPER,
            b'g'..=b'z' => LOWER,
            b'_' | b'-' => JOINT,
            b'+' | b'/' | b'=' | b'.' | b'~' => EXTRA,
            b' ' | b'\t' | b'\n' | b'\r' => SPACE,
            _ => 0,
        };
        if byte == 255 {
            return table;
        }
        byte += 1;
    }
}

#[inline]
fn is(byte: u8, class: u8) -> bool {
    CLASSES
        .get(usize::from(byte))
        .is_some_and(|classes| classes & class != 0)
}

/// The byte at `index`, or 0, which is in no class, beyond the end.
#[inline]
pub(crate) fn at(bytes: &[u8], index: usize) -> u8 {
    bytes.get(index).copied().unwrap_or(0)
}

/// The byte before `index`, or 0 at the beginning.
#[inline]
pub(crate) fn before(bytes: &[u8], index: usize) -> u8 {
    index.checked_sub(1).map_or(0, |index| at(bytes, index))
}

#[inline]
pub(crate) fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

#[inline]
pub(crate) fn is_alnum(byte: u8) -> bool {
    is(byte, DIGIT | UPPER | LOWER)
}

#[inline]
pub(crate) fn is_hex(byte: u8) -> bool {
    is(byte, HEX)
}

#[inline]
pub(crate) fn is_space(byte: u8) -> bool {
    is(byte, SPACE)
}

/// `[A-Za-z0-9_-]`: words, and most tokens.
#[inline]
pub(crate) fn is_word(byte: u8) -> bool {
    is(byte, DIGIT | UPPER | LOWER | JOINT)
}

/// Words and `+ / = . ~`: what HTTP credentials are made of.
#[inline]
pub(crate) fn is_token(byte: u8) -> bool {
    is(byte, DIGIT | UPPER | LOWER | JOINT | EXTRA)
}

/// Where the run of bytes that are `class` ends that begins at `from`.
#[inline]
pub(crate) fn run(bytes: &[u8], from: usize, class: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|&byte| !class(byte)).unwrap_or(rest.len())
}

/// Where the run of bytes that are `class` begins that ends at `to`, looking at no more than `limit` bytes.
pub(crate) fn run_back(bytes: &[u8], to: usize, limit: usize, class: impl Fn(u8) -> bool) -> usize {
    let window = bytes.get(to.saturating_sub(limit)..to).unwrap_or_default();
    to - window
        .iter()
        .rev()
        .position(|&byte| !class(byte))
        .unwrap_or(window.len())
}

/// Whether a text is random rather than written by people: digits and letters mixed over a length that no word has.
pub(crate) fn looks_random(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    value.len() >= 16 && digits >= 2 && letters >= 2 && value.iter().all(|&byte| is_token(byte)) && distinct(value) > 4
}

/// How many different bytes there are.
pub(crate) fn distinct(value: &[u8]) -> u32 {
    let seen = value.iter().fold([0u64; 4], |mut seen, &byte| {
        if let Some(word) = seen.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
        seen
    });
    seen.iter().map(|word| word.count_ones()).sum()
}
