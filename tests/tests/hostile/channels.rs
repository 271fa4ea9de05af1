//! Channels that mean harm.

use patchpanel_tests::wait_for;
use serde_json::json;

use crate::server::Server;
use crate::{carried, dead_letter, delivering, delivering_within, health, hits, ids, outcome};

#[test]
fn a_channel_that_fails_ends_in_dead_letters_and_harms_no_other() {
    for (mode, reason) in [
        ("loop", "ran past its deadline of 1000 ms"),
        ("hang", "ran past its deadline of 1000 ms"),
        ("panic", "panicked or aborted"),
        ("memory", "exceeded its limit of memory"),
        ("exit", "trapped"),
        ("wrong-count", "0 answers to 1 deliveries"),
    ] {
        let (_directory, router) = delivering(&format!("{{ mode = \"{mode}\" }}"), "");
        router.publish(&json!({"id": "e", "type": "t"}));
        let stats = router.settled();
        assert_eq!(
            (
                &stats["subscriptions"]["to-good"]["delivered"],
                &stats["subscriptions"]["to-bad"]["dead"]
            ),
            (&json!(1), &json!(1)),
            "{mode}: {stats}"
        );
        let letter = dead_letter(&router);
        assert!(letter["reason"].as_str().unwrap().contains(reason), "{mode}: {letter}");
        assert_eq!(letter["attempts"], 2);
        assert_eq!(health(&router)["failures"], 2, "{mode}");
        assert_eq!(ids(&router, "audit.ndjson").len(), 1, "{mode}");
    }
}

#[test]
fn a_check_that_fails_is_an_answer_and_is_not_held_against_the_plugin() {
    for (mode, told) in [
        ("loop", "plugin `hostile` failed: ran past its deadline of 1000 ms"),
        ("hang", "plugin `hostile` failed: ran past its deadline of 1000 ms"),
        ("panic", "plugin `hostile` failed: panicked or aborted"),
        ("fail-first", ""),
    ] {
        let (_directory, router) = delivering(&format!("{{ mode = \"{mode}\" }}"), "kv = true");
        for _ in 0..6 {
            let (status, answer) = router.post_to("/v1/channels/bad/check", &json!({}));
            let reason = answer["reason"].as_str().unwrap();
            assert_eq!((status, &answer["healthy"]), (200, &json!(false)), "{mode}: {answer}");
            assert!(reason.starts_with(told) && reason.len() <= 256, "{mode}: {reason}");
            if mode == "loop" || mode == "hang" {
                break;
            }
        }
        let health = health(&router);
        assert_eq!(
            (&health["failures"], &health["quarantined"]),
            (&json!(0), &json!(false)),
            "{mode}"
        );
    }
}

#[test]
fn others_deliver_while_a_channel_computes_or_sleeps_without_end() {
    for mode in ["loop", "hang"] {
        // Far longer than the test: nothing that happens here happens because a call was ended.
        let (_directory, router) = delivering_within("10m", &format!("{{ mode = \"{mode}\" }}"), "");
        for request in 0..10 {
            let events: Vec<_> = (0..20)
                .map(|part| json!({"id": format!("{request}-{part}"), "type": "t"}))
                .collect();
            router.publish(&json!(events));
        }
        let stats = wait_for("the good channel to have everything", || {
            let (_, stats) = router.get("/v1/stats");
            (stats["subscriptions"]["to-good"]["delivered"] == 200).then_some(stats)
        });
        assert_eq!(stats["subscriptions"]["to-bad"]["pending"], 200, "{mode}: {stats}");
        assert_eq!(ids(&router, "audit.ndjson").len(), 200, "{mode}");
    }
}

#[test]
fn failures_are_retried_as_the_channel_asks_and_kv_outlives_the_attempts() {
    for (times, kind, outcome, attempts) in [
        (1, "retry", "delivered", None),
        (1, "retry-after", "delivered", None),
        (2, "retry", "dead", Some(2)),
        (1, "reject", "dead", Some(1)),
    ] {
        let config = format!("{{ mode = \"fail-first\", times = {times}, kind = \"{kind}\" }}");
        let (_directory, router) = delivering(&config, "kv = true");
        router.publish(&json!({"id": "e", "type": "t"}));
        let stats = router.settled();
        assert_eq!(stats["subscriptions"]["to-bad"][outcome], 1, "{kind}: {stats}");
        if let Some(attempts) = attempts {
            let letter = dead_letter(&router);
            let reason = format!("failing on purpose, attempt {attempts}");
            assert_eq!(
                (&letter["attempts"], &letter["reason"]),
                (&json!(attempts), &json!(reason)),
                "{kind}"
            );
        }
        // Whoever says itself that it could not has answered.
        assert_eq!(health(&router)["failures"], 0, "{kind}");
    }
}

#[test]
fn a_channel_that_traps_under_load_carries_on_when_there_is_less() {
    let (_directory, router) = carried(
        r#"limits = { deadline = "1s" }"#,
        "{ mode = \"trap-loaded\", times = 10 }",
        64,
    );
    let events: Vec<_> = (0..40).map(|id| json!({"id": id.to_string(), "type": "t"})).collect();
    router.publish(&json!(events));
    let stats = router.settled();
    assert_eq!(stats["subscriptions"]["to-good"]["delivered"], 40, "{stats}");
    let failures = health(&router)["failures"].as_u64().unwrap();
    assert!(failures > 0, "{failures}");
    assert_eq!(outcome(&router, "alone"), "delivered");
}

#[test]
fn an_answer_that_never_comes_costs_that_call_only() {
    let server = Server::start();
    let config = format!("{{ mode = \"http\", url = \"{}/never\", when = \"slow\" }}", server.url);
    let (_directory, router) = delivering(&config, &format!("http = [\"{}\"]", server.url));
    let reason = outcome(&router, "slow");
    assert!(reason.contains("ran past its deadline of 1000 ms"), "{reason}");
    assert_eq!(outcome(&router, "other"), "delivered");
    assert_eq!(ids(&router, "audit.ndjson"), ["other", "slow"]);
    assert_eq!(hits(&router, "deadline"), 2);
}
