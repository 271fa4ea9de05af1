//! Secrets that a command prints, such as one that asks a vault.

use std::fmt;
use std::io::{self, Read as _, Seek as _};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::child::ended;

/// What it may take.
const TIME: Duration = Duration::from_secs(10);
/// How long what it printed counts: a command for each request would be slow, and one for good would miss a rotation.
const FRESH: Duration = Duration::from_secs(60);
/// Longest secret.
const BYTES: u64 = 64 << 10;

/// A program with its arguments, started without a shell, that prints one secret.
pub struct SecretCommand {
    words: Vec<String>,
    known: Mutex<Option<(Instant, String)>>,
}

impl SecretCommand {
    /// Splits a command line at its blanks; `None` where there is no word in it.
    pub(crate) fn parse(line: &str) -> Option<SecretCommand> {
        let words: Vec<String> = line.split_ascii_whitespace().map(str::to_owned).collect();
        (!words.is_empty()).then(|| SecretCommand {
            words,
            known: Mutex::default(),
        })
    }

    /// What it printed within the last minute, or prints now. Blocks. The error names the program, not what it said: that
    /// may be the secret.
    pub(crate) fn read(&self) -> Result<String, String> {
        // Held while the program runs, so that many who ask at once start it once.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, value)) = &*known
            && since.elapsed() < FRESH
        {
            return Ok(value.clone());
        }
        let value = self.run()?;
        *known = Some((Instant::now(), value.clone()));
        Ok(value)
    }

    fn run(&self) -> Result<String, String> {
        let program = self.program();
        let failed = |error: io::Error| format!("the command {program} cannot be run: {}", error.kind());
        // A file and not a pipe: nobody has to read while it runs.
        let mut output = tempfile::tempfile().map_err(failed)?;
        let child = Command::new(program)
            .args(self.words.iter().skip(1))
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        match ended(child, TIME).map_err(failed)? {
            None => return Err(format!("the command {program} did not end within {} s", TIME.as_secs())),
            Some(status) if !status.success() => return Err(format!("the command {program} ended with {status}")),
            Some(_) => {}
        }
        let mut text = String::new();
        output
            .rewind()
            .and_then(|()| output.take(BYTES + 1).read_to_string(&mut text))
            .map_err(|_| format!("the command {program} printed no text"))?;
        if text.len() as u64 > BYTES {
            return Err(format!("the command {program} printed more than {BYTES} bytes"));
        }
        text.truncate(text.trim_end_matches(['\n', '\r']).len());
        if text.is_empty() {
            return Err(format!("the command {program} printed nothing"));
        }
        Ok(text)
    }

    fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }
}

/// The same command is the same secret, whatever is known of it.
impl PartialEq for SecretCommand {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

impl Eq for SecretCommand {}

/// Neither the value nor the arguments.
impl fmt::Debug for SecretCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecretCommand").field(&self.program()).finish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_output_is_the_secret_and_no_failure_shows_it() {
        let read = |line: &str| SecretCommand::parse(line).unwrap().read();
        assert_eq!(read("echo  hunter2"), Ok("hunter2".to_owned()));
        for (line, said) in [
            ("true", "the command true printed nothing"),
            ("ls --hunter2", "the command ls ended with"),
            (
                "/nowhere/at/all hunter2",
                "the command /nowhere/at/all cannot be run: entity not found",
            ),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.starts_with(said) && !error.contains("hunter2"), "{error}");
        }
        assert!(SecretCommand::parse("  ").is_none());
        let command = SecretCommand::parse("echo hunter2").unwrap();
        command.read().unwrap();
        assert_eq!(format!("{command:?}"), "SecretCommand(\"echo\")");
    }

    #[test]
    fn it_runs_once_for_many() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "first").unwrap();
        let command = SecretCommand::parse(&format!("cat {}", file.path().display())).unwrap();
        assert_eq!(command.read(), Ok("first".to_owned()));
        std::fs::write(file.path(), "second").unwrap();
        assert_eq!(command.read(), Ok("first".to_owned()), "it is fresh");
        *command.known.lock().unwrap() = None;
        assert_eq!(command.read(), Ok("second".to_owned()));
    }
}
