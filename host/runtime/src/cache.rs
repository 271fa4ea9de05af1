//! Compiled code, kept between starts.
//!
//! Compiling a component takes up to seconds, loading compiled code a millisecond. Compiled code is native code that is
//! run as it is, so whoever can write to the cache can run code as the router: the directory must belong to this user
//! and be closed to everybody else, or it is not used.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::LoadError;
use crate::compiler::Compiler;

pub(crate) struct CompileCache {
    /// None: compile every time.
    directory: Option<PathBuf>,
    /// None: compile here.
    compiler: Option<Compiler>,
}

impl CompileCache {
    /// Prepares `directory`. Where that cannot be had safely, says so in the log and works without.
    pub(crate) fn open(engine: &Engine, directory: Option<&Path>, compiler: Option<Compiler>) -> Self {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let directory = directory.and_then(|base| {
            let directory = base.join(format!("{:016x}", hasher.finish()));
            match prepare(&directory) {
                Ok(()) => Some(directory),
                Err(reason) => {
                    tracing::warn!(directory = %directory.display(), reason, "compiled plugins are not cached");
                    None
                }
            }
        });
        CompileCache { directory, compiler }
    }

    /// The compiled form of `bytes`, whose SHA-256 is `hash` in hexadecimal.
    pub(crate) fn compile(&self, engine: &Engine, hash: &str, bytes: &[u8]) -> Result<Component, LoadError> {
        let failed = |error: wasmtime::Error| LoadError::Compile(format!("{error:#}"));
        let path = self
            .directory
            .as_ref()
            .map(|directory| directory.join(format!("{hash}.cwasm")));
        if let Some(path) = path.as_ref().filter(|path| path.exists()) {
            match load(engine, path) {
                Ok(component) => return Ok(component),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "compiled code is unusable and is made anew")
                }
            }
        }
        let code = match &self.compiler {
            Some(compiler) => compiler.compile(bytes)?,
            None => engine.precompile_component(bytes).map_err(failed)?,
        };
        if let (Some(directory), Some(path)) = (&self.directory, &path) {
            match store(directory, path, &code) {
                // Mapped into memory, it costs no memory of its own.
                Ok(()) => return load(engine, path).map_err(failed),
                Err(error) => tracing::warn!(path = %path.display(), %error, "compiled code could not be kept"),
            }
        }
        load_bytes(engine, &code).map_err(failed)
    }
}

/// The same component for another engine.
#[allow(
    unsafe_code,
    reason = "as for `load`: wasmtime cannot check native code that comes as bytes"
)]
pub(crate) fn adopt(engine: &Engine, component: &Component) -> Result<Component, LoadError> {
    let adopted = component.serialize().and_then(|code| {
        // SAFETY: these are the bytes of a component that this process compiled or loaded, and wasmtime itself refuses
        // code that was compiled for an engine of another configuration.
        unsafe { Component::deserialize(engine, code) }
    });
    adopted.map_err(|error| LoadError::Compile(format!("{error:#}")))
}

#[allow(
    unsafe_code,
    reason = "the one place: wasmtime cannot check native code that it did not just compile"
)]
fn load(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file was written by `store` into a directory that only this user can enter or change, which `prepare`
    // checked, and wasmtime itself refuses code of another version or configuration.
    unsafe { Component::deserialize_file(engine, path) }
}

#[allow(unsafe_code, reason = "as above")]
fn load_bytes(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the compiler, which is this program, has just made it.
    unsafe { Component::deserialize(engine, code) }
}

fn prepare(directory: &Path) -> Result<(), String> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| error.to_string())?;
    let found = fs::symlink_metadata(directory).map_err(|error| error.to_string())?;
    let own = fs::metadata("/proc/self").map(|own| own.uid()).unwrap_or(found.uid());
    if !found.is_dir() || found.mode() & 0o077 != 0 || found.uid() != own {
        return Err("it must be a directory of this user, closed to all others (mode 0700)".to_owned());
    }
    // Whoever may rename a directory above could put another one in its place later.
    let path = directory.canonicalize().map_err(|error| error.to_string())?;
    for above in path.ancestors().skip(1) {
        let mode = fs::metadata(above).map_err(|error| error.to_string())?.mode();
        if mode & 0o002 != 0 && mode & 0o1000 == 0 {
            return Err(format!("everybody may write to {}", above.display()));
        }
    }
    Ok(())
}

/// Written under another name and renamed, so that no reader ever sees half a file.
fn store(directory: &Path, path: &Path, code: &[u8]) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(code)?;
    file.persist(path)?;
    Ok(())
}
