//! Where the strings, brackets and commas of a text are.

use fearless_simd::{Level, Simd, dispatch};

use crate::bits::Strings;
use crate::lanes::{BLOCK, blocks};

/// The layout of one JSON text, as bitmaps. Keeps its memory from one text to the next.
#[derive(Clone, Debug)]
pub struct Layout {
    pub(crate) blocks: Vec<Block>,
    pub(crate) escapes: bool,
    /// What this machine can do.
    pub(crate) level: Level,
}

impl Default for Layout {
    fn default() -> Layout {
        Layout {
            blocks: Vec::new(),
            escapes: false,
            level: Level::new(),
        }
    }
}

/// 64 bytes of a text. Brackets and commas are those outside strings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// Quotes that open or close a string.
    pub(crate) quotes: u64,
    /// `{` and `[`.
    pub(crate) opens: u64,
    /// `}` and `]`.
    pub(crate) closes: u64,
    /// Both, and commas.
    pub(crate) marks: u64,
    /// How many of them there are.
    open_count: u8,
    close_count: u8,
}

impl Block {
    #[inline(always)]
    pub(crate) fn new(quotes: u64, opens: u64, closes: u64, commas: u64) -> Block {
        Block {
            quotes,
            opens,
            closes,
            marks: opens | closes | commas,
            open_count: opens.count_ones() as u8,
            close_count: closes.count_ones() as u8,
        }
    }
}

impl Layout {
    /// Finds the layout of text that is known to be JSON. Of other text the layout is of no use, but nothing worse.
    pub fn map(&mut self, text: &[u8]) {
        self.blocks.clear();
        self.blocks.reserve(text.len().div_ceil(BLOCK));
        dispatch!(self.level, simd => self.map_with(simd, text));
    }

    #[inline(always)]
    fn map_with<S: Simd>(&mut self, simd: S, text: &[u8]) {
        let mut strings = Strings::default();
        let mut escapes = 0;
        blocks(
            simd,
            text,
            #[inline(always)]
            |lanes| {
                let backslashes = lanes.equal(b'\\');
                escapes |= backslashes;
                let found = strings.of(lanes.equal(b'"'), backslashes);
                let folded = lanes.folded();
                let outside = !found.strings;
                let (opens, closes) = (folded.equal(b'{') & outside, folded.equal(b'}') & outside);
                self.blocks
                    .push(Block::new(found.quotes, opens, closes, lanes.equal(b',') & outside));
            },
        );
        self.escapes = escapes != 0;
    }

    /// Whether the text has any escape; if not, every string stands in it as it is.
    #[inline]
    pub fn has_escapes(&self) -> bool {
        self.escapes
    }

    /// The next quote that opens or closes a string, at this byte or after it; past the end if there is none.
    #[inline]
    pub fn quote_from(&self, at: usize) -> usize {
        self.find(at, |block| block.quotes)
    }

    /// The next bracket or comma outside strings, at this byte or after it; past the end if there is none.
    #[inline]
    pub fn mark_from(&self, at: usize) -> usize {
        self.find(at, |block| block.marks)
    }

    #[inline(always)]
    fn find(&self, at: usize, bits: impl Fn(&Block) -> u64) -> usize {
        let mut number = at / BLOCK;
        let mut mask = u64::MAX << (at % BLOCK);
        while let Some(block) = self.blocks.get(number) {
            let found = bits(block) & mask;
            if found != 0 {
                return number * BLOCK + found.trailing_zeros() as usize;
            }
            mask = u64::MAX;
            number += 1;
        }
        self.blocks.len() * BLOCK
    }

    /// The byte after the object or list that opens at this byte; past the end if it never closes.
    ///
    /// Where a block has fewer closing brackets than are open, counting is enough.
    #[inline]
    pub fn end_of(&self, open: usize) -> usize {
        let mut depth = 0;
        let mut mask = u64::MAX << (open % BLOCK);
        for (number, block) in self.blocks.iter().enumerate().skip(open / BLOCK) {
            if depth > u32::from(block.close_count) {
                depth = depth + u32::from(block.open_count) - u32::from(block.close_count);
                continue;
            }
            let mut brackets = (block.opens | block.closes) & mask;
            mask = u64::MAX;
            while brackets != 0 {
                let bit = brackets & brackets.wrapping_neg();
                brackets ^= bit;
                if block.opens & bit != 0 {
                    depth += 1;
                } else if depth > 1 {
                    depth -= 1;
                } else {
                    return number * BLOCK + bit.trailing_zeros() as usize + 1;
                }
            }
        }
        self.blocks.len() * BLOCK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bracket_finds_its_end() {
        let text = format!(
            r#"[{{"a\"]": [{}], "b": {{"c": "}}"}}}}, "x{}", [[]], [[[]], []]]"#,
            "[1,2],".repeat(40),
            "]".repeat(200)
        );
        let mut layout = Layout::default();
        layout.map(text.as_bytes());
        let mut open = Vec::new();
        let (mut inside, mut escaped) = (false, false);
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    assert_eq!(layout.quote_from(at), at);
                    inside = !inside;
                }
                _ if inside => {}
                b'{' | b'[' => open.push(at),
                b'}' | b']' => {
                    let start = open.pop().unwrap_or_default();
                    assert_eq!(layout.end_of(start), at + 1, "from {start}");
                    assert_eq!(layout.mark_from(at), at);
                }
                b',' => assert_eq!(layout.mark_from(at), at),
                _ => {}
            }
        }
        assert_eq!(layout.end_of(0), text.len());
    }

    #[test]
    fn nothing_is_found_past_the_end() {
        let mut layout = Layout::default();
        for text in ["", "1", "[[1", "\"abc"] {
            layout.map(text.as_bytes());
            assert!(layout.end_of(0) >= text.len());
            assert!(layout.mark_from(2) >= text.len());
            assert!(layout.quote_from(1_000_000) >= text.len());
        }
    }
}
