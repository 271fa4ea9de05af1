//! The `patchpanel` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    patchpanel::main()
}
