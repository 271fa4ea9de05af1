//! Embeds what authors get: the contract, the SDK and the examples, as they stand in the repository.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What building an example in its place leaves behind.
const BUILT: [&str; 10] = [
    ".venv",
    "Cargo.lock",
    "__pycache__",
    "bindings",
    "build",
    "node_modules",
    "package-lock.json",
    "patchpanel",
    "target",
    "wit",
];

fn main() -> io::Result<()> {
    let variable = |name| env::var_os(name).ok_or_else(|| io::Error::other(format!("{name} is not set")));
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../..");
    let mut text = String::new();
    for (name, directory) in [
        ("WIT", "wit"),
        ("SDK", "plugins/sdk/src"),
        ("EXAMPLES", "plugins/examples"),
    ] {
        let directory = root.join(directory);
        println!("cargo::rerun-if-changed={}", directory.display());
        let mut files = Vec::new();
        collect(&directory, &mut files)?;
        files.sort();
        let _ = writeln!(text, "pub(crate) static {name}: &[(&str, &str)] = &[");
        for file in files {
            let inside = file.strip_prefix(&directory).map_err(io::Error::other)?;
            let (inside, file) = (inside.to_string_lossy(), fs::canonicalize(&file)?);
            let _ = writeln!(text, "    ({inside:?}, include_str!({file:?})),");
        }
        text += "];\n";
    }
    fs::write(Path::new(&variable("OUT_DIR")?).join("embedded.rs"), text)
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if BUILT.contains(&name.as_ref()) || name.ends_with(".wasm") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
