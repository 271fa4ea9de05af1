//! Compiling in a process of its own.
//!
//! The compiler takes whatever strangers wrote, and there are components of a few kilobytes that keep it busy for minutes
//! or make it take gigabytes. A process of its own can be held to an amount of memory and time, and its end is not the
//! router's. It is the same program again, told to do nothing else; the component comes on its standard input, and the
//! code leaves on its standard output.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use nix::sys::resource::{Resource, setrlimit};
use wasmtime::Engine;

use crate::LoadError;
use crate::child::ended;
use crate::engine::{Profile, configuration};

/// What is read of its complaint.
const COMPLAINT_BYTES: u64 = 4096;

/// How components are compiled in a process of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
    /// A program that calls [`compile_apart`], and what to call it with.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Bytes of memory that it may have.
    pub memory: u64,
    /// Time that it may take.
    pub time: Duration,
}

impl Compiler {
    /// The compiled form of a component.
    pub(crate) fn compile(&self, component: &[u8]) -> Result<Vec<u8>, LoadError> {
        let failed = |error: io::Error| LoadError::Compile(format!("the compiler cannot be run: {error}"));
        let (mut code, mut complaint) = (
            tempfile::tempfile().map_err(failed)?,
            tempfile::tempfile().map_err(failed)?,
        );
        let child = self.start(component, &code, &complaint).map_err(failed)?;
        match ended(child, self.time).map_err(failed)? {
            None => return Err(LoadError::CompileTime(self.time)),
            Some(status) if status.success() => {}
            Some(status) => return Err(self.judge(status, &mut complaint)),
        }
        let mut bytes = Vec::new();
        code.rewind()
            .and_then(|()| code.read_to_end(&mut bytes))
            .map_err(failed)?;
        Ok(bytes)
    }

    /// Over files, not pipes: nobody has to read and write at the same time.
    fn start(&self, component: &[u8], code: &File, complaint: &File) -> io::Result<Child> {
        let mut input = tempfile::tempfile()?;
        input.write_all(component)?;
        input.rewind()?;
        Command::new(&self.program)
            .args(&self.arguments)
            .arg(self.memory.to_string())
            // The limit is one of address space, of which the router's allocator would reserve a gigabyte ahead. In KiB.
            .env("MIMALLOC_ARENA_RESERVE", "8192")
            .stdin(input)
            .stdout(code.try_clone()?)
            .stderr(complaint.try_clone()?)
            .spawn()
    }

    fn judge(&self, status: ExitStatus, complaint: &mut File) -> LoadError {
        // Refused memory ends the process by a signal, at whatever place asked for it.
        if status.code().is_none() {
            return LoadError::CompileMemory(self.memory);
        }
        let mut text = String::new();
        let read = complaint
            .rewind()
            .and_then(|()| complaint.take(COMPLAINT_BYTES).read_to_string(&mut text));
        match read {
            Ok(_) if !text.trim().is_empty() => LoadError::Compile(text.trim().to_owned()),
            _ => LoadError::Compile(format!("the compiler ended with {status}")),
        }
    }
}

/// What the process of a [`Compiler`] does: compiles its standard input to its standard output, with `memory` bytes.
///
/// # Errors
/// For its standard error.
pub fn compile_apart(memory: u64) -> Result<(), String> {
    setrlimit(Resource::RLIMIT_AS, memory, memory).map_err(|error| format!("cannot limit the memory: {error}"))?;
    // The end by a signal is what is expected of it, and the operator has no use for its remains.
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(|error| format!("cannot forbid dumps: {error}"))?;
    let mut component = Vec::new();
    io::stdin()
        .read_to_end(&mut component)
        .map_err(|error| error.to_string())?;
    let engine = Engine::new(&configuration(Profile::default())).map_err(|error| format!("{error:#}"))?;
    let code = engine
        .precompile_component(&component)
        .map_err(|error| format!("{error:#}"))?;
    io::stdout().write_all(&code).map_err(|error| error.to_string())
}
