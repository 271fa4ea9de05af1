//! Notifications, read by rsyslog with its own parser of RFC 5424 and of structured data.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;

use patchpanel_tests::wait_for;
use serde_json::{Value, json};

use crate::daemon::{Daemon, installed};
use crate::page::example;
use crate::{HOSTILE, Running, hostile, json_of, start};

/// `@` is its directory. Parsers that guess are left out, and lines are written as they were understood.
const CONFIG: &str = r#"
global(workDirectory="@")
module(load="imudp")
module(load="imuxsock" sysSock.use="off")
module(load="imtcp")
module(load="mmpstrucdata")
template(name="json" type="list") {
  constant(value="{") property(outname="facility" name="syslogfacility-text" format="jsonf")
  constant(value=",") property(outname="severity" name="syslogseverity-text" format="jsonf")
  constant(value=",") property(outname="version" name="protocol-version" format="jsonf")
  constant(value=",") property(outname="app" name="app-name" format="jsonf")
  constant(value=",") property(outname="process" name="procid" format="jsonf")
  constant(value=",") property(outname="id" name="msgid" format="jsonf")
  constant(value=",") property(outname="input" name="inputname" format="jsonf")
  constant(value=",") property(outname="said" name="msg" format="jsonf")
  constant(value=",\"fields\":") property(name="$!rfc5424-sd") constant(value="}\n")
}
ruleset(name="all" parser="rsyslog.rfc5424") {
  action(type="mmpstrucdata")
  action(type="omfile" file="@/lines" template="json")
}
"#;

struct Rsyslog {
    directory: tempfile::TempDir,
    udp: u16,
    tcp: u16,
    daemon: Option<Daemon>,
}

impl Rsyslog {
    /// Not started. `None`, with a message, where it is not installed.
    fn new() -> Option<Rsyslog> {
        installed("rsyslogd", &["-v"])?;
        Some(Rsyslog {
            directory: tempfile::tempdir().unwrap(),
            udp: UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
            tcp: TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
            daemon: None,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The inputs are opened in the order of the modules, so that of TCP is the last one.
    fn start(&mut self) {
        let (udp, tcp, log) = (self.udp, self.tcp, self.path("log").display().to_string());
        let inputs = format!(
            "input(type=\"imudp\" address=\"127.0.0.1\" port=\"{udp}\" ruleset=\"all\")\n\
             input(type=\"imuxsock\" socket=\"{log}\" useSpecialParser=\"off\" parseHostname=\"on\" ruleset=\"all\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{tcp}\" ruleset=\"all\")\n"
        );
        let directory = self.directory.path().display().to_string();
        std::fs::write(self.path("config"), CONFIG.replace('@', &directory) + &inputs).unwrap();
        let mut command = installed("rsyslogd", &["-v"]).unwrap();
        command
            .arg("-n")
            .arg("-f")
            .arg(self.path("config"))
            .arg("-i")
            .arg(self.path("pid"));
        self.daemon = Some(Daemon::start(&mut command));
        wait_for("rsyslog to listen", || {
            (TcpStream::connect(("127.0.0.1", self.tcp)).is_ok() && self.path("log").exists()).then_some(())
        });
    }

    /// What it has understood, as soon as there are so many lines.
    fn lines(&self, count: usize) -> Vec<Value> {
        wait_for("lines in the log", || {
            let text = std::fs::read_to_string(self.path("lines")).unwrap_or_default();
            let lines: Vec<Value> = text.lines().map(json_of).collect();
            (lines.len() >= count).then_some(lines)
        })
    }

    /// Where notifications go, with the name that rsyslog has for it.
    fn ways(&self) -> [(String, &'static str); 3] {
        [
            (format!("udp:127.0.0.1:{}", self.udp), "imudp"),
            (format!("tcp:127.0.0.1:{}", self.tcp), "imtcp"),
            (format!("unix:{}", self.path("log").display()), "imuxsock"),
        ]
    }
}

fn running(to: &str) -> Running {
    let config = example("system", "unix:/dev/log", to).replace("attempts = 5", "attempts = 1000");
    start(&config, &[])
}

#[test]
fn notifications_are_understood_over_every_way() {
    let Some(mut rsyslog) = Rsyslog::new() else { return };
    rsyslog.start();
    let mut count = 0;
    for (to, input) in rsyslog.ways() {
        let running = running(&to);
        let mut long = hostile("long");
        long["message"] = json!(HOSTILE.repeat(1000));
        long["source"] = json!("ü".repeat(250));
        let forged = json!({
            "id": "forged", "type": "a\" ]b\\", "level": "critical", "source": "] - <0>1 2026-01-31T12:00:00Z x y z - forged",
            "subject": "x\u{2028}<0>1 - - - - - forged\u{202e}", "correlation_id": "\\\"]\\]=\"", "message": "[a b=\"c\"]\n<0>1\u{0}",
        });
        for event in [hostile("db-1"), forged, long] {
            running.router.publish(&event);
            running.router.settled();
        }
        assert_eq!(running.count("syslog", "delivered"), 3, "{to}");
        let lines = rsyslog.lines(count + 3).split_off(count);
        count += 3;
        assert_eq!(lines.len(), 3, "{lines:?}");
        for line in &lines {
            assert_eq!(
                (
                    &line["facility"],
                    &line["version"],
                    &line["app"],
                    &line["id"],
                    &line["input"]
                ),
                (
                    &json!("user"),
                    &json!("1"),
                    &json!("patchpanel"),
                    &json!("system"),
                    &json!(input)
                ),
                "{line}"
            );
            assert_eq!(line["process"], running.router.id().to_string(), "{line}");
            // It writes control characters as #033.
            let text = line.to_string();
            assert!(!text.contains('#') && !text.contains(['\u{202e}', '\u{1b}']), "{line}");
        }
        let fields = |index: usize| &lines[index]["fields"]["patchpanel@32473"];
        assert_eq!(lines[0]["severity"], "err");
        let said = "backup.failed: a Bcc: eve@example.com  <script>[31m ü <0>1 - - - - - forged (db-1)";
        assert_eq!(lines[0]["said"], said);
        assert_eq!(
            fields(0),
            &json!({"id": "db-1", "type": "backup.failed", "subject": "db-1", "correlation_id": "night-7"})
        );
        assert_eq!(
            (&lines[1]["severity"], &lines[1]["said"]),
            (
                &json!("crit"),
                &json!("a\" ]b\\: [a b=\"c\"] <0>1 (x<0>1 - - - - - forged)")
            )
        );
        assert_eq!(
            fields(1),
            &json!({
                "id": "forged", "type": "a\" ]b\\", "source": "] - <0>1 2026-01-31T12:00:00Z x y z - forged",
                "subject": "x <0>1 - - - - - forged", "correlation_id": "\\\"]\\]=\"",
            })
        );
        let said = lines[2]["said"].as_str().unwrap();
        assert!(said.ends_with('…') && said.len() < 2100, "{said}");
        assert_eq!(fields(2)["source"], format!("{}…", "ü".repeat(126)));
    }
}

#[test]
fn what_cannot_be_handed_over_arrives_when_the_log_is_there() {
    let Some(mut rsyslog) = Rsyslog::new() else { return };
    let [_, tcp, unix] = rsyslog.ways();
    let routers = [tcp, unix].map(|(to, _)| (running(&to), to));
    for (running, to) in &routers {
        running.router.publish(&hostile(to));
        let reason = running.failure(&format!("{}/syslog", to.replace('/', "%2F")));
        assert!(reason.starts_with(to.as_str()), "{reason}");
    }
    rsyslog.start();
    for (running, to) in &routers {
        assert_eq!(running.count("syslog", "delivered"), 1, "{to}");
    }
    let mut subjects: Vec<String> = rsyslog
        .lines(2)
        .iter()
        .map(|line| line["fields"]["patchpanel@32473"]["subject"].to_string())
        .collect();
    subjects.sort();
    assert_eq!(
        subjects,
        [json!(routers[0].1).to_string(), json!(routers[1].1).to_string()]
    );
}
