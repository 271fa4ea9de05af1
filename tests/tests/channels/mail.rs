//! What mails look like to who reads them.

use serde_json::{Value, json};

use crate::mail_server::{mailing, server};
use crate::{Running, hostile, start};

fn running(config: &str) -> Running {
    start(config, &[("MAIL_PASSWORD", "unused")])
}

/// All values of a header.
fn header(mail: &Value, name: &str) -> Vec<String> {
    let values = mail["headers"][name].as_array().cloned().unwrap_or_default();
    values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

#[test]
fn mails_are_read_by_others_as_they_were_meant() {
    let Some(server) = server(&[]) else { return };
    let running = running(&mailing(&server, "tls = \"none\""));
    running.router.publish(&json!([hostile("db-1"), hostile("later")]));
    assert_eq!(running.count("failures", "delivered"), 2);
    for mail in server.wait(2) {
        assert_eq!(mail["defects"], json!([]), "{mail}");
        assert_eq!(
            (&mail["from"], &mail["to"]),
            (&json!("patchpanel@example.com"), &json!(["ops@example.com"]))
        );
        assert_eq!(header(&mail, "Bcc").len(), 0, "{mail}");
        assert_eq!(header(&mail, "Message-ID").len(), 1, "{mail}");
        let subject = header(&mail, "Subject").concat();
        assert!(subject.starts_with("[ops] backup.failed: "), "{mail}");
        assert!(header(&mail, "References").concat().starts_with("<thread-"), "{mail}");
        let text = mail["bodies"]["text/plain"].as_str().unwrap();
        assert!(
            text.contains("<script>") && text.contains('ü') && !text.contains(['\u{202e}', '\u{1b}']),
            "{mail}"
        );
        let html = mail["bodies"]["text/html"].as_str().unwrap();
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"), "{mail}");
    }
}

#[test]
fn nothing_in_an_event_adds_a_header() {
    let Some(server) = server(&[]) else { return };
    let config = mailing(&server, "tls = \"none\"").replace(
        "title = \"{{ type }}: {{ subject }}\"",
        "title = \"{{ type }}\\r\\nX-Title: 1 {{ source }} {{ subject }} {{ metadata.a }}\"",
    );
    let running = running(&config);
    // In names, the door lets no control characters pass.
    let name = |header: &str| format!("x\u{2028}{header}: eve@example.com\u{202e}");
    let text = |header: &str| format!("x\r\n{header}: eve@example.com\r\n\r\nbody\u{85}\n{header}: eve@example.com");
    running.router.publish(&json!({
        "id": name("Bcc"), "type": name("Cc"), "source": name("To"), "level": "error", "subject": name("Bcc"),
        "correlation_id": name("Reply-To"), "metadata": {"a": text("From")}, "message": text("Sender"),
    }));
    assert_eq!(running.count("failures", "delivered"), 1);
    let mail = &server.wait(1)[0];
    let mut names: Vec<&str> = mail["headers"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    let expected = "Auto-Submitted Content-Type Date From In-Reply-To MIME-Version Message-ID References Subject To";
    assert_eq!(names.join(" "), expected, "{mail}");
    assert_eq!(
        (
            &mail["to"],
            &mail["defects"],
            header(mail, "To").len(),
            header(mail, "From").len()
        ),
        (&json!(["ops@example.com"]), &json!([]), 1, 1)
    );
}

#[test]
fn recipients_are_addresses_and_nothing_else() {
    let Some(server) = server(&[]) else { return };
    let config = mailing(&server, "tls = \"none\"");
    for recipient in [
        "eve@example.com\\r\\nBcc: all@example.com",
        "<eve@example.com> SIZE=1",
        "a@example.com, b",
    ] {
        let running = running(&format!(
            "{config}recipients = [\"ada@example.com\", \"{recipient}\"]\n"
        ));
        running.router.publish(&hostile("db-1"));
        let reason = running.reason();
        assert!(reason.contains("is no address"), "{reason}");
    }
    // Others than those that are granted.
    let running = running(&config.replace("to = [\"ops@example.com\"]", "to = [\"ops@example.org\"]"));
    running.router.publish(&hostile("db-1"));
    let reason = running.reason();
    assert!(reason.contains("recipient 0 is not among those"), "{reason}");
    assert_eq!(server.wait(0), [] as [Value; 0]);
}

#[test]
fn texts_of_any_length_and_script_arrive() {
    let Some(server) = server(&[]) else { return };
    let config = mailing(&server, "tls = \"none\"").replace("Patchpanel <", "Wächter 💡 <");
    let running = running(&config);
    let subject = "Überlänge 漢字 \u{1f4a1} ".repeat(20);
    let message = "Größe: 漢字 \u{1f4a1}\n.\n..\nFrom here\n".repeat(10) + &"ü".repeat(200_000);
    running.router.publish(&json!({
        "id": "long", "type": "t", "level": "error", "subject": subject, "message": message,
    }));
    assert_eq!(running.count("failures", "delivered"), 1);
    let mail = &server.wait(1)[0];
    assert_eq!(mail["defects"], json!([]), "{mail}");
    // RFC 5322, section 2.1.1.
    assert!(mail["longest"].as_u64().unwrap() <= 998, "{}", mail["longest"]);
    let shown = header(mail, "Subject").concat();
    let kept = shown.strip_suffix('…').unwrap();
    assert!((190..=200).contains(&shown.chars().count()), "{shown}");
    assert!(format!("[ops] t: {subject}").starts_with(kept), "{shown}");
    assert!(
        header(mail, "From").concat().contains("Wächter 💡"),
        "{}",
        mail["headers"]
    );
    let text = mail["bodies"]["text/plain"].as_str().unwrap();
    let (body, _) = text.split_once("…\n\n-- \n").unwrap();
    assert!(body.len() <= 100_000 && message.starts_with(body), "{}", body.len());
}
