//! What plugins reach that nobody granted them: nothing. And what they reach that somebody did: that, and no more.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::symlink;

use patchpanel_tests::{Receiver, Router};
use serde_json::json;

use crate::{SECRET, dead_letter, delivering, health, outcome, post, redacting, redacting_with, whole_log};

/// What a redactor at the door makes of one text.
fn redacted(router: &Router) -> String {
    assert_eq!(post(router, "e", "text").0, 202);
    router.settled();
    router.lines("audit.ndjson")[0]["message"].as_str().unwrap().to_owned()
}

#[test]
fn there_are_no_files_and_no_environment() {
    let directory = tempfile::tempdir().unwrap();
    let prey = directory.path().join("prey");
    let (_directory, router) = redacting(&format!("{{ mode = \"file\", path = \"{}\" }}", prey.display()));
    let message = redacted(&router);
    assert!(message.starts_with("DENIED") && !prey.exists(), "{message}");
    let (_directory, router) = redacting("{ mode = \"env\" }");
    assert_eq!(redacted(&router), "SEEN 0 []");
}

#[test]
fn requests_go_only_where_they_are_granted() {
    let receiver = Receiver::start();
    let config = format!("{{ mode = \"http\", url = \"{}/\" }}", receiver.url);
    let (_directory, router) = delivering(&config, "");
    router.publish(&json!({"id": "denied", "type": "t"}));
    let stats = router.settled();
    assert_eq!(stats["subscriptions"]["to-bad"]["dead"], 1, "{stats}");
    let refused = &health(&router)["refused"]["http"];
    assert_eq!(refused["count"], 1);
    let reason = refused["last_reason"].as_str().unwrap();
    assert!(reason.contains("is not granted"), "{reason}");
    let log = whole_log(&router);
    assert!(log.contains("is not granted"), "{log}");
    assert!(receiver.received().is_empty());
    let (_directory, router) = delivering(&config, &format!("http = [\"POST {}\"]", receiver.url));
    router.publish(&json!({"id": "granted", "type": "t"}));
    assert_eq!(router.settled()["subscriptions"]["to-bad"]["delivered"], 1);
    assert_eq!(receiver.received().len(), 1);
    assert_eq!(health(&router)["used"], json!({"http": 1}));
    let (_directory, router) = delivering(&config, &format!("http = [\"GET {}\"]", receiver.url));
    router.publish(&json!({"id": "other-method", "type": "t"}));
    assert_eq!(router.settled()["subscriptions"]["to-bad"]["dead"], 1);
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn channels_have_no_files_or_environment() {
    let prey = tempfile::tempdir().unwrap();
    for config in [
        format!("{{ mode = \"file\", path = \"{}/x\" }}", prey.path().display()),
        "{ mode = \"env\" }".to_owned(),
    ] {
        let (_directory, router) = delivering(&config, "");
        router.publish(&json!({"id": "e", "type": "t"}));
        let letter = dead_letter(&router);
        assert!(letter["reason"].as_str().unwrap().starts_with("refused"), "{letter}");
    }
}

#[test]
fn a_log_is_of_bounded_size_and_every_line_of_it_is_the_routers() {
    let (_directory, router) = delivering("{ mode = \"log-flood\" }", "");
    router.publish(&json!({"id": "e", "type": "t", "message": "words"}));
    router.settled();
    let log = whole_log(&router);
    let lines = log.lines().filter(|line| line.contains("flood ")).count();
    // Ten a second, and the flood may last into a second and third one.
    assert!((1..=30).contains(&lines), "{lines}");
    assert!(
        !log.lines().any(|line| line.starts_with("forged")),
        "a plugin cannot begin a line of the log"
    );
    assert!(health(&router)["suppressed_log_lines"].as_u64().unwrap() > 5000);
}

#[test]
fn a_redactor_is_mute_and_labels_carry_no_text() {
    let (directory, router) = redacting("{ mode = \"log-flood\" }");
    assert_eq!(post(&router, "x", SECRET).0, 202);
    let plugin = router.plugin("hostile");
    assert!(
        plugin["uses"][0]["suppressed_log_lines"].as_u64().unwrap() >= 6000,
        "{plugin}"
    );
    assert!(!whole_log(&router).contains("flood"));
    drop((directory, router));
    let (_directory, router) = redacting("{ mode = \"label\" }");
    assert_eq!(post(&router, "x", SECRET).0, 202);
    assert_eq!(router.settled()["redactions"], json!({"other": 1}));
}

#[test]
fn a_redactor_speaks_where_the_operator_lets_it_and_even_then_not_without_end() {
    let (_directory, router) = redacting_with("{ mode = \"log-flood\" }", "log = true");
    assert_eq!(post(&router, "x", "words").0, 202);
    router.settled();
    let log = whole_log(&router);
    let lines = log.lines().filter(|line| line.contains("flood ")).count();
    assert!((1..=30).contains(&lines), "{lines}");
    assert!(!log.lines().any(|line| line.starts_with("forged")));
    // The control of all tests that look for the secret in vain: the guest does say it.
    let (_directory, router) = redacting_with("{ mode = \"panic\" }", "log = true");
    assert_eq!(post(&router, "x", SECRET).0, 503);
    let log = whole_log(&router);
    assert!(log.contains(SECRET), "{log}");
    let (_directory, router) = redacting_with("{ mode = \"error\" }", "log = true");
    let (_, problem) = post(&router, "x", SECRET);
    assert!(problem["detail"].as_str().unwrap().contains(SECRET), "{problem}");
}

#[test]
fn nothing_leaves_over_sockets_or_by_asking_for_names() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (_directory, router) = redacting(&format!("{{ mode = \"socket\", address = \"{address}\" }}"));
    let message = redacted(&router);
    assert!(message.starts_with("DENIED"), "{message}");
    // A grant for requests is none for sockets.
    let config = format!("{{ mode = \"socket\", url = \"{address}\" }}");
    let (_directory, router) = delivering(&config, &format!("http = [\"http://{address}\"]"));
    router.publish(&json!({"id": "e", "type": "t"}));
    let letter = dead_letter(&router);
    assert!(letter["reason"].as_str().unwrap().starts_with("refused"), "{letter}");
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn variables_and_secrets_are_seen_by_name_where_they_are_granted() {
    let path = std::env::var("PATH").unwrap();
    let (_directory, router) = redacting_with("{ mode = \"env\" }", "env = [\"PATH\", \"NOT_SET_ANYWHERE\"]");
    assert_eq!(redacted(&router), format!("SEEN 1 [PATH={path}]"));
    let (_directory, router) = redacting_with("{ mode = \"secret\" }", "");
    assert_eq!(redacted(&router), "DENIED: Error::NotGranted");
    let (_directory, router) = redacting_with("{ mode = \"secret\" }", "secrets = [\"token\"]");
    assert_eq!(redacted(&router), format!("SEEN {path}"));
    // Granted or not, its value is nowhere in what is told of the plugin.
    assert!(!router.plugin("hostile").to_string().contains(&path));
}

#[test]
fn a_granted_directory_is_all_there_is() {
    let granted = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), granted.path().join("out")).unwrap();
    let allow = format!("directories = [\"{}\"]", granted.path().display());
    for (path, outcome) in [
        ("/inside".to_owned(), "delivered"),
        ("/out/x".to_owned(), "dead"),
        ("/../x".to_owned(), "dead"),
        (format!("{}/x", outside.path().display()), "dead"),
    ] {
        let (_directory, router) = delivering(&format!("{{ mode = \"file\", path = \"{path}\" }}"), &allow);
        router.publish(&json!({"id": "e", "type": "t"}));
        let stats = router.settled();
        assert_eq!(stats["subscriptions"]["to-bad"][outcome], 1, "{path}: {stats}");
    }
    assert_eq!(fs::read_to_string(granted.path().join("inside")).unwrap(), "was here");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn directories_are_read_or_written_where_they_are_shown() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let allow = format!(
        "directories = [{{ path = \"{}\", as = \"/in\" }}, {{ path = \"{}\", mode = \"write\", as = \"/out\" }}]",
        first.path().display(),
        second.path().display()
    );
    for (path, delivered) in [
        ("/out/x", true),
        ("/in/x", false),
        ("/x", false),
        ("/out/../in/x", false),
    ] {
        let (_directory, router) = delivering(&format!("{{ mode = \"file\", path = \"{path}\" }}"), &allow);
        assert_eq!(outcome(&router, "e") == "delivered", delivered, "{path}");
    }
    assert_eq!(fs::read_dir(first.path()).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(second.path().join("x")).unwrap(), "was here");
}

#[test]
fn state_is_kept_where_that_is_granted() {
    let config = "{ mode = \"kv\", times = 1, bytes = 1 }";
    let (_directory, router) = delivering(config, "kv = true");
    assert_eq!(outcome(&router, "e"), "delivered");
    assert_eq!(health(&router)["used"], json!({"kv": 1}));
    let (_directory, router) = delivering(config, "");
    let reason = outcome(&router, "e");
    assert!(reason.contains("`kv` is not granted"), "{reason}");
    assert_eq!(health(&router)["refused"]["kv"]["count"], 1);
}

#[test]
fn what_a_plugin_never_asked_for_is_not_given_and_the_operator_is_told() {
    let prey = tempfile::tempdir().unwrap();
    let path = prey.path().join("x");
    let allow = format!(
        "directories = [\"{}\"], kv = true, secrets = [\"token\"], http = [\"https://example.com\"]",
        prey.path().display()
    );
    let (directory, router) = redacting_with("{ mode = \"file\", path = \"/x\" }", &allow);
    let message = redacted(&router);
    assert!(message.starts_with("DENIED") && !path.exists(), "{message}");
    let plugin = router.plugin("hostile");
    assert_eq!(
        plugin["granted_in_vain"],
        json!(["http: https://example.com:443", "directories: /", "kv: true"])
    );
    assert_eq!(plugin["asks"], json!({"secrets": ["token"], "env": ["*"]}));
    let output = patchpanel_tests::run(directory.path(), &["config", "check"], "");
    assert_eq!(output.code, 0);
    assert!(
        output
            .stderr
            .contains("plugin `hostile` is granted kv: true, but does not ask for it"),
        "{}",
        output.stderr
    );
}
