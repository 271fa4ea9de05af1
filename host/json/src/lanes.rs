//! 64 bytes at once.

use wide::u8x16;

/// Bytes that one bitmap word stands for.
pub(crate) const BLOCK: usize = 64;

/// 64 bytes of the text. What stands past its end is spaces.
#[derive(Clone, Copy)]
pub(crate) struct Lanes([u8x16; 4]);

impl Lanes {
    #[inline(always)]
    pub(crate) fn load(bytes: &[u8; BLOCK]) -> Lanes {
        let (parts, _) = bytes.as_chunks::<16>();
        let &[a, b, c, d] = parts else {
            return Lanes([u8x16::splat(b' '); 4]);
        };
        Lanes([a, b, c, d].map(u8x16::new))
    }

    /// Where the byte stands.
    #[inline(always)]
    pub(crate) fn equal(self, byte: u8) -> u64 {
        let wanted = u8x16::splat(byte);
        mask(self.0.map(|part| part.simd_eq(wanted)))
    }

    /// Where anything below the byte stands.
    #[inline(always)]
    pub(crate) fn below(self, byte: u8) -> u64 {
        let end = u8x16::splat(byte);
        mask(self.0.map(|part| part.simd_lt(end)))
    }

    /// Where a decimal digit stands.
    #[inline(always)]
    pub(crate) fn digits(self) -> u64 {
        let zero = u8x16::splat(b'0');
        Lanes(self.0.map(|part| part - zero)).below(10)
    }

    /// With bit 5 set in every byte: makes `[` into `{`, `]` into `}`, and letters lower case.
    #[inline(always)]
    pub(crate) fn folded(self) -> Lanes {
        let bit = u8x16::splat(0x20);
        Lanes(self.0.map(|part| part | bit))
    }
}

#[inline(always)]
fn mask(parts: [u8x16; 4]) -> u64 {
    let [a, b, c, d] = parts.map(|part| u64::from(part.to_bitmask()));
    a | b << 16 | c << 32 | d << 48
}

/// Calls `each` with every 64 bytes of the text, the last ones filled up with spaces.
#[inline(always)]
pub(crate) fn blocks(text: &[u8], mut each: impl FnMut(Lanes)) {
    let (whole, rest) = text.as_chunks::<BLOCK>();
    for bytes in whole {
        each(Lanes::load(bytes));
    }
    if !rest.is_empty() {
        let mut last = [b' '; BLOCK];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        each(Lanes::load(&last));
    }
}
