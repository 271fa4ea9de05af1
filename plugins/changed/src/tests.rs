#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use patchpanel_plugin::testing;
use proptest::prelude::*;

fn changed(config: &str) -> Changed {
    testing::configure_transform(config).unwrap()
}

fn event(id: &str, subject: &str, payload: &str) -> Event {
    Event {
        subject: (!subject.is_empty()).then(|| subject.to_owned()),
        payload: payload.to_owned(),
        ..Event::new(id, "t")
    }
}

/// Old and new hash of what passes.
fn hashes(outcome: &Outcome) -> Option<(Option<String>, String)> {
    let Outcome::Patched(patch) = outcome else {
        return None;
    };
    let metadata: serde_json::Value = serde_json::from_str(patch.metadata.as_ref()?).unwrap();
    let text = |name: &str| metadata.get(name)?.as_str().map(str::to_owned);
    Some((text("old_hash"), text("new_hash")?))
}

#[test]
fn what_is_the_same_is_dropped_and_what_differs_tells_both_hashes() {
    let mut changed = changed("{}");
    let mut say = |id: &str, subject: &str, payload: &str| changed.transform(&event(id, subject, payload)).unwrap();
    let first = hashes(&say("1", "a", r#"{"x": 1, "y": [1]}"#)).unwrap();
    assert_eq!(first.0, None);
    assert_eq!(
        say("2", "a", r#"{ "y":[1],"x":1 }"#),
        Outcome::Dropped("unchanged".to_owned())
    );
    let other = hashes(&say("3", "b", r#"{"x": 1, "y": [1]}"#)).unwrap();
    assert_eq!(other, (None, first.1.clone()));
    let second = hashes(&say("4", "a", "2")).unwrap();
    assert_eq!(second.0, Some(first.1.clone()));
    let back = hashes(&say("5", "a", r#"{"x": 1, "y": [1]}"#)).unwrap();
    assert_eq!(back, (Some(second.1), first.1));
}

#[test]
fn another_instance_knows_and_a_repeated_attempt_gets_the_same_answer() {
    let mut one = changed("{}");
    let first = event("1", "a", "1");
    let second = event("2", "a", "2");
    let answers = [one.transform(&first), one.transform(&second)];
    let mut other = changed("{}");
    assert_eq!([other.transform(&first), other.transform(&second)], answers);
    assert_eq!(
        other.transform(&event("3", "a", "2")),
        Ok(Outcome::Dropped("unchanged".to_owned()))
    );
    // The same id with another content is another event for all that can be said.
    assert!(hashes(&one.transform(&event("1", "a", "3")).unwrap()).is_some());
}

#[test]
fn what_is_compared_and_of_whom_is_the_operators_choice() {
    let mut changed = changed(r#"{"content": ["message", "metadata.v"], "subject": ["type", "payload.id"]}"#);
    let mut passes = |kind: &str, message: &str, metadata: &str, payload: &str| {
        let event = Event {
            message: message.to_owned(),
            metadata: metadata.to_owned(),
            ..event(&format!("{kind}{message}{metadata}{payload}"), "", payload)
        };
        let event = Event {
            type_: kind.to_owned(),
            ..event
        };
        hashes(&changed.transform(&event).unwrap()).is_some()
    };
    assert!(passes("a", "m", "{}", r#"{"id": 1}"#));
    assert!(!passes("a", "m", r#"{"w": 1}"#, r#"{"id": 1, "more": 2}"#));
    assert!(passes("a", "m", r#"{"v": null}"#, r#"{"id": 1}"#));
    assert!(passes("b", "m", "{}", r#"{"id": 1}"#));
    assert!(passes("a", "m", "{}", r#"{"id": 2}"#));
}

#[test]
fn without_a_subject() {
    let nobody = event("1", "", "1");
    assert_eq!(changed("{}").transform(&nobody), Ok(Outcome::Unchanged));
    let mut strict = changed(r#"{"without_subject": "drop"}"#);
    assert!(matches!(strict.transform(&nobody), Ok(Outcome::Dropped(_))));
}

#[test]
fn a_subject_is_forgotten() {
    let mut changed = changed(r#"{"forget_after": "1h"}"#);
    let mut old = |id: &str| hashes(&changed.transform(&event(id, "a", "1")).unwrap()).map(|(old, _)| old);
    assert_eq!(old("1"), Some(None));
    testing::advance(Duration::from_secs(3_599));
    assert_eq!(old("2"), None);
    testing::advance(Duration::from_secs(1));
    assert_eq!(old("3"), Some(None));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let errors = testing::configure_transform::<Changed>(
        r#"{"content": ["payload", "paylod"], "subject": [], "forget_after": 0}"#,
    )
    .unwrap_err();
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths, ["subject", "content.1", "forget_after"]);
}

proptest! {
    /// Held against the plain rule, over two subjects, with attempts repeated at random.
    #[test]
    fn it_is_the_plain_rule(steps in proptest::collection::vec((0..2usize, 0..3u8, proptest::option::of(0..4usize)), 1..40)) {
        for key in kv::keys("", None, 1000).unwrap() {
            kv::delete(&key).unwrap();
        }
        let mut changed = changed("{}");
        let mut last: [Option<u8>; 2] = [None, None];
        let mut answered: Vec<(Event, Outcome)> = Vec::new();
        for (number, (subject, content, again)) in steps.into_iter().enumerate() {
            let event = event(&number.to_string(), ["a", "b"].get(subject).unwrap(), &content.to_string());
            let outcome = changed.transform(&event).unwrap();
            let last = last.get_mut(subject).unwrap();
            prop_assert_eq!(hashes(&outcome).is_none(), *last == Some(content));
            *last = Some(content);
            if hashes(&outcome).is_some() {
                answered.push((event, outcome));
            }
            if let Some((event, outcome)) = again.and_then(|back| answered.iter().rev().nth(back)) {
                prop_assert_eq!(&changed.transform(event).unwrap(), outcome);
            }
        }
    }
}
