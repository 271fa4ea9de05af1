//! Mail and notifications: only as granted, and as the other side has to find them.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use patchpanel_tests::{PATIENCE, Router, certificate, python, skipped, wait_for};
use serde_json::{Value, json};

use crate::{health, installed, outcome};

/// A mail server of its own, killed when dropped.
struct Mailbox {
    child: Child,
    port: String,
    taken: Arc<Mutex<Vec<Value>>>,
}

impl Mailbox {
    /// `None`, with a message, where this machine has no aiosmtpd.
    fn start(certificate: Option<&Path>) -> Option<Mailbox> {
        let there = Command::new(python())
            .args(["-c", "import aiosmtpd"])
            .stderr(Stdio::null())
            .status();
        if !there.is_ok_and(|status| status.success()) {
            skipped("python3 has no aiosmtpd; run .ci/tools");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/smtp.py");
        let files = certificate.map(|directory| [directory.join("cert.pem"), directory.join("key.pem")]);
        let mut child = Command::new(python())
            .args(["-W", "ignore"])
            .arg(script)
            .args(files.iter().flatten())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap();
        let taken = Arc::<Mutex<Vec<Value>>>::default();
        let writing = taken.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                writing.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Some(Mailbox { child, port, taken })
    }

    fn taken(&self, count: usize) -> Vec<Value> {
        wait_for("the mail", || {
            let taken = self.taken.lock().unwrap().clone();
            (taken.len() >= count).then_some(taken)
        })
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A router with one hostile channel that sends messages, and these sections above it.
fn messaging(sections: &str, allow: &str, config: &str) -> (tempfile::TempDir, Router) {
    let directory = installed("hostile-channel");
    let text = format!(
        r#"
{sections}

[plugins.hostile]
limits = {{ deadline = "20s", mails = 2, notifications = 2 }}
allow = {{ {allow} }}

[[channels]]
name = "bad"
plugin = "hostile"
config = {config}

[[subscriptions]]
name = "to-bad"
channel = "bad"
batch = 1
retry = {{ attempts = 2, base = "1ms", cap = "1ms" }}
"#
    );
    let router = Router::start(directory.path(), &text);
    (directory, router)
}

#[test]
fn mail_is_sent_encrypted_to_those_who_are_granted() {
    let files = tempfile::tempdir().unwrap();
    if !certificate(files.path()) {
        return;
    }
    let Some(mailbox) = Mailbox::start(Some(files.path())) else {
        return;
    };
    std::fs::write(files.path().join("password"), "pa55word\n").unwrap();
    let (port, path) = (&mailbox.port, files.path().display());
    let sections = format!(
        "[secrets]\nmail = \"file:{path}/password\"\n[mail]\nhost = \"localhost\"\nport = {port}\n\
        ca = \"{path}/cert.pem\"\nuser = \"ada\"\npassword = \"mail\"\n"
    );
    let allow = "mail = [\"*@example.com\"]";
    let config = "{ mode = \"mail\", to = [\"Bob@example.com\", \"eve@example.com\"] }";
    let (_directory, router) = messaging(&sections, allow, config);
    assert_eq!(outcome(&router, "hello"), "delivered");
    let mail = &mailbox.taken(1)[0];
    assert_eq!(
        (&mail["from"], &mail["to"], &mail["tls"]),
        (
            &json!("router@example.com"),
            &json!(["Bob@example.com", "eve@example.com"]),
            &json!(true)
        )
    );
    assert!(
        mail["text"]
            .as_str()
            .unwrap()
            .contains("Subject: hello/to-bad\r\n\r\nhello"),
        "{mail}"
    );
    assert_eq!(health(&router)["used"], json!({"mail": 1}));
    // Over the limit of two a minute.
    let reason = outcome(&router, "bounce");
    assert!(reason.contains("never"), "{reason}");
    let reason = outcome(&router, "third");
    assert!(reason.contains("the limit `mails` (2 a minute) is reached"), "{reason}");

    let (_directory, router) = messaging(&sections, allow, config);
    let reason = outcome(&router, "later");
    assert!(reason.contains("not now"), "{reason}");
    let config = "{ mode = \"mail\", to = [\"bob@example.com\", \"bob@example.org\"] }";
    let (_directory, router) = messaging(&sections, allow, config);
    let reason = outcome(&router, "to-others");
    assert!(reason.contains("recipient 1 is not among those"), "{reason}");
    assert_eq!(health(&router)["refused"]["mail"]["count"], 1);
    // A password that is wrong is tried again, and is not told.
    std::fs::write(files.path().join("password"), "hunter2").unwrap();
    let config = "{ mode = \"mail\", to = [\"bob@example.com\"] }";
    let (_directory, router) = messaging(&sections, allow, config);
    let reason = outcome(&router, "wrong-password");
    assert_eq!(
        router.get("/v1/dead-letters").1["dead_letters"][0]["attempts"],
        2,
        "{reason}"
    );
    assert!(
        !reason.contains("hunter2") && !router.log().contains("hunter2"),
        "{reason}"
    );
    assert_eq!(mailbox.taken(1).len(), 1);
}

#[test]
fn mail_does_not_go_out_unencrypted_unless_told_so() {
    let Some(mailbox) = Mailbox::start(None) else {
        return;
    };
    let config = "{ mode = \"mail\", to = [\"bob@example.com\"] }";
    let section = |tls: &str| format!("[mail]\nhost = \"localhost\"\nport = {}\n{tls}\n", mailbox.port);
    let (_directory, router) = messaging(&section(""), "mail = true", config);
    assert_ne!(outcome(&router, "secret"), "delivered");
    let (_directory, router) = messaging(&section("tls = \"none\""), "", config);
    let reason = outcome(&router, "not-granted");
    assert!(reason.contains("`mail` is not granted"), "{reason}");
    let (_directory, router) = messaging(&section("tls = \"none\""), "mail = true", config);
    assert_eq!(outcome(&router, "plain"), "delivered");
    let taken = mailbox.taken(1);
    assert_eq!((taken.len(), &taken[0]["tls"]), (1, &json!(false)), "{taken:?}");
}

/// Sends an event as a notification, and checks the line that arrives.
fn notified(to: &str, receive: impl FnOnce() -> String) {
    let section = format!("[notify]\nto = \"{to}\"\n");
    let (_directory, router) = messaging(&section, "notify = true", "{ mode = \"notify\" }");
    assert_eq!(outcome(&router, "disk-full"), "delivered", "{to}");
    let line = receive();
    let (head, said) = line.split_once(" [").unwrap();
    assert!(head.starts_with("<11>1 ") && head.ends_with(" hostile"), "{line}");
    assert!(
        said.starts_with("patchpanel@32473 id=\"") && said.ends_with("\"] an event: disk-full"),
        "{line}"
    );
    assert_eq!(health(&router)["used"], json!({"notify": 1}));
}

#[test]
fn notifications_reach_the_system_log_where_it_is_granted() {
    let directory = tempfile::tempdir().unwrap();
    let mut buffer = vec![0; 10_000];
    let path = directory.path().join("log");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    notified(&format!("unix:{}", path.display()), || {
        let bytes = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..bytes].to_vec()).unwrap()
    });
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(Some(PATIENCE)).unwrap();
    notified(&format!("udp:{}", udp.local_addr().unwrap()), || {
        let bytes = udp.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..bytes].to_vec()).unwrap()
    });
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    notified(&format!("tcp:{}", tcp.local_addr().unwrap()), || {
        let framed = std::io::read_to_string(tcp.accept().unwrap().0).unwrap();
        let (length, line) = framed.split_once(' ').unwrap();
        assert_eq!(length.parse::<usize>().unwrap(), line.len());
        line.to_owned()
    });

    let section = format!("[notify]\nto = \"unix:{}\"\n", path.display());
    let (_directory, router) = messaging(&section, "", "{ mode = \"notify\" }");
    let reason = outcome(&router, "e");
    assert!(reason.contains("`notify` is not granted"), "{reason}");
    let (_directory, router) = messaging(&section, "notify = true", "{ mode = \"notify\", times = 3 }");
    let reason = outcome(&router, "e");
    assert!(
        reason.contains("the limit `notifications` (2 a minute) is reached"),
        "{reason}"
    );
    assert_eq!(health(&router)["limits_hit"], json!({"notifications": 1}));
}
