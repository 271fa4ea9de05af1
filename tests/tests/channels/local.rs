//! Mail, the system's log, files and standard output.

use std::net::UdpSocket;
use std::process::Command;

use patchpanel_tests::{PATIENCE, python, skipped, wait_for};
use serde_json::{Value, json};

use crate::hook::Hook;
use crate::page::example;
use crate::script::Script;
use crate::{json_of, start};

const HOSTILE: &str = "a\r\nBcc: eve@example.com\r\n\r\n<script>\u{202e}\u{1b}[31m ü";

fn failure(id: &str) -> Value {
    json!({"id": id, "type": "backup.failed", "level": "error", "subject": id, "message": HOSTILE, "correlation_id": "night-7"})
}

/// Of the mail server that the example of the page is given.
pub(crate) fn mailing(server: &Script) -> String {
    mailing_to(server.url.rsplit_once(':').unwrap().1)
}

/// Of one at this port.
pub(crate) fn mailing_to(port: &str) -> String {
    let config = example(
        "email",
        "host = \"mail.example.com\"",
        &format!("host = \"localhost\"\nport = {port}\ntls = \"none\""),
    );
    config.replace("user = \"patchpanel\"\npassword = \"mail-password\"\n", "")
}

#[test]
fn mails_are_read_by_others_as_they_were_meant() {
    let Some(server) = Script::python("mail.py", "aiosmtpd", &[]) else {
        return;
    };
    let running = start(&mailing(&server), &[("MAIL_PASSWORD", "unused")]);
    running.router.publish(&json!([failure("db-1"), failure("later")]));
    assert_eq!(running.count("failures", "delivered"), 2);
    for mail in server.wait(2) {
        assert_eq!(mail["defects"], json!([]), "{mail}");
        assert_eq!(
            (&mail["from"], &mail["to"]),
            (&json!("patchpanel@example.com"), &json!(["ops@example.com"]))
        );
        let headers = mail["headers"].as_object().unwrap();
        let header = |name: &str| {
            headers
                .get(name)
                .map(|values| values.as_array().unwrap().clone())
                .unwrap_or_default()
        };
        assert_eq!(
            (header("Bcc").len(), header("Subject").len(), header("Message-ID").len()),
            (0, 1, 1),
            "{mail}"
        );
        assert!(
            header("Subject")[0]
                .as_str()
                .unwrap()
                .starts_with("[ops] backup.failed: "),
            "{mail}"
        );
        assert!(
            header("References")[0].as_str().unwrap().starts_with("<thread-"),
            "{mail}"
        );
        let text = mail["bodies"]["text/plain"].as_str().unwrap();
        assert!(
            text.contains("<script>") && text.contains('ü') && !text.contains(['\u{202e}', '\u{1b}']),
            "{mail}"
        );
        assert!(
            mail["bodies"]["text/html"].as_str().unwrap().contains("&lt;script&gt;"),
            "{mail}"
        );
    }
}

#[test]
fn mails_that_are_refused_are_dead_letters_and_so_are_those_to_others() {
    let Some(server) = Script::python("mail.py", "aiosmtpd", &[]) else {
        return;
    };
    let running = start(&mailing(&server), &[("MAIL_PASSWORD", "unused")]);
    running.router.publish(&failure("bounce"));
    let reason = running.reason();
    assert!(reason.contains("never"), "{reason}");
    let config = mailing(&server).replace("to = [\"ops@example.com\"]", "to = [\"ops@example.org\"]");
    let running = start(&config, &[("MAIL_PASSWORD", "unused")]);
    running.router.publish(&failure("db-1"));
    let reason = running.reason();
    assert!(reason.contains("recipient 0 is not among those"), "{reason}");
}

#[test]
fn providers_are_sent_the_same_mail() {
    for (via, keys, answer) in [
        ("resend", "api_key = { secret = \"key\" }", r#"{"id": "49a3999c"}"#),
        (
            "ses",
            "region = \"eu-central-1\", access_key = \"AKID\", secret_key = { secret = \"key\" }",
            r#"{"MessageId": "1"}"#,
        ),
        ("gmail", "access_token = { secret = \"key\" }", r#"{"id": "1"}"#),
    ] {
        let hook = Hook::start(200, answer);
        let config = format!(
            r#"
[secrets]
key = "env:KEY"

[plugins.email.allow]
http = ["POST {url}/send"]
secrets = ["key"]

[[channels]]
name = "mail"
plugin = "email"
config = {{ from = "a@example.com", to = ["b@example.com"], via = "{via}", {keys}, url = "{url}/send" }}

[[subscriptions]]
name = "all"
channel = "mail"
"#,
            url = hook.url
        );
        let running = start(&config, &[("KEY", "s3cret-of-the-provider")]);
        running.router.publish(&failure("db-1"));
        assert_eq!(running.count("all", "delivered"), 1, "{via}");
        let request = hook.seen().remove(0);
        let body = json_of(&request.body);
        let authorization = &request.headers["authorization"];
        match via {
            "resend" => {
                assert_eq!(authorization, "Bearer s3cret-of-the-provider");
                assert_eq!(request.headers["idempotency-key"], "db-1/all");
                assert_eq!(
                    (&body["to"], &body["subject"]),
                    (&json!(["b@example.com"]), &json!("ERROR: backup.failed"))
                );
            }
            "ses" => {
                assert!(
                    authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"),
                    "{authorization}"
                );
                assert!(body["Content"]["Raw"]["Data"].is_string(), "{body}");
            }
            _ => {
                assert_eq!(authorization, "Bearer s3cret-of-the-provider");
                assert!(body["raw"].is_string(), "{body}");
            }
        }
        assert!(!running.router.log().contains("s3cret-of-the-provider"));
    }
}

#[test]
fn notifications_stand_on_one_line() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let running = start(
        &example(
            "system",
            "unix:/dev/log",
            &format!("udp:{}", socket.local_addr().unwrap()),
        ),
        &[],
    );
    running.router.publish(&failure("db-1"));
    assert_eq!(running.count("syslog", "delivered"), 1);
    let mut buffer = vec![0; 10_000];
    let bytes = socket.recv(&mut buffer).unwrap();
    let line = String::from_utf8(buffer[..bytes].to_vec()).unwrap();
    // Facility 1 (user), severity 3 (error).
    assert!(line.starts_with("<11>1 ") && line.contains("backup.failed"), "{line}");
    assert!(
        !line.contains(['\n', '\r', '\u{1b}', '\u{202e}']) && line.contains("<script>"),
        "{line}"
    );
}

#[test]
fn files_are_rotated_and_compressed_and_lose_nothing() {
    let there = Command::new(python()).arg("--version").output().is_ok();
    if !there {
        skipped("there is no python3 to read gzip with; run .ci/tools");
        return;
    }
    let running = start(&example("log", "64MiB", "2KiB").replace("keep = 14", "keep = 100"), &[]);
    for id in 0..60 {
        running
            .router
            .publish(&json!({"id": format!("{id:03}"), "type": "t", "message": "x".repeat(100)}));
        running.router.settled();
    }
    let directory = running.directory.path().join("audit");
    let script = "import glob, gzip, json, sys\n\
        names = glob.glob(sys.argv[1] + '/audit.ndjson') + glob.glob(sys.argv[1] + '/*.gz')\n\
        files = [gzip.open(name) if name.endswith('.gz') else open(name) for name in names]\n\
        ids = sorted(json.loads(line)['id'] for file in files for line in file)\n\
        print(json.dumps({'files': len(names), 'ids': ids}))";
    let output = Command::new(python())
        .args(["-c", script])
        .arg(&directory)
        .output()
        .unwrap();
    let read = json_of(&String::from_utf8(output.stdout).unwrap());
    let ids: Vec<String> = (0..60).map(|id| format!("{id:03}")).collect();
    assert_eq!(read["ids"], json!(ids), "{read}");
    assert!(read["files"].as_u64().unwrap() > 3, "{read}");
}

#[test]
fn the_console_shows_what_it_would_act_on() {
    let running = start(&example("console", "max_payload = 80", "max_payload = 80"), &[]);
    running.router.publish(&failure("db-1"));
    let log = wait_for("the line", || {
        Some(running.router.log()).filter(|log| log.contains("backup.failed"))
    });
    assert!(
        log.contains("\\r\\nBcc: eve@example.com") && log.contains("\\u{1b}[31m"),
        "{log}"
    );
}
