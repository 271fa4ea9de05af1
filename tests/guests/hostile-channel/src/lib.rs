//! A channel that misbehaves in the way that its configuration names.
//!
//! | key | value |
//! | --- | --- |
//! | `mode` | how it misbehaves; see `Mode` |
//! | `when` | only for events whose message contains this; absent: for all |
//! | `url` | `http`: where it sends; `socket`: where it connects, as `host:port` |
//! | `path` | `file`: what it tries to write |
//! | `header` | `http`: what stands in the header `authorization`; absent: none |
//! | `bytes` | `http`: the size of the body, 0 for the event; `kv`: of each value; `leak`: what is kept of each call |
//! | `times` | `http`, `http-at-once`, `http-together`, `kv`, `mail`, `notify`: how often; `trap-loaded`: from how many deliveries on |
//! | `times`, `kind` | `fail-first`: so many attempts of each delivery fail, as `retry`, `retry-after` or `reject` |
//! | `to` | `mail`: the recipients |

mod http;
mod misdeeds;

use std::time::Duration;

use patchpanel_plugin::{Channel, ConfigError, Delivery, Problem, Receipt, export_channel, kv};
use serde::Deserialize;

use http::Request;

/// What the operator may say; see the crate's documentation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    mode: Mode,
    #[serde(default)]
    when: Option<String>,
    #[serde(default)]
    url: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    header: Option<String>,
    #[serde(default)]
    bytes: usize,
    #[serde(default)]
    to: Vec<String>,
    #[serde(default)]
    times: u32,
    #[serde(default)]
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    /// Computes for ever.
    Loop,
    /// Sleeps for an hour.
    Hang,
    /// Panics with the message in its message.
    Panic,
    /// Takes memory until there is none.
    Memory,
    /// Wants to end the process.
    Exit,
    /// Leaves out the last answer of a batch.
    WrongCount,
    /// Sends the event to `url`, and follows where that leads.
    Http,
    /// The same, but all requests before the first answer is looked at.
    HttpAtOnce,
    /// All in one call, and does not follow.
    HttpTogether,
    /// Fills `kv`.
    Kv,
    /// Says in its rejection which call of its instance this is, and of how many deliveries.
    CountCalls,
    /// The same, and never gives memory back.
    Leak,
    /// Traps where there is much to do at once.
    TrapLoaded,
    /// Reads a secret and tells it.
    Secret,
    /// Sends mail.
    Mail,
    /// Sends notifications.
    Notify,
    /// Tries to read and write files.
    File,
    /// Looks for environment variables.
    Env,
    /// Tries to connect to `url` without HTTP.
    Socket,
    /// Writes thousands of lines in every way there is.
    LogFlood,
    /// Fails for a while.
    FailFirst,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    #[default]
    Retry,
    RetryAfter,
    Reject,
}

/// Misbehaves; with how often it was called.
#[derive(Debug)]
pub struct Hostile(Config, u64);

impl Hostile {
    fn is_meant(&self, delivery: &Delivery) -> bool {
        self.0
            .when
            .as_ref()
            .is_none_or(|when| delivery.event.message.contains(when))
    }

    #[allow(clippy::panic, reason = "to see it contained")]
    fn misbehave(&self, delivery: &Delivery) -> Result<Receipt, Problem> {
        match self.0.mode {
            Mode::Loop => misdeeds::endless(),
            Mode::Hang => std::thread::sleep(Duration::from_secs(3600)),
            Mode::Panic => panic!("I cannot bear {}", delivery.event.message),
            Mode::Memory => misdeeds::hoard(),
            Mode::Exit => std::process::exit(3),
            Mode::Http => return http::one_by_one(&self.request(delivery), self.0.times.max(1)),
            Mode::HttpAtOnce => return http::at_once(&self.request(delivery), self.0.times),
            Mode::HttpTogether => return http::together(&self.request(delivery), self.0.times.max(1)),
            Mode::Kv => return misdeeds::fill(self.0.times, self.0.bytes),
            Mode::Leak => misdeeds::leak(self.0.bytes),
            Mode::Secret => return Err(Problem::Reject(misdeeds::secret())),
            Mode::Mail => return misdeeds::mail(&self.0.to, delivery, self.0.times.max(1)),
            Mode::Notify => return misdeeds::notify(delivery, self.0.times.max(1)),
            Mode::CountCalls | Mode::TrapLoaded => {}
            Mode::File => return misdeeds::files(&self.0.path),
            Mode::Env => return misdeeds::environment(),
            Mode::Socket => return misdeeds::connect(&self.0.url),
            Mode::LogFlood => misdeeds::flood(&delivery.event.message),
            Mode::FailFirst => return self.fail_first(delivery),
            Mode::WrongCount => {}
        }
        Ok(Receipt::new())
    }

    fn request(&self, delivery: &Delivery) -> Request {
        Request {
            url: self.0.url.clone(),
            header: self.0.header.clone(),
            id: delivery.id.clone(),
            body: match self.0.bytes {
                0 => delivery.event.to_json(),
                bytes => "x".repeat(bytes),
            },
        }
    }

    /// Counts in `kv`, which is all that outlives an instance.
    fn fail_first(&self, delivery: &Delivery) -> Result<Receipt, Problem> {
        let broken = |why: String| Problem::Reject(why);
        let before = kv::get(&delivery.id)
            .map_err(|error| broken(error.to_string()))?
            .unwrap_or_default();
        let attempt = u32::try_from(before.len()).unwrap_or(u32::MAX) + 1;
        if attempt != delivery.attempt {
            return Err(broken(format!(
                "the router says attempt {}, but it is attempt {attempt}",
                delivery.attempt
            )));
        }
        let after = [before.as_slice(), b"+"].concat();
        let counted = kv::compare_and_set(
            &delivery.id,
            Some(&before).filter(|_| attempt > 1).map(Vec::as_slice),
            Some(&after),
            None,
        );
        match counted {
            Ok(true) => {}
            Ok(false) => return Err(broken("two attempts at the same time".to_owned())),
            Err(error) => return Err(broken(error.to_string())),
        }
        if attempt > self.0.times {
            return Ok(Receipt::new().detail(format!("attempt {attempt}")));
        }
        let why = format!("failing on purpose, attempt {attempt}");
        Err(match self.0.kind {
            Kind::Retry => Problem::Retry(why),
            Kind::RetryAfter => Problem::retry_after(Duration::from_millis(20), why),
            Kind::Reject => Problem::Reject(why),
        })
    }
}

impl Channel for Hostile {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        Ok(Self(config, 0))
    }

    fn deliver_batch(&mut self, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
        self.1 += 1;
        if self.0.mode == Mode::TrapLoaded && batch.len() >= self.0.times as usize {
            misdeeds::trap();
        }
        let answer = |delivery| match self.0.mode {
            _ if !self.is_meant(delivery) => Ok(Receipt::new()),
            Mode::CountCalls | Mode::Leak => self.misbehave(delivery).and_then(|_| {
                let (call, of) = (self.1, batch.len());
                Err(Problem::Reject(format!("call {call}, deliveries {of}")))
            }),
            _ => self.misbehave(delivery),
        };
        let mut answers: Vec<_> = batch.iter().map(answer).collect();
        if self.0.mode == Mode::WrongCount && batch.iter().any(|delivery| self.is_meant(delivery)) {
            answers.pop();
        }
        answers
    }

    #[allow(clippy::panic, reason = "to see it contained")]
    fn check_health(&mut self) -> Result<(), String> {
        match self.0.mode {
            Mode::Loop => misdeeds::endless(),
            Mode::Hang => std::thread::sleep(Duration::from_secs(3600)),
            Mode::Panic => panic!("I am not well"),
            Mode::Secret => return Err(misdeeds::secret()),
            Mode::FailFirst => return Err("\u{1b}[2J".repeat(100_000)),
            _ => {}
        }
        Ok(())
    }
}

export_channel! {
    Hostile,
    name: "hostile-channel",
    description: "Misbehaves in the way that its configuration names.",
    capabilities: r#"{"http": ["*"], "secrets": ["*"], "directories": true, "env": ["*"], "kv": true, "mail": true, "notify": true}"#,
}
