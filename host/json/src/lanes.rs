//! 64 bytes at once.

use fearless_simd::{Simd, SimdBase, SimdInto, SimdMask, u8x64};

/// Bytes that one bitmap word stands for.
pub(crate) const BLOCK: usize = 64;

/// 64 bytes of the text. What stands past its end is spaces.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<S: Simd>(u8x64<S>);

impl<S: Simd> Lanes<S> {
    #[inline(always)]
    fn load(simd: S, bytes: &[u8; BLOCK]) -> Lanes<S> {
        Lanes((*bytes).simd_into(simd))
    }

    /// Where the byte stands.
    #[inline(always)]
    pub(crate) fn equal(self, byte: u8) -> u64 {
        self.0.simd_eq(u8x64::splat(self.0.simd, byte)).to_bitmask()
    }

    /// Where anything below the byte stands.
    #[inline(always)]
    pub(crate) fn below(self, byte: u8) -> u64 {
        self.0.simd_lt(u8x64::splat(self.0.simd, byte)).to_bitmask()
    }

    /// Where a decimal digit stands.
    #[inline(always)]
    pub(crate) fn digits(self) -> u64 {
        Lanes(self.0 - u8x64::splat(self.0.simd, b'0')).below(10)
    }

    /// With bit 5 set in every byte: makes `[` into `{`, `]` into `}`, and letters lower case.
    #[inline(always)]
    pub(crate) fn folded(self) -> Lanes<S> {
        Lanes(self.0 | u8x64::splat(self.0.simd, 0x20))
    }
}

/// Calls `each` with every 64 bytes of the text, the last ones filled up with spaces.
#[inline(always)]
pub(crate) fn blocks<S: Simd>(simd: S, text: &[u8], mut each: impl FnMut(Lanes<S>)) {
    let (whole, rest) = text.as_chunks::<BLOCK>();
    for bytes in whole {
        each(Lanes::load(simd, bytes));
    }
    if !rest.is_empty() {
        let mut last = [b' '; BLOCK];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        each(Lanes::load(simd, &last));
    }
}
