//! Cuts the input into chunks of whole lines.

use std::io::{self, Read};

use bytes::Bytes;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 256 << 10;

/// Some whole lines of the input.
pub(crate) struct Chunk {
    /// Counted from 0, in the order of the input.
    pub(crate) number: u64,
    /// Number of the first line, counted from 1.
    pub(crate) first_line: u64,
    /// Lines with their ends; a line that was too long to be kept is empty here.
    pub(crate) lines: Bytes,
    /// Numbers of lines that were left out, because they were longer than an event may be.
    pub(crate) too_long: Vec<u64>,
}

pub(crate) struct Chunks {
    input: Box<dyn Read + Send>,
    line_bytes: usize,
    number: u64,
    line: u64,
    /// The beginning of a line whose end has not been read yet.
    rest: Vec<u8>,
    /// In the middle of a line that is too long.
    skipping: bool,
    ended: bool,
}

impl Chunks {
    pub(crate) fn new(input: Box<dyn Read + Send>, line_bytes: usize) -> Self {
        Chunks {
            input,
            line_bytes,
            number: 0,
            line: 1,
            rest: Vec::new(),
            skipping: false,
            ended: false,
        }
    }

    /// The next chunk; `None` at the end of the input.
    pub(crate) fn next(&mut self) -> io::Result<Option<Chunk>> {
        let mut too_long = Vec::new();
        let first_line = self.line;
        let mut buffer = std::mem::take(&mut self.rest);
        loop {
            if self.ended {
                if buffer.is_empty() && too_long.is_empty() {
                    return Ok(None);
                }
                return Ok(Some(self.chunk(first_line, buffer, too_long)));
            }
            let read = self.fill(&mut buffer)?;
            self.ended = read == 0;
            if self.skipping {
                // The new bytes belong to a line that was given up; what counts begins behind its end.
                match memchr::memchr(b'\n', &buffer) {
                    Some(end) => {
                        // Its end stays, so that lines are counted right.
                        buffer.drain(..end);
                        self.skipping = false;
                    }
                    None => buffer.clear(),
                }
            }
            match memchr::memrchr(b'\n', &buffer) {
                Some(end) => {
                    self.rest = buffer.split_off(end + 1);
                    return Ok(Some(self.chunk(first_line, buffer, too_long)));
                }
                None if buffer.len() > self.line_bytes => {
                    too_long.push(self.line);
                    buffer.clear();
                    self.skipping = true;
                }
                None => {}
            }
        }
    }

    /// Appends what one read gives: a pipe that is written to slowly is routed as it comes.
    fn fill(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let before = buffer.len();
        buffer.resize(before + CHUNK_BYTES, 0);
        let result = loop {
            match self.input.read(buffer.get_mut(before..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        buffer.truncate(before + result.as_ref().copied().unwrap_or(0));
        result
    }

    fn chunk(&mut self, first_line: u64, lines: Vec<u8>, too_long: Vec<u64>) -> Chunk {
        self.line += memchr::memchr_iter(b'\n', &lines).count() as u64;
        self.number += 1;
        Chunk {
            number: self.number - 1,
            first_line,
            lines: lines.into(),
            too_long,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(text: &str, line_bytes: usize) -> (String, Vec<u64>, Vec<(u64, u64)>) {
        let mut chunks = Chunks::new(Box::new(io::Cursor::new(text.to_owned().into_bytes())), line_bytes);
        let (mut all, mut too_long, mut places) = (String::new(), Vec::new(), Vec::new());
        while let Some(chunk) = chunks.next().unwrap() {
            all.push_str(std::str::from_utf8(&chunk.lines).unwrap());
            too_long.extend(chunk.too_long);
            places.push((chunk.number, chunk.first_line));
        }
        (all, too_long, places)
    }

    #[test]
    fn gives_back_every_line_and_its_number() {
        let line = format!("{}\n", "x".repeat(999));
        let text = format!("{}last", line.repeat(1000));
        let (all, too_long, places) = read(&text, 2000);
        assert_eq!(all, text);
        assert_eq!(too_long, [0_u64; 0]);
        assert_eq!(places.first(), Some(&(0, 1)));
        assert!(places.len() > 3 && places.iter().zip(0..).all(|(place, number)| place.0 == number));
        assert_eq!(read("", 10).2, []);
        assert_eq!(read("\n\n", 10).0, "\n\n");
    }

    #[test]
    fn leaves_out_lines_that_are_too_long_and_counts_on() {
        let text = format!("a\n{}\nb\n", "x".repeat(3 * CHUNK_BYTES));
        let (all, too_long, _) = read(&text, CHUNK_BYTES);
        assert_eq!(all, "a\n\nb\n");
        assert_eq!(too_long, [2]);
        let (all, too_long, _) = read(&"x".repeat(3 * CHUNK_BYTES), CHUNK_BYTES);
        assert_eq!((all.as_str(), too_long), ("", vec![1]));
    }
}
