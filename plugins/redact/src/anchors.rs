//! One look at a whole text: which bytes are in it that something could begin with. Most texts have none, or few, and
//! need no detector; this look is all that they cost.

/// What a text has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is another byte")]
pub(crate) struct Anchors {
    /// `@`: addresses, passwords in URLs.
    pub(crate) at: bool,
    /// Digits: numbers, and almost every token.
    pub(crate) digit: bool,
    /// `:`, `=`, `>`, `"`: assignments.
    pub(crate) assign: bool,
    /// `_`, `-`: tokens.
    pub(crate) joint: bool,
    /// `A`, `B`: `AKIA...`, `Bearer`, `Basic`, `BEGIN`.
    pub(crate) capital: bool,
    /// `\`: escapes in strings.
    pub(crate) backslash: bool,
    /// `%`: escapes in URLs.
    pub(crate) percent: bool,
}

const LANES: usize = 16;
type Lanes = [u8; LANES];

/// One accumulator per anchor: compiles to vector instructions.
#[derive(Default)]
struct Sums {
    at: Lanes,
    digit: Lanes,
    assign: Lanes,
    joint: Lanes,
    capital: Lanes,
    backslash: Lanes,
    percent: Lanes,
}

impl Sums {
    #[inline(always)]
    fn add(&mut self, chunk: &Lanes) {
        fn or(sum: &mut Lanes, chunk: &Lanes, test: impl Fn(u8) -> bool) {
            for (sum, &byte) in sum.iter_mut().zip(chunk) {
                *sum |= u8::from(test(byte));
            }
        }
        or(&mut self.at, chunk, |byte| byte == b'@');
        or(&mut self.digit, chunk, |byte| byte.wrapping_sub(b'0') < 10);
        or(&mut self.assign, chunk, |byte| {
            (byte == b':') | (byte == b'=') | (byte == b'>') | (byte == b'"')
        });
        or(&mut self.joint, chunk, |byte| (byte == b'_') | (byte == b'-'));
        or(&mut self.capital, chunk, |byte| (byte == b'A') | (byte == b'B'));
        or(&mut self.backslash, chunk, |byte| byte == b'\\');
        or(&mut self.percent, chunk, |byte| byte == b'%');
    }
}

impl Anchors {
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut sums = Sums::default();
        let (chunks, rest) = text.as_chunks::<LANES>();
        for chunk in chunks {
            sums.add(chunk);
        }
        if !rest.is_empty() {
            // The last full width once more covers the rest without a loop over single bytes.
            match text.last_chunk::<LANES>() {
                Some(last) => sums.add(last),
                None => {
                    let mut short = [0; LANES];
                    for (lane, &byte) in short.iter_mut().zip(rest) {
                        *lane = byte;
                    }
                    sums.add(&short);
                }
            }
        }
        let any = |sum: Lanes| u128::from_ne_bytes(sum) != 0;
        Self {
            at: any(sums.at),
            digit: any(sums.digit),
            assign: any(sums.assign),
            joint: any(sums.joint),
            capital: any(sums.capital),
            backslash: any(sums.backslash),
            percent: any(sums.percent),
        }
    }

    /// Whether anything could be found at all.
    pub(crate) fn any(self) -> bool {
        self != Self::default()
    }

    /// Whether words have to be looked at.
    pub(crate) const fn words(self) -> bool {
        self.digit || self.joint || self.capital || self.assign
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
                for anchor in "@09:=>\"_-AB\\%".bytes() {
                    let mut text = vec![b'x'; length];
                    text.splice(place..=place, [anchor]);
                    let anchors = Anchors::of(&text);
                    assert!(anchors.any(), "{anchor} at {place} of {length}");
                    assert_eq!(anchors.at, anchor == b'@');
                    assert_eq!(anchors.digit, anchor.is_ascii_digit());
                }
            }
        }
    }
}
