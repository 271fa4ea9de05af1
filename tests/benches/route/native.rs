//! The job of `route` as a program of its own: no router, no sandbox, no plugins, one thread.
//!
//! It reads, validates, redacts and writes the same, in batches and without copying what it need not: the redactor's
//! crate is called as a library, and replacements are spliced into the raw JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::ops::Range;
use std::path::Path;

use patchpanel_plugin::__private::Slot;
use patchpanel_plugin::__private::redactor::exports::patchpanel::plugin::redactor::{Edits, Text, Texts};
use plugin_redact::Redact;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::REDACTOR;

const BATCH: usize = 256;
const HEAD: &[u8] = br#"{"subscription":"alerts","channel":"screen","event":"#;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    level: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

/// An event of the batch; places count in the batch.
struct Entry {
    event: Range<usize>,
    /// Between the quotes.
    message: Range<usize>,
    escaped: bool,
    wanted: bool,
}

pub(crate) fn run(path: &Path) {
    let slot = Slot::<Redact>::new();
    slot.configure_redactor(REDACTOR).unwrap();
    let mut input = BufReader::with_capacity(1 << 18, File::open(path).unwrap());
    let mut output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut texts = Texts {
        paths: vec!["message".to_owned()],
        texts: Vec::new(),
        bytes: Vec::new(),
    };
    let (mut lines, mut entries) = (Vec::new(), Vec::new());
    let (mut events, mut deliveries) = (0, 0);
    let mut redactions = BTreeMap::<String, u64>::new();
    loop {
        lines.clear();
        entries.clear();
        texts.texts.clear();
        texts.bytes.clear();
        let mut ends = [0; BATCH];
        let mut count = 0;
        while count < BATCH && input.read_until(b'\n', &mut lines).unwrap() > 0 {
            ends[count] = lines.len();
            count += 1;
        }
        if count == 0 {
            break;
        }
        let batch = std::str::from_utf8(&lines).unwrap();
        let mut from = 0;
        for end in &ends[..count] {
            entries.push(parse(batch, from..*end, &mut texts));
            from = *end;
        }
        let edits = slot.redact(&texts).unwrap();
        for edit in &edits.edits {
            let label = &edits.labels[edit.label as usize];
            match redactions.get_mut(label) {
                Some(sum) => *sum += 1,
                None => drop(redactions.insert(label.clone(), 1)),
            }
        }
        deliveries += write(batch, &entries, &texts, &edits, &mut output);
        events += count;
    }
    output.flush().unwrap();
    eprintln!(
        "{}",
        json!({"events": events, "deliveries": {"alerts": deliveries}, "redactions": redactions})
    );
}

fn parse(batch: &str, line: Range<usize>, texts: &mut Texts) -> Entry {
    let text = batch[line.clone()].trim_ascii_end();
    let parsed: Line<'_> = serde_json::from_str(text).unwrap();
    let level = parsed.level.map_or("", RawValue::get);
    let mut entry = Entry {
        event: line.start..line.start + text.len(),
        message: 0..0,
        escaped: false,
        wanted: matches!(level, r#""warning""# | r#""error""# | r#""critical""#),
    };
    if let Some(raw) = parsed.message.map(RawValue::get) {
        let start = raw.as_ptr().addr() - batch.as_ptr().addr();
        let inside = &raw[1..raw.len() - 1];
        entry.message = start + 1..start + 1 + inside.len();
        entry.escaped = inside.contains('\\');
        if entry.escaped {
            texts
                .bytes
                .extend_from_slice(serde_json::from_str::<String>(raw).unwrap().as_bytes());
        } else {
            texts.bytes.extend_from_slice(inside.as_bytes());
        }
    }
    texts.texts.push(Text {
        path: 0,
        end: texts.bytes.len() as u32,
    });
    entry
}

/// Writes what is wanted of a batch, and says how many that were.
fn write(batch: &str, entries: &[Entry], texts: &Texts, edits: &Edits, output: &mut impl io::Write) -> u64 {
    let replacements = std::str::from_utf8(&edits.bytes).unwrap();
    let all = std::str::from_utf8(&texts.bytes).unwrap();
    let (mut next, mut bytes_from, mut text_from, mut written) = (0, 0, 0, 0);
    let mut new = String::new();
    for (index, (entry, text)) in entries.iter().zip(&texts.texts).enumerate() {
        let content = &all[text_from..text.end as usize];
        text_from = text.end as usize;
        let first = next;
        while edits.edits.get(next).is_some_and(|edit| edit.text as usize == index) {
            next += 1;
        }
        let own = &edits.edits[first..next];
        let begin = bytes_from;
        bytes_from = own.last().map_or(begin, |edit| edit.bytes_end as usize);
        if !entry.wanted {
            continue;
        }
        written += 1;
        output.write_all(HEAD).unwrap();
        if own.is_empty() {
            output.write_all(batch[entry.event.clone()].as_bytes()).unwrap();
        } else {
            new.clear();
            let (mut kept, mut from) = (0, begin);
            for edit in own {
                push(&mut new, &content[kept..edit.start as usize], entry.escaped);
                push(&mut new, &replacements[from..edit.bytes_end as usize], true);
                (kept, from) = (edit.end as usize, edit.bytes_end as usize);
            }
            push(&mut new, &content[kept..], entry.escaped);
            output
                .write_all(&batch.as_bytes()[entry.event.start..entry.message.start])
                .unwrap();
            output.write_all(new.as_bytes()).unwrap();
            output
                .write_all(&batch.as_bytes()[entry.message.end..entry.event.end])
                .unwrap();
        }
        output.write_all(b"}\n").unwrap();
    }
    written
}

/// Appends text to the inside of a JSON string; text that stood in one without escapes needs none now.
fn push(json: &mut String, text: &str, escape: bool) {
    if !escape {
        json.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c < ' ' => write!(json, "\\u{:04x}", u32::from(c)).unwrap(),
            c => json.push(c),
        }
    }
}
