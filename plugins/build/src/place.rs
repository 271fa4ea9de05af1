//! Where things are, as seen from a build script.

use crate::{Error, Guest};
use std::env;
use std::path::{Path, PathBuf};

/// What every guest is made of besides its own directory, from the root of the workspace.
const SHARED: [&str; 9] = [
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "plugins/message/Cargo.toml",
    "plugins/message/src",
    "plugins/sdk/Cargo.toml",
    "plugins/sdk/src",
    "rust-toolchain.toml",
    "wit",
];

/// The directories that one run is about.
#[derive(Debug)]
pub(crate) struct Place {
    /// The root of the workspace.
    pub(crate) root: PathBuf,
    /// The guests' own target directory.
    pub(crate) target: PathBuf,
    /// The build script's output directory.
    pub(crate) out: PathBuf,
}

impl Place {
    pub(crate) fn of_build_script() -> Result<Self, Error> {
        let variable = |name| env::var_os(name).map(PathBuf::from).ok_or(Error::NotABuildScript(name));
        Self::new(&variable("CARGO_MANIFEST_DIR")?, &variable("OUT_DIR")?)
    }

    fn new(manifest: &Path, out: &Path) -> Result<Self, Error> {
        let is_root = |dir: &&Path| dir.join("plugins").is_dir() && dir.join("wit").is_dir();
        let unknown = |path: &Path| Error::UnknownLayout(path.to_owned());
        let root = manifest.ancestors().find(is_root).ok_or_else(|| unknown(manifest))?;
        Ok(Self {
            root: root.to_owned(),
            target: target_dir(out).ok_or_else(|| unknown(out))?.join("guests"),
            out: out.to_owned(),
        })
    }

    /// Tells Cargo what the components depend on. Without it, or with a directory too many, guests would be built
    /// again whenever anything at all changes.
    pub(crate) fn watch(&self, guests: &[Guest<'_>]) {
        for path in SHARED.iter().copied().chain(guests.iter().map(|guest| guest.dir)) {
            println!("cargo::rerun-if-changed={}", self.root.join(path).display());
        }
    }

    /// The component that cargo made of a guest.
    pub(crate) fn component(&self, guest: &Guest<'_>) -> Result<PathBuf, Error> {
        let file = format!("{}.wasm", guest.package.replace('-', "_"));
        let path = self.target.join("wasm32-wasip2").join("guest").join(file);
        if path.is_file() {
            Ok(path)
        } else {
            Err(Error::NoComponent(path))
        }
    }
}

/// `OUT_DIR` is `<target>/[<triple>/]<profile>/build/<package>-<hash>/out`. The triple is only there with `--target`,
/// and then guests may as well live below it.
fn target_dir(out: &Path) -> Option<&Path> {
    let build = out
        .ancestors()
        .find(|dir| dir.file_name().is_some_and(|name| name == "build"))?;
    build.parent()?.parent()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_directory_is_above_the_profile() {
        let of = |out| target_dir(Path::new(out)).map(|path| path.to_string_lossy().into_owned());
        assert_eq!(of("/w/target/debug/build/p-1/out").as_deref(), Some("/w/target"));
        assert_eq!(of("/w/build/t/release/build/p-1/out").as_deref(), Some("/w/build/t"));
        assert_eq!(of("/w/target"), None);
    }

    #[test]
    fn the_root_is_found_from_any_package() -> Result<(), Error> {
        let place = Place::new(
            Path::new(env!("CARGO_MANIFEST_DIR")),
            Path::new("/t/debug/build/p-1/out"),
        )?;
        for path in SHARED {
            assert!(place.root.join(path).exists(), "{path}");
        }
        assert_eq!(place.target, Path::new("/t/guests"));
        assert!(Place::new(Path::new("/nowhere"), Path::new("/t/debug/build/p-1/out")).is_err());
        Ok(())
    }
}
