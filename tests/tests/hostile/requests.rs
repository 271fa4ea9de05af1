//! Outgoing requests: where they may lead, and the secrets that the router puts into them.

use std::net::ToSocketAddrs as _;

use serde_json::json;

use crate::server::Server;
use crate::{delivering, health, outcome, whole_log};

fn sending(url: &str, more: &str) -> String {
    format!("{{ mode = \"http\", url = \"{url}\"{more} }}")
}

#[test]
fn a_redirect_leads_nowhere_that_is_not_granted() {
    let (first, second) = (Server::start(), Server::start());
    let config = sending(&format!("{}/to/{}/x", first.url, second.url), "");
    let (_directory, router) = delivering(&config, &format!("http = [\"{}\"]", first.url));
    let reason = outcome(&router, "e");
    assert!(reason.starts_with("refused"), "{reason}");
    assert_eq!((first.seen().len(), second.seen().len()), (1, 0));
    let allow = format!("http = [\"{}\", \"{}\"]", first.url, second.url);
    let (_directory, router) = delivering(&config, &allow);
    assert_eq!(outcome(&router, "e"), "delivered");
    assert_eq!(second.seen().len(), 1);
}

fn together(url: &str, more: &str) -> String {
    format!("{{ mode = \"http-together\", url = \"{url}\"{more} }}")
}

#[test]
fn many_requests_in_one_call_are_held_to_the_same_rules() {
    let (server, other) = (Server::start(), Server::start());
    let (url, secret) = (&server.url, std::env::var("PATH").unwrap());
    let allow = format!("http = [\"{url}/v1\"], secrets_for_http = {{ token = [\"{url}\"] }}");
    let sent = |config: &str| {
        let before = server.seen().len();
        let (_directory, router) = delivering(config, &allow);
        let reason = outcome(&router, "e");
        (reason, server.seen().split_off(before), health(&router))
    };
    let header = ", header = \"Bearer {{secret:token}}\", times = 40";
    let (reason, seen, health) = sent(&together(&format!("{url}/v1/x"), header));
    assert_eq!(reason, "delivered");
    let expected = ("/v1/x".to_owned(), Some(format!("Bearer {secret}")));
    assert_eq!(seen, vec![expected; 40]);
    assert_eq!(health["used"], json!({"http": 40, "secrets_filled": 40}));
    let redirect = format!("{url}/v1/to/{}/x", other.url);
    for (target, more, said) in [
        (format!("{url}/v2"), "", "is not granted, or not with this path"),
        (format!("{url}/v1/../v2"), "", "is not granted, or not with this path"),
        (format!("{}/v1", other.url), "", "is not granted, or not with this path"),
        (
            "ftp://h.example/v1".to_owned(),
            "",
            "must begin with http:// or https://",
        ),
        ("/v1".to_owned(), "", "must begin with http:// or https://"),
        ("http://h h/".to_owned(), "", "its URL is none"),
        (
            format!("{url}/v1"),
            ", header = \"a\\r\\nb: c\"",
            "the header `authorization` has a value with control characters",
        ),
    ] {
        let (reason, seen, _) = sent(&together(&target, more));
        assert!(
            reason.starts_with("refused after 0: the request was refused") && reason.contains(said),
            "{target}: {reason}"
        );
        assert_eq!(seen, [], "{target}");
    }
    assert_eq!(sent(&together(&redirect, "")).0, "delivered");
    assert_eq!(other.seen(), [], "a redirect is an answer, and followed by nobody");
}

#[test]
fn a_name_that_leads_to_a_private_address_is_not_followed() {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    let addresses = (name, 80)
        .to_socket_addrs()
        .map(Iterator::collect::<Vec<_>>)
        .unwrap_or_default();
    if addresses.is_empty() || !addresses.iter().all(|address| address.ip().is_loopback()) {
        eprintln!("skipped: the name of this machine ({name}) does not lead to a loopback address");
        return;
    }
    let server = Server::start();
    let named = format!("http://{name}:{}", server.port());
    // Straight there, and over a redirect from an address that is granted.
    for config in [
        sending(&named, ""),
        sending(&format!("{}/to/{named}/x", server.url), ""),
        together(&named, ""),
    ] {
        let before = server.seen().len();
        let allow = format!("http = [\"{}\", \"{named}\"]", server.url);
        let (_directory, router) = delivering(&config, &allow);
        let reason = outcome(&router, "e");
        assert!(reason.starts_with("refused"), "{reason}");
        let reached = server.seen().split_off(before);
        assert!(reached.iter().all(|(path, _)| path.starts_with("/to/")), "{reached:?}");
        let refused = health(&router)["refused"]["http"]["last_reason"].to_string();
        assert!(refused.contains("private and not granted"), "{refused}");
        let (_directory, router) = delivering(&config, &format!("{allow}, private_addresses = true"));
        assert_eq!(outcome(&router, "e"), "delivered");
    }
}

#[test]
fn a_granted_path_is_all_there_is_of_a_host() {
    let server = Server::start();
    let allow = format!("http = [\"{}/v1/messages\"]", server.url);
    for (path, allowed) in [
        ("/v1/messages", true),
        ("/v1/messages/7?x=1", true),
        ("/v1/messages-old", false),
        ("/v1", false),
        ("/v1/messages/../admin", false),
        ("/v1/messages/%2e%2e/admin", false),
        ("/v1/messages/..%2fadmin", false),
    ] {
        let before = server.seen().len();
        let (_directory, router) = delivering(&sending(&format!("{}{path}", server.url), ""), &allow);
        assert_eq!(outcome(&router, "e") == "delivered", allowed, "{path}");
        assert_eq!(server.seen().len() - before, usize::from(allowed), "{path}");
    }
}

#[test]
fn the_router_fills_in_secrets_that_the_plugin_never_sees() {
    let secret = std::env::var("PATH").unwrap();
    let (server, other) = (Server::start(), Server::start());
    let header = ", header = \"Bearer {{secret:token}}\"";
    let fill = format!("secrets_for_http = {{ token = [\"{}\"] }}", server.url);
    let allow = format!("http = [\"{}\", \"{}\"], {fill}", server.url, other.url);

    let (_directory, router) = delivering(&sending(&server.url, header), &allow);
    assert_eq!(outcome(&router, "{{secret:token}}"), "delivered");
    assert_eq!(server.seen(), [("/".to_owned(), Some(format!("Bearer {secret}")))]);
    assert_eq!(health(&router)["used"], json!({"http": 1, "secrets_filled": 1}));
    for said in [whole_log(&router), router.plugin("hostile").to_string()] {
        assert!(!said.contains(&secret), "{said}");
    }
    let in_url = sending(&format!("{}/x?key={{{{secret:token}}}}", server.url), "");
    let (_directory, router) = delivering(&in_url, &allow);
    assert_eq!(outcome(&router, "e"), "delivered");
    let path = server.seen().pop().unwrap().0;
    assert!(path.starts_with("/x?key=%2F") && !path.contains("secret"), "{path}");

    // Not to others, not by reading, and not without the grant.
    let (_directory, router) = delivering(&sending(&other.url, header), &allow);
    let reason = outcome(&router, "e");
    assert!(reason.starts_with("refused") && other.seen().is_empty(), "{reason}");
    let refused = health(&router)["refused"]["secrets"]["last_reason"].clone();
    assert_eq!(refused, "the secret `token` may not be sent there");
    let (_directory, router) = delivering("{ mode = \"secret\" }", &allow);
    let reason = outcome(&router, "e");
    assert_eq!(reason, "refused: the secret is not granted to this plugin");
}

#[test]
fn a_secret_that_a_plugin_tells_is_nowhere_to_be_read() {
    let secret = std::env::var("PATH").unwrap();
    let (_directory, router) = delivering("{ mode = \"secret\" }", "secrets = [\"token\"]");
    assert_eq!(outcome(&router, "e"), "SEEN [redacted]");
    let (_, check) = router.post_to("/v1/channels/bad/check", &json!({}));
    assert_eq!(check["reason"], "SEEN [redacted]");
    let told = [
        router.get("/v1/dead-letters").1.to_string(),
        router.get("/v1/dead-letters/e/to-bad").1.to_string(),
        router.plugin("hostile").to_string(),
        whole_log(&router),
    ];
    for told in &told {
        assert!(!told.contains(&secret), "{told}");
    }
    // Of the log, of its field, of both outputs.
    assert!(told[3].matches("SEEN [redacted]").count() >= 4, "{}", told[3]);
}

#[test]
fn a_placeholder_without_a_grant_is_a_mistake_of_the_configuration() {
    let directory = crate::installed("hostile-channel");
    let config = "[secrets]\ntoken = \"env:PATH\"\n[[channels]]\nname = \"bad\"\nplugin = \"hostile\"\n\
        config = { mode = \"http\", header = \"{{secret:token}}\" }\n";
    std::fs::write(directory.path().join("patchpanel.toml"), config).unwrap();
    let output = patchpanel_tests::run(directory.path(), &["config", "check"], "");
    assert_eq!(output.code, 2);
    assert!(
        output.stderr.contains("header: names a secret that is not granted"),
        "{}",
        output.stderr
    );
}
