//! Bitmaps that go on in the next block. Bit 0 is the first byte of a block.

/// Moves every bit to the next byte.
#[derive(Clone, Copy, Default)]
pub(crate) struct Next {
    carry: u64,
}

impl Next {
    #[inline(always)]
    pub(crate) fn of(&mut self, bits: u64) -> u64 {
        let moved = bits << 1 | self.carry;
        self.carry = bits >> 63;
        moved
    }

    /// Whether the byte after this block is one.
    pub(crate) fn pending(self) -> bool {
        self.carry != 0
    }
}

/// Moves bits over runs: from the first byte of a run to the byte after its last.
///
/// Adding does it: a run is a row of ones, and the carry that starts at its low end comes out above its high end.
#[derive(Clone, Copy, Default)]
pub(crate) struct Past {
    carry: u64,
}

impl Past {
    /// A start that is not in a run stays where it is. A start in a run must be at the beginning of it.
    #[inline(always)]
    pub(crate) fn of(&mut self, starts: u64, runs: u64) -> u64 {
        let starts = starts | self.carry;
        let (sum, over) = (starts & runs).overflowing_add(runs);
        self.carry = u64::from(over);
        (sum & !runs) | (starts & !runs)
    }

    /// Whether a run goes on past this block.
    pub(crate) fn pending(self) -> bool {
        self.carry != 0
    }
}

/// Finds strings.
#[derive(Clone, Copy, Default)]
pub(crate) struct Strings {
    /// One if the next byte is escaped.
    escape: u64,
    /// All ones inside a string.
    inside: u64,
}

/// The strings of a block.
#[derive(Clone, Copy)]
pub(crate) struct InBlock {
    /// Quotes that open or close a string.
    pub(crate) quotes: u64,
    /// Strings with their opening quote and without their closing one.
    pub(crate) strings: u64,
    /// Bytes after a backslash that is not itself escaped.
    pub(crate) escaped: u64,
}

impl Strings {
    #[inline(always)]
    pub(crate) fn of(&mut self, quotes: u64, backslashes: u64) -> InBlock {
        let escaped = if backslashes | self.escape == 0 {
            0
        } else {
            self.escaped(backslashes)
        };
        let quotes = quotes & !escaped;
        let strings = parity(quotes) ^ self.inside;
        // The sign bit is the last byte's.
        self.inside = (strings.cast_signed() >> 63).cast_unsigned();
        InBlock {
            quotes,
            strings,
            escaped,
        }
    }

    /// One turn for each escape, of which there are few.
    fn escaped(&mut self, backslashes: u64) -> u64 {
        let mut escaped = self.escape;
        let mut rest = backslashes & !self.escape;
        self.escape = 0;
        while rest != 0 {
            let first = rest & rest.wrapping_neg();
            let next = first << 1;
            if next == 0 {
                self.escape = 1;
            }
            escaped |= next;
            rest &= !(first | next);
        }
        escaped
    }

    /// Whether the text ended inside a string.
    pub(crate) fn open(self) -> bool {
        self.inside != 0
    }
}

/// For each bit, whether the number of ones up to and with it is odd.
#[inline(always)]
fn parity(bits: u64) -> u64 {
    let mut bits = bits;
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_passed_across_blocks() {
        let mut past = Past::default();
        assert_eq!(past.of(0b0_0010, 0b0_1110), 0b1_0000);
        assert_eq!(past.of(0b0_0001, 0b0_1110), 0b0_0001, "not in a run");
        assert_eq!(past.of(1 << 62, 0b11 << 62), 0);
        assert!(past.pending());
        assert_eq!(past.of(0, 0b11), 0b100);
        assert!(!past.pending());
    }

    #[test]
    fn escapes_and_strings_across_blocks() {
        let mut strings = Strings::default();
        // A quote at byte 0, and a backslash at byte 63 that escapes the first byte of the next block.
        let first = strings.of(1, 1 << 63);
        assert_eq!((first.quotes, first.strings), (1, u64::MAX));
        let second = strings.of(0b11, 0);
        assert_eq!((second.quotes, second.strings, second.escaped), (0b10, 0b01, 0b01));
        assert!(!strings.open());
        // Of three backslashes the middle one is escaped, and so is what follows the third.
        assert_eq!(strings.of(0b1_0000, 0b1110).escaped, 0b1_0100);
    }
}
