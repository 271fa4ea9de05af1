//! The `patchpanel` command.

use std::process::ExitCode;

/// What one thread allocates is often freed by another: between the tasks of a request, and between the stages that an
/// event goes through. That of the system holds its locks for it; this one makes web hooks a quarter faster
/// (`--bench webhook`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    patchpanel::main()
}
