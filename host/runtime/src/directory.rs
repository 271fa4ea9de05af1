//! The plugins directory: which component files are in it with which signatures, and their bytes once they hold still.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::LoadError;
use crate::SIGNATURE_SUFFIX;
use crate::revision::COMPONENT_BYTES;

/// Longest signature that is read; those of minisign have some 300 bytes.
const SIGNATURE_BYTES: u64 = 4096;

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

/// The stamps of a component and of its signature, if it has one: a signature may come after what it signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamps {
    component: Stamp,
    signature: Option<Stamp>,
}

/// A component file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) stamps: Stamps,
}

/// What stood in a component file and beside it.
pub(crate) struct Files {
    pub(crate) component: Vec<u8>,
    pub(crate) signature: Option<String>,
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
                    stamps: Stamps {
                        component: Stamp::of(&metadata),
                        signature: fs::metadata(signature_of(&path)).ok().as_ref().map(Stamp::of),
                    },
                    path: path.clone(),
                },
            );
        }
    }
    found
}

fn signature_of(component: &Path) -> PathBuf {
    let mut path = component.as_os_str().to_owned();
    path.push(SIGNATURE_SUFFIX);
    path.into()
}

/// The file's bytes, or `None` where it changed while it was read: somebody is still writing.
pub(crate) fn read(found: &Found) -> Result<Option<Files>, LoadError> {
    let failed = |error: std::io::Error| LoadError::Read {
        path: found.path.display().to_string(),
        message: error.kind().to_string(),
    };
    if found.stamps.component.size > COMPONENT_BYTES {
        return Err(LoadError::TooLarge {
            bytes: found.stamps.component.size,
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
    if after != found.stamps.component || bytes.len() as u64 != after.size {
        return Ok(None);
    }
    Ok(Some(Files {
        component: bytes,
        signature: found.stamps.signature.and_then(|_| signature(&found.path)),
    }))
}

/// One that cannot be read is as good as none, and half of one fits nothing: its stamp changes when it is whole.
fn signature(component: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(signature_of(component)).ok()?;
    file.take(SIGNATURE_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}
