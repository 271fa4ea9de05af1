//! The misdeeds.

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::io::Write as _;
use std::net::{TcpStream, ToSocketAddrs as _, UdpSocket};
use std::time::Duration;

use serde::Deserialize;

use crate::contract::exports::patchpanel::plugin::lifecycle::{self, ConfigError};
use crate::contract::exports::patchpanel::plugin::redactor::{self, Edit, Edits, Texts};
use crate::contract::patchpanel::plugin::events::Level;
use crate::contract::patchpanel::plugin::{log, secrets};

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    mode: Mode,
    #[serde(default)]
    when: Option<String>,
    #[serde(default = "third")]
    nth: u64,
    #[serde(default = "four_mebibytes")]
    bytes: u32,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    address: String,
    #[serde(default)]
    depth: u64,
}

const fn third() -> u64 {
    3
}

const fn four_mebibytes() -> u32 {
    4 << 20
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    /// Does nothing.
    None,
    /// Computes for ever.
    Loop,
    /// Sleeps for an hour: time passes in the host, where no instruction of the guest is there to be interrupted.
    Sleep,
    /// Takes memory until there is none.
    Memory,
    /// Recurses `depth` deep, or for ever.
    Stack,
    /// Panics with the text in its message.
    Panic,
    /// Executes `unreachable`.
    Trap,
    /// The same, at each `nth` call of an instance, whatever the text.
    TrapNth,
    /// Wants to end the process.
    Exit,
    /// Answers with far more than it was asked for.
    HugeOutput,
    /// Answers with an edit that is out of bounds.
    BadEdits,
    /// Answers with bytes that are no text.
    BadUtf8,
    /// Answers with edits that run backwards.
    OutOfOrder,
    /// Puts into the text's place which call of its instance this is, and of how many texts.
    CountCalls,
    /// Says that it cannot, with the text in its message.
    Error,
    /// Puts the text into the label of an edit.
    Label,
    /// Tries to read and write files, and puts into the text's place how that went.
    File,
    /// Puts what it sees of the environment into the text's place.
    Env,
    /// Asks for a secret, and puts into the text's place how that went.
    Secret,
    /// Tries to send the text away, and puts into its place how that went.
    Socket,
    /// Writes thousands of lines with the text in them, in every way there is.
    LogFlood,
    /// Computes for ever when it is configured.
    ConfigureLoop,
    /// Sleeps for an hour when it is configured.
    ConfigureSleep,
    /// Panics when it is configured.
    ConfigurePanic,
    /// Refuses every configuration.
    ConfigureRefuse,
}

thread_local! {
    static CONFIG: RefCell<Option<Config>> = const { RefCell::new(None) };
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

pub(crate) struct Component;

impl lifecycle::Guest for Component {
    #[allow(clippy::panic, reason = "to see it contained")]
    fn configure(config: String) -> Result<(), Vec<ConfigError>> {
        let refuse = |path: &str, message: String| {
            Err(vec![ConfigError {
                path: path.to_owned(),
                message,
            }])
        };
        let config = match serde_json::from_str::<Config>(&config) {
            Ok(config) => config,
            Err(error) => return refuse("", error.to_string()),
        };
        match config.mode {
            Mode::ConfigureLoop => endless(),
            Mode::ConfigureSleep => std::thread::sleep(HOUR),
            Mode::ConfigurePanic => panic!("not in the mood"),
            Mode::ConfigureRefuse => return refuse("mode", "nothing is good enough".to_owned()),
            _ => {}
        }
        CONFIG.set(Some(config));
        Ok(())
    }
}

impl redactor::Guest for Component {
    fn redact(batch: Texts) -> Result<Edits, String> {
        CONFIG.with_borrow(|config| match config {
            Some(config) => config.redact(&batch),
            None => Err("not configured".to_owned()),
        })
    }
}

impl Config {
    fn redact(&self, batch: &Texts) -> Result<Edits, String> {
        CALLS.set(CALLS.get() + 1);
        if self.mode == Mode::TrapNth && CALLS.get().is_multiple_of(self.nth) {
            core::arch::wasm32::unreachable();
        }
        let mut edits = Edits {
            labels: vec!["hostile".to_owned()],
            edits: Vec::new(),
            bytes: Vec::new(),
        };
        let mut start = 0;
        for (index, text) in (0..).zip(&batch.texts) {
            let end = text.end as usize;
            let bytes = batch.bytes.get(start..end).unwrap_or_default();
            start = end;
            let text = String::from_utf8_lossy(bytes);
            if self.when.as_ref().is_none_or(|when| text.contains(when)) {
                self.misbehave((index, batch.texts.len()), &text, &mut edits)?;
            }
        }
        Ok(edits)
    }

    #[allow(clippy::panic, reason = "to see it contained")]
    fn misbehave(&self, (index, texts): (u32, usize), text: &str, edits: &mut Edits) -> Result<(), String> {
        let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        match self.mode {
            Mode::Loop => endless(),
            Mode::Sleep => std::thread::sleep(HOUR),
            Mode::Memory => hoard(),
            // Depth is odd, so without one the bottom is never reached.
            Mode::Stack => drop(black_box(deep(
                black_box(1),
                black_box(self.depth * 2 + u64::from(self.depth > 0)),
            ))),
            Mode::OutOfOrder => {
                replace(edits, index, end, b"first");
                replace(edits, index, end, b"second");
            }
            Mode::CountCalls => {
                let said = format!("call {}, texts {texts}", CALLS.get());
                replace(edits, index, end, said.as_bytes());
            }
            Mode::Panic => panic!("I cannot bear {text}"),
            Mode::Trap => core::arch::wasm32::unreachable(),
            Mode::Exit => std::process::exit(3),
            Mode::HugeOutput => replace(edits, index, end, &vec![b'x'; self.bytes as usize]),
            Mode::BadEdits => replace(edits, index, end + 1, text.as_bytes()),
            Mode::BadUtf8 => replace(edits, index, end, b"\xff\xfe"),
            Mode::Error => return Err(format!("I cannot bear {text}")),
            Mode::Label => {
                edits.labels = vec![text.to_owned()];
                replace(edits, index, end, b"labelled");
            }
            Mode::File => replace(edits, index, end, files(self.path.as_deref()).as_bytes()),
            Mode::Env => replace(edits, index, end, environment().as_bytes()),
            Mode::Secret => replace(edits, index, end, secret().as_bytes()),
            Mode::Socket => replace(edits, index, end, send(&self.address, text).as_bytes()),
            Mode::LogFlood => flood(text),
            Mode::None
            | Mode::TrapNth
            | Mode::ConfigureLoop
            | Mode::ConfigureSleep
            | Mode::ConfigurePanic
            | Mode::ConfigureRefuse => {}
        }
        Ok(())
    }
}

fn replace(edits: &mut Edits, text: u32, end: u32, replacement: &[u8]) {
    edits.bytes.extend_from_slice(replacement);
    let bytes_end = u32::try_from(edits.bytes.len()).unwrap_or(u32::MAX);
    edits.edits.push(Edit {
        text,
        start: 0,
        end,
        label: 0,
        bytes_end,
    });
}

fn endless() -> ! {
    loop {
        black_box(());
    }
}

fn hoard() {
    let mut all = Vec::new();
    loop {
        all.push(black_box(vec![1_u8; 1 << 20]));
    }
}

/// Keeps nothing in memory, so that it is the machine's stack that runs out and not the one in linear memory.
#[allow(unconditional_recursion, reason = "that is what it is for")]
fn deep(depth: u64, bottom: u64) -> u64 {
    if depth == bottom {
        return 0;
    }
    deep(depth.wrapping_add(2), bottom).rotate_left(7) ^ depth
}

fn files(path: Option<&str>) -> String {
    let mut attempts = vec![
        std::fs::read("/etc/passwd").map(drop),
        std::fs::read_dir("/").map(drop),
        std::fs::read_dir(".").map(drop),
    ];
    attempts.extend(path.map(|path| std::fs::write(path, "was here")));
    let errors: Vec<String> = attempts
        .iter()
        .filter_map(|attempt| Some(attempt.as_ref().err()?.to_string()))
        .collect();
    let word = if errors.len() == attempts.len() {
        "DENIED"
    } else {
        "LEAKED"
    };
    format!("{word}: {}", errors.join("; "))
}

fn environment() -> String {
    let variables: Vec<String> = std::env::vars_os()
        .map(|(name, value)| format!("{}={}", name.display(), value.display()))
        .collect();
    format!("SEEN {} [{}]", variables.len(), variables.join(" "))
}

fn secret() -> String {
    match secrets::get("token") {
        Ok(value) => format!("SEEN {value}"),
        Err(error) => format!("DENIED: {error:?}"),
    }
}

/// Over TCP, in a datagram, and in the name that it asks to be resolved.
fn send(address: &str, text: &str) -> String {
    let stream = TcpStream::connect(address).and_then(|mut stream| stream.write_all(text.as_bytes()));
    let datagram = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(text.as_bytes(), address));
    let lookup = ("localhost", 80).to_socket_addrs();
    let errors = [stream.err(), datagram.err(), lookup.err()];
    let word = if errors.iter().all(Option::is_some) {
        "DENIED"
    } else {
        "LEAKED"
    };
    format!("{word}: {errors:?}")
}

fn flood(text: &str) {
    for number in 0..2000 {
        let line = format!("flood {number} {text}\nforged line about {text}");
        log::write(Level::Error, &line, &[("text".to_owned(), text.to_owned())]);
        println!("{line}");
        eprintln!("{line}");
    }
}
