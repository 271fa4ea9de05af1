//! Mail servers that want a password, refuse, wait and hang.

use std::net::TcpListener;
use std::path::Path;

use patchpanel_tests::{certificate, wait_for};
use serde_json::{Value, json};

use crate::page::example;
use crate::script::Script;
use crate::{Running, hostile, start};

pub(crate) fn server(options: &[&str]) -> Option<Script> {
    Script::python("mail.py", "aiosmtpd", options)
}

/// The example of the page, with this server and these keys in its `[mail]`.
pub(crate) fn mailing(server: &Script, keys: &str) -> String {
    mailing_at(server.url.rsplit_once(':').unwrap().1, keys)
}

/// Of one at this port.
pub(crate) fn mailing_at(port: &str, keys: &str) -> String {
    example(
        "email",
        "host = \"mail.example.com\"\nuser = \"patchpanel\"\npassword = \"mail-password\"",
        &format!("host = \"localhost\"\nport = {port}\n{keys}"),
    )
}

fn running(config: &str) -> Running {
    start(config, &[("MAIL_PASSWORD", "unused")])
}

fn without_tls(server: &Script) -> String {
    mailing(server, "tls = \"none\"\ntimeout = \"1s\"")
}

/// A server with a certificate and a password, and `[mail]` for it. The password that is used stands in a file.
fn with_login(files: &Path, implicit: bool) -> Option<(Script, String)> {
    if !certificate(files) {
        return None;
    }
    let path = |name: &str| files.join(name).display().to_string();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let mut options = vec!["--cert", &cert, &key, "--login", "patchpanel", "pa55word"];
    let mut keys = format!("ca = \"{cert}\"\nuser = \"patchpanel\"\npassword = \"mail-password\"");
    if implicit {
        options.push("--implicit");
        keys += "\ntls = \"tls\"";
    }
    let server = server(&options)?;
    let config = mailing(&server, &keys)
        .replace("env:MAIL_PASSWORD", &format!("file:{}", path("password")))
        .replace("attempts = 5", "attempts = 1000");
    Some((server, config))
}

#[test]
fn passwords_are_sent_encrypted_and_a_wrong_one_is_tried_again() {
    for implicit in [false, true] {
        let files = tempfile::tempdir().unwrap();
        let Some((server, config)) = with_login(files.path(), implicit) else {
            return;
        };
        let password = files.path().join("password");
        std::fs::write(&password, "hunter2-wrong").unwrap();
        let running = start(&config, &[]);
        running.router.publish(&hostile("db-1"));
        let reason = running.failure("db-1/failures");
        assert!(reason.contains("535") && !reason.contains("hunter2"), "{reason}");
        std::fs::write(&password, "pa55word\n").unwrap();
        assert_eq!(running.count("failures", "delivered"), 1);
        let mail = &server.wait(1)[0];
        assert_eq!(
            (&mail["tls"], &mail["login"]),
            (&json!(true), &json!(true)),
            "implicit {implicit}: {mail}"
        );
        let log = running.router.log();
        assert!(!log.contains("hunter2") && !log.contains("pa55word"), "{log}");
    }
}

#[test]
fn a_server_without_tls_and_one_that_nobody_vouches_for_get_no_password() {
    let files = tempfile::tempdir().unwrap();
    let Some((_server, config)) = with_login(files.path(), false) else {
        return;
    };
    std::fs::write(files.path().join("password"), "pa55word").unwrap();
    let (before, after) = config.split_once("ca = ").unwrap();
    let untrusted = format!("{before}{}", after.split_once('\n').unwrap().1);
    let running_untrusted = start(&untrusted, &[]);
    running_untrusted.router.publish(&hostile("db-1"));
    let reason = running_untrusted.failure("db-1/failures");
    assert!(reason.contains("certificate"), "{reason}");

    let Some(plain) = server(&[]) else { return };
    let running = running(&mailing(&plain, ""));
    running.router.publish(&hostile("db-1"));
    let reason = running.failure("db-1/failures");
    assert!(reason.contains("STARTTLS"), "{reason}");
}

#[test]
fn one_refused_recipient_makes_a_dead_letter_and_nobody_gets_the_mail() {
    let Some(server) = server(&[]) else { return };
    let config = without_tls(&server).replace(
        "to = [\"ops@example.com\"]",
        "to = [\"ops@example.com\", \"refused@example.com\", \"ada@example.com\"]",
    );
    let refusing = running(&config);
    refusing.router.publish(&hostile("db-1"));
    let reason = refusing.reason();
    assert!(
        reason.contains("550") && reason.contains("nobody has this address"),
        "{reason}"
    );
    let bouncing = running(&without_tls(&server));
    bouncing.router.publish(&hostile("bounce"));
    let reason = bouncing.reason();
    assert!(reason.contains("never"), "{reason}");
    assert_eq!(server.wait(0), [] as [Value; 0]);
}

#[test]
fn greylisting_is_waited_for() {
    let Some(server) = server(&[]) else { return };
    let running = running(&without_tls(&server).replace("ops@example.com", "grey@example.com"));
    running.router.publish(&hostile("db-1"));
    assert_eq!(running.count("failures", "delivered"), 1);
    let delivery = running.router.get("/v1/deliveries/db-1/failures").1;
    assert_eq!(delivery["failures"].as_array().unwrap().len(), 1, "{delivery}");
    assert!(running.failure("db-1/failures").contains("come again later"));
    assert_eq!(server.wait(1)[0]["to"], json!(["grey@example.com"]));
}

#[test]
fn a_connection_carries_one_mail_after_the_other() {
    let Some(server) = server(&[]) else { return };
    let config = without_tls(&server).replace("plugin = \"email\"", "plugin = \"email\"\nconcurrency = 1");
    let running = running(&config);
    for id in 0..5 {
        running.router.publish(&hostile(&id.to_string()));
        running.router.settled();
    }
    let mails = server.wait(5);
    assert!(
        mails.iter().all(|mail| mail["connection"] == mails[0]["connection"]),
        "{mails:?}"
    );
    // What ended a mail ends its connection, and leaves no other mail behind.
    running
        .router
        .publish(&json!([hostile("later"), hostile("closing"), hostile("6")]));
    assert_eq!(running.count("failures", "delivered"), 8);
    for (id, attempts) in [("later", 1), ("closing", 1), ("6", 0)] {
        let delivery = running.router.get(&format!("/v1/deliveries/{id}/failures")).1;
        assert_eq!(
            delivery["failures"].as_array().map_or(0, Vec::len),
            attempts,
            "{delivery}"
        );
    }
    assert!(running.failure("closing/failures").contains("421"));
    assert_eq!(server.wait(8).len(), 8);
}

#[test]
fn a_connection_that_the_server_has_closed_costs_no_attempt() {
    let Some(server) = server(&["--idle", "1"]) else { return };
    let running = running(&without_tls(&server));
    running.router.publish(&hostile("1"));
    assert_eq!(server.wait(2)[1], json!({"closed": true}));
    running.router.publish(&hostile("2"));
    assert_eq!(running.count("failures", "delivered"), 2);
    let delivery = running.router.get("/v1/deliveries/2/failures").1;
    assert_eq!(delivery["failures"].as_array().map_or(0, Vec::len), 0, "{delivery}");
}

/// Another channel beside the mail.
const AUDIT: &str = "
[[channels]]
name = \"audit\"
plugin = \"log\"
config = { path = \"audit.ndjson\" }

[[subscriptions]]
name = \"audit\"
channel = \"audit\"
";

#[test]
fn a_server_that_hangs_holds_up_nobody_else() {
    let Some(server) = server(&[]) else { return };
    let running = running(&(without_tls(&server) + AUDIT));
    running
        .router
        .publish(&json!([hostile("1"), hostile("hang"), hostile("2")]));
    wait_for("the others", || {
        (running.router.lines("audit.ndjson").len() == 3).then_some(())
    });
    assert_eq!(running.count("failures", "delivered"), 3);
    let reason = running.failure("hang/failures");
    assert!(reason.contains("did not answer within"), "{reason}");
    let mails = server.wait(3);
    // Each came once: what was sent before the one that hung is not sent again.
    assert_eq!(mails.len(), 3, "{mails:?}");
    for id in ["1", "2"] {
        let delivery = running.router.get(&format!("/v1/deliveries/{id}/failures")).1;
        assert_eq!(delivery["failures"].as_array().map_or(0, Vec::len), 0, "{delivery}");
    }
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let running = running(&(mailing_at(&port, "tls = \"none\"\ntimeout = \"1s\"") + AUDIT));
    running.router.publish(&hostile("db-1"));
    wait_for("the other channel", || {
        (running.router.lines("audit.ndjson").len() == 1).then_some(())
    });
    let reason = running.failure("db-1/failures");
    assert!(reason.contains("did not answer within"), "{reason}");
}
