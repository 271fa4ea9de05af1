//! What a router can be asked: events, deliveries, dead letters, replays; over HTTP and by the commands.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use patchpanel_tests::{Receiver, Router, wait_for};
use serde_json::{Value, json};

/// A router that posts everything to a receiver, once, and gives up when it is refused.
fn posting(receiver: &Receiver) -> (tempfile::TempDir, Router) {
    let directory = tempfile::tempdir().unwrap();
    let config = format!(
        r#"
[plugins.webhook]
allow = {{ http = ["{url}"] }}

[[channels]]
name = "hook"
plugin = "webhook"
config = {{ url = "{url}/" }}

[[subscriptions]]
name = "all"
channel = "hook"
retry = {{ attempts = 2, base = "1ms", cap = "1ms" }}
"#,
        url = receiver.url
    );
    let router = Router::start(directory.path(), &config);
    (directory, router)
}

/// Five events: `git.push` and `git.pull` by turns, the last an error.
fn published() -> (tempfile::TempDir, Router, Receiver) {
    let receiver = Receiver::start();
    let (directory, router) = posting(&receiver);
    for number in 0..5 {
        router.publish(&json!({
            "id": format!("e{number}"),
            "type": if number % 2 == 0 { "git.push" } else { "git.pull" },
            "source": "https://git.example.com/a",
            "level": if number == 4 { "error" } else { "info" },
            "correlation_id": format!("c{}", number / 2),
            "payload": {"n": number},
        }));
    }
    router.settled();
    (directory, router, receiver)
}

fn ids(answer: &Value, list: &str, path: &str) -> Vec<String> {
    let item = |item: &Value| item.pointer(path).and_then(Value::as_str).unwrap().to_owned();
    answer[list].as_array().unwrap().iter().map(item).collect()
}

fn events(answer: &Value) -> Vec<String> {
    ids(answer, "events", "/event/id")
}

#[test]
fn events_are_found_by_what_they_are() {
    let (_directory, router, _receiver) = published();
    for (query, expected) in [
        ("", vec!["e4", "e3", "e2", "e1", "e0"]),
        ("?order=oldest&limit=2", vec!["e0", "e1"]),
        ("?type=git.push", vec!["e4", "e2", "e0"]),
        ("?type=git.p*&level=info&order=oldest", vec!["e0", "e1", "e2", "e3"]),
        ("?source=https://git.*&level=error", vec!["e4"]),
        ("?source=elsewhere", vec![]),
        ("?correlation_id=c1", vec!["e3", "e2"]),
        (
            "?type=git.push&filter=%7B%22type%22:%5B%7B%22anything-but%22:%22x%22%7D%5D,%22payload.n%22:%5B2%5D%7D",
            vec!["e2"],
        ),
        ("?from=2100-01-01T00:00:00Z", vec![]),
        ("?to=2100-01-01T00:00:00Z&from=2020-01-01T00:00:00Z&limit=1", vec!["e4"]),
    ] {
        let (status, answer) = router.get(&format!("/v1/events{query}"));
        assert_eq!(
            (status, events(&answer)),
            (200, expected.into_iter().map(str::to_owned).collect()),
            "{query}: {answer}"
        );
    }
    let body = json!({"filter": {"payload.n": [{"numeric": [">=", 3]}]}, "order": "oldest", "limit": 10});
    let (status, answer) = router.post_to("/v1/events/query", &body);
    assert_eq!(
        (status, events(&answer)),
        (200, vec!["e3".to_owned(), "e4".to_owned()]),
        "{answer}"
    );
    // Page by page, in both orders.
    for (order, expected) in [
        ("newest", ["e4", "e3", "e2", "e1", "e0"]),
        ("oldest", ["e0", "e1", "e2", "e3", "e4"]),
    ] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let (_, page) = router.get(&format!("/v1/events?order={order}&limit=2{cursor}"));
            found.extend(events(&page));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, expected, "{order}");
    }
    let (status, event) = router.get("/v1/events/e3");
    assert_eq!(
        (status, &event["event"]["payload"]["n"], &event["matched"]),
        (200, &json!(3), &json!(["all"])),
        "{event}"
    );
    assert_eq!(router.get("/v1/events/nobody").0, 404);
    assert_eq!(router.get("/v1/events/nobody/deliveries").0, 404);
}

#[test]
fn mistakes_in_questions_come_at_once() {
    let (_directory, router, _receiver) = published();
    let paths = |problem: &Value| ids(problem, "mistakes", "/path");
    let (status, problem) = router.get("/v1/events?typ=x&level=loud&from=now&limit=0");
    assert_eq!(
        (status, paths(&problem)),
        (400, ["limit", "from", "level", "typ"].map(str::to_owned).into()),
        "{problem}"
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("did you mean `type`?"),
        "{problem}"
    );
    let (status, problem) = router.post_to(
        "/v1/events/query",
        &json!({"filter": {"type": [{"prefx": "a"}], "sorce": ["x"]}}),
    );
    let expected = ["filter.type[0].prefx", "filter.sorce"].map(str::to_owned);
    let mut found = paths(&problem);
    found.sort_by_key(|path| std::cmp::Reverse(path.len()));
    assert_eq!((status, found), (400, expected.into()), "{problem}");
    assert_eq!(router.get("/v1/deliveries").0, 400);
    assert_eq!(router.post_to("/v1/dead-letters/redrive", &json!({})).0, 400);
    assert_eq!(
        router
            .post_to("/v1/dead-letters/discard", &json!({"all": true, "ids": ["a/b"]}))
            .0,
        400
    );
    assert_eq!(router.post_to("/v1/replays", &json!({"subscription": "nobody"})).0, 404);
    assert_eq!(router.get("/v1/replays/7").0, 404);
    assert_eq!(router.delete("/v1/replays/seven").0, 404);
    for (path, body) in [
        ("/v1/events/query", json!({})),
        ("/v1/replays", json!({"subscription": "all"})),
    ] {
        let mut body = body;
        body["from"] = json!("2026-01-02T00:00:00Z");
        body["to"] = json!("2026-01-01T00:00:00Z");
        let (status, problem) = router.post_to(path, &body);
        assert_eq!((status, paths(&problem)), (400, vec!["to".to_owned()]), "{problem}");
    }
    let (status, problem) = router.delete("/v1/events/e1");
    assert_eq!(status, 405);
    assert_eq!(problem["detail"], "/v1/events/e1 answers to GET, not to DELETE");
}

#[test]
fn every_delivery_can_be_asked_for() {
    let receiver = Receiver::start();
    let (_directory, router) = posting(&receiver);
    receiver.answer(&[(503, None)]);
    router.publish(&json!({"id": "a/b", "type": "t"}));
    router.settled();
    let (status, answer) = router.get("/v1/events/a%2Fb/deliveries");
    let delivery = &answer["deliveries"][0];
    assert_eq!(
        (
            status,
            &delivery["id"],
            &delivery["event_id"],
            &delivery["subscription"],
            &delivery["status"],
            &delivery["state"]
        ),
        (
            200,
            &json!("a/b/all"),
            &json!("a/b"),
            &json!("all"),
            &json!("delivered"),
            &json!("delivered")
        ),
        "{answer}"
    );
    assert!(
        delivery["failures"][0]["reason"].as_str().unwrap().contains("503"),
        "{delivery}"
    );
    assert_eq!(delivery["receipt"]["detail"], "200 OK", "{delivery}");
    for path in ["/v1/deliveries/a%2Fb%2Fall", "/v1/deliveries/a/b/all"] {
        assert_eq!(router.get(path), (200, delivery.clone()));
    }
    assert_eq!(router.get("/v1/deliveries/a/b/none").0, 404);
    let (status, answer) = router.post_to(
        "/v1/deliveries/status",
        &json!({"ids": ["a/b/all", "x/all", "nonsense"]}),
    );
    assert_eq!((status, answer), (200, json!({"deliveries": [delivery, null, null]})));
    let (_, listed) = router.get("/v1/deliveries?state=delivered&subscription=all");
    assert_eq!(listed, json!({"deliveries": [delivery], "next_cursor": null}));
    let known = router.run(&["deliveries", "status", "a/b/all"], "");
    assert_eq!(known.code, 0, "{}", known.stderr);
    assert!(known.stdout.contains("a/b/all  delivered"), "{}", known.stdout);
    let unknown = router.run(&["deliveries", "status", "--json", "x/all"], "");
    assert_eq!((unknown.code, &unknown.lines()[0]), (1, &json!({"deliveries": [null]})));
    let shown = router.run(&["deliveries", "show", "--json", "a/b/all"], "");
    assert_eq!((shown.code, &shown.lines()[0]), (0, delivery));
    let wrong = router.run(&["deliveries", "list", "--state", "deed"], "");
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("did you mean `dead`?"), "{}", wrong.stderr);
}

#[test]
fn dead_letters_are_shown_redriven_and_discarded() {
    let receiver = Receiver::start();
    let (_directory, router) = posting(&receiver);
    receiver.answer(&[(400, None), (400, None), (400, None)]);
    for id in ["one", "two", "three"] {
        router.publish(&json!({"id": id, "type": format!("t.{id}"), "message": "hello"}));
        router.settled();
    }
    let dead = || ids(&router.get("/v1/dead-letters").1, "dead_letters", "/event_id");
    assert_eq!(dead(), ["one", "two", "three"]);
    let (status, letter) = router.get("/v1/dead-letters/one/all");
    assert_eq!(
        (
            status,
            &letter["status"],
            &letter["attempts"],
            &letter["event"]["message"]
        ),
        (200, &json!("failed"), &json!(1), &json!("hello")),
        "{letter}"
    );
    assert!(letter["reason"].as_str().unwrap().contains("400"), "{letter}");
    let (status, answer) = router.post_to("/v1/dead-letters/redrive", &json!({"ids": ["one/all"]}));
    assert_eq!((status, answer), (200, json!({"redriven": 1})));
    wait_for("the redriven one to be delivered", || {
        (router.get("/v1/deliveries/one/all").1["state"] == "delivered").then_some(())
    });
    assert_eq!(router.get("/v1/dead-letters/one/all").0, 404);
    let discarded = router.run(&["dead-letters", "discard", "--filter", r#"{"type": ["t.two"]}"#], "");
    assert_eq!(
        (discarded.code, discarded.stderr.trim()),
        (0, "1 dead letters discarded")
    );
    assert_eq!(router.get("/v1/deliveries/two/all").1["state"], "discarded");
    assert_eq!(dead(), ["three"]);
    let listed = router.run(&["dead-letters", "list"], "");
    assert!(
        listed.code == 0 && listed.stdout.contains("three/all"),
        "{}",
        listed.stdout
    );
    let shown = router.run(&["dead-letters", "show", "three/all"], "");
    assert!(shown.code == 0 && shown.stdout.contains("t.three"), "{}", shown.stdout);
    let redriven = router.run(&["dead-letters", "redrive", "--all", "--json"], "");
    assert_eq!(
        (redriven.code, &redriven.lines()[0]),
        (0, &json!({"redriven": 1})),
        "{}",
        redriven.stderr
    );
    wait_for("all to be delivered", || dead().is_empty().then_some(()));
    let not_dead = router.run(&["dead-letters", "redrive", "three/all"], "");
    assert!(
        not_dead.code == 1 && not_dead.stderr.contains("1 of those named were not"),
        "{}",
        not_dead.stderr
    );
    let nothing = router.run(&["dead-letters", "redrive"], "");
    assert_eq!(nothing.code, 2, "{}", nothing.stderr);
    let account = &router.settled()["subscriptions"]["all"];
    assert_eq!(
        (&account["delivered"], &account["dead"], &account["pending"]),
        (&json!(2), &json!(1), &json!(0)),
        "{account}"
    );
}

#[test]
fn events_are_replayed_under_other_ids() {
    let (_directory, router, receiver) = published();
    let request = json!({"subscription": "all", "filter": {"type": ["git.pull"]}, "rate": 1000});
    let (status, replay) = router.post_to("/v1/replays", &request);
    assert_eq!(
        (status, &replay["number"], &replay["subscription"]),
        (201, &json!(1), &json!("all")),
        "{replay}"
    );
    let ended = wait_for("the replay to end", || {
        Some(router.get("/v1/replays/1").1).filter(|replay| !replay["ended"].is_null())
    });
    assert_eq!(
        (&ended["ended"], &ended["enqueued"]),
        (&json!("completed"), &json!(2)),
        "{ended}"
    );
    let replayed = wait_for("both to come again", || {
        let again: Vec<_> = receiver.received().into_iter().skip(5).collect();
        (again.len() == 2).then_some(again)
    });
    let mut found: Vec<_> = replayed
        .iter()
        .map(|request| (request.delivery.as_str(), request.replay))
        .collect();
    found.sort_unstable();
    assert_eq!(found, [("e1/all#1", Some(1)), ("e3/all#1", Some(1))]);
    assert!(
        receiver
            .received()
            .iter()
            .take(5)
            .all(|request| request.replay.is_none())
    );
    let delivery = wait_for("the replay's delivery to be settled", || {
        Some(router.get("/v1/deliveries/e1/all%231").1).filter(|delivery| delivery["status"] == "delivered")
    });
    assert_eq!(delivery["replay"], 1, "{delivery}");
    // By the command, which waits for the end.
    let replay = router.run(
        &["replay", "start", "--json", "--to", "2100-01-01T00:00:00Z", "all"],
        "",
    );
    assert_eq!(replay.code, 0, "{}", replay.stderr);
    assert_eq!(
        (&replay.lines()[0]["number"], &replay.lines()[0]["enqueued"]),
        (&json!(2), &json!(5))
    );
    let detached = router.run(&["replay", "start", "--detach", "--json", "--rate", "1", "all"], "");
    assert_eq!(
        (detached.code, &detached.lines()[0]["number"]),
        (0, &json!(3)),
        "{}",
        detached.stderr
    );
    let cancelled = router.run(&["replay", "cancel", "--json", "3"], "");
    assert_eq!(
        (cancelled.code, &cancelled.lines()[0]["ended"]),
        (0, &json!("cancelled")),
        "{}",
        cancelled.stdout
    );
    let list = router.run(&["replay", "list"], "");
    assert!(
        list.code == 0 && list.stdout.contains("completed") && list.stdout.contains("cancelled"),
        "{}",
        list.stdout
    );
    assert_eq!(router.run(&["replay", "start", "nobody"], "").code, 1);
}

#[test]
fn the_commands_show_events() {
    let (_directory, router, _receiver) = published();
    let list = router.run(&["events", "list", "--type", "git.pull", "--limit", "1"], "");
    assert_eq!(list.code, 0, "{}", list.stderr);
    assert!(
        list.stdout.contains("e3") && !list.stdout.contains("e1"),
        "{}",
        list.stdout
    );
    let cursor = list.stderr.trim().rsplit_once(' ').unwrap().1;
    let next = router.run(
        &["events", "list", "--type", "git.pull", "--json", "--cursor", cursor],
        "",
    );
    assert_eq!(events(&next.lines()[0]), ["e1"], "{}", next.stderr);
    let filtered = router.run(
        &[
            "events",
            "list",
            "--json",
            "--oldest-first",
            "--filter",
            r#"{"payload.n": [0, 4]}"#,
        ],
        "",
    );
    assert_eq!(events(&filtered.lines()[0]), ["e0", "e4"], "{}", filtered.stderr);
    let shown = router.run(&["events", "show", "e2"], "");
    assert!(
        shown.code == 0 && shown.stdout.contains("git.push") && shown.stdout.contains("e2/all"),
        "{}",
        shown.stdout
    );
    let json = router.run(&["events", "show", "--json", "e2"], "");
    assert_eq!(json.lines()[0]["deliveries"][0]["id"], "e2/all");
    assert_eq!(router.run(&["events", "show", "nobody"], "").code, 1);
    assert_eq!(router.run(&["events", "list", "--filter", "{"], "").code, 2);
    assert_eq!(router.run(&["events", "list", "--level", "loud"], "").code, 2);
}
