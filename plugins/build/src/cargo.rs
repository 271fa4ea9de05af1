//! The inner run of cargo.

use crate::place::Place;
use crate::{Error, Guest};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::{env, slice};

const TARGET: &str = "wasm32-wasip2";

pub(crate) fn build(place: &Place, guests: &[Guest<'_>]) -> Result<(), Error> {
    let cargo = PathBuf::from(env::var_os("CARGO").ok_or(Error::NotABuildScript("CARGO"))?);
    let mut command = Command::new(&cargo);
    command.current_dir(&place.root);
    command
        .args([
            "build",
            "--locked",
            "--target",
            TARGET,
            "--profile",
            "guest",
            "--target-dir",
        ])
        .arg(&place.target);
    for guest in guests {
        command.args(["--package", guest.package]);
    }
    for (name, _) in env::vars_os().filter(|(name, _)| is_of_the_outer_build(name)) {
        command.env_remove(name);
    }
    let output = command.output().map_err(|error| Error::Start(cargo, error))?;
    judge(&output)
}

/// Whether a variable tells cargo or rustc something that is true of the host only.
fn is_of_the_outer_build(name: &OsStr) -> bool {
    const NAMES: [&str; 14] = [
        "CARGO_ENCODED_RUSTDOCFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_INCREMENTAL",
        "CARGO_TARGET_DIR",
        // Set by `cargo clippy`, together with RUSTC_WORKSPACE_WRAPPER.
        "CLIPPY_ARGS",
        "CLIPPY_CONF_DIR",
        // rustup's and cargo's choice of the outer compiler is kept through PATH and RUSTUP_TOOLCHAIN.
        "RUSTC",
        "RUSTC_LINKER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTDOC",
        "RUSTDOCFLAGS",
        "RUSTFLAGS",
        "TARGET",
    ];
    const PREFIXES: [&str; 8] = [
        "CARGO_BUILD_",
        "CARGO_CFG_",
        "CARGO_FEATURE_",
        "CARGO_LLVM_COV",
        "CARGO_PROFILE_",
        "CARGO_TARGET_",
        "LLVM_PROFILE_FILE",
        "__CARGO_LLVM_COV",
    ];
    let Some(name) = name.to_str() else { return false };
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn judge(output: &Output) -> Result<(), Error> {
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    // What rustc says where a target's standard library is missing; its code is that of any missing crate.
    if text.contains("target may not be installed") {
        return Err(Error::TargetMissing);
    }
    Err(Error::Failed(tail(&text)))
}

/// The end of what cargo said: errors stand there, behind hundreds of lines of progress.
fn tail(text: &str) -> String {
    const LINES: usize = 60;
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LINES);
    lines.get(from..).unwrap_or(slice::from_ref(&text)).join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outer_build_is_kept_out() {
        for name in [
            "RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "CARGO_TARGET_DIR",
            "RUSTC_WORKSPACE_WRAPPER",
            "LLVM_PROFILE_FILE",
        ] {
            assert!(is_of_the_outer_build(OsStr::new(name)), "{name}");
        }
        for name in [
            "PATH",
            "HOME",
            "CARGO_HOME",
            "RUSTUP_TOOLCHAIN",
            "CARGO_NET_OFFLINE",
            "CARGO_REGISTRIES_X_INDEX",
        ] {
            assert!(!is_of_the_outer_build(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn long_output_is_cut_from_the_front() {
        let text: String = (0..100).map(|line| format!("{line}\n")).collect();
        assert!(tail(&text).starts_with("40\n"));
        assert_eq!(tail("a\nb"), "a\nb");
    }
}
