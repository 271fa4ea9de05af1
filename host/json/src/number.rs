//! The grammar of numbers, `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`, for all numbers of a block at once.
//!
//! Each part of a number begins where the part before it ended, so it is enough to follow the beginnings over runs of
//! digits and to see that nothing stands anywhere else.

use fearless_simd::Simd;

use crate::bits::{Next, Past};
use crate::lanes::Lanes;

/// What is left to be seen of a number that goes on in the next block.
#[derive(Default)]
pub(crate) struct Numbers {
    after_minus: Next,
    after_zero: Next,
    after_dot: Next,
    after_exponent: Next,
    after_sign: Next,
    digits: Next,
    whole: Past,
    fraction: Past,
    exponent: Past,
}

impl Numbers {
    /// Where something is wrong. `numbers` is everything outside strings that may only belong to a number, and
    /// `starts` the bytes of it that nothing of it stands before.
    #[inline(always)]
    pub(crate) fn wrong<S: Simd>(&mut self, lanes: Lanes<S>, numbers: u64, starts: u64) -> u64 {
        let digits = lanes.digits() & numbers;
        let dots = lanes.equal(b'.') & numbers;
        let minuses = lanes.equal(b'-') & numbers;
        let others = numbers & !(digits | dots | minuses);

        let whole = (starts & digits) | self.after_minus.of(starts & minuses);
        let zeros = lanes.equal(b'0') & whole;
        let leading = self.after_zero.of(zeros) & digits;
        let whole_end = self.whole.of(whole, digits);
        let fraction = self.after_dot.of(dots);
        let fraction_end = self.fraction.of(fraction, digits);
        let mut begins = whole | fraction;
        let mut wrong = leading | (starts & !(digits | minuses)) | (dots & !whole_end);
        let mut signs_here = starts;
        if others != 0 || self.in_exponent() {
            let marks = lanes.folded().equal(b'e') & others;
            let pluses = lanes.equal(b'+') & others;
            let after = self.after_exponent.of(marks);
            let signs = after & (minuses | pluses);
            let exponent = (after & !signs) | self.after_sign.of(signs);
            self.exponent.of(exponent, digits);
            begins |= exponent;
            signs_here |= after;
            wrong |= (others & !(marks | pluses)) | (marks & !(whole_end | fraction_end)) | (pluses & !after);
        }
        let later = self.digits.of(digits);
        wrong | (minuses & !signs_here) | (begins & !digits) | (digits & !later & !begins)
    }

    fn in_exponent(&self) -> bool {
        self.after_exponent.pending() || self.after_sign.pending() || self.exponent.pending()
    }

    /// Whether the text ended where a digit was needed.
    pub(crate) fn unfinished(&self) -> bool {
        let all = [self.after_minus, self.after_dot, self.after_exponent, self.after_sign];
        all.into_iter().any(Next::pending)
    }
}
