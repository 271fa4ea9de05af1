#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
use super::*;
use patchpanel_plugin::testing::configure_channel;
use plugin_message::testing;
use proptest::prelude::*;

const TOKEN: &str = "123456:ABC-DEF1234ghIkl_zyx57W2";

fn telegram(more: &str) -> Telegram {
    configure_channel(&format!("{{\"token\": \"{TOKEN}\", \"chat\": -100123{more}}}")).unwrap()
}

fn sample(message: &str) -> Delivery {
    testing::sample(Level::Error, message)
}

fn payloads(telegram: &Telegram, delivery: &Delivery) -> Vec<Value> {
    testing::bodies(&telegram.requests(delivery).unwrap())
}

fn text(more: &str, message: &str) -> String {
    payloads(&telegram(more), &sample(message))[0]["text"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_message() {
    let telegram = telegram("");
    assert_eq!(
        telegram.send.to_string(),
        format!("https://api.telegram.org/bot{TOKEN}/sendMessage")
    );
    assert_eq!(
        payloads(&telegram, &sample("90 %")),
        [json!({
            "chat_id": "-100123", "text": "<b>ERROR: disk.full</b>\n\n90 %", "parse_mode": "HTML", "disable_notification": false,
            "link_preview_options": {"is_disabled": true}
        })]
    );
    let plain = super::tests::telegram(r#", "parse_mode": "none""#);
    assert!(payloads(&plain, &sample("x"))[0].get("parse_mode").is_none());
}

#[test]
fn hostile_text_shows_as_itself_in_every_mode() {
    let hostile = "<a href=\"tg://x\">*b*</a> [x](y)\u{202e}\u{0} @all_1.!";
    assert_eq!(
        text("", hostile),
        "<b>ERROR: disk.full</b>\n\n&lt;a href=&quot;tg://x&quot;&gt;*b*&lt;/a&gt; [x](y) @all_1.!"
    );
    assert_eq!(
        text(r#", "parse_mode": "MarkdownV2""#, hostile),
        "*ERROR: disk\\.full*\n\n<a href\\=\"tg://x\"\\>\\*b\\*</a\\> \\[x\\]\\(y\\) @all\\_1\\.\\!"
    );
    assert_eq!(
        text(r#", "parse_mode": "none""#, hostile),
        "ERROR: disk.full\n\n<a href=\"tg://x\">*b*</a> [x](y) @all_1.!"
    );
}

#[test]
fn lengths_are_utf16_after_parsing() {
    let plain = r#", "parse_mode": "none""#;
    // 16 of the title, 2 of the gap.
    let room = 4096 - 18;
    let units = |text: &str| text.encode_utf16().count();
    assert_eq!(units(&text(plain, &"💡".repeat(room / 2))), 4096);
    assert!(text(plain, &"💡".repeat(room / 2)).ends_with('💡'));
    let over = text(plain, &"💡".repeat(room / 2 + 1));
    assert!(over.ends_with('…') && units(&over) == 4095, "{}", units(&over));
    // Escapes do not count.
    assert!(text("", &"&".repeat(room)).ends_with("&amp;"));
    assert!(text("", &"&".repeat(room + 1)).ends_with('…'));
    assert_eq!(
        payloads(&telegram(r#", "overflow": "split""#), &sample(&"x".repeat(8000))).len(),
        2
    );
    assert!(matches!(
        telegram(r#", "overflow": "reject""#).requests(&sample(&"x".repeat(room + 1))),
        Err(Problem::Reject(_))
    ));
}

#[test]
fn recipients_are_chats() {
    let mut delivery = sample("x");
    delivery.recipients = vec!["42".to_owned(), "@ops_team".to_owned()];
    let chats: Vec<_> = payloads(&telegram(""), &delivery)
        .iter()
        .map(|part| part["chat_id"].clone())
        .collect();
    assert_eq!(chats, [json!("42"), json!("@ops_team")]);
    delivery.recipients = vec!["ops team".to_owned()];
    assert!(matches!(telegram("").requests(&delivery), Err(Problem::Reject(_))));
}

#[test]
fn answers() {
    let answer = |status, body: &str| testing::answer(&SERVICE, status, body, &[TOKEN]);
    assert_eq!(
        answer(200, r#"{"ok": true, "result": {"message_id": 7}}"#)
            .unwrap()
            .reference
            .as_deref(),
        Some("7")
    );
    let limited = r#"{"ok": false, "error_code": 429, "description": "Too Many Requests: retry after 5", "parameters": {"retry_after": 5}}"#;
    assert_eq!(
        answer(429, limited),
        Err(Problem::RetryAfter((
            5000,
            "429 Too Many Requests: Too Many Requests: retry after 5".to_owned()
        )))
    );
    let blocked = r#"{"ok": false, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}"#;
    assert!(matches!(answer(403, blocked), Err(Problem::Reject(why)) if why.contains("blocked")));
    let said = format!("no {TOKEN}");
    assert!(matches!(answer(401, &said), Err(Problem::Disable(why)) if !why.contains("ABC-DEF")));
}

#[test]
fn mistakes_are_told_at_once_and_hold_no_secret() {
    let errors = configure_channel::<Telegram>(r#"{"token": "hunter2", "chat": "ops", "server": "x", "title": "{{"}"#)
        .unwrap_err();
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths, ["token", "chat", "server", "title"]);
    assert!(!format!("{errors:?}").contains("hunter2"));
}

proptest! {
    #[test]
    fn no_text_is_too_long_or_opens_an_entity(message in "[a-z<>&*_.\n 💡ü]{0,5000}") {
        let html = text("", &message);
        let shown = html.replace("<b>", "").replace("</b>", "");
        prop_assert!(!shown.contains(['<', '>']));
        let shown = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        prop_assert!((1..=4096).contains(&shown.encode_utf16().count()));
        let markdown = text(r#", "parse_mode": "MarkdownV2""#, &message);
        let (_, body) = markdown.split_once("*\n\n").unwrap_or_default();
        let mut escaped = false;
        for c in body.chars() {
            prop_assert!(escaped || !"_*.>".contains(c), "{}", markdown);
            escaped = !escaped && c == '\\';
        }
    }
}
