//! Mails over HTTP, and the tokens for it.

use serde_json::json;

use crate::hook::{Answer, Hook};
use crate::{Running, hostile, json_of, start};

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
        running.router.publish(&hostile("db-1"));
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

fn say(status: u16, body: &str) -> Answer {
    Answer::Say(status, None, body.to_owned())
}

/// A channel to Gmail that gets its tokens from the same hook.
fn gmail(hook: &Hook) -> Running {
    let config = format!(
        r#"
[secrets]
client = "env:CLIENT"
refresh = "env:REFRESH"

[plugins.email.allow]
http = ["POST {url}/send", "POST {url}/token"]
secrets = ["client", "refresh"]

[[channels]]
name = "mail"
plugin = "email"
concurrency = 1

[channels.config]
from = "a@example.com"
to = ["b@example.com"]
via = "gmail"
client_id = "42.apps.example.com"
client_secret = {{ secret = "client" }}
refresh_token = {{ secret = "refresh" }}
url = "{url}/send"
token_url = "{url}/token"

[[subscriptions]]
name = "all"
channel = "mail"
retry = {{ attempts = 5, base = "5ms", cap = "20ms" }}
"#,
        url = hook.url
    );
    start(
        &config,
        &[("CLIENT", "s3cret-of-client"), ("REFRESH", "1//s3cret-of-refresh")],
    )
}

/// What came: the path, and the token that was shown.
fn came(hook: &Hook) -> Vec<(String, String)> {
    let seen = hook.seen().into_iter();
    let token = |headers: &std::collections::BTreeMap<String, String>| {
        headers.get("authorization").cloned().unwrap_or_default()
    };
    seen.map(|request| (request.path.clone(), token(&request.headers)))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(path, token)| ((*path).to_owned(), (*token).to_owned()))
        .collect()
}

#[test]
fn a_token_of_gmail_is_renewed_before_it_ends_and_when_it_is_refused() {
    let hook = Hook::start(200, r#"{"id": "1"}"#);
    hook.answer([
        say(
            200,
            r#"{"access_token": "s3cret-1", "expires_in": 3599, "token_type": "Bearer"}"#,
        ),
        say(200, r#"{"id": "1"}"#),
        say(200, r#"{"id": "2"}"#),
        say(401, r#"{"error": {"message": "Invalid Credentials s3cret-1"}}"#),
        // Not long enough for another batch.
        say(200, r#"{"access_token": "s3cret-2", "expires_in": 59}"#),
        say(200, r#"{"id": "3"}"#),
        say(200, r#"{"access_token": "s3cret-3", "expires_in": 3599}"#),
    ]);
    let running = gmail(&hook);
    for id in ["1", "2", "3", "4"] {
        running.router.publish(&hostile(id));
        running.router.settled();
    }
    assert_eq!(running.count("all", "delivered"), 4);
    let expected = pairs(&[
        ("/token", ""),
        ("/send", "Bearer s3cret-1"),
        ("/send", "Bearer s3cret-1"),
        ("/send", "Bearer s3cret-1"),
        ("/token", ""),
        ("/send", "Bearer s3cret-2"),
        ("/token", ""),
        ("/send", "Bearer s3cret-3"),
    ]);
    assert_eq!(came(&hook), expected);
    let asked = &hook.seen()[0];
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(
        asked.body,
        "grant_type=refresh_token&client_id=42.apps.example.com&client_secret=s3cret-of-client&\
         refresh_token=1%2F%2Fs3cret-of-refresh"
    );
    let reason = running.failure("3/all");
    assert!(
        reason.starts_with("401 Unauthorized: Invalid Credentials [redacted]"),
        "{reason}"
    );
    assert!(!running.router.log().contains("s3cret"));
}

#[test]
fn where_there_is_no_token_nothing_is_sent_and_all_is_tried_again() {
    let hook = Hook::start(200, r#"{"access_token": "s3cret-1", "expires_in": 3599}"#);
    hook.answer([
        say(
            400,
            r#"{"error": "invalid_grant", "error_description": "Token 1//s3cret-of-refresh has been revoked."}"#,
        ),
        say(503, "<html>"),
    ]);
    let running = gmail(&hook);
    running.router.publish(&hostile("1"));
    assert_eq!(running.count("all", "delivered"), 1);
    let delivery = running.router.get("/v1/deliveries/1/all").1;
    let reasons: Vec<&str> = delivery["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| failure["reason"].as_str().unwrap())
        .collect();
    let revoked = "no access token: 400 invalid_grant: Token [redacted] has been revoked.";
    assert_eq!(reasons, [revoked, "no access token: 503"]);
    assert_eq!(
        came(&hook),
        pairs(&[
            ("/token", ""),
            ("/token", ""),
            ("/token", ""),
            ("/send", "Bearer s3cret-1")
        ])
    );
}
