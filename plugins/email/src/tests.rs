#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
use super::*;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use patchpanel_plugin::Level;
use patchpanel_plugin::testing::{configure_channel, delivery, grant_secret, sent_mail};
use proptest::prelude::*;
use serde_json::Value;
use std::time::UNIX_EPOCH;

fn email(more: &str) -> Email {
    configure_channel(&format!(
        "{{\"from\": \"Alerts <alerts@example.com>\", \"to\": [\"ops@example.com\"]{more}}}"
    ))
    .unwrap()
}

fn sample(message: &str) -> Delivery {
    let mut delivery = delivery("e/all", "disk.full");
    delivery.event.level = Level::Error;
    delivery.event.message = message.to_owned();
    delivery.event.correlation_id = Some("outage\r\n7".to_owned());
    delivery.event.time = 1_735_689_599_000_000_000;
    delivery
}

/// What the mail server was handed.
fn sent(email: &mut Email, delivery: &Delivery) -> (Vec<String>, String) {
    email.deliver(delivery).unwrap();
    let mail = sent_mail().pop().unwrap();
    assert_eq!(mail.sender, "alerts@example.com");
    (mail.recipients, String::from_utf8(mail.message).unwrap())
}

/// Head and body, the head with its folds undone.
fn parts(message: &str) -> (Vec<String>, String) {
    let (head, body) = message.split_once("\r\n\r\n").unwrap();
    let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    (head.split("\r\n").map(str::to_owned).collect(), body.to_owned())
}

fn header(head: &[String], name: &str) -> String {
    let lines: Vec<_> = head
        .iter()
        .filter_map(|line| line.strip_prefix(&format!("{name}: ")))
        .collect();
    assert_eq!(lines.len(), 1, "{name}: {head:?}");
    lines[0].to_owned()
}

#[test]
fn a_mail() {
    let (to, message) = sent(&mut email(r#", "subject_prefix": "[ops] ""#), &sample("90 % <b>"));
    assert_eq!(to, ["ops@example.com"]);
    let (head, body) = parts(&message);
    assert!(header(&head, "From").contains("<alerts@example.com>"), "{head:?}");
    assert!(header(&head, "To").contains("ops@example.com"), "{head:?}");
    assert_eq!(header(&head, "Subject"), "[ops] ERROR: disk.full");
    assert_eq!(header(&head, "Date"), "Tue, 31 Dec 2024 23:59:59 +0000");
    assert_eq!(header(&head, "Auto-Submitted"), "auto-generated");
    let (references, reply) = (header(&head, "References"), header(&head, "In-Reply-To"));
    assert!(
        references == reply && references.starts_with("<thread-") && references.ends_with("@example.com>"),
        "{references}"
    );
    assert!(header(&head, "Content-Type").starts_with("multipart/alternative"));
    assert!(body.contains("90 % <b>") && body.contains("90 % &lt;b&gt;"), "{body}");
}

#[test]
fn ids_are_the_same_for_every_attempt_and_threads_for_every_correlation() {
    let ids = |delivery: &Delivery| {
        let (head, _) = parts(&sent(&mut email(""), delivery).1);
        (header(&head, "Message-ID"), header(&head, "References"))
    };
    let first = sample("x");
    let mut again = first.clone();
    again.attempt = 2;
    assert_eq!(ids(&first), ids(&again));
    let mut other = first.clone();
    other.id = "f/all".to_owned();
    assert_ne!(ids(&first).0, ids(&other).0);
    assert_eq!(ids(&first).1, ids(&other).1);
}

#[test]
fn nothing_in_an_event_makes_a_header() {
    let mut delivery = sample("x");
    delivery.event.type_ = "a\r\nBcc: eve@example.com\r\n\r\n<script>\u{85}\u{2028}".to_owned();
    delivery.event.subject = Some("b\nX-Evil: 1".to_owned());
    let titled = r#", "title": "{{ type }} {{ subject }}", "subject_prefix": "p\nX-Evil: 2 ""#;
    let (head, body) = parts(&sent(&mut email(titled), &delivery).1);
    assert!(
        !head
            .iter()
            .any(|line| line.starts_with("Bcc") || line.starts_with("X-Evil")),
        "{head:?}"
    );
    assert!(!body.contains("<script>"), "{body}");
    for recipient in ["eve@example.com\r\nBcc: all@example.com", "eve", "a@b, c@d"] {
        delivery.recipients = vec![recipient.to_owned()];
        assert!(
            matches!(email("").deliver(&delivery), Err(Problem::Reject(_))),
            "{recipient}"
        );
    }
    assert_eq!(sent_mail(), []);
}

#[test]
fn recipients_take_the_place_of_the_usual_ones() {
    let mut delivery = sample("x");
    delivery.recipients = vec!["ada@example.com".to_owned(), "Bob <bob@example.org>".to_owned()];
    assert_eq!(
        sent(&mut email(""), &delivery).0,
        ["ada@example.com", "bob@example.org"]
    );
    let mut nobody: Email = configure_channel(r#"{"from": "a@example.com"}"#).unwrap();
    assert!(matches!(nobody.deliver(&sample("x")), Err(Problem::Reject(_))));
}

#[test]
fn long_texts_are_cut_and_long_subjects_too() {
    let mail = |message: &str| Mail::of(&email(r#", "title": "{{ message }}""#).settings, &sample(message)).unwrap();
    assert!(mail(&"x".repeat(100_000)).text.starts_with(&"x".repeat(100_000)));
    assert!(
        mail(&"x".repeat(100_001))
            .text
            .starts_with(&format!("{}…\n", "x".repeat(99_997)))
    );
    assert_eq!(mail(&"ü".repeat(200)).subject, "ü".repeat(200));
    assert_eq!(mail(&"ü".repeat(201)).subject, format!("{}…", "ü".repeat(199)));
    let mut reject = email(r#", "overflow": "reject""#);
    assert!(matches!(
        reject.deliver(&sample(&"x".repeat(100_001))),
        Err(Problem::Reject(_))
    ));
}

fn provider(more: &str) -> (http::Request<String>, Value) {
    let email = email(more);
    let Via::Provider(provider) = &email.settings.via else {
        panic!("{more}")
    };
    let delivery = sample("90 %");
    let mail = Mail::of(&email.settings, &delivery).unwrap();
    let request = provider
        .request(&email.settings.from, &mail, &delivery, UNIX_EPOCH)
        .unwrap();
    let body = serde_json::from_str(request.body()).unwrap();
    assert!(!format!("{request:?}").contains("s3cret"));
    (request, body)
}

#[test]
fn providers_get_what_they_want() {
    grant_secret("key", "s3cret");
    let (request, body) = provider(r#", "via": "resend", "api_key": {"secret": "key"}"#);
    assert_eq!(request.uri().to_string(), "https://api.resend.com/emails");
    assert_eq!(request.headers().get("authorization").unwrap(), "Bearer s3cret");
    assert_eq!(request.headers().get("idempotency-key").unwrap(), "e/all");
    assert_eq!(
        (&body["from"], &body["to"][0], &body["subject"]),
        (
            &"\"Alerts\" <alerts@example.com>".into(),
            &"ops@example.com".into(),
            &"ERROR: disk.full".into()
        )
    );

    let (request, body) = provider(r#", "via": "gmail", "access_token": {"secret": "key"}"#);
    assert_eq!(request.uri().path(), "/gmail/v1/users/me/messages/send");
    let raw = String::from_utf8(BASE64_URL_SAFE.decode(body["raw"].as_str().unwrap()).unwrap()).unwrap();
    assert!(raw.contains("Subject: ERROR: disk.full\r\n"), "{raw}");

    let (request, body) =
        provider(r#", "via": "ses", "region": "eu-central-1", "access_key": "AKID", "secret_key": {"secret": "key"}"#);
    assert_eq!(
        request.uri().to_string(),
        "https://email.eu-central-1.amazonaws.com/v2/email/outbound-emails"
    );
    let authorization = request.headers().get("authorization").unwrap().to_str().unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/19700101/eu-central-1/ses/aws4_request, SignedHeaders=content-type;host;x-amz-date,"), "{authorization}");
    assert_eq!(body["Destination"]["ToAddresses"][0], "ops@example.com");
    assert!(
        BASE64_STANDARD
            .decode(body["Content"]["Raw"]["Data"].as_str().unwrap())
            .is_ok()
    );
}

#[test]
fn mistakes_are_told_at_once() {
    let errors = configure_channel::<Email>(
        r#"{"from": "nobody", "to": ["a@b.c", "x y"], "html": "{{", "overflow": "split", "via": "ses", "access_key": {"secret": "none"}}"#,
    )
    .unwrap_err();
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(
        paths,
        ["access_key", "secret_key", "region", "from", "to.1", "html", "overflow"]
    );
}

#[test]
fn the_token_of_gmail_is_given_or_renewed() {
    grant_secret("key", "s3cret");
    let mistakes = |more: &str| -> Vec<String> {
        let config = format!("{{\"from\": \"a@example.com\", \"via\": \"gmail\"{more}}}");
        let errors = configure_channel::<Email>(&config).err().unwrap_or_default();
        errors.into_iter().map(|error| error.path).collect()
    };
    let renewed = r#", "client_id": "id", "client_secret": {"secret": "key"}, "refresh_token": {"secret": "key"}"#;
    assert_eq!(mistakes(renewed), [""; 0]);
    assert_eq!(mistakes(""), ["access_token"]);
    assert_eq!(
        mistakes(&format!("{renewed}, \"access_token\": \"a\"")),
        ["access_token"]
    );
    assert_eq!(
        mistakes(r#", "client_id": "id", "token_url": "ftp://x""#),
        ["client_secret", "refresh_token", "token_url"]
    );
}

#[test]
fn a_dry_run_sends_nothing() {
    let receipt = email(r#", "dry_run": true"#).deliver(&sample("x")).unwrap();
    assert!(receipt.detail.unwrap().starts_with("dry run"));
    assert_eq!(sent_mail(), []);
}

proptest! {
    #[test]
    fn headers_are_always_these(text in "[\\PC\r\n\t:<>@,;\"\u{0}\u{85}\u{2028}\u{202e}]{0,200}") {
        let mut delivery = sample(&text);
        delivery.event.type_ = text.clone();
        delivery.event.subject = Some(text.clone());
        delivery.event.correlation_id = Some(text.clone());
        let more = r#", "title": "{{ type }}{{ subject }}", "body": "{{ message }}{{ correlation_id }}""#;
        let (head, _) = parts(&sent(&mut email(more), &delivery).1);
        let mut names: Vec<&str> = head.iter().filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.retain(|name| !matches!(*name, "In-Reply-To" | "References"));
        prop_assert_eq!(names, ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"]);
        prop_assert!(head.iter().all(|line| !line.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t')));
    }
}
