//! `patchpanel publish`: events from a file or standard input to a running router.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::client::{Answer, Client, Refused};
use crate::cli::PublishArgs;
use crate::{exit, terminal};

/// Lines and bytes that go into one request.
const BATCH_LINES: usize = 500;
const BATCH_BYTES: usize = 1 << 20;
/// A JSON array is sent in one request, so it must fit the router's usual limit.
const ARRAY_BYTES: u64 = 16 << 20;
const UNREADABLE: &str = "cannot read the events";
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
    let done = send_all(&client, &mut input, &mut sent);
    done.with_context(|| match sent.accepted + sent.duplicates {
        0 => "no events were accepted".to_owned(),
        some => format!("{some} events were accepted, and then it ended"),
    })?;
    if args.remote.json {
        terminal::print_line(json!({"accepted": sent.accepted, "duplicates": sent.duplicates}))?;
    } else {
        terminal::say(format_args!(
            "{} events accepted, {} duplicates",
            sent.accepted, sent.duplicates
        ));
    }
    Ok(exit::OK)
}

fn open(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let opened = File::open(file).and_then(|opened| match opened.metadata()?.is_dir() {
        true => Err(io::ErrorKind::IsADirectory.into()),
        false => Ok(opened),
    });
    Ok(Box::new(BufReader::new(
        opened.with_context(|| format!("cannot open {}", file.display()))?,
    )))
}

fn send_all(client: &Client, input: &mut dyn BufRead, sent: &mut Sent) -> anyhow::Result<()> {
    // The lines that are skipped here count: complaints name lines as editors do.
    let mut line = 1;
    let first = loop {
        let buffer = input.fill_buf().context(UNREADABLE)?;
        let at = buffer.iter().position(|byte| !byte.is_ascii_whitespace());
        let blank = buffer.get(..at.unwrap_or(buffer.len())).unwrap_or_default();
        let (first, blanks) = (at.and_then(|at| buffer.get(at).copied()), blank.len());
        line += blank.iter().filter(|byte| **byte == b'\n').count();
        input.consume(blanks);
        if first.is_some() || blanks == 0 {
            break first;
        }
    };
    if first != Some(b'[') {
        return send_lines(client, input, line, sent);
    }
    let mut body = Vec::new();
    input.take(ARRAY_BYTES + 1).read_to_end(&mut body).context(UNREADABLE)?;
    if body.len() as u64 > ARRAY_BYTES {
        return Err(Refused::input(format!(
            "a JSON array of more than {ARRAY_BYTES} bytes cannot be sent at once; write one event per line instead"
        ))
        .into());
    }
    send(client, "application/json", &body, line, sent)
}

fn send_lines(client: &Client, input: &mut dyn BufRead, mut first_line: usize, sent: &mut Sent) -> anyhow::Result<()> {
    let (mut body, mut lines) = (Vec::new(), 0);
    loop {
        let read = input
            .take(ARRAY_BYTES)
            .read_until(b'\n', &mut body)
            .context(UNREADABLE)?;
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
        if answer.status == 202 {
            sent.accepted += number(&answer, "accepted").unwrap_or(0);
            sent.duplicates += number(&answer, "duplicates").unwrap_or(0);
            return Ok(());
        }
        if matches!(answer.status, 429 | 503) && attempt < TRIES {
            std::thread::sleep(Duration::from_millis(100 << attempt));
            continue;
        }
        let place = match (number(&answer, "line"), number(&answer, "index")) {
            (Some(line), _) => format!(" (input line {})", first_line as u64 + line - 1),
            (None, Some(index)) => format!(" (event {} of the request)", index + 1),
            (None, None) => String::new(),
        };
        return Err(answer
            .refusal(&format!("the events with status {}{place}", answer.status))
            .into());
    }
    Ok(())
}

fn number(answer: &Answer, name: &str) -> Option<u64> {
    answer.body.get(name).and_then(Value::as_u64)
}
