//! Whether text is JSON, by bitmaps alone.
//!
//! The grammar is checked by what may follow what: of every comma, colon, bracket, string and scalar the bitmaps tell
//! where the next byte that is no whitespace stands, and what stands there. The only thing that is counted one by one is
//! brackets, to know what is an object and what a list. Where the text is wrong is not known then; a text that is
//! refused is read once more by serde_json to tell the place.

use fearless_simd::{Simd, dispatch};

use crate::bits::{Next, Past, Strings};
use crate::invalid::Invalid;
use crate::lanes::{BLOCK, Lanes, blocks};
use crate::layout::{Block, Layout};
use crate::number::Numbers;

/// Most levels of objects and lists in each other.
pub const MAX_DEPTH: usize = 128;

impl Layout {
    /// Finds the layout of any bytes, and whether they are JSON as RFC 8259 has it: UTF-8, one value, at most
    /// [`MAX_DEPTH`] levels deep. Escapes of lone surrogates are JSON, though no text.
    ///
    /// # Errors
    /// What is wrong and where; the layout is of no use then.
    pub fn check(&mut self, text: &[u8]) -> Result<(), Invalid> {
        self.blocks.clear();
        self.blocks.reserve(text.len().div_ceil(BLOCK));
        dispatch!(self.level, simd => self.check_with(simd, text))
    }

    #[inline(always)]
    fn check_with<S: Simd>(&mut self, simd: S, text: &[u8]) -> Result<(), Invalid> {
        let mut check = Check::new(text);
        blocks(
            simd,
            text,
            #[inline(always)]
            |lanes| {
                let block = check.block(lanes);
                self.blocks.push(block);
            },
        );
        self.escapes = check.escaped;
        // Most texts are ASCII, and then are UTF-8.
        if check.beyond_ascii && simdutf8::basic::from_utf8(text).is_err() {
            return Err(Invalid::find(text));
        }
        check.finish()
    }
}

/// The next byte that is no whitespace.
#[derive(Clone, Copy, Default)]
struct Follow {
    next: Next,
    past: Past,
}

impl Follow {
    #[inline(always)]
    fn of(&mut self, bits: u64, space: u64) -> u64 {
        self.past.of(self.next.of(bits), space)
    }

    fn pending(self) -> bool {
        self.next.pending() || self.past.pending()
    }
}

struct Check<'t> {
    text: &'t [u8],
    /// Offset of the block.
    base: usize,
    strings: Strings,
    runs: Next,
    after_run: Next,
    after_comma: Follow,
    after_colon: Follow,
    after_open: Follow,
    after_value: Follow,
    after_key: Follow,
    keys: Past,
    numbers: Numbers,
    /// How many bytes of a literal stand in the next block.
    literal: u32,
    /// One bit for each level, the innermost lowest: whether it is an object.
    kinds: u128,
    depth: usize,
    too_deep: Option<usize>,
    escaped: bool,
    beyond_ascii: bool,
    /// Anything but 0: something was wrong.
    wrong: u64,
}

impl<'t> Check<'t> {
    fn new(text: &'t [u8]) -> Check<'t> {
        let mut check = Check {
            text,
            base: 0,
            strings: Strings::default(),
            runs: Next::default(),
            after_run: Next::default(),
            after_comma: Follow::default(),
            after_colon: Follow::default(),
            after_open: Follow::default(),
            after_value: Follow::default(),
            after_key: Follow::default(),
            keys: Past::default(),
            numbers: Numbers::default(),
            literal: 0,
            kinds: 0,
            depth: 0,
            too_deep: None,
            escaped: false,
            beyond_ascii: false,
            wrong: 0,
        };
        // A value stands at the beginning as it does after a colon.
        check.after_colon.next.of(1 << 63);
        check
    }

    #[inline(always)]
    fn block<S: Simd>(&mut self, lanes: Lanes<S>) -> Block {
        let found = self.strings.of(lanes.equal(b'"'), lanes.equal(b'\\'));
        let strings = found.strings;
        self.beyond_ascii |= lanes.below(0x80) != u64::MAX;
        let outside = !(strings | found.quotes);
        let folded = lanes.folded();
        let opens = folded.equal(b'{') & outside;
        let closes = folded.equal(b'}') & outside;
        let commas = lanes.equal(b',') & outside;
        let colons = lanes.equal(b':') & outside;
        let controls = lanes.below(b' ');
        let mut space = lanes.equal(b' ');
        if controls != 0 {
            space |= lanes.equal(b'\n') | lanes.equal(b'\r') | lanes.equal(b'\t');
        }
        space &= outside;
        let runs = outside & !(opens | closes | commas | colons | space);
        let run_starts = runs & !self.runs.of(runs);

        let opening = found.quotes & strings;
        let closing = found.quotes & !strings;
        let values = opening | opens | run_starts;
        let ended = self.after_run.of(runs) & !runs;
        // A run's end is already the byte after it.
        let after_value = {
            let ends = self.after_value.next.of(closing | closes) | ended;
            self.after_value.past.of(ends, space)
        };
        let after_open = self.after_open.of(opens, space);
        let after_comma = self.after_comma.of(commas, space);
        let after_colon = self.after_colon.of(colons, space);
        let expected = after_comma | after_colon;
        let mut wrong = (controls & strings)
            | (expected & !values)
            | (after_open & !(values | closes))
            | (values & !(expected | after_open))
            | (after_value & !(commas | colons | closes))
            | ((commas | colons) & !after_value)
            | (closes & !(after_value | after_open));

        let (objects, lists) = self.containers(opens, closes);
        let keys = (after_comma | after_open) & objects & !closes;
        let key_ends = self.keys.of(keys & opening, strings);
        let after_key = self.after_key.of(key_ends, space);
        wrong |= (keys & !opening) | (after_key ^ colons) | (commas & !(objects | lists));

        if found.escaped != 0 {
            self.escaped = true;
            wrong |= self.escapes(found.escaped & strings);
        }
        let literals = self.literals(lanes, runs, run_starts);
        wrong |= self.numbers.wrong(lanes, runs & !literals, run_starts & !literals);
        self.wrong |= wrong;
        self.base += BLOCK;
        Block::new(found.quotes, opens, closes, commas)
    }

    /// What stands directly in an object and what in a list; brackets themselves may be counted to either.
    #[inline(always)]
    fn containers(&mut self, opens: u64, closes: u64) -> (u64, u64) {
        let (mut objects, mut lists) = self.innermost();
        let mut brackets = opens | closes;
        while brackets != 0 {
            let bit = brackets & brackets.wrapping_neg();
            brackets ^= bit;
            let at = self.base + bit.trailing_zeros() as usize;
            let object = self.text.get(at).is_some_and(|byte| byte & 0x20 != 0);
            if opens & bit != 0 {
                if self.depth == MAX_DEPTH {
                    self.too_deep.get_or_insert(at);
                }
                self.depth += 1;
                self.kinds = self.kinds << 1 | u128::from(object);
            } else {
                self.wrong |= u64::from(self.depth == 0 || (self.kinds & 1 == 1) != object);
                self.depth = self.depth.saturating_sub(1);
                self.kinds >>= 1;
            }
            let rest = !(bit | (bit - 1));
            let (object, list) = self.innermost();
            objects = (objects & !rest) | (object & rest);
            lists = (lists & !rest) | (list & rest);
        }
        (objects, lists)
    }

    #[inline(always)]
    fn innermost(&self) -> (u64, u64) {
        match (self.depth, self.kinds & 1) {
            (0, _) => (0, 0),
            (_, 0) => (0, u64::MAX),
            _ => (u64::MAX, 0),
        }
    }

    /// The bytes of `true`, `false` and `null`.
    #[inline(always)]
    fn literals<S: Simd>(&mut self, lanes: Lanes<S>, runs: u64, starts: u64) -> u64 {
        let mut found = (1 << self.literal) - 1;
        self.literal = 0;
        let folded = lanes.folded();
        let mut letters = starts & folded.below(b'z') & !folded.below(b'a');
        while letters != 0 {
            let at = letters.trailing_zeros();
            letters &= letters - 1;
            let text = self.text.get(self.base + at as usize..).unwrap_or_default();
            let length: u32 = if text.starts_with(b"true") || text.starts_with(b"null") {
                4
            } else if text.starts_with(b"false") {
                5
            } else {
                self.wrong = 1;
                0
            };
            found |= ((1 << length) - 1) << at;
            self.literal = (at + length).saturating_sub(64);
        }
        found & runs
    }

    #[cold]
    fn escapes(&self, escaped: u64) -> u64 {
        let mut rest = escaped;
        while rest != 0 {
            let at = self.base + rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let right = match self.text.get(at) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => true,
                Some(b'u') => {
                    let digits = self.text.get(at + 1..at + 5);
                    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
                }
                _ => false,
            };
            if !right {
                return 1;
            }
        }
        0
    }

    fn finish(self) -> Result<(), Invalid> {
        if let Some(offset) = self.too_deep {
            // The kinds of the outer levels are lost by now.
            return Err(Invalid::of_syntax(self.text).unwrap_or(Invalid::TooDeep { offset }));
        }
        let needed = [self.after_comma, self.after_colon, self.after_open, self.after_key];
        let whole = self.after_value.pending() || self.after_run.pending();
        let right = self.wrong == 0
            && self.depth == 0
            && whole
            && !self.strings.open()
            && !needed.into_iter().any(Follow::pending)
            && !self.numbers.unfinished();
        if right { Ok(()) } else { Err(Invalid::find(self.text)) }
    }
}
