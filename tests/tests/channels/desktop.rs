//! Notifications on a desktop: a real session bus, and a service on it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use patchpanel_tests::wait_for;
use serde_json::json;

use crate::daemon::{Daemon, installed};
use crate::page::example;
use crate::script::Script;
use crate::{HOSTILE, Running, hostile, start};

/// A session bus in a directory, with nothing on it.
struct Bus {
    directory: tempfile::TempDir,
    daemon: Option<Daemon>,
}

impl Bus {
    /// Not started. `None`, with a message, where it is not installed.
    fn new() -> Option<Bus> {
        installed("dbus-daemon", &["--version"])?;
        Some(Bus {
            directory: tempfile::tempdir().unwrap(),
            daemon: None,
        })
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("bus")
    }

    fn address(&self) -> String {
        format!("unix:path={}", self.socket().display())
    }

    fn start(&mut self) {
        let config = format!(
            "<busconfig><type>session</type><listen>{}</listen><auth>EXTERNAL</auth><policy context=\"default\">\
             <allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/></policy></busconfig>",
            self.address()
        );
        let file = self.directory.path().join("config");
        std::fs::write(&file, config).unwrap();
        let mut command = installed("dbus-daemon", &["--version"]).unwrap();
        command
            .args(["--nofork", "--nopidfile", "--config-file"])
            .arg(&file)
            .stderr(Stdio::null());
        self.daemon = Some(Daemon::start(&mut command));
        wait_for("the bus", || self.socket().exists().then_some(()));
    }

    /// A notification service on it. `None`, with a message, where the library for it is not installed.
    fn service(&self, markup: &str) -> Option<Script> {
        Script::python("notifications.py", "jeepney", &[&self.address(), markup])
    }
}

fn running(to: &str, environment: &[(&str, &str)]) -> Running {
    let config = example("system", "unix:/dev/log", to).replace("attempts = 5", "attempts = 1000");
    start(&config, environment)
}

#[test]
fn a_desktop_shows_what_is_said_and_nothing_else() {
    let Some(mut bus) = Bus::new() else { return };
    bus.start();
    let Some(service) = bus.service("markup") else { return };
    let running = running("desktop", &[("DBUS_SESSION_BUS_ADDRESS", &bus.address())]);
    let mut long = hostile("long");
    long["message"] = json!("<b>ü</b>&".repeat(1000));
    long["level"] = json!("critical");
    let warning = json!({
        "id": "w", "type": "<i>disk</i>", "level": "warning", "message": "&amp; \u{0}<a href=\"https://e.vil\">x</a>",
    });
    for event in [hostile("db-1"), long, warning] {
        running.router.publish(&event);
        running.router.settled();
    }
    assert_eq!(running.count("syslog", "delivered"), 3);
    let seen = service.wait(3);
    assert_eq!(
        seen[0],
        json!({
            "app": "patchpanel", "replaces": 0, "icon": "", "summary": "backup.failed",
            "body": "a Bcc: eve@example.com  &lt;script&gt;[31m ü &lt;0&gt;1 - - - - - forged (db-1)",
            "actions": [], "hints": {"urgency": ["y", 1]}, "timeout": -1,
        })
    );
    assert_eq!(seen[1]["hints"], json!({"urgency": ["y", 2]}));
    let body = seen[1]["body"].as_str().unwrap();
    assert!(body.ends_with('…') && !body.contains(['<', '>']), "{body}");
    assert_eq!(seen[2]["summary"], "<i>disk</i>");
    assert_eq!(
        seen[2]["body"],
        "&amp;amp; &lt;a href=\"https://e.vil\"&gt;x&lt;/a&gt; ()"
    );
}

#[test]
fn a_service_without_markup_is_sent_plain_text() {
    let Some(mut bus) = Bus::new() else { return };
    bus.start();
    let Some(service) = bus.service("plain") else { return };
    // The usual place of a session's bus.
    let directory = bus.directory.path().display().to_string();
    for (to, environment) in [
        ("desktop".to_owned(), vec![("XDG_RUNTIME_DIR", directory.as_str())]),
        (format!("desktop:{}", bus.address()), vec![]),
    ] {
        let running = running(&to, &environment);
        running.router.publish(&hostile("db-1"));
        assert_eq!(running.count("syslog", "delivered"), 1, "{to}");
    }
    for seen in service.wait(2) {
        let body = seen["body"].as_str().unwrap();
        assert!(body.contains("<script>") && !HOSTILE.contains(body), "{seen}");
    }
}

#[test]
fn where_there_is_no_bus_or_no_service_it_is_tried_again_and_said() {
    let Some(mut bus) = Bus::new() else { return };
    let lonely = |directory: &Path, id: &str| {
        let running = running("desktop", &[("XDG_RUNTIME_DIR", directory.to_str().unwrap())]);
        running.router.publish(&hostile(id));
        let reason = running.failure(&format!("{id}/syslog"));
        (running, reason)
    };
    let (_running, reason) = lonely(bus.directory.path(), "no-bus");
    assert!(reason.starts_with("desktop: there is no session bus:"), "{reason}");
    bus.start();
    let (running, reason) = lonely(bus.directory.path(), "no-service");
    assert_eq!(reason, "desktop: no notification service runs in the session");
    let Some(service) = bus.service("markup") else { return };
    assert_eq!(running.count("syslog", "delivered"), 1);
    assert!(!service.wait(1).is_empty());
}
