//! The tables, how they came to be, and opening a file that holds them.
//!
//! Assumptions about the disk: what was synced stays, writes of a crashed process may be missing from the end of the
//! write-ahead log and nowhere else. SQLite sees to that with `journal_mode = WAL` and `synchronous = FULL`. What a
//! failing disk does to pages is found by the checksum in each event's row, and by SQLite's own checks of its trees.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

/// Marks a file as a store of this program: "ptch".
const APPLICATION: i32 = 0x7074_6368;

/// What made each schema version out of the one before. Released ones are never changed; new ones are added behind.
const MIGRATIONS: [&str; 2] = [include_str!("v1.sql"), include_str!("v2.sql")];

/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 64;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{} is in use by another process; stop that one, or give this one a `store.path` of its own", .0.display())]
    InUse(PathBuf),
    /// A file that is something else.
    #[error("{} is not a store of this program; move it away, or set another `store.path`", .0.display())]
    Foreign(PathBuf),
    /// Written by a later version of this program.
    #[error("{} has schema version {found}, and this program knows up to {known}; run the version that wrote it", .path.display())]
    TooNew {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: i32,
        /// The latest that is known here.
        known: i32,
    },
    /// The file cannot be read as it should be.
    #[error("{} cannot be opened as a store: {problem}", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// A connection that may write, with all tables there.
pub(super) fn open(path: &Path) -> Result<(Connection, File), OpenError> {
    let unreadable = |problem: String| OpenError::Unreadable {
        path: path.to_owned(),
        problem,
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|error| unreadable(error.to_string()))?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push("-lock");
    let lock = private(Path::new(&name)).map_err(|error| unreadable(error.to_string()))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => return Err(unreadable(error.to_string())),
    }
    // The files that SQLite puts beside it get the same permissions.
    private(path).map_err(|error| unreadable(error.to_string()))?;
    let mut connection = Connection::open(path).map_err(|error| unreadable(error.to_string()))?;
    prepare(&mut connection, path)?;
    Ok((connection, lock))
}

/// A file that is there afterwards; a new one is for its owner only, because events may be confidential.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The same tables without a file.
pub(super) fn in_memory() -> Result<Connection, OpenError> {
    let path = Path::new(":memory:");
    let mut connection = Connection::open_in_memory().map_err(|error| OpenError::Unreadable {
        path: path.to_owned(),
        problem: error.to_string(),
    })?;
    prepare(&mut connection, path)?;
    Ok(connection)
}

/// A connection to a file that [`open`] has prepared, to read only.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn prepare(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let unreadable = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => OpenError::Foreign(path.to_owned()),
        _ => OpenError::Unreadable {
            path: path.to_owned(),
            problem: error.to_string(),
        },
    };
    let pragma = |connection: &Connection, name: &str| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i32>(0))
            .map_err(unreadable)
    };
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let (application, version) = (
        pragma(connection, "application_id")?,
        pragma(connection, "user_version")?,
    );
    let known = i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX);
    if application != APPLICATION && (application != 0 || pragma(connection, "schema_version")? != 0) {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    if version > known {
        return Err(OpenError::TooNew {
            path: path.to_owned(),
            found: version,
            known,
        });
    }
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON;")
        .map_err(unreadable)?;
    for (number, migration) in (1..).zip(MIGRATIONS).filter(|(number, _)| *number > version) {
        // All of one step or nothing of it: a crash between two of them goes on with the next.
        let step = connection.transaction().and_then(|transaction| {
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", number)?;
            transaction.commit()
        });
        step.map_err(unreadable)?;
    }
    Ok(())
}
