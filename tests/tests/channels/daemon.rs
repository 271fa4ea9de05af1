//! Programs that run beside a test.

use std::process::{Child, Command, Stdio};

use patchpanel_tests::skipped;

/// Killed when dropped.
pub(crate) struct Daemon(pub(crate) Child);

impl Daemon {
    pub(crate) fn start(command: &mut Command) -> Daemon {
        Daemon(command.stdin(Stdio::null()).spawn().unwrap())
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a command ends well; its output is of no interest.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// A program of the system, with the directories of daemons besides `PATH`. `None`, with a message, where `arguments`, which
/// only ask for its version, do not work.
pub(crate) fn installed(program: &str, arguments: &[&str]) -> Option<Command> {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin:/usr/lib/systemd";
    let with_path = || {
        // The lookup of a program takes the path of its own environment.
        let mut command = Command::new("env");
        command.arg(program).env("PATH", &path);
        command
    };
    if succeeds(with_path().args(arguments)) {
        return Some(with_path());
    }
    skipped(&format!(
        "{program} is not installed, or does not work here; run .ci/tools"
    ));
    None
}
