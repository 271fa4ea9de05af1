//! One look at a whole text: which bytes are in it that something could begin with. Most texts have none, or few, and
//! need no detector; this look is all that they cost.

/// What a text has: a set of the constants below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Anchors(u8);

/// `@`: addresses, passwords in URLs.
pub(crate) const AT: u8 = 1;
/// Digits: numbers, and almost every token.
pub(crate) const DIGIT: u8 = 2;
/// `:`, `=`, `>`, `"`: assignments.
pub(crate) const ASSIGN: u8 = 4;
/// `_`, `-`: tokens.
pub(crate) const JOINT: u8 = 8;
/// `A`, `B`: `AKIA...`, `Bearer`, `Basic`, `BEGIN`.
pub(crate) const CAPITAL: u8 = 16;
/// `\`: escapes in strings.
pub(crate) const BACKSLASH: u8 = 32;
/// `%`: escapes in URLs.
pub(crate) const PERCENT: u8 = 64;

/// Without any of these, no word is worth a look.
pub(crate) const WORD: u8 = DIGIT | JOINT | CAPITAL;

/// Without branches, so that a loop over it compiles to vector instructions.
#[inline(always)]
const fn anchor(byte: u8) -> u8 {
    const fn bit(test: bool, bit: u8) -> u8 {
        if test { bit } else { 0 }
    }
    bit(byte == b'@', AT)
        | bit(byte.wrapping_sub(b'0') < 10, DIGIT)
        | bit(
            (byte == b':') | (byte == b'=') | (byte == b'>') | (byte == b'"'),
            ASSIGN,
        )
        | bit((byte == b'_') | (byte == b'-'), JOINT)
        | bit((byte == b'A') | (byte == b'B'), CAPITAL)
        | bit(byte == b'\\', BACKSLASH)
        | bit(byte == b'%', PERCENT)
}

const LANES: usize = 16;

/// For texts that do not fill a vector.
#[allow(
    clippy::indexing_slicing,
    reason = "constant evaluation: an index out of bounds does not compile"
)]
const TABLE: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = anchor(byte as u8);
        byte += 1;
    }
    table
};

#[inline(always)]
fn add(sums: &mut [u8; LANES], chunk: &[u8; LANES]) {
    for (sum, &byte) in sums.iter_mut().zip(chunk) {
        *sum |= anchor(byte);
    }
}

impl Anchors {
    #[inline]
    pub(crate) fn of(text: &[u8]) -> Self {
        let Some(last) = text.last_chunk::<LANES>() else {
            let look_up = |set: u8, byte: &u8| set | TABLE.get(usize::from(*byte)).copied().unwrap_or(0);
            return Self(text.iter().fold(0, look_up));
        };
        let mut sums = [0; LANES];
        for chunk in text.as_chunks::<LANES>().0 {
            add(&mut sums, chunk);
        }
        // The last full width, part of it once more, covers the rest without a loop over single bytes.
        add(&mut sums, last);
        let pairs = u128::from_ne_bytes(sums);
        let word = (pairs | pairs >> 64) as u64;
        let half = word | word >> 32;
        let quarter = half | half >> 16;
        Self((quarter | quarter >> 8) as u8)
    }

    /// Whether anything could be found at all.
    #[inline]
    pub(crate) const fn any(self) -> bool {
        self.0 != 0
    }

    /// Whether any of these is there.
    #[inline]
    pub(crate) const fn has(self, set: u8) -> bool {
        self.0 & set != 0
    }

    /// Whether all of these are there.
    #[inline]
    pub(crate) const fn has_all(self, set: u8) -> bool {
        self.0 & set == set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_anchor_is_seen_at_every_place() {
        for length in [1, 15, 16, 17, 31, 32, 50] {
            assert!(!Anchors::of("x".repeat(length).as_bytes()).any());
            for place in 0..length {
                for byte in 0..=255u8 {
                    let mut text = vec![b'x'; length];
                    text.splice(place..=place, [byte]);
                    assert_eq!(
                        Anchors::of(&text),
                        Anchors(anchor(byte)),
                        "{byte} at {place} of {length}"
                    );
                }
            }
        }
        assert_eq!(anchor(b'9'), DIGIT);
        assert_eq!(anchor(b'\\'), BACKSLASH);
    }
}
