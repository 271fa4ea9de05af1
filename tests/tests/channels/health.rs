//! Checks: what each channel asks, what it makes of the answer, and that nobody is sent a message for that.

use std::fs;

use patchpanel_tests::wait_for;
use serde_json::{Value, json};

use crate::every::{EVERY, ROUTING_KEY, SECRET, channel, config};
use crate::hook::{Answer, Hook};
use crate::mail_server::{mailing, mailing_at};
use crate::page::example;
use crate::script::Script;
use crate::{Running, json_of, start};

fn check(running: &Running, channel: &str) -> Value {
    let (status, answer) = running
        .router
        .post_to(&format!("/v1/channels/{channel}/check"), &json!({}));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["channel"], channel);
    assert!(answer["took_ms"].is_u64(), "{answer}");
    answer
}

fn say(status: u16, body: &str) -> Answer {
    Answer::Say(status, None, body.to_owned())
}

/// Method, path and body of what is asked; an answer that is good, and one that is not with what is told of it.
type Asked = (&'static str, String, &'static str, Answer, Answer, &'static str);

fn asked(plugin: &str) -> Option<Asked> {
    let down = || say(503, "down");
    Some(match plugin {
        "webhook" => (
            "GET",
            "/up".to_owned(),
            "",
            say(204, ""),
            down(),
            "503 Service Unavailable: down",
        ),
        "slack" => (
            "POST",
            format!("/services/T/B/{SECRET}"),
            r#"{"text":""}"#,
            say(400, "no_text"),
            say(404, "no_service"),
            "404 Not Found: no_service: make a new webhook",
        ),
        "discord" => (
            "GET",
            format!("/api/webhooks/1/{SECRET}"),
            "",
            say(200, r#"{"id": "1"}"#),
            say(404, r#"{"message": "Unknown Webhook", "code": 10015}"#),
            "404 Not Found: Unknown Webhook: make a new webhook",
        ),
        "pagerduty" => (
            "POST",
            "/v2/enqueue".to_owned(),
            "{}",
            say(
                400,
                r#"{"status": "invalid event", "message": "Event object is invalid"}"#,
            ),
            down(),
            "503 Service Unavailable: down",
        ),
        "ntfy" => (
            "GET",
            "/v1/health".to_owned(),
            "",
            say(200, r#"{"healthy": true}"#),
            down(),
            "503",
        ),
        "telegram" => (
            "GET",
            format!("/bot123456:{SECRET}/getMe"),
            "",
            say(200, r#"{"ok": true}"#),
            say(
                401,
                r#"{"ok": false, "error_code": 401, "description": "Unauthorized"}"#,
            ),
            "401 Unauthorized: Unauthorized: the token is wrong or was revoked",
        ),
        // Whatever comes there starts a workflow.
        "teams" => return None,
        other => panic!("{other} is not among them"),
    })
}

#[test]
fn each_channel_asks_what_changes_nothing_and_sends_no_message() {
    for plugin in EVERY {
        let hook = Hook::start(200, "ok");
        let mut config = config(plugin, &hook);
        if plugin == "webhook" {
            config += &format!(", health = \"{}/up\"", hook.url);
        }
        let running = channel(plugin, &hook, &config);
        let Some((method, path, body, good, bad, told)) = asked(plugin) else {
            assert_eq!(check(&running, "hook")["healthy"], true, "{plugin}");
            assert_eq!(hook.seen().len(), 0, "{plugin}");
            continue;
        };
        hook.answer([good, bad]);
        let answer = check(&running, "hook");
        assert_eq!(
            (&answer["healthy"], &answer["reason"]),
            (&json!(true), &Value::Null),
            "{plugin}"
        );
        let answer = check(&running, "hook");
        let reason = answer["reason"].as_str().unwrap();
        assert!(
            answer["healthy"] == false && reason.starts_with(told),
            "{plugin}: {answer}"
        );
        for request in hook.seen() {
            assert_eq!(
                (request.method.as_str(), &request.path, request.body.as_str()),
                (method, &path, body)
            );
            assert!(request.headers["user-agent"].starts_with("patchpanel/"), "{request:?}");
        }
        assert_eq!(hook.seen().len(), 2, "{plugin}");
        // It is not held against the channel.
        running.router.publish(&json!({"type": "t", "message": "m"}));
        assert_eq!(running.count("all", "delivered"), 1, "{plugin}");
        for secret in [SECRET, ROUTING_KEY] {
            assert!(
                !reason.contains(secret) && !running.router.log().contains(secret),
                "{plugin}"
            );
        }
    }
}

#[test]
fn an_endpoint_that_is_not_there_is_unhealthy() {
    for plugin in EVERY {
        let hook = Hook::start(200, "ok");
        let mut config = config(plugin, &hook);
        if plugin == "webhook" {
            config += &format!(", health = \"{}/up\"", hook.url);
        }
        let running = channel(plugin, &hook, &config);
        drop(hook);
        let answer = check(&running, "hook");
        let healthy = asked(plugin).is_none();
        assert_eq!(answer["healthy"], healthy, "{plugin}: {answer}");
        if !healthy {
            assert_eq!(answer["reason"], "the endpoint cannot be connected to", "{plugin}");
        }
    }
}

#[test]
fn secrets_are_read_as_they_are_now() {
    let hook = Hook::start(200, "ok");
    let config = format!(
        r#"
[secrets]
read = "file:read"
filled = "file:filled"

[plugins.teams.allow]
http = ["{url}"]
secrets = ["read"]

[plugins.webhook.allow]
http = ["{url}"]
secrets_for_http = {{ filled = ["{url}"] }}

[[channels]]
name = "reads"
plugin = "teams"
config = {{ url = {{ secret = "read" }} }}

[[channels]]
name = "sends"
plugin = "webhook"
config = {{ url = "{url}", headers = {{ authorization = "Bearer {{{{secret:filled}}}}" }} }}
"#,
        url = hook.url
    );
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("read"),
        format!("{}/workflows?sig={SECRET}", hook.url),
    )
    .unwrap();
    fs::write(directory.path().join("filled"), SECRET).unwrap();
    let router = patchpanel_tests::Router::start(directory.path(), &config);
    let running = Running { directory, router };
    for (channel, file) in [("reads", "read"), ("sends", "filled")] {
        assert_eq!(check(&running, channel)["healthy"], true, "{channel}");
        fs::remove_file(running.directory.path().join(file)).unwrap();
        let answer = check(&running, channel);
        let reason = answer["reason"].as_str().unwrap();
        assert!(reason.contains("cannot read") && reason.contains(file), "{reason}");
        assert!(!answer.to_string().contains(SECRET), "{answer}");
    }
    assert_eq!(hook.seen().len(), 0);
}

#[test]
fn a_disabled_channel_says_so_and_is_not_asked() {
    let hook = Hook::start(410, "");
    let running = channel("discord", &hook, &config("discord", &hook));
    running.router.publish(&json!({"type": "t", "message": "m"}));
    let disabled = wait_for("the channel to be disabled", || {
        let channels = running.router.get("/v1/channels").1;
        channels["channels"][0]["disabled"].as_str().map(str::to_owned)
    });
    assert_eq!(disabled, "410 Gone: the endpoint is gone");
    let answer = check(&running, "hook");
    assert_eq!(
        (&answer["healthy"], &answer["reason"]),
        (
            &json!(false),
            &json!(format!("disabled until the configuration is loaded again: {disabled}"))
        )
    );
    assert_eq!(hook.seen().len(), 1);
}

#[test]
fn files_and_outputs_are_looked_at() {
    let running = start(&example("console", "max_payload = 80", "max_payload = 80"), &[]);
    assert_eq!(check(&running, "screen")["healthy"], true);
    let running = start(&example("log", "64MiB", "64MiB"), &[]);
    assert_eq!(check(&running, "audit")["healthy"], true);
    let file = running.directory.path().join("audit/audit.ndjson");
    assert_eq!(fs::read_to_string(&file).unwrap_or_default(), "");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let answer = check(&running, "audit");
    assert!(answer["reason"].as_str().unwrap().contains("audit.ndjson"), "{answer}");
}

#[test]
fn commands_list_and_check() {
    let hook = Hook::start(200, "{}");
    let running = start(
        &format!(
            r#"
[plugins.ntfy.allow]
http = ["{url}"]

[[channels]]
name = "phone"
aliases = ["pager", "bell"]
plugin = "ntfy"
min_level = "error"
config = {{ server = "{url}", topic = "t" }}

[[channels]]
name = "audit"
plugin = "log"
config = {{ path = "audit.ndjson" }}
"#,
            url = hook.url
        ),
        &[],
    );
    let output = running.router.run(&["channels", "list"], "");
    assert_eq!(
        output.stdout,
        "NAME   ALIASES      PLUGIN  MIN_LEVEL  BREAKER  DISABLED\n\
         phone  pager, bell  ntfy    error      closed   -\n\
         audit               log     debug      closed   -\n"
    );
    let output = running.router.run(&["channels", "list", "--json"], "");
    assert_eq!(output.lines()[0], running.router.get("/v1/channels").1);

    let output = running.router.run(&["channels", "check", "--json"], "");
    assert_eq!(output.code, 0, "{}", output.stderr);
    let checks = output.lines().remove(0);
    let names: Vec<&Value> = (0..2).map(|index| &checks["channels"][index]["channel"]).collect();
    assert_eq!(names, ["phone", "audit"]);
    hook.answer([say(503, "\u{1b}[2Jdown")]);
    let output = running.router.run(&["channels", "check", "bell"], "");
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stdout.starts_with("CHANNEL  HEALTHY  MS"), "{}", output.stdout);
    assert!(output.stdout.contains("phone    false") && output.stdout.ends_with("503 Service Unavailable: [2Jdown\n"));
    let output = running.router.run(&["channels", "check", "nobody"], "");
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains("there is no channel `nobody`"),
        "{}",
        output.stderr
    );
    for (path, status) in [("/v1/channels/nobody/check", 404), ("/v1/channels/ntfy/check", 404)] {
        assert_eq!(running.router.post_to(path, &json!({})).0, status, "{path}");
    }
    assert_eq!(running.router.get("/v1/channels/phone/check").0, 405);
    assert!(hook.seen().iter().all(|request| request.path == "/v1/health"));
    assert_eq!(json_of(&running.router.get("/v1/stats").1.to_string())["accepted"], 0);
}

#[test]
fn mail_servers_and_providers_are_asked_without_a_mail() {
    for (via, keys, good, bad) in [
        ("resend", "api_key = { secret = \"key\" }", 422, 401),
        (
            "ses",
            "region = \"eu-central-1\", access_key = \"AKID\", secret_key = { secret = \"key\" }",
            400,
            403,
        ),
        ("gmail", "access_token = { secret = \"key\" }", 400, 401),
    ] {
        let hook = Hook::start(200, "{}");
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
"#,
            url = hook.url
        );
        let running = start(&config, &[("KEY", SECRET)]);
        hook.answer([
            say(good, r#"{"message": "no recipient"}"#),
            say(bad, r#"{"message": "not you"}"#),
        ]);
        assert_eq!(check(&running, "mail")["healthy"], true, "{via}");
        let answer = check(&running, "mail");
        let reason = answer["reason"].as_str().unwrap();
        assert!(
            reason.starts_with(&bad.to_string()) && reason.ends_with("not you"),
            "{via}: {answer}"
        );
        for request in hook.seen() {
            assert_eq!(
                (request.method.as_str(), request.body.as_str()),
                ("POST", "{}"),
                "{via}"
            );
            assert!(request.headers.contains_key("authorization"), "{via}");
        }
    }
}

#[test]
fn a_mail_server_is_greeted_and_left() {
    let Some(server) = Script::python("mail.py", "aiosmtpd", &[]) else {
        return;
    };
    let running = start(&mailing(&server, "tls = \"none\""), &[("MAIL_PASSWORD", "unused")]);
    let answer = check(&running, "mail");
    assert_eq!(answer["healthy"], true, "{answer}");
    running
        .router
        .publish(&json!({"type": "t", "level": "error", "subject": "s"}));
    assert_eq!(running.count("failures", "delivered"), 1);
    assert_eq!(server.wait(1).len(), 1, "the check sent none");
    drop(server);
    let answer = check(&running, "mail");
    assert_eq!(answer["healthy"], false, "{answer}");
    let ungranted = mailing_at("1", "tls = \"none\"").replace("mail = [\"*@example.com\"]", "mail = false");
    let answer = check(&start(&ungranted, &[("MAIL_PASSWORD", "unused")]), "mail");
    assert_eq!(answer["reason"], "`mail` is not granted, or not asked for");
}
