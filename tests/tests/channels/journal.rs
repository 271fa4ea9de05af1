//! Notifications, read back from systemd's journal.

use std::path::PathBuf;

use patchpanel_tests::wait_for;
use serde_json::{Value, json};

use crate::daemon::{Daemon, installed};
use crate::page::example;
use crate::{HOSTILE, hostile, json_of, start};

/// A journal of its own, behind a mount namespace: it only works in /run.
struct Journal {
    daemon: Daemon,
}

const START: &str = "mount -t tmpfs none /run && mkdir -p /run/systemd /run/log && \
    { [ ! -d /var/log/journal ] || mount -t tmpfs none /var/log/journal; } && exec systemd-journald";

impl Journal {
    /// `None`, with a message, where there is no journal, or this user may not have one.
    fn start() -> Option<Journal> {
        installed("systemd-journald", &["--version"])?;
        installed("journalctl", &["--version"])?;
        installed("unshare", &["--mount", "mount", "-t", "tmpfs", "none", "/run"])?;
        let mut command = installed("unshare", &["--version"])?;
        let journal = Journal {
            daemon: Daemon::start(command.args(["--mount", "sh", "-c", START])),
        };
        wait_for("the journal to listen", || {
            journal.path("run/systemd/journal/socket").exists().then_some(())
        });
        Some(journal)
    }

    /// What it sees below `/`.
    fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root/{path}", self.daemon.id()))
    }

    /// The router's entries, as soon as there are so many.
    fn entries(&self, count: usize) -> Vec<Value> {
        wait_for("entries in the journal", || {
            let mut command = installed("journalctl", &["--version"])?;
            command
                .args(["--output=json", "--all", "--directory"])
                .arg(self.path("run/log/journal"));
            let output = command.arg("SYSLOG_IDENTIFIER=patchpanel").output().ok()?;
            let text = String::from_utf8(output.stdout).ok()?;
            let entries: Vec<Value> = text.lines().map(json_of).collect();
            (entries.len() >= count).then_some(entries)
        })
    }
}

#[test]
fn the_journal_has_every_field_apart() {
    let Some(journal) = Journal::start() else { return };
    let socket = journal.path("run/systemd/journal/socket");
    let running = start(
        &example("system", "unix:/dev/log", &format!("journal:{}", socket.display())),
        &[],
    );
    let mut long = hostile("long");
    long["message"] = json!(HOSTILE.repeat(1000));
    let forged = json!({
        "id": "forged", "type": "a\u{2028}PRIORITY=0", "level": "critical", "source": "x\u{2028}MESSAGE=forged",
        "subject": "=", "message": "m\nMESSAGE=forged\n_UID=7",
    });
    for event in [hostile("db-1"), forged, long] {
        running.router.publish(&event);
        running.router.settled();
    }
    assert_eq!(running.count("syslog", "delivered"), 3);
    let entries = journal.entries(3);
    assert_eq!(entries.len(), 3, "{entries:?}");
    let own = |entry: &Value| -> Value {
        let fields = entry.as_object().unwrap().iter();
        fields
            .filter(|(name, _)| matches!(name.as_str(), "MESSAGE" | "PRIORITY") || name.starts_with("PATCHPANEL_"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    assert_eq!(
        own(&entries[0]),
        json!({
            "MESSAGE": "backup.failed: a Bcc: eve@example.com  <script>[31m ü <0>1 - - - - - forged (db-1)",
            "PRIORITY": "3", "PATCHPANEL_PLUGIN": "system", "PATCHPANEL_ID": "db-1", "PATCHPANEL_TYPE": "backup.failed",
            "PATCHPANEL_SUBJECT": "db-1", "PATCHPANEL_CORRELATION_ID": "night-7",
        })
    );
    assert_eq!(
        own(&entries[1]),
        json!({
            "MESSAGE": "a PRIORITY=0: m MESSAGE=forged _UID=7 (=)", "PRIORITY": "2", "PATCHPANEL_PLUGIN": "system",
            "PATCHPANEL_ID": "forged", "PATCHPANEL_TYPE": "a PRIORITY=0", "PATCHPANEL_SOURCE": "x MESSAGE=forged",
            "PATCHPANEL_SUBJECT": "=",
        })
    );
    assert_eq!(entries[1]["_PID"], running.router.id().to_string());
    assert!(entries[2]["MESSAGE"].as_str().unwrap().ends_with('…'), "{}", entries[2]);
}

#[test]
fn a_journal_that_is_not_there_is_waited_for() {
    let running = start(&example("system", "unix:/dev/log", "journal:/nowhere/socket"), &[]);
    running.router.publish(&hostile("db-1"));
    let reason = running.failure("db-1/syslog");
    assert!(reason.starts_with("journal:/nowhere/socket: No such file"), "{reason}");
}
