//! What operators are told about channels.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fakes;

use std::sync::Arc;
use std::time::Duration;

use fakes::*;
use patchpanel_event::Problem;
use patchpanel_router::{CheckError, Router};

fn asked(acts: impl IntoIterator<Item = Act>) -> Router {
    let fake = FakeChannel::new(acts);
    router(table(
        vec![subscription("s", "c", plan(5, 1))],
        vec![channel("c", fake), channel("d", FakeChannel::new([]))],
    ))
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_told_under_the_channels_key() {
    let router = asked([Act::Take, Act::Say(Problem::Retry("down".into()))]);
    for (name, reason) in [("c", None), ("c-alias", Some("down"))] {
        let check = router.check_channel(name).await.unwrap();
        assert_eq!((check.channel.as_str(), check.healthy), ("c", reason.is_none()));
        assert_eq!(check.reason.as_deref(), reason);
    }
    for name in ["c-plugin", "channel:c", ""] {
        let error = router.check_channel(name).await.unwrap_err();
        assert_eq!(error, CheckError::NoChannel(name.to_owned()));
    }
    assert_eq!(account(&router, "s").await.delivered, 0);
}

#[tokio::test(start_paused = true)]
async fn one_at_a_time_is_asked_and_not_for_ever() {
    let router = Arc::new(asked([Act::Hang]));
    let hanging = tokio::spawn({
        let router = Arc::clone(&router);
        async move { router.check_channel("c").await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let error = router.check_channel("c-alias").await.unwrap_err();
    assert_eq!(error, CheckError::Busy("c-alias".to_owned()));
    assert!(router.check_channel("d").await.unwrap().healthy);
    let check = hanging.await.unwrap().unwrap();
    assert_eq!(
        check.reason.as_deref(),
        Some("the channel gave no answer within 30000 ms")
    );
    assert!(router.check_channel("c").await.unwrap().healthy);
}

#[tokio::test(start_paused = true)]
async fn a_disabled_channel_is_not_asked_and_a_list_says_why() {
    let router = asked([Act::Say(Problem::Disable("gone".into()))]);
    publish_numbers(&router, 0..1).await;
    while router.channels()[0].state.disabled.is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let check = router.check_channel("c").await.unwrap();
    assert_eq!(
        check.reason.as_deref(),
        Some("disabled until the configuration is loaded again: gone")
    );
    let listed = serde_json::to_value(router.channels()).unwrap();
    assert_eq!(
        listed,
        serde_json::json!([
            {"name": "c", "aliases": ["c-alias"], "plugin": "c-plugin", "min_level": "debug", "disabled": "gone", "breaker": "closed"},
            {"name": "d", "aliases": ["d-alias"], "plugin": "d-plugin", "min_level": "debug", "breaker": "closed"}
        ])
    );
}
