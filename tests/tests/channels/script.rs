//! Receivers that are programs of their own: they print their port, then a line of JSON for each request.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use patchpanel_tests::{python, skipped, tools, wait_for};
use serde_json::Value;

use crate::daemon::{Daemon, succeeds};

/// Killed when dropped.
pub(crate) struct Script {
    _daemon: Daemon,
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Script {
    /// A script of this directory in Python. `None`, with a message, where a module of `tests/requirements.txt` is not there.
    pub(crate) fn python(name: &str, module: &str, arguments: &[&str]) -> Option<Script> {
        if !succeeds(Command::new(python()).args(["-c", &format!("import {module}")])) {
            skipped(&format!("python3 has no {module}; run .ci/tools"));
            return None;
        }
        let mut command = Command::new(python());
        command.arg(file(name)).args(arguments);
        Some(Script::start(command))
    }

    /// The same for Node.js, with the packages that `.ci/tools` installs.
    pub(crate) fn node(name: &str, package: &str, arguments: &[&str]) -> Option<Script> {
        let packages = tools().join("npm");
        if !packages.join("node_modules").join(package).exists() || !succeeds(Command::new("node").arg("--version")) {
            skipped(&format!("there is no node, or no {package}; run .ci/tools"));
            return None;
        }
        let mut command = Command::new("node");
        command.arg(file(name)).arg(OsStr::new(&packages)).args(arguments);
        Some(Script::start(command))
    }

    fn start(mut command: Command) -> Script {
        let mut daemon = Daemon::start(command.stdout(Stdio::piped()).stderr(Stdio::inherit()));
        let mut lines = BufReader::new(daemon.0.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap();
        let seen = Arc::<Mutex<Vec<Value>>>::default();
        let writing = seen.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                writing.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Script {
            _daemon: daemon,
            url: format!("http://127.0.0.1:{port}"),
            seen,
        }
    }

    /// What it has said of the first `count` requests, when they are there.
    pub(crate) fn wait(&self, count: usize) -> Vec<Value> {
        wait_for("requests", || {
            let seen = self.seen.lock().unwrap().clone();
            (seen.len() >= count).then_some(seen)
        })
    }
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/channels").join(name)
}
