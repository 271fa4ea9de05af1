//! A number as it is written: groups of digits, and what stands between them.

use crate::bytes::{at, is_digit, run};

const MAX_GROUPS: usize = 8;
/// The longest number that any detector takes.
const MAX_DIGITS: usize = 24;

/// Groups of digits with one separator each between them.
#[derive(Debug, Default)]
pub(crate) struct Number {
    values: [u8; MAX_DIGITS],
    lengths: [u8; MAX_GROUPS],
    /// What follows each group: a separator, `)` for a bracket with or without a space, 0 behind the last group.
    separators: [u8; MAX_GROUPS],
    ends: [usize; MAX_GROUPS],
    count: usize,
    groups: usize,
}

impl Number {
    /// Reads on from `start`, which is a digit, as far as digits go that can belong together.
    pub(crate) fn read(bytes: &[u8], start: usize) -> Self {
        let mut number = Self::default();
        let mut from = start;
        while number.groups < MAX_GROUPS {
            let limited = bytes.get(..bytes.len().min(from + MAX_DIGITS + 1)).unwrap_or_default();
            let end = run(limited, from, is_digit);
            let length = end - from;
            if length == 0 || number.count + length > MAX_DIGITS {
                break;
            }
            for (slot, byte) in number
                .values
                .iter_mut()
                .skip(number.count)
                .zip(bytes.get(from..end).unwrap_or_default())
            {
                *slot = byte - b'0';
            }
            let (separator, width) = separator(bytes, end);
            if let (Some(slot), Some(ending), Some(between)) = (
                number.lengths.get_mut(number.groups),
                number.ends.get_mut(number.groups),
                number.separators.get_mut(number.groups),
            ) {
                (*slot, *ending, *between) = (length as u8, end, separator);
            }
            number.count += length;
            number.groups += 1;
            if separator == 0 {
                break;
            }
            from = end + width;
        }
        number
    }

    /// All digits, as values.
    pub(crate) fn digits(&self) -> &[u8] {
        self.values.get(..self.count).unwrap_or_default()
    }

    /// The digits of the first `groups` groups.
    pub(crate) fn first(&self, groups: usize) -> &[u8] {
        let count: u8 = self.lengths.iter().take(groups).sum();
        self.values.get(..usize::from(count)).unwrap_or_default()
    }

    pub(crate) fn lengths(&self) -> &[u8] {
        self.lengths.get(..self.groups).unwrap_or_default()
    }

    /// Between the groups.
    pub(crate) fn separators(&self) -> &[u8] {
        self.separators.get(..self.groups.saturating_sub(1)).unwrap_or_default()
    }

    /// Where the first `groups` groups end.
    pub(crate) fn end(&self, groups: usize) -> usize {
        groups
            .checked_sub(1)
            .and_then(|last| self.ends.get(last))
            .copied()
            .unwrap_or(0)
    }

    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    /// Whether the first groups are as long as this, with these separators, and end there: what follows, if anything,
    /// is separated otherwise.
    pub(crate) fn begins(&self, lengths: &[u8], separators: &[u8]) -> bool {
        let next = self.separators.get(lengths.len().wrapping_sub(1)).copied().unwrap_or(0);
        self.lengths().starts_with(lengths)
            && self.separators().starts_with(separators)
            && (self.groups == lengths.len() || next != separators.last().copied().unwrap_or(0))
    }

    /// The same, with any one separator of `allowed` throughout.
    pub(crate) fn is_split(&self, lengths: &[u8], allowed: &[u8]) -> bool {
        let first = self.separators.first().copied().unwrap_or(0);
        let all = [first; MAX_GROUPS];
        allowed.contains(&first)
            && all
                .get(..lengths.len().saturating_sub(1))
                .is_some_and(|separators| self.begins(lengths, separators))
    }
}

/// What stands between the group that ends at `end` and the next one, and how wide it is.
fn separator(bytes: &[u8], end: usize) -> (u8, usize) {
    let next = |index: usize| at(bytes, end + index);
    match next(0) {
        byte @ (b' ' | b'-' | b'.' | b'/') => match (next(1), next(2)) {
            (digit, _) if is_digit(digit) => (byte, 1),
            // `+46 (0)8`, `+44 (20)`
            (b'(', digit) if byte != b'/' && is_digit(digit) => (b'(', 2),
            _ => (0, 0),
        },
        b'(' if is_digit(next(1)) => (b'(', 1),
        b')' => match (next(1), next(2)) {
            (digit, _) if is_digit(digit) => (b')', 1),
            (b' ' | b'-', digit) if is_digit(digit) => (b')', 2),
            _ => (0, 0),
        },
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_separators() {
        let number = Number::read(b"46 (0)8 928-57 x", 0);
        assert_eq!(number.lengths(), [2, 1, 1, 3, 2]);
        assert_eq!(number.separators(), b"() -");
        assert_eq!(number.digits(), [4, 6, 0, 8, 9, 2, 8, 5, 7]);
        assert_eq!((number.end(5), number.first(2)), (14, &[4, 6, 0][..]));
        let number = Number::read(b"123-45-6789 12", 0);
        assert!(number.begins(&[3, 2, 4], b"--") && number.is_split(&[3, 2, 4], b"-."));
        assert!(!Number::read(b"123-45-6789-1", 0).begins(&[3, 2, 4], b"--"));
        assert!(!Number::read(b"123-45.6789", 0).is_split(&[3, 2, 4], b"-."));
        assert_eq!(Number::read(&[b'1'; 40], 0).groups(), 0);
    }
}
