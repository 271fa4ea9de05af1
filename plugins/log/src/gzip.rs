//! Old files, compressed.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Puts `plain` compressed into the place of `packed`. It goes only when that is on the disk: whatever happens, there is at
/// least one of the two.
pub(crate) fn compress(plain: &Path, packed: &Path) -> io::Result<()> {
    let aside = {
        let mut name = OsString::from(packed);
        name.push(".tmp");
        PathBuf::from(name)
    };
    let mut from = File::open(plain)?;
    // Lines of JSON are so repetitive that more effort finds little more.
    let mut encoder = GzEncoder::new(File::create(&aside)?, Compression::fast());
    io::copy(&mut from, &mut encoder)?;
    encoder.finish()?.sync_all()?;
    fs::rename(&aside, packed)?;
    fs::remove_file(plain)
}
