//! The git history of a repository as events: real input that every checkout has.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use patchpanel_event::{Event, EventParts, Level, Limits, parse_time};
use serde_json::json;

/// Between commits and between their fields; control characters that git itself never prints in these fields.
const RECORD: u8 = 0x1e;
const FIELD: char = '\x1f';
/// A commit may touch any number of files; an event is limited.
const MOST_FILES: usize = 1000;
/// Longest commit message that is taken over whole.
const MESSAGE_BYTES: usize = 64 << 10;
/// Longest record that is read; commits beyond are counted as unreadable.
const RECORD_BYTES: u64 = 64 << 20;

/// Why there is no history.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    /// `git` cannot be started.
    #[error("cannot run git: {0}")]
    Start(std::io::Error),
    /// Its output cannot be read.
    #[error("cannot read from git: {0}")]
    Read(std::io::Error),
    /// It ended with an error.
    #[error("git log failed: {0}\nIs this a git repository with commits? Name another with --repo PATH.")]
    Failed(String),
}

/// Reads commits, oldest first.
pub(crate) struct History {
    git: Child,
    output: BufReader<ChildStdout>,
    source: String,
    limits: Limits,
    /// Commits that could not be read.
    pub(crate) unreadable: u64,
}

impl History {
    /// Starts `git log` on the repository.
    pub(crate) fn open(repository: &Path, limits: Limits) -> Result<History, GitError> {
        let mut git = Command::new("git")
            .arg("-C")
            .arg(repository)
            .args([
                "-c",
                "core.quotePath=off",
                "log",
                "--reverse",
                "--name-only",
                "--no-renames",
                "--encoding=UTF-8",
                "--no-show-signature",
            ])
            .arg("--format=%x1e%H%x1f%P%x1f%an%x1f%ae%x1f%aI%x1f%B%x1f")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(GitError::Start)?;
        let output = git
            .stdout
            .take()
            .ok_or_else(|| GitError::Start(std::io::Error::other("no output")))?;
        let name = repository
            .canonicalize()
            .ok()
            .and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
        let mut history = History {
            git,
            output: BufReader::with_capacity(1 << 16, output),
            source: format!("git:{}", name.unwrap_or_else(|| "repository".to_owned())),
            limits,
            unreadable: 0,
        };
        // What stands before the first commit is nothing.
        history.record()?;
        Ok(history)
    }

    /// The next commits, at most `max`; none at the end.
    pub(crate) fn next_batch(&mut self, max: usize) -> Result<Vec<Event>, GitError> {
        let mut events = Vec::new();
        while events.len() < max {
            let Some(record) = self.record()? else { break };
            match self.event(&String::from_utf8_lossy(&record)) {
                Some(event) => events.push(event),
                None => self.unreadable += 1,
            }
        }
        if events.is_empty() {
            self.finish()?;
        }
        Ok(events)
    }

    fn record(&mut self) -> Result<Option<Vec<u8>>, GitError> {
        let mut record = Vec::new();
        let read = self
            .output
            .by_ref()
            .take(RECORD_BYTES)
            .read_until(RECORD, &mut record)
            .map_err(GitError::Read)?;
        if record.last() == Some(&RECORD) {
            record.pop();
        }
        Ok((read > 0).then_some(record))
    }

    fn finish(&mut self) -> Result<(), GitError> {
        let status = self.git.wait().map_err(GitError::Read)?;
        if status.success() {
            return Ok(());
        }
        let mut message = String::new();
        if let Some(errors) = self.git.stderr.take() {
            errors.take(4096).read_to_string(&mut message).map_err(GitError::Read)?;
        }
        Err(GitError::Failed(message.trim().to_owned()))
    }

    fn event(&self, record: &str) -> Option<Event> {
        let mut fields = record.split(FIELD);
        let (hash, parents, name, email, time, message, files) = (
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
        );
        let message = message
            .get(..message.floor_char_boundary(MESSAGE_BYTES))
            .unwrap_or(message)
            .trim_end();
        let parents: Vec<&str> = parents.split_whitespace().collect();
        let mut files: Vec<&str> = files.lines().filter(|file| !file.is_empty()).collect();
        let omitted = files.len().saturating_sub(MOST_FILES);
        files.truncate(MOST_FILES);
        let title = message.lines().next().unwrap_or_default();
        let notable = parents.len() > 1 || title.starts_with("Revert ");
        let mut payload = json!({"hash": hash, "author": {"name": name, "email": email}, "message": message, "parents": parents, "files": files});
        if let (true, Some(payload)) = (omitted > 0, payload.as_object_mut()) {
            payload.insert("files_omitted".to_owned(), omitted.into());
        }
        let parts = EventParts {
            id: hash.to_owned(),
            kind: "git.commit".to_owned(),
            source: self.source.clone(),
            level: if notable { Level::Warning } else { Level::Info },
            time: parse_time(time),
            message: title.to_owned(),
            subject: hash.get(..12).map(str::to_owned),
            payload: payload.to_string(),
            ..EventParts::default()
        };
        parts.build(&self.limits).ok()
    }
}

impl Drop for History {
    fn drop(&mut self) {
        // Left before the end: git would wait for a reader that never comes.
        let _ = self.git.kill();
        let _ = self.git.wait();
    }
}
