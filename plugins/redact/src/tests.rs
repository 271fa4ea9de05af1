//! The plugin as the router sees it.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use patchpanel_plugin::testing::{configure_redactor, grant_secret, redact};
use proptest::prelude::*;

fn redacted(config: &str, path: &str, text: &str) -> String {
    redact(&mut configure_redactor::<Redact>(config).unwrap(), path, text).unwrap()
}

#[test]
fn classes_can_be_chosen() {
    let text = "a@b.de 4111111111111111";
    assert_eq!(redacted(r#"{"classes": ["card"]}"#, "", text), "a@b.de [redacted:card]");
    assert_eq!(redacted("{}", "", text), "[redacted:email] [redacted:card]");
}

/// A class that is off hides nothing from those that are on.
#[test]
fn classes_do_not_depend_on_each_other() {
    let token = "ghp_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX";
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc";
    for (class, text, secret) in [
        ("token", format!("Authorization: Bearer {token}"), token),
        ("token", format!("authorization: token {token}"), token),
        ("token", format!("curl -u {token}: x"), token),
        ("token", format!("curl -u user:{token} x"), token),
        ("jwt", format!("Authorization: Bearer {jwt}"), jwt),
        (
            "email",
            "Bearer amFuZUBleGFtcGxlLmNvbQ==".to_owned(),
            "amFuZUBleGFtcGxlLmNvbQ==",
        ),
        (
            "secret-key",
            "Authorization: Bearer 8f3k2j9d7s6a5f4g".to_owned(),
            "8f3k2j9d7s6a5f4g",
        ),
    ] {
        let config = format!(r#"{{"classes": ["{class}"]}}"#);
        let expected = text.replace(secret, &format!("[redacted:{class}]"));
        assert_eq!(redacted(&config, "", &text), expected);
    }
}

#[test]
fn exclusions() {
    let config = r#"{"exclude": {"paths": ["payload.commit"], "values": ["NoReply@example.com", "*@example.org"]}}"#;
    assert_eq!(redacted(config, "payload.commit.email", "a@b.de"), "a@b.de");
    assert_eq!(
        redacted(config, "payload.x", "noreply@example.com a@example.org a@example.com"),
        "noreply@example.com a@example.org [redacted:email]"
    );
}

#[test]
fn hashes() {
    let literal = redacted(
        r#"{"styles": {"email": "hash"}, "hash_key": "0123456789abcdef"}"#,
        "",
        "a@b.de",
    );
    grant_secret("redact-hash-key", "0123456789abcdef");
    let config = r#"{"style": "hash", "hash_key": {"secret": "redact-hash-key"}}"#;
    assert_eq!(redacted(config, "", "a@b.de"), literal);
    assert_eq!(redacted(config, "", &literal), literal);
}

#[test]
fn mistakes_in_the_configuration_are_named() {
    for (config, path) in [
        (r#"{"clases": []}"#, "clases"),
        (r#"{"classes": ["emial"]}"#, "classes.0"),
        (r#"{"classes": []}"#, "classes"),
        (r#"{"style": "hash"}"#, "hash_key"),
        (r#"{"style": "hash", "hash_key": "short"}"#, "hash_key"),
        (
            r#"{"style": "hash", "hash_key": {"secret": "none"}}"#,
            "hash_key.secret",
        ),
        (r#"{"exclude": {"paths": ["a", ""]}}"#, "exclude.paths.1"),
        (r#"{"styles": {"email": "blur"}}"#, "styles"),
    ] {
        let errors = configure_redactor::<Redact>(config).unwrap_err();
        assert_eq!(
            errors.first().map(|error| error.path.as_str()),
            Some(path),
            "{errors:?}"
        );
    }
    let errors = configure_redactor::<Redact>(r#"{"classes": ["emial"]}"#).unwrap_err();
    assert!(
        errors
            .iter()
            .any(|error| error.message.ends_with("did you mean `email`?")),
        "{errors:?}"
    );
}

#[test]
fn encodings_are_looked_through() {
    for (text, expected) in [
        (
            r#"{"a": "{\"password\": \"hunter2\"}"}"#,
            r#"{"a": "{\"password\": \"[redacted:secret-key]\"}"}"#,
        ),
        (r"line\njane@example.com\n", r"line\n[redacted:email]\n"),
        ("q=jane%40example.com&x", "q=[redacted:email]&x"),
        ("card=4682%209918%204373%208177", "card=[redacted:card]"),
        ("v: amFuZUBleGFtcGxlLmNvbQ==", "v: [redacted:email]"),
    ] {
        assert_eq!(redacted("{}", "", text), expected);
    }
}

/// Hostile texts: names, quotes, prefixes and anchors, a thousand times over.
#[test]
fn hostile_texts_end() {
    for unit in [
        "token=$",
        "token='",
        "t1./",
        "eyJ.",
        "@",
        "a@",
        "://a:",
        "password:",
        "-----BEGIN ",
        "4111 ",
        "GB82",
        "token>",
        "[token:",
        "\\u0040",
        "%40",
        "aaaaaaaaaaaaa/",
        "sk-",
        "Bearer ",
    ] {
        // Nothing is timed: were it not linear, this would not end within anybody's patience.
        let text = unit.repeat(400_000 / unit.len());
        let mut plugin = configure_redactor::<Redact>("{}").unwrap();
        redact(&mut plugin, "", &text).unwrap();
    }
}

/// Pieces that detectors care about, and others.
fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "password",
        "token",
        "secret",
        "=",
        ": ",
        "\"",
        "'",
        "[",
        "]",
        "@",
        ".com",
        "a.b",
        "://",
        "user:",
        "\\n",
        "\\\"",
        "%40",
        "%20",
        "ü",
        "💡",
        " ",
        "\n",
        ",",
        "&",
        "{",
        "}",
        "<",
        ">",
        "ghp_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX",
        "4111111111111111",
        "DE89370400440532013000",
        "jane@example.com",
        "Bearer ",
        "Basic ",
        "dXNlcjpwYXNz",
        "amFuZUBleGFtcGxlLmNvbQ==",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
        "[redacted:email]",
        "[token:ghp_***]",
        "hunter2",
        "https://",
        "Cookie: ",
        "Authorization: ",
        "curl -u ",
        "git@github.com:",
    ]);
    prop_oneof![4 => fixed.prop_map(str::to_owned), 1 => "[ -~]{0,8}", 1 => "\\PC{0,4}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// `redact` fails where edits overlap, come out of order, or cut a character.
    #[test]
    fn edits_are_well_formed_and_final(pieces in prop::collection::vec(piece(), 0..16)) {
        let text = pieces.concat();
        let mut plugin = configure_redactor::<Redact>("{}").unwrap();
        let once = redact(&mut plugin, "message", &text).unwrap();
        let twice = redact(&mut plugin, "message", &once).unwrap();
        prop_assert_eq!(&once, &twice, "{}", text);
    }
}
