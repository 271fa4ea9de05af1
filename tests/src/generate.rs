//! Events as services write them, the same for the same seed: what the benches route.

use std::fmt::Write as _;
use std::io::{self, Write};

use fastrand::Rng;

/// Makes events of about 520 bytes: 30% have the level `warning` or a higher one, and 20% carry an e-mail address, a
/// payment card number or a vendor's token in `message`. No other field of an event holds such a thing.
///
/// Some messages have look-alikes (a number of 16 digits that is no card's, a name behind an at sign), quotes that JSON
/// escapes, or letters outside of ASCII.
pub struct Generator {
    random: Rng,
    number: u64,
    message: String,
    json: String,
}

/// A kind of event: its type, who says so, how its message begins and ends, and its payload. `#` stands for a number.
struct Kind {
    name: &'static str,
    source: &'static str,
    opening: &'static str,
    closing: &'static str,
    payload: &'static str,
}

const KINDS: [Kind; 8] = [
    Kind {
        name: "auth.login_failed",
        source: "auth-service",
        opening: "Login of user-# failed from 198.51.100.7: wrong password, attempt # of the last hour",
        closing: "The account stays open until the limit of the policy is reached",
        payload: r#"{"user":"user-#","attempts":#,"address":"198.51.100.7","method":"password","session":null,"mfa":false}"#,
    },
    Kind {
        name: "billing.invoice_paid",
        source: "billing",
        opening: "Invoice # over # EUR was paid and is settled with the next run of the ledger",
        closing: "A receipt goes out as soon as the bank has confirmed the transfer",
        payload: r#"{"invoice":#,"amount":{"value":#,"currency":"EUR"},"lines":[{"sku":"sku-#","quantity":2}],"paid":true}"#,
    },
    Kind {
        name: "http.request",
        source: "edge-proxy",
        opening: "GET /v1/documents/#/revisions answered 200 after # ms, served by the second replica",
        closing: "The cache had no entry for it and has kept one for the next five minutes",
        payload: r#"{"method":"GET","path":"/v1/documents/#","status":200,"duration_ms":#,"cache":"miss","bytes":#}"#,
    },
    Kind {
        name: "db.slow_query",
        source: "postgres",
        opening: "Query took # ms and read # rows: select id, title from documents where owner = $1 order by changed",
        closing: "An index on owner would help",
        payload: r#"{"database":"main","duration_ms":#,"rows":#,"plan":"seq scan","locks":[],"replica":true}"#,
    },
    Kind {
        name: "queue.lag",
        source: "queue-monitor",
        opening: "Consumer group mailer is # messages behind on partition # and catches up slowly",
        closing: "At the present rate it has caught up in about ten minutes, so nobody needs to act",
        payload: r#"{"group":"mailer","partition":#,"lag":#,"rate":38.5,"members":["mailer-1","mailer-2"]}"#,
    },
    Kind {
        name: "deploy.finished",
        source: "deployer",
        opening: "Release # of checkout is out in all regions; # instances were replaced one after the other",
        closing: "The old revision is kept for a day in case it has to be rolled back",
        payload: r#"{"service":"checkout","release":#,"instances":#,"strategy":"rolling","regions":["eu-1","us-2"]}"#,
    },
    Kind {
        name: "document.content_changed",
        source: "documents",
        opening: "Section # of \"Übergabe März\" was rewritten and # comments on it were resolved",
        closing: "Readers who follow the document are told with the next digest",
        payload: r#"{"document":#,"section":#,"words":{"added":148,"removed":52},"title":"Übergabe März","shared":true}"#,
    },
    Kind {
        name: "backup.completed",
        source: "backup",
        opening: "Backup # of volume data-# is complete and its checksum was read back from the other site",
        closing: "The oldest copy was removed, since the policy keeps thirty of them",
        payload: r#"{"volume":"data-#","copies":30,"bytes":#,"verified":true,"target":"s3-eu","encrypted":true}"#,
    },
];

const GIVEN: [&str; 8] = ["anna", "ben", "chloe", "dmitri", "emeka", "fatima", "grace", "hiro"];
const FAMILY: [&str; 8] = [
    "smith", "okafor", "tanaka", "garcia", "novak", "larsen", "haddad", "kim",
];
const HOSTS: [&str; 6] = [
    "example.com",
    "example.org",
    "mail.example.net",
    "corp.example.co.uk",
    "example.io",
    "post.example.de",
];
const REGIONS: [&str; 4] = ["eu-central-1", "us-east-2", "ap-south-1", "sa-east-1"];

impl Generator {
    /// Starts anew.
    pub fn new(seed: u64) -> Generator {
        Generator {
            random: Rng::with_seed(seed),
            number: 0,
            message: String::new(),
            json: String::new(),
        }
    }

    /// The next event: JSON on one line, without its end.
    pub fn next_event(&mut self) -> &str {
        self.number += 1;
        let kind = &KINDS[self.random.usize(..KINDS.len())];
        self.write_message(kind);
        self.json.clear();
        let random = &mut self.random;
        let json = &mut self.json;
        // Writing to a string cannot fail.
        let _ = write!(
            json,
            r#"{{"id":"019c1{:03x}-{:04x}-7{:03x}-{:04x}-{:012x}","type":"{}","source":"{}-{}","level":"{}","message":"#,
            self.number >> 16 & 0xfff,
            self.number & 0xffff,
            random.u16(..0x1000),
            random.u16(0x8000..0xc000),
            random.u64(..1 << 48),
            kind.name,
            kind.source,
            random.u8(1..9),
            level(random),
        );
        json.push_str(&serde_json::to_string(&self.message).unwrap());
        let micros = self.number * 17_293 % 86_400_000_000;
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let _ = write!(
            json,
            r#","time":"2026-01-31T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z","correlation_id":"req-{:08x}""#,
            random.u32(..),
        );
        let _ = write!(
            json,
            r#","metadata":{{"region":"{}","host":"ip-10-{}-{}"}},"payload":"#,
            random.choice(REGIONS).unwrap_or_default(),
            random.u8(..),
            random.u8(..),
        );
        fill(random, json, kind.payload);
        json.push('}');
        json
    }

    fn write_message(&mut self, kind: &Kind) {
        let Generator { random, message, .. } = self;
        message.clear();
        fill(random, message, kind.opening);
        let begin = message.len();
        match random.u8(..100) {
            0..20 => {
                let before = random
                    .choice([". It concerns ", "; see ", " (", ", key=", ": "])
                    .unwrap_or_default();
                message.push_str(before);
                match random.u8(..3) {
                    0 => push_address(random, message),
                    1 => push_card(random, message),
                    _ => push_token(random, message),
                }
                if before == " (" {
                    message.push(')');
                }
            }
            // What only looks like it.
            20..22 => message.push_str("; ask @oncall"),
            22..24 => {
                let wrong = card(random, "4", 16);
                let last = (wrong.as_bytes()[15] - b'0' + 1 + random.u8(..9)) % 10;
                let _ = write!(message, "; order {}{last}", &wrong[..15]);
            }
            _ => {}
        }
        // What was put in takes the place of the end, so that size does not tell who carries something.
        if message.len() - begin < kind.closing.len() {
            message.push_str(". ");
            message.push_str(kind.closing);
            message.push('.');
        }
    }
}

/// Writes `count` events as NDJSON, and returns how many bytes that are.
///
/// # Errors
/// Where `out` cannot be written to.
pub fn write_events(seed: u64, count: u64, out: &mut impl Write) -> io::Result<u64> {
    let mut generator = Generator::new(seed);
    let mut bytes = 0;
    for _ in 0..count {
        let event = generator.next_event();
        out.write_all(event.as_bytes())?;
        out.write_all(b"\n")?;
        bytes += event.len() as u64 + 1;
    }
    Ok(bytes)
}

fn level(random: &mut Rng) -> &'static str {
    match random.u8(..100) {
        0..15 => "debug",
        15..70 => "info",
        70..88 => "warning",
        88..97 => "error",
        _ => "critical",
    }
}

/// Writes `template` with a number of one to five digits for each `#`.
fn fill(random: &mut Rng, text: &mut String, template: &str) {
    for (index, piece) in template.split('#').enumerate() {
        if index > 0 {
            let digits = random.u32(1..6);
            let _ = write!(text, "{}", random.u32(10_u32.pow(digits - 1)..10_u32.pow(digits)));
        }
        text.push_str(piece);
    }
}

fn push_address(random: &mut Rng, text: &mut String) {
    let given = random.choice(GIVEN).unwrap_or_default();
    let family = random.choice(FAMILY).unwrap_or_default();
    let host = random.choice(HOSTS).unwrap_or_default();
    let _ = match random.u8(..3) {
        0 => write!(text, "{given}.{family}@{host}"),
        1 => write!(text, "{given}+{}@{host}", random.u8(..)),
        _ => write!(text, "{}{family}{}@{host}", &given[..1], random.u8(1..99)),
    };
}

fn push_card(random: &mut Rng, text: &mut String) {
    let (prefix, digits) = random
        .choice([("4", 16), ("51", 16), ("55", 16), ("37", 15), ("6011", 16)])
        .unwrap_or(("4", 16));
    let number = card(random, prefix, digits);
    let separator = if digits == 16 {
        random.choice(["", " ", "-"]).unwrap_or_default()
    } else {
        ""
    };
    for (index, digit) in number.chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            text.push_str(separator);
        }
        text.push(digit);
    }
}

/// A number that begins with `prefix` and ends with its check digit.
fn card(random: &mut Rng, prefix: &str, digits: usize) -> String {
    let mut number = prefix.to_owned();
    while number.len() < digits - 1 {
        number.push(random.digit(10));
    }
    // Luhn: from the right, beginning beside the check digit, every second digit counts double, less 9 above 9.
    let sum: u32 = (0..)
        .zip(number.bytes().rev())
        .map(|(place, byte)| match (place % 2, u32::from(byte - b'0')) {
            (0, digit) if digit > 4 => 2 * digit - 9,
            (0, digit) => 2 * digit,
            (_, digit) => digit,
        })
        .sum();
    let _ = write!(number, "{}", (10 - sum % 10) % 10);
    number
}

/// Prefixes, lengths behind them, and alphabets of vendors' tokens. Put together at run time, so that no scanner takes
/// this file for a leak.
const TOKENS: [(&str, usize, &[u8]); 5] = [
    ("ghp_", 36, ALPHANUMERIC),
    ("glpat-", 20, ALPHANUMERIC),
    ("AKIA", 16, UPPER),
    ("sk_live_", 24, ALPHANUMERIC),
    ("npm_", 36, ALPHANUMERIC),
];
const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn push_token(random: &mut Rng, text: &mut String) {
    let (prefix, length, alphabet) = TOKENS[random.usize(..TOKENS.len())];
    text.push_str(prefix);
    text.extend((0..length).map(|_| char::from(alphabet[random.usize(..alphabet.len())])));
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    const COUNT: usize = 20_000;

    fn events() -> Vec<(usize, Value)> {
        let mut bytes = Vec::new();
        let written = write_events(7, COUNT as u64, &mut bytes).unwrap();
        assert_eq!(written, bytes.len() as u64);
        let lines = std::str::from_utf8(&bytes).unwrap().lines();
        lines
            .map(|line| (line.len(), serde_json::from_str(line).unwrap()))
            .collect()
    }

    fn share(events: &[(usize, Value)], condition: impl Fn(&Value) -> bool) -> f64 {
        events.iter().filter(|(_, event)| condition(event)).count() as f64 / events.len() as f64
    }

    fn has_address(text: &str) -> bool {
        text.split(['(', ')', ' ', '=', ',']).any(|word| {
            let parts = word.trim_end_matches('.').split_once('@');
            parts.is_some_and(|(local, host)| !local.is_empty() && host.contains('.'))
        })
    }

    fn has_card(text: &str) -> bool {
        let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        digits.split(|c: char| !c.is_ascii_digit()).any(|run| {
            let double = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
            let digits = run.chars().rev().filter_map(|c| c.to_digit(10));
            let sum: u32 = digits
                .enumerate()
                .map(|(place, digit)| if place % 2 == 1 { double(digit) } else { digit })
                .sum();
            (13..=19).contains(&run.len()) && sum.is_multiple_of(10)
        })
    }

    fn has_token(text: &str) -> bool {
        TOKENS.iter().any(|(prefix, ..)| text.contains(prefix))
    }

    #[test]
    fn shares_and_size_are_those_that_are_documented() {
        let events = events();
        let mean = events.iter().map(|(length, _)| length).sum::<usize>() as f64 / COUNT as f64;
        assert!((510.0..530.0).contains(&mean), "{mean}");
        let message = |event: &Value| event["message"].as_str().unwrap().to_owned();
        let checks: [fn(&str) -> bool; 3] = [has_address, has_card, has_token];
        for (what, expected, found) in [
            (
                "warnings",
                0.3,
                share(&events, |event| {
                    matches!(event["level"].as_str(), Some("warning" | "error" | "critical"))
                }),
            ),
            (
                "carriers",
                0.2,
                share(&events, |event| checks.iter().any(|has| has(&message(event)))),
            ),
            (
                "addresses",
                0.2 / 3.0,
                share(&events, |event| has_address(&message(event))),
            ),
            ("cards", 0.2 / 3.0, share(&events, |event| has_card(&message(event)))),
            ("tokens", 0.2 / 3.0, share(&events, |event| has_token(&message(event)))),
            (
                "warnings among carriers",
                0.06,
                share(&events, |event| {
                    matches!(event["level"].as_str(), Some("warning" | "error" | "critical"))
                        && checks.iter().any(|has| has(&message(event)))
                }),
            ),
        ] {
            assert!((found - expected).abs() < 0.01, "{what}: {found} instead of {expected}");
        }
    }

    #[test]
    fn events_are_complete_and_secrets_stand_in_the_message_only() {
        let mut ids = HashSet::new();
        for (_, mut event) in events() {
            assert!(ids.insert(event["id"].as_str().unwrap().to_owned()));
            assert!(event["time"].is_string() && event["type"].is_string());
            event["message"].take();
            let rest = event["payload"].to_string() + &event["metadata"].to_string();
            assert!(!has_address(&rest) && !has_token(&rest), "{rest}");
        }
    }

    #[test]
    fn a_seed_gives_the_same_events_again() {
        let write = |seed| {
            let mut bytes = Vec::new();
            write_events(seed, 100, &mut bytes).unwrap();
            bytes
        };
        assert_eq!(write(1), write(1));
        assert_ne!(write(1), write(2));
    }

    #[test]
    fn check_digits_are_right() {
        let mut random = Rng::with_seed(0);
        assert_eq!(card(&mut random, "411111111111111", 16), "4111111111111111");
        assert_eq!(card(&mut random, "37828224631000", 15), "378282246310005");
    }
}
