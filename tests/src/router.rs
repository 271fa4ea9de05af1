//! The real binary as a child process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::wait_for;

/// The binary that this build made.
///
/// # Panics
/// Where it is not there: `cargo test --workspace` builds it, `cargo test -p patchpanel-tests` alone does not.
pub fn binary() -> PathBuf {
    let mut directory = std::env::current_exe().expect("a test has a path");
    directory.pop();
    if directory.ends_with("deps") {
        directory.pop();
    }
    let binary = directory.join("patchpanel");
    assert!(
        binary.exists(),
        "{} is not there; build it with the same profile: cargo build -p patchpanel",
        binary.display()
    );
    binary
}

/// A command of the binary with a clean environment: its own cache, logs as JSON.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(arguments)
        .env_remove("PATCHPANEL_LOG")
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env("XDG_CACHE_HOME", cache());
    command
}

/// Compiled plugins are shared by all tests, beside the binary: compiling them anew for each would take minutes.
fn cache() -> PathBuf {
    binary().with_file_name("patchpanel-test-cache")
}

/// How a command ended.
pub struct Output {
    /// Its exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Standard output as JSON, line by line.
    pub fn lines(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }
}

/// Runs a command of the binary to its end, with this standard input.
pub fn run(directory: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = command(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_owned();
    // A thread of its own: a child that writes before it has read everything would wait for us as we for it.
    let writing = std::thread::spawn(move || {
        // A child that ends before it has read everything is for the caller to judge.
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().expect("the binary ends");
    writing.join().expect("the writer ends");
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A running router, killed when dropped.
pub struct Router {
    child: Child,
    url: String,
    directory: PathBuf,
    log: Arc<Mutex<String>>,
    agent: ureq::Agent,
}

impl Router {
    /// Starts `patchpanel run` in `directory` with this configuration, on a free port, and waits until it is ready.
    pub fn start(directory: &Path, config: &str) -> Router {
        std::fs::write(directory.join("patchpanel.toml"), config).expect("a test directory can be written");
        Router::spawn(directory, &["run", "--listen", "127.0.0.1:0"])
    }

    /// Starts any command that serves.
    pub fn spawn(directory: &Path, arguments: &[&str]) -> Router {
        Router::spawn_with(directory, arguments, &[])
    }

    /// As [`Router::spawn`], with these variables in its environment.
    pub fn spawn_with(directory: &Path, arguments: &[&str], environment: &[(&str, &Path)]) -> Router {
        let mut child = command(arguments)
            .current_dir(directory)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        for output in [Box::new(stdout) as Box<dyn std::io::Read + Send>, Box::new(stderr)] {
            let log = log.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                    let mut log = log.lock().expect("no writer panics");
                    log.push_str(&String::from_utf8_lossy(&line));
                    log.push('\n');
                }
            });
        }
        let url = wait_for("the router to listen", || {
            let text = log.lock().expect("no writer panics").clone();
            if let Some(status) = child.try_wait().expect("the child can be asked") {
                panic!("the router ended with {status}:\n{text}");
            }
            let at = text.find("listens on http://")? + "listens on ".len();
            let url = text[at..].split_whitespace().next()?;
            Some(url.trim_end_matches('.').to_owned())
        });
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(crate::PATIENCE))
            .build()
            .new_agent();
        Router {
            child,
            url,
            directory: directory.to_owned(),
            log,
            agent,
        }
    }

    /// The address it listens on.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has printed so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("no writer panics").clone()
    }

    /// Asks for a path; status and body.
    pub fn get(&self, path: &str) -> (u16, Value) {
        answer(self.agent.get(format!("{}{path}", self.url)).call())
    }

    /// Deletes what a path names; status and body.
    pub fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.agent.delete(format!("{}{path}", self.url)).call())
    }

    /// Sends a body with these headers to `/v1/events`; status and body.
    pub fn post(&self, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> (u16, Value) {
        let mut request = self.agent.post(format!("{}/v1/events", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send(body.as_ref()))
    }

    /// Sends JSON to a path; status and body.
    pub fn post_to(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.agent.post(format!("{}{path}", self.url));
        answer(
            request
                .header("content-type", "application/json")
                .send(body.to_string()),
        )
    }

    /// Runs a command of the binary that talks to this router: `--url` is added.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        let arguments = [arguments, &["--url", &self.url]].concat();
        run(&self.directory, &arguments, input)
    }

    /// Publishes one JSON event or array and expects that it is accepted.
    pub fn publish(&self, events: &Value) -> Value {
        let (status, answer) = self.post(&[("content-type", "application/json")], events.to_string());
        assert_eq!(status, 202, "{answer}");
        answer
    }

    /// What `/v1/plugins` says about one plugin.
    pub fn plugin(&self, name: &str) -> Value {
        let (_, answer) = self.get("/v1/plugins");
        answer["plugins"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|plugin| plugin["name"] == name)
            .cloned()
            .unwrap_or_default()
    }

    /// Puts a file into the plugins directory as a careful operator does: written aside, then renamed.
    pub fn drop_plugin(&self, name: &str, bytes: &[u8]) {
        let directory = self.directory.join("plugins.d");
        std::fs::create_dir_all(&directory).expect("a test directory can be written");
        let aside = directory.join(format!(".{name}.tmp"));
        std::fs::write(&aside, bytes).expect("a test directory can be written");
        std::fs::rename(&aside, directory.join(format!("{name}.wasm"))).expect("a test directory can be written");
    }

    /// Waits until everything accepted is settled, and returns the statistics.
    pub fn settled(&self) -> Value {
        wait_for("everything to be settled", || {
            let (_, stats) = self.get("/v1/stats");
            let pending: u64 = stats["subscriptions"]
                .as_object()?
                .values()
                .map(|account| account["pending"].as_u64().unwrap_or(0))
                .sum();
            (pending == 0).then_some(stats)
        })
    }

    /// Lines of a file in its directory, as JSON.
    pub fn lines(&self, file: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.directory.join(file)).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(
            Pid::from_raw(i32::try_from(self.child.id()).expect("a process id")),
            signal,
        )
        .expect("the child is there");
    }

    /// Sends SIGTERM and waits for the end.
    pub fn stop(self) -> ExitStatus {
        self.end(Signal::SIGTERM)
    }

    /// Ends it at once, as a crash does.
    pub fn crash(self) {
        self.end(Signal::SIGKILL);
    }

    fn end(self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.ended()
    }

    /// Waits for an end that nobody asked for.
    pub fn ended(mut self) -> ExitStatus {
        self.child.wait().expect("the child ends")
    }
}

fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, Value) {
    let mut response = response.expect("the router answers");
    let text = response.body_mut().read_to_string().expect("a text");
    (
        response.status().as_u16(),
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}

impl Drop for Router {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- what the router printed ---\n{}", self.log());
        }
    }
}
