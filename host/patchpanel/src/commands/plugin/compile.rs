//! `patchpanel plugin compile`: what a router starts to compile a component apart. Not meant for people, so it is hidden.

use crate::exit;

pub(super) fn compile(memory: u64) -> anyhow::Result<u8> {
    match patchpanel_runtime::compile_apart(memory) {
        Ok(()) => Ok(exit::OK),
        Err(problem) => {
            // Read by the router, which says whose component it is about.
            eprintln!("{problem}");
            Ok(exit::FAILED)
        }
    }
}
