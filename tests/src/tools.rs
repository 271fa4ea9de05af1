//! What tests need that cargo does not bring: `.ci/tools` installs it into a directory of its own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where `.ci/tools` installs.
pub fn tools() -> PathBuf {
    let cache = || {
        let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
        let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from);
        cache.join("patchpanel-ci/tools")
    };
    std::env::var_os("PATCHPANEL_TOOLS").map_or_else(cache, PathBuf::from)
}

/// The Python of `.ci/tools`, or else the machine's.
pub fn python() -> PathBuf {
    let python = tools().join("venv/bin/python");
    if python.exists() { python } else { "python3".into() }
}

/// Says that a test does nothing here. Not `eprintln!`, which nobody sees where a test passes.
pub fn skipped(reason: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {reason}");
}

/// Makes `cert.pem`, for `localhost`, and its `key.pem`. `false`, with a message, where there is no openssl.
pub fn certificate(directory: &Path) -> bool {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(directory)
        .stderr(Stdio::null())
        .status();
    let made = made.is_ok_and(|status| status.success());
    if !made {
        skipped("openssl is not installed; run .ci/tools");
    }
    made
}
