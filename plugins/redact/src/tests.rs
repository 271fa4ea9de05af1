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
        (r#"{"style": "token"}"#, "hash_key"),
        (r#"{"rules": [{"paths": ["a"], "style": "hash"}]}"#, "hash_key"),
        (r#"{"rules": [{"paths": []}]}"#, "rules.0.paths"),
        (r#"{"rules": [{"paths": ["a"], "classes": []}]}"#, "rules.0.classes"),
        (r#"{"rules": [{"paths": ["a"], "exclude": {}}]}"#, "rules.0.exclude"),
        (r#"{"secret_names": [""]}"#, "secret_names.0"),
        (r#"{"words": [{"label": "x", "words": []}]}"#, "words.0.words"),
        (r#"{"words": [{"label": "email", "words": ["a"]}]}"#, "words.0.label"),
        (r#"{"words": [{"label": "no2", "words": ["a"]}]}"#, "words.0.label"),
        (r#"{"words": [{"label": "Big", "words": ["a"]}]}"#, "words.0.label"),
        (
            r#"{"patterns": [{"label": "x", "pattern": "a("}]}"#,
            "patterns.0.pattern",
        ),
        (
            r#"{"patterns": [{"label": "x", "pattern": "(a{99}){99}{99}"}]}"#,
            "patterns.0.pattern",
        ),
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
fn all_mistakes_are_told_at_once() {
    let config = r#"{"style": "hash", "classes": [], "words": [{"label": "A", "words": [""]}], "patterns": [{"label": "b", "pattern": "["}]}"#;
    let errors = configure_redactor::<Redact>(config).unwrap_err();
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "classes",
            "words.0.label",
            "patterns.0.pattern",
            "words.0.words.0",
            "hash_key"
        ]
    );
}

#[test]
fn own_words_and_patterns() {
    let config = r#"{
        "words": [
            {"label": "project", "words": ["Bluebird", "Blue", "Straße 7"]},
            {"label": "codename", "words": ["Ajax"], "case_sensitive": true, "style": "label"}
        ],
        "patterns": [
            {"label": "ticket", "pattern": "TICKET-[0-9]{3,6}", "style": "partial"},
            {"label": "name", "pattern": "\\bM(ü|ue)ller\\b", "unicode": true}
        ]
    }"#;
    for (text, expected) in [
        ("the bluebird, blue", "the [redacted:project], [redacted:project]"),
        ("bluebirds, rosebluebird_x", "bluebirds, rosebluebird_x"),
        ("straße 7", "[redacted:project]"),
        ("Ajax ajax", "[codename] ajax"),
        ("TICKET-12345", "[ticket:****2345]"),
        ("Frau Müller", "Frau [redacted:name]"),
        // In all encodings, and as the value of a name.
        (r"a\nBluebird", r"a\n[redacted:project]"),
        ("q=Blue%62ird", "q=[redacted:project]"),
        ("v: YWJvdXQgQmx1ZWJpcmQsIDQy", "v: [redacted:project]"),
        ("token: Ajax", "token: [codename]"),
    ] {
        let once = redacted(config, "message", text);
        assert_eq!(once, expected);
        assert_eq!(redacted(config, "message", &once), once);
    }
}

#[test]
fn own_names_of_secrets() {
    let config = r#"{"secret_names": ["kenn_wort"]}"#;
    assert_eq!(redacted(config, "payload.kennWort", "x"), "[redacted:secret-key]");
    assert_eq!(
        redacted(config, "message", "KENN-WORT: x1y2"),
        "KENN-WORT: [redacted:secret-key]"
    );
    assert_eq!(redacted("{}", "payload.kennWort", "x"), "x");
}

/// The door may be stricter than one subscription, or the other way round, and so may one field than another.
#[test]
fn rules_by_path() {
    let config = r#"{
        "styles": {"card": "partial"},
        "rules": [
            {"paths": ["payload.audit", "metadata.**.audit"], "classes": ["card"]},
            {"paths": ["payload"], "style": "label", "styles": {"email": "partial"}}
        ]
    }"#;
    let text = "a@b.de 4111111111111111 +12025550143";
    for (path, expected) in [
        ("message", "[redacted:email] [card:****1111] [redacted:phone]"),
        ("payload.audit.by", "a@b.de [card:****1111] +12025550143"),
        ("metadata.x.audit", "a@b.de [card:****1111] +12025550143"),
        ("payload.text", "[email:***@b.de] [card] [phone]"),
    ] {
        assert_eq!(redacted(config, path, text), expected);
    }
    assert_eq!(redacted(config, "payload.password", "x"), "[secret-key]");
    assert_eq!(redacted(config, "payload.audit.password", "x"), "x");
}

/// A number's text says little; its name says the rest.
#[test]
fn bare_numbers_are_judged_by_their_path() {
    for (path, text, expected) in [
        ("payload.card", "4111111111111111", "[redacted:card]"),
        ("payload.total", "4111111111111111", "[redacted:card]"),
        ("payload.cardNumber", "501800000009", "[redacted:card]"),
        ("payload.count", "501800000009", "501800000009"),
        ("payload.ssn", "536221234", "[redacted:us-ssn]"),
        ("payload.id", "536221234", "536221234"),
        ("payload.phones.0", "2025550143", "[redacted:phone]"),
        ("payload.number", "2025550143", "2025550143"),
        ("payload.cvv", "123", "[redacted:secret-key]"),
        ("payload.pin", "1234", "[redacted:secret-key]"),
        ("payload.price", "12.5e3", "12.5e3"),
    ] {
        assert_eq!(redacted("{}", path, text), expected, "{path}");
    }
}

/// What stands beside a mask is not what stood beside the secret.
#[test]
fn what_is_left_is_left_for_good() {
    for (config, text) in [
        ("{}", "4111 1111 1111 1111 020 7946 0958"),
        (r#"{"style": "partial"}"#, "https://00:1a:2b:3c:4d:5e%40"),
        (r#"{"style": "label"}"#, "phone +49 30 1234567 1234567"),
        ("{}", "Basic dXNlcjpwYXNz=+49 30 1234567"),
        (r#"{"exclude": {"values": ["a@b.de"]}}"#, "token=a@b.de x@y.de"),
    ] {
        let once = redacted(config, "message", text);
        assert_eq!(redacted(config, "message", &once), once, "{text}");
    }
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
        "1.",
        "1 ",
        "0(",
        "+1",
        "1:",
        "::",
        "aa:",
        "aa-",
        "phone 1 ",
        "AA1",
        "Q~",
        "8Q~",
        "aaaaaaaaaaaaa/",
        "sk-",
        "Bearer ",
    ] {
        // Nothing is timed: were it not linear, this would not end within anybody's patience.
        let text = unit.repeat(100_000 / unit.len());
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
        "+49 30 1234567",
        "(202) 555-0143",
        "Phone: ",
        "ssn ",
        "536-22-1234",
        "203.0.113.7",
        "2001:db8::1",
        "00:1a:2b:3c:4d:5e",
        "12345678Z",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        "Bluebird",
        "TICKET-123",
        "[project]",
        "[redacted:",
        "-",
        ".",
        "1",
        "42 ",
    ]);
    prop_oneof![4 => fixed.prop_map(str::to_owned), 1 => "[ -~]{0,8}", 1 => "\\PC{0,4}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// `redact` fails where edits overlap, come out of order, or cut a character.
    #[test]
    fn edits_are_well_formed_and_final(pieces in prop::collection::vec(piece(), 0..16), style in style()) {
        let text = pieces.concat();
        let mut plugin = configure_redactor::<Redact>(&config(style)).unwrap();
        let once = redact(&mut plugin, "message", &text).unwrap();
        let twice = redact(&mut plugin, "message", &once).unwrap();
        prop_assert_eq!(&once, &twice, "{}", text);
    }

    /// What stands between edits is what stood there, and what they put in its place needs no escape in JSON.
    #[test]
    fn nothing_but_edits_changes_and_json_stays_json(pieces in prop::collection::vec(piece(), 0..16), style in style()) {
        let text = pieces.concat();
        let mut plugin = configure_redactor::<Redact>(&config(style)).unwrap();
        let once = redact(&mut plugin, "message", &text).unwrap();
        // A text in which masks stand as they are made: all else must be there, in its order.
        let mut rest = text.as_str();
        for kept in once.split("[redacted:").map(|part| part.split_once(']').map_or(part, |(_, kept)| kept)) {
            if style == "mask" && !text.contains('[') {
                let found = rest.find(kept);
                prop_assert!(found.is_some(), "{:?} of {:?} is not in {:?}", kept, once, text);
                rest = rest.get(found.unwrap() + kept.len()..).unwrap();
            }
        }
        // As a string in a document, the raw text that the router splices into.
        let quoted = serde_json::to_string(&text).unwrap();
        let raw = quoted.get(1..quoted.len() - 1).unwrap();
        let document = format!("\"{}\"", redact(&mut plugin, "message", raw).unwrap());
        prop_assert!(serde_json::from_str::<String>(&document).is_ok(), "{}", document);
    }
}

fn style() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["mask", "label", "partial", "hash"])
}

fn config(style: &str) -> String {
    serde_json::json!({
        "style": style,
        "hash_key": "0123456789abcdef",
        "secret_names": ["kennwort"],
        "words": [{"label": "project", "words": ["bluebird"]}],
        "patterns": [{"label": "ticket", "pattern": "TICKET-[0-9]+"}],
    })
    .to_string()
}
