//! Finds runs of bytes of a class, 64 bytes at a time: a bit for each byte, and then counting zeros instead of a branch
//! for every byte, most of which would be guessed wrong at the ends of words.

const BLOCK: usize = 64;

/// The runs of one class in a text.
#[derive(Debug)]
pub(crate) struct Runs<'a, C> {
    bytes: &'a [u8],
    class: C,
    /// Where the block begins whose bits `mask` has.
    base: usize,
    mask: u64,
}

impl<'a, C: Fn(u8) -> bool> Runs<'a, C> {
    /// `class` is best without branches and tables, so that it compiles to vector instructions.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], class: C) -> Self {
        let mut runs = Self {
            bytes,
            class,
            base: 0,
            mask: 0,
        };
        runs.load(0);
        runs
    }

    /// The first run that ends behind `from`, from there on. `from` never goes back.
    #[inline]
    pub(crate) fn next(&mut self, from: usize) -> Option<(usize, usize)> {
        if from >= self.base + BLOCK {
            self.load(from - from % BLOCK);
        }
        let mut ahead = self.mask & !0 << (from - self.base);
        while ahead == 0 {
            if self.base + BLOCK >= self.bytes.len() {
                return None;
            }
            self.load(self.base + BLOCK);
            ahead = self.mask;
        }
        let offset = ahead.trailing_zeros();
        let start = self.base + offset as usize;
        let mut outside = !self.mask & !0 << offset;
        while outside == 0 {
            if self.base + BLOCK >= self.bytes.len() {
                return Some((start, self.bytes.len()));
            }
            self.load(self.base + BLOCK);
            outside = !self.mask;
        }
        Some((start, self.base + outside.trailing_zeros() as usize))
    }

    #[inline]
    fn load(&mut self, base: usize) {
        self.base = base;
        let rest = self.bytes.get(base..).unwrap_or_default();
        self.mask = match rest.first_chunk::<BLOCK>() {
            Some(block) => bits(block, &self.class),
            None => {
                let mut block = [0; BLOCK];
                block.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
                // Nothing beyond the end is in a run, whatever the class says of zeros.
                bits(&block, &self.class) & !(!0 << rest.len())
            }
        };
    }
}

#[inline]
fn bits(block: &[u8; BLOCK], class: impl Fn(u8) -> bool) -> u64 {
    // Moves the lowest bits of eight bytes next to each other.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let flags = block.map(|byte| u8::from(class(byte)));
    let (eights, _) = flags.as_chunks::<8>();
    eights.iter().rev().fold(0, |mask, eight| {
        mask << 8 | u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_are_those_of_a_plain_loop(bytes in prop::collection::vec(prop_oneof![4 => Just(b'1'), 1 => Just(b'.')], 0..300)) {
            let mut runs = Runs::new(&bytes, |byte| byte.is_ascii_digit());
            let mut from = 0;
            for run in bytes.split(|byte| *byte == b'.').filter(|run| !run.is_empty()) {
                let (start, end) = runs.next(from).unwrap_or_default();
                prop_assert_eq!(bytes.get(start..end), Some(run));
                from = end;
            }
            prop_assert_eq!(runs.next(from), None);
        }
    }

    #[test]
    fn runs_go_on_in_their_middle() {
        let bytes = [b'1'; 200];
        let mut runs = Runs::new(&bytes, |byte| byte.is_ascii_digit());
        assert_eq!(runs.next(0), Some((0, 200)));
        let mut runs = Runs::new(&bytes, |byte| byte.is_ascii_digit());
        assert_eq!(runs.next(70), Some((70, 200)));
        assert_eq!(runs.next(200), None);
    }
}
