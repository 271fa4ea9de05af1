//! Events through ingress steps, without a router: order, chains, and everything a plugin may answer wrongly.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fakes;

use std::collections::HashMap;
use std::sync::Arc;

use fakes::*;
use patchpanel_event::{
    Edit, Edits, Event, EventParts, Limits, Outcome, Patch, TextBatch, TextSelector, TransformFailure,
};
use patchpanel_router::{
    IngressStep, PluginFailure, Processed, Redactor, Scratch, Step, StepFailure, Table, TableSpec, Transformer,
};

type Answers = Vec<Result<Outcome, TransformFailure>>;

fn step(priority: i32, step: Step) -> IngressStep {
    IngressStep { priority, step }
}

fn redactor(handle: impl Redactor + 'static) -> Step {
    Step::Redactor {
        plugin: "redactor".into(),
        selector: TextSelector::default(),
        report: None,
        handle: Arc::new(handle),
    }
}

fn by_type(plugin: &str, answers: impl IntoIterator<Item = (&'static str, Answers)>) -> Step {
    let single = |(kind, mut answers): (_, Answers)| (kind, answers.remove(0));
    Step::Transformer {
        plugin: plugin.into(),
        handle: Arc::new(FakeTransformer(
            answers.into_iter().map(single).collect::<HashMap<_, _>>(),
        )),
    }
}

fn part(id: &str, kind: &str, message: &str) -> EventParts {
    EventParts {
        id: id.into(),
        kind: kind.into(),
        message: message.into(),
        ..EventParts::default()
    }
}

fn run(steps: Vec<IngressStep>, events: Vec<Event>) -> (Vec<Processed>, Scratch) {
    let table = Table::new(TableSpec {
        ingress: steps,
        ..TableSpec::default()
    });
    let mut scratch = Scratch::default();
    let processed = table.unwrap().ingress(events, &mut scratch);
    (processed, scratch)
}

/// Id and message of what goes on, or why not.
fn told(processed: &Processed) -> String {
    let event = |event: &Event| format!("{}:{}", event.id(), event.message().unwrap_or_default());
    match processed {
        Processed::Passed(passed) => event(passed),
        Processed::Split(parts) => parts.iter().map(event).collect::<Vec<_>>().join(" "),
        Processed::Dropped { plugin, reason } => format!("{plugin} dropped: {reason}"),
        Processed::Failed(failure) => failure.to_string(),
    }
}

#[test]
fn steps_run_by_priority_and_each_sees_what_the_one_before_left() {
    let change = Outcome::Patched(Patch {
        message: Some("a SECRET".into()),
        ..Patch::default()
    });
    let two = Outcome::Split(vec![part("", "keep", "SECRET 1"), part("x", "dropped", "")]);
    let steps = vec![
        step(0, redactor(FakeRedactor)),
        step(
            5,
            by_type("second", [("dropped", vec![Ok(Outcome::Dropped("dull".into()))])]),
        ),
        step(
            9,
            by_type("first", [("change", vec![Ok(change)]), ("two", vec![Ok(two)])]),
        ),
    ];
    let events = ["change", "two", "dropped", "same"].map(|kind| event(kind, kind, ""));
    let (processed, scratch) = run(steps, events.to_vec());
    let told: Vec<String> = processed.iter().map(told).collect();
    assert_eq!(told, ["change:a ***", "two/1:*** 1", "second dropped: dull", "same:"]);
    assert_eq!(scratch.redactions()["word"], 2);
}

#[test]
fn only_the_poisonous_event_fails_and_its_siblings_go_with_it() {
    let two = Outcome::Split(vec![part("", "t", "fine"), part("", "t", "POISON")]);
    let steps = vec![
        step(1, by_type("split", [("two", vec![Ok(two)])])),
        step(0, redactor(FakeRedactor)),
    ];
    let events = vec![
        event("a", "t", "SECRET"),
        event("b", "two", ""),
        event("c", "t", "POISON"),
        event("d", "t", "SECRET"),
    ];
    let (processed, _) = run(steps, events);
    let told: Vec<String> = processed.iter().map(told).collect();
    assert_eq!(
        told,
        [
            "a:***",
            "plugin `fake` failed: trap",
            "plugin `fake` failed: trap",
            "d:***"
        ]
    );
}

/// Answers with an edit that does not fit any text.
struct Wild;

impl Redactor for Wild {
    fn redact(&self, _: &TextBatch) -> Result<Edits, PluginFailure> {
        let edit = Edit {
            text: 0,
            start: 0,
            end: 1_000,
            label: 0,
            bytes_end: 0,
        };
        Ok(Edits {
            labels: vec!["word".into()],
            edits: vec![edit],
            bytes: Vec::new(),
        })
    }
}

/// Answers with more text than it may.
struct Flood;

impl Redactor for Flood {
    fn redact(&self, _: &TextBatch) -> Result<Edits, PluginFailure> {
        Ok(Edits {
            bytes: vec![b'x'; (1 << 20) + 1],
            ..Edits::default()
        })
    }
}

/// Forgets an answer.
struct Short;

impl Transformer for Short {
    fn transform(&self, events: &[Event]) -> Result<Answers, PluginFailure> {
        Ok(vec![Ok(Outcome::Unchanged); events.len() - 1])
    }
}

#[test]
fn bad_answers_fail_closed_and_name_the_plugin() {
    let answer = |answer| by_type("t", [("t", vec![answer])]);
    let not_json = Patch {
        payload: Some("{".into()),
        ..Patch::default()
    };
    let many = vec![part("", "t", ""); 101];
    let short = Step::Transformer {
        plugin: "short".into(),
        handle: Arc::new(Short),
    };
    for (bad, expected) in [
        (redactor(Wild), "plugin `redactor` failed: edit 0 refers"),
        (redactor(Flood), "plugin `redactor` failed: it answered with more text"),
        (short, "plugin `short` failed: it gave 0 answers for 1 events"),
        (answer(Ok(Outcome::Patched(not_json))), "plugin `t` failed: "),
        (answer(Ok(Outcome::Split(many))), "plugin `t` failed: it split"),
        (
            answer(Ok(Outcome::Split(vec![part("", "", "")]))),
            "plugin `t` failed: ",
        ),
        (
            answer(Err(TransformFailure::InvalidEvent("odd".into()))),
            "plugin `t` refuses the event: odd",
        ),
        (
            answer(Err(TransformFailure::Retry("busy".into()))),
            "plugin `t` has no result for the event now: busy",
        ),
    ] {
        let (processed, scratch) = run(vec![step(0, bad)], vec![event("e", "t", "private")]);
        assert!(matches!(processed[0], Processed::Failed(_)));
        let told = told(&processed[0]);
        assert!(told.starts_with(expected) && !told.contains("private"), "{told}");
        assert!(scratch.redactions().is_empty());
    }
}

#[test]
fn an_event_cannot_become_more_than_so_many_over_several_steps() {
    let twenty = || Outcome::Split(vec![part("", "t", ""); 20]);
    let split = |name: &str| by_type(name, [("t", vec![Ok(twenty())])]);
    let steps = vec![step(1, split("first")), step(0, split("second"))];
    let (processed, _) = run(steps, vec![event("e", "t", ""), event("f", "other", "")]);
    let Processed::Failed(StepFailure::Plugin(failure)) = &processed[0] else {
        unreachable!("{processed:?}");
    };
    assert_eq!(failure.plugin, "second");
    assert_eq!(told(&processed[1]), "f:");
}

#[test]
fn events_without_selected_text_are_not_shown_to_a_redactor() {
    let bare = Event::parse(r#"{"id":"e","type":"t","source":"POISON"}"#.into(), &Limits::default()).unwrap();
    let (processed, _) = run(vec![step(0, redactor(Wild))], vec![bare]);
    assert_eq!(told(&processed[0]), "e:");
    assert_eq!(run(vec![], vec![]).0, []);
}

#[test]
fn what_was_redacted_is_told_in_the_metadata_by_label() {
    let reporting = |report: &str| Step::Redactor {
        plugin: "redactor".into(),
        selector: TextSelector::default(),
        report: Some(report.into()),
        handle: Arc::new(FakeRedactor),
    };
    let again = Outcome::Patched(Patch {
        message: Some("one SECRET more".into()),
        ..Patch::default()
    });
    let steps = vec![
        step(3, reporting("redacted")),
        step(2, by_type("again", [("again", vec![Ok(again)])])),
        step(1, reporting("redacted")),
        step(0, reporting("other")),
    ];
    let events = vec![
        event("1", "t", "SECRET and SECRET"),
        event("2", "t", "nothing"),
        event("3", "again", "a SECRET"),
    ];
    let (processed, scratch) = run(steps, events);
    let metadata = |processed: &Processed| match processed {
        Processed::Passed(event) => event.metadata().map(str::to_owned),
        other => panic!("{other:?}"),
    };
    let expected = [
        Some(r#"{"redacted":{"word":2}}"#),
        None,
        Some(r#"{"redacted":{"word":2}}"#),
    ];
    let found: Vec<_> = processed.iter().map(metadata).collect();
    assert_eq!(found, expected.map(|text| text.map(str::to_owned)));
    assert_eq!(scratch.redactions()["word"], 4);
}
