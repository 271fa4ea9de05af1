//! Rotation: `log` becomes `log.1`, `log.1` becomes `log.2`, and the oldest goes. Compressed ones are called `log.1.gz`.
//!
//! When a file was begun is not told by every file system, so another one, `log.begun`, is made with it, whose time says so.
//!
//! Several instances may find the file full at the same moment. A lock file lets one of them rotate; the others go on
//! appending to what is there, a little beyond the limit. A lock that its owner left behind (instances may be discarded
//! at any moment) is taken over after [`STALE`].

use crate::gzip;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Far longer than any number of renames and compressing one file take.
const STALE: Duration = Duration::from_secs(120);

/// When to rotate, and how much to keep.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) size: Option<u64>,
    pub(crate) age: Option<Duration>,
    pub(crate) keep: u32,
    pub(crate) compress: bool,
}

/// Whether `path`, which has `before` bytes, must be begun anew before `added` more come. An empty file never is.
pub(crate) fn is_due(path: &Path, policy: Policy, before: u64, added: u64) -> io::Result<bool> {
    let begun = with_suffix(path, "begun");
    if before == 0 {
        if policy.age.is_some() {
            begin(&begun)?;
        }
        return Ok(false);
    }
    if policy.size.is_some_and(|size| before.saturating_add(added) > size) {
        return Ok(true);
    }
    let Some(age) = policy.age else { return Ok(false) };
    match fs::metadata(&begun).and_then(|begun| begun.modified()) {
        Ok(at) => Ok(SystemTime::now().duration_since(at).is_ok_and(|old| old >= age)),
        // Begun before there was an age to look at: it counts from now.
        Err(error) if error.kind() == ErrorKind::NotFound => begin(&begun).map(|()| false),
        Err(error) => Err(error),
    }
}

/// Not empty: an empty file that becomes empty again may keep its time.
fn begin(begun: &Path) -> io::Result<()> {
    fs::write(begun, b"\n")
}

/// Rotates `path`, which was found with `seen` bytes. False where another instance is at it.
pub(crate) fn rotate(path: &Path, policy: Policy, seen: u64) -> io::Result<bool> {
    let lock = with_suffix(path, "lock");
    if !take(&lock)? {
        return Ok(false);
    }
    // Smaller than before: another instance has rotated since it was looked at.
    let rotated = match fs::metadata(path) {
        Ok(now) if now.len() >= seen => shift(path, policy),
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

fn shift(path: &Path, policy: Policy) -> io::Result<()> {
    if policy.age.is_some() {
        begin(&with_suffix(path, "begun"))?;
    }
    let keep = policy.keep;
    if keep == 0 {
        return fs::remove_file(path);
    }
    let plain = |number: u32| with_suffix(path, &number.to_string());
    let packed = |number: u32| with_suffix(path, &format!("{number}.gz"));
    // Only as far as there are files: the first free number ends the move, and what has the last one allowed goes.
    let is_free = |number: &u32| !plain(*number).exists() && !packed(*number).exists();
    let free = (1..keep).find(is_free).unwrap_or(keep);
    for old in [plain(free), packed(free)].iter().filter(|old| old.exists()) {
        fs::remove_file(old)?;
    }
    for number in (1..free).rev() {
        let moves = [(plain(number), plain(number + 1)), (packed(number), packed(number + 1))];
        for (from, to) in moves.iter().filter(|(from, _)| from.exists()) {
            fs::rename(from, to)?;
        }
    }
    fs::rename(path, plain(1))?;
    if policy.compress {
        gzip::compress(&plain(1), &packed(1))?;
    }
    Ok(())
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
        let text = |(name, bytes)| (name, String::from_utf8(bytes).unwrap());
        contents_of(dir).into_iter().map(text).collect()
    }

    fn contents_of(dir: &Path) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (
                    entry.file_name().into_string().unwrap(),
                    fs::read(entry.path()).unwrap(),
                )
            })
            .collect();
        files.sort();
        files
    }

    const fn by_size(size: u64, keep: u32) -> Option<Policy> {
        Some(Policy {
            size: Some(size),
            age: None,
            keep,
            compress: false,
        })
    }

    fn file(name: &str, text: &str) -> (String, String) {
        (name.to_owned(), text.to_owned())
    }

    #[test]
    fn files_move_on_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let log = LogFile::new(dir.path().join("a"), by_size(4, 2), None);
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
        let log = LogFile::new(dir.path().join("a"), by_size(4, 0), None);
        for line in ["123\n", "456\n"] {
            log.append(line.as_bytes()).unwrap();
        }
        assert_eq!(contents(dir.path()), [file("a", "456\n")]);
    }

    #[test]
    fn a_file_that_is_old_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let policy = Policy {
            size: None,
            age: Some(Duration::from_secs(3600)),
            keep: 2,
            compress: false,
        };
        let log = LogFile::new(dir.path().join("a"), Some(policy), None);
        let old = || {
            let begun = fs::File::options()
                .write(true)
                .open(dir.path().join("a.begun"))
                .unwrap();
            begun
                .set_modified(SystemTime::now() - Duration::from_secs(3601))
                .unwrap();
        };
        for line in ["1\n", "2\n"] {
            log.append(line.as_bytes()).unwrap();
        }
        old();
        log.append(b"3\n").unwrap();
        // The new one is of now.
        log.append(b"4\n").unwrap();
        assert_eq!(
            contents(dir.path()),
            [file("a", "3\n4\n"), file("a.1", "1\n2\n"), file("a.begun", "\n")]
        );
    }

    #[test]
    fn old_files_are_compressed_and_move_on_beside_plain_ones() {
        let dir = tempfile::tempdir().unwrap();
        let policy = |compress| Policy {
            size: Some(4),
            age: None,
            keep: 3,
            compress,
        };
        let names = || {
            contents_of(dir.path())
                .into_iter()
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
        };
        let append = |compress, line: &str| {
            LogFile::new(dir.path().join("a"), Some(policy(compress)), None)
                .append(line.as_bytes())
                .unwrap()
        };
        for line in ["1\n", "234\n"] {
            append(false, line);
        }
        for line in ["567\n", "890\n"] {
            append(true, line);
        }
        assert_eq!(names(), ["a", "a.1.gz", "a.2.gz", "a.3"]);
        for line in ["abc\n", "def\n", "ghi\n"] {
            append(true, line);
        }
        assert_eq!(names(), ["a", "a.1.gz", "a.2.gz", "a.3.gz"]);
        let mut text = String::new();
        let (_, packed) = contents_of(dir.path()).swap_remove(3);
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(packed.as_slice()), &mut text).unwrap();
        assert_eq!(text, "890\n");
    }

    #[test]
    fn a_locked_file_grows_and_a_stale_lock_goes() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join("a.lock");
        let log = LogFile::new(dir.path().join("a"), by_size(4, 1), None);
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
            let log = LogFile::new(dir.path().join("a"), by_size(2000, 1000), None);
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
