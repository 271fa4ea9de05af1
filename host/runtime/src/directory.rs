//! The plugins directory: which component files are in it, and their bytes once they hold still.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::LoadError;
use crate::revision::COMPONENT_BYTES;

/// What tells one content of a file from the next without reading it. The inode is part of it, because a rename or a
/// swapped symlink can bring other content of the same size and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    inode: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Stamp {
            inode: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// A component file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) stamp: Stamp,
}

/// All `NAME.wasm` in the directory, by name. Dotfiles and what editors and copiers leave behind have other names.
/// Symlinks are followed, so Kubernetes' swapped `..data` directories work. A directory that is not there is empty.
pub(crate) fn list(directory: &Path) -> BTreeMap<String, Found> {
    let Ok(entries) = fs::read_dir(directory) else {
        return BTreeMap::new();
    };
    let mut found = BTreeMap::new();
    for entry in entries.flatten() {
        let path = entry.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_suffix(".wasm"));
        if let (Some(name), Ok(metadata)) = (name, fs::metadata(&path))
            && !name.is_empty()
            && !name.starts_with('.')
            && metadata.is_file()
        {
            found.insert(
                name.to_owned(),
                Found {
                    path: path.clone(),
                    stamp: Stamp::of(&metadata),
                },
            );
        }
    }
    found
}

/// The file's bytes, or `None` where it changed while it was read: somebody is still writing.
pub(crate) fn read(found: &Found) -> Result<Option<Vec<u8>>, LoadError> {
    let failed = |error: std::io::Error| LoadError::Read {
        path: found.path.display().to_string(),
        message: error.kind().to_string(),
    };
    if found.stamp.size > COMPONENT_BYTES {
        return Err(LoadError::TooLarge {
            bytes: found.stamp.size,
            limit: COMPONENT_BYTES,
        });
    }
    let mut file = File::open(&found.path).map_err(failed)?;
    let mut bytes = Vec::new();
    // One byte more than allowed, so that a file that grows meanwhile is seen to be too large.
    file.by_ref()
        .take(COMPONENT_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    let after = Stamp::of(&file.metadata().map_err(failed)?);
    Ok((after == found.stamp && bytes.len() as u64 == after.size).then_some(bytes))
}
