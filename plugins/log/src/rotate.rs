//! Rotation: `log` becomes `log.1`, `log.1` becomes `log.2`, and the oldest goes.
//!
//! Several instances may find the file full at the same moment. A lock file lets one of them rotate; the others go on
//! appending to what is there, a little beyond the limit. A lock that its owner left behind (instances may be discarded
//! at any moment) is taken over after [`STALE`].

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Far longer than any number of renames takes.
const STALE: Duration = Duration::from_secs(30);

/// When to rotate, and how much to keep.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) size: u64,
    pub(crate) keep: u32,
}

/// Rotates `path`, which was found with `seen` bytes. False where another instance is at it.
pub(crate) fn rotate(path: &Path, policy: Policy, seen: u64) -> io::Result<bool> {
    let lock = with_suffix(path, "lock");
    if !take(&lock)? {
        return Ok(false);
    }
    // Smaller than before: another instance has rotated since it was looked at.
    let rotated = match fs::metadata(path) {
        Ok(now) if now.len() >= seen => shift(path, policy.keep),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    fs::remove_file(&lock)?;
    rotated.map(|()| true)
}

fn take(lock: &Path) -> io::Result<bool> {
    match OpenOptions::new().write(true).create_new(true).open(lock) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let age = fs::metadata(lock)
                .and_then(|lock| lock.modified())
                .map(|at| SystemTime::now().duration_since(at));
            if matches!(age, Ok(Ok(age)) if age > STALE) {
                // The next one that finds the file full gets it, not this one: two may have come here.
                let _ = fs::remove_file(lock);
            }
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn shift(path: &Path, keep: u32) -> io::Result<()> {
    if keep == 0 {
        return fs::remove_file(path);
    }
    let numbered = |number: u32| with_suffix(path, &number.to_string());
    // Only as far as there are files: the first free number ends the move, the last one allowed is overwritten.
    let free = (1..keep).find(|&number| !numbered(number).exists()).unwrap_or(keep);
    for number in (1..free).rev() {
        fs::rename(numbered(number), numbered(number + 1))?;
    }
    fs::rename(path, numbered(1))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::file::LogFile;
    use std::collections::BTreeSet;

    fn contents(dir: &Path) -> Vec<(String, String)> {
        let mut files: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (
                    entry.file_name().into_string().unwrap(),
                    fs::read_to_string(entry.path()).unwrap(),
                )
            })
            .collect();
        files.sort();
        files
    }

    fn file(name: &str, text: &str) -> (String, String) {
        (name.to_owned(), text.to_owned())
    }

    #[test]
    fn files_move_on_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let log = LogFile::new(dir.path().join("a"), Some(Policy { size: 4, keep: 2 }), false);
        for line in ["1\n", "2\n", "3\n", "45\n", "678901\n", "2\n"] {
            log.append(line.as_bytes()).unwrap();
        }
        // A batch that is larger than the limit by itself still gets a file of its own, not an endless rotation.
        assert_eq!(
            contents(dir.path()),
            [file("a", "2\n"), file("a.1", "678901\n"), file("a.2", "45\n")]
        );
    }

    #[test]
    fn nothing_is_kept_where_nothing_shall_be() {
        let dir = tempfile::tempdir().unwrap();
        let log = LogFile::new(dir.path().join("a"), Some(Policy { size: 4, keep: 0 }), false);
        for line in ["123\n", "456\n"] {
            log.append(line.as_bytes()).unwrap();
        }
        assert_eq!(contents(dir.path()), [file("a", "456\n")]);
    }

    #[test]
    fn a_locked_file_grows_and_a_stale_lock_goes() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join("a.lock");
        let log = LogFile::new(dir.path().join("a"), Some(Policy { size: 4, keep: 1 }), false);
        log.append(b"123\n").unwrap();
        let handle = fs::File::create(&lock).unwrap();
        log.append(b"4\n").unwrap();
        assert_eq!(contents(dir.path()), [file("a", "123\n4\n"), file("a.lock", "")]);
        handle.set_modified(SystemTime::now() - STALE * 2).unwrap();
        log.append(b"5\n").unwrap();
        assert!(!lock.exists());
        log.append(b"6\n").unwrap();
        assert_eq!(contents(dir.path()), [file("a", "6\n"), file("a.1", "123\n4\n5\n")]);
    }

    #[test]
    fn concurrent_writers_lose_and_tear_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let twice = dir.path().join("a.2");
        // While one of them is held up in the middle of rotating, the others fill the file up: so they go on until it
        // has been rotated twice.
        let write = |writer: usize| {
            let log = LogFile::new(dir.path().join("a"), Some(Policy { size: 2000, keep: 1000 }), false);
            let goes_on = |number: &usize| *number < 200 || (*number < 20_000 && !twice.exists());
            let numbers = (0..).take_while(goes_on);
            let appended = numbers.map(|number| {
                log.append(format!("{writer}-{number}\n{writer}-{number}b\n").as_bytes())
                    .unwrap();
            });
            appended.count()
        };
        let written: usize = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4).map(|writer| scope.spawn(move || write(writer))).collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).sum()
        });
        let files = contents(dir.path());
        let lines: Vec<&str> = files.iter().flat_map(|(_, text)| text.lines()).collect();
        assert_eq!(lines.len(), 2 * written);
        assert_eq!(lines.iter().collect::<BTreeSet<_>>().len(), 2 * written);
        assert!(files.len() > 2);
    }
}
