//! The detectors, one file per group. Each reports what it finds in a text and knows nothing of the others.
//!
//! All of them take time in proportion to the text, whatever is in it: looking back and ahead is bounded, and what was
//! looked at as a whole is not looked at again.

pub(crate) mod assign;
mod card;
mod check;
mod crypto;
mod digits;
pub(crate) mod email;
mod iban;
mod identity;
mod national;
pub(crate) mod network;
pub(crate) mod number;
pub(crate) mod pem;
mod phone;
pub(crate) mod vendor;
pub(crate) mod word;

pub(crate) use check::luhn;

/// How many layers of encoding were taken off already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Depth(u8);

impl Depth {
    pub(crate) const START: Self = Self(0);

    /// One more, up to two: people encode tokens, and encode requests that carry them.
    pub(crate) const fn deeper(self) -> Option<Self> {
        if self.0 < 2 { Some(Self(self.0 + 1)) } else { None }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::finding::{Scope, Sink};
    use crate::scan;

    /// What is found in `text`: class and value.
    pub(crate) fn found(text: &str) -> Vec<(&'static str, &str)> {
        let mut sink = Sink::new(Scope::default());
        scan::scan(text, &mut sink);
        sink.take()
            .iter()
            .map(|found| (found.class.name(), text.get(found.start..found.end).unwrap_or("?")))
            .collect()
    }
}
