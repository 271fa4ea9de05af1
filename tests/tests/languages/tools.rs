//! Where the tools of other languages are, and how a project gets at them without fetching them again.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use patchpanel_tests::{binary, tools};

/// Links or copies into a project what its commands would fetch. An error says what
/// is not installed, and what to do about it.
pub(crate) fn provide(language: &str, project: &Path) -> Result<(), String> {
    let missing = |what: &Path| format!("{} is not there: run `.ci/tools`", what.display());
    match language {
        "rust" => {
            // All Rust projects have most of what they are made of in common, and with the router.
            let shared = binary().with_file_name("language-target");
            fs::create_dir_all(&shared).unwrap();
            symlink(shared, project.join("target")).unwrap();
            let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
            fs::copy(lock, project.join("Cargo.lock")).unwrap();
        }
        "js" => {
            let modules = tools().join("npm/node_modules");
            if !modules.join(".bin/componentize-qjs").exists() {
                return Err(missing(&modules));
            }
            // npm does not accept a link here.
            let copied = Command::new("cp")
                .args(["-a".as_ref(), modules.as_os_str(), project.as_os_str()])
                .status()
                .unwrap();
            assert!(copied.success());
            fs::copy(tools().join("npm/package-lock.json"), project.join("package-lock.json")).unwrap();
        }
        _ => {
            let venv = tools().join("venv");
            let tool = match language {
                "python" => "bin/componentize-py",
                "go" => "bin/go",
                _ => "bin/pip",
            };
            if !venv.join(tool).exists() {
                return Err(missing(&venv.join(tool)));
            }
            symlink(venv, project.join(".venv")).unwrap();
        }
    }
    Ok(())
}

/// Runs shell commands in a project, with the binary that is tested as `patchpanel`.
pub(crate) fn shell(project: &Path, commands: &str) -> Result<String, String> {
    let binaries = binary().parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([binaries].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-euc", commands])
        .current_dir(project)
        .env("PATH", path)
        // As the other commands of these tests have it: what was compiled once is not compiled again.
        .env("XDG_CACHE_HOME", binary().with_file_name("patchpanel-test-cache"))
        .env("PATCHPANEL_LOG", "warn")
        .env("npm_config_prefer_offline", "true")
        .env("npm_config_update_notifier", "false")
        .env("npm_config_audit", "false")
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    // Said of the build of these tests, not of a plugin's.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text == "RUSTFLAGS" || text == "CARGO_TARGET_DIR" || text.starts_with("CARGO_BUILD_") {
            command.env_remove(&name);
        }
    }
    let output = command.output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    if output.status.success() { Ok(said) } else { Err(said) }
}
