//! `patchpanel publish`: events from a file or standard input to a running router.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

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
    let url = format!("{}/v1/events", args.url.trim_end_matches('/'));
    let mut input = open(&args.file)?;
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(120)))
        .http_status_as_error(false)
        .build()
        .new_agent();
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
        send(&agent, &url, "application/json", &body, 1, &mut sent)?;
    } else {
        send_lines(&agent, &url, input, &mut sent)?;
    }
    if args.json {
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

fn send_lines(agent: &ureq::Agent, url: &str, mut input: Box<dyn BufRead>, sent: &mut Sent) -> anyhow::Result<()> {
    let (mut body, mut lines, mut first_line) = (Vec::new(), 0, 1);
    loop {
        let read = input.by_ref().take(ARRAY_BYTES).read_until(b'\n', &mut body)?;
        lines += usize::from(read > 0);
        if (read == 0 && !body.is_empty()) || lines >= BATCH_LINES || body.len() >= BATCH_BYTES {
            send(agent, url, "application/x-ndjson", &body, first_line, sent)?;
            first_line += lines;
            (lines, body) = (0, Vec::new());
        }
        if read == 0 {
            return Ok(());
        }
    }
}

fn send(
    agent: &ureq::Agent,
    url: &str,
    content_type: &str,
    body: &[u8],
    first_line: usize,
    sent: &mut Sent,
) -> anyhow::Result<()> {
    for attempt in 1.. {
        let mut response = agent
            .post(url)
            .header("content-type", content_type)
            .send(body)
            .with_context(|| format!("cannot reach the router at {url}"))?;
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string().unwrap_or_default();
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        let number = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or(0);
        if status == 202 {
            sent.accepted += number("accepted");
            sent.duplicates += number("duplicates");
            return Ok(());
        }
        if matches!(status, 429 | 503) && attempt < TRIES {
            std::thread::sleep(Duration::from_millis(100 << attempt));
            continue;
        }
        let detail = answer
            .get("detail")
            .and_then(Value::as_str)
            .unwrap_or("no reason was given");
        let place = match answer.get("line").and_then(Value::as_u64) {
            Some(line) => format!(" (input line {})", first_line as u64 + line - 1),
            None => String::new(),
        };
        bail!(
            "the router refused the events with status {status}{place}: {detail}\n{} events were accepted before that",
            sent.accepted
        );
    }
    Ok(())
}
