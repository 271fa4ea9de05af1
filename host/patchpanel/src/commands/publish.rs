//! `patchpanel publish`: events from a file or standard input to a running router.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::client::Client;
use crate::cli::PublishArgs;
use crate::exit;

/// Lines and bytes that go into one request.
const BATCH_LINES: usize = 500;
const BATCH_BYTES: usize = 1 << 20;
/// A JSON array is sent in one request, so it must fit the router's usual limit.
const ARRAY_BYTES: u64 = 16 << 20;
/// A router that is busy is asked again so often.
const TRIES: u32 = 6;

#[derive(Default)]
struct Sent {
    accepted: u64,
    duplicates: u64,
}

pub(crate) fn publish(args: &PublishArgs) -> anyhow::Result<u8> {
    let client = Client::new(&args.remote.url);
    let mut input = open(&args.file)?;
    let mut sent = Sent::default();
    let first = loop {
        let buffer = input.fill_buf()?;
        match buffer.iter().position(|byte| !byte.is_ascii_whitespace()) {
            Some(at) => {
                let first = buffer.get(at).copied();
                input.consume(at);
                break first;
            }
            None if buffer.is_empty() => break None,
            None => {
                let blank = buffer.len();
                input.consume(blank);
            }
        }
    };
    if first == Some(b'[') {
        let mut body = Vec::new();
        input.take(ARRAY_BYTES + 1).read_to_end(&mut body)?;
        if body.len() as u64 > ARRAY_BYTES {
            bail!(
                "a JSON array of more than {ARRAY_BYTES} bytes cannot be sent at once; write one event per line instead"
            );
        }
        send(&client, "application/json", &body, 1, &mut sent)?;
    } else {
        send_lines(&client, input, &mut sent)?;
    }
    if args.remote.json {
        println!("{}", json!({"accepted": sent.accepted, "duplicates": sent.duplicates}));
    } else {
        eprintln!("{} events accepted, {} duplicates", sent.accepted, sent.duplicates);
    }
    Ok(exit::OK)
}

fn open(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    Ok(Box::new(BufReader::new(
        File::open(file).with_context(|| format!("cannot open {}", file.display()))?,
    )))
}

fn send_lines(client: &Client, mut input: Box<dyn BufRead>, sent: &mut Sent) -> anyhow::Result<()> {
    let (mut body, mut lines, mut first_line) = (Vec::new(), 0, 1);
    loop {
        let read = input.by_ref().take(ARRAY_BYTES).read_until(b'\n', &mut body)?;
        lines += usize::from(read > 0);
        if (read == 0 && !body.is_empty()) || lines >= BATCH_LINES || body.len() >= BATCH_BYTES {
            send(client, "application/x-ndjson", &body, first_line, sent)?;
            first_line += lines;
            (lines, body) = (0, Vec::new());
        }
        if read == 0 {
            return Ok(());
        }
    }
}

fn send(client: &Client, content_type: &str, body: &[u8], first_line: usize, sent: &mut Sent) -> anyhow::Result<()> {
    for attempt in 1.. {
        let answer = client.send("/v1/events", content_type, body)?;
        let number = |name: &str| answer.body.get(name).and_then(Value::as_u64);
        if answer.status == 202 {
            sent.accepted += number("accepted").unwrap_or(0);
            sent.duplicates += number("duplicates").unwrap_or(0);
            return Ok(());
        }
        if matches!(answer.status, 429 | 503) && attempt < TRIES {
            std::thread::sleep(Duration::from_millis(100 << attempt));
            continue;
        }
        let place = match number("line") {
            Some(line) => format!(" (input line {})", first_line as u64 + line - 1),
            None => String::new(),
        };
        bail!(
            "the router refused the events with status {}{place}: {}\n{} events were accepted before that",
            answer.status,
            answer.detail(),
            sent.accepted
        );
    }
    Ok(())
}
