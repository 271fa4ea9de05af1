#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use patchpanel_plugin::{Level, testing};
use serde_json::json;

fn template(config: &serde_json::Value) -> Template {
    testing::configure_transform(&config.to_string()).unwrap()
}

fn event() -> Event {
    Event {
        source: "ci".to_owned(),
        level: Level::Error,
        message: "old".to_owned(),
        payload: r#"{"user": {"name": "ada"}, "tags": ["x", "y"], "n": 3, "html": "<b>", "none": null}"#.to_owned(),
        ..Event::new("1", "build.failed")
    }
}

fn message(source: &str) -> Option<String> {
    match template(&json!({"message": source})).transform(&event()).unwrap() {
        Outcome::Patched(patch) => patch.message,
        _ => None,
    }
}

#[test]
fn a_message_is_composed_from_fields() {
    for (source, expected) in [
        (
            "{{ type }} by {{ payload.user.name }} ({{ level }})",
            "build.failed by ada (error)",
        ),
        ("{% for tag in payload.tags %}{{ tag | upper }} {% endfor %}", "X Y "),
        (
            "{% if payload.n > 2 %}many{% else %}few{% endif %}: {{ message }}",
            "many: old",
        ),
        ("{{ payload.html }} {{ time }}", "<b> 1970-01-01T00:00:00Z"),
        ("[{{ payload.none }}|{{ payload.no.such.thing }}|{{ subject }}]", "[||]"),
        (
            "[{{ payload.none | upper }}{{ payload.nothing | truncate(3) }}{{ payload.none | default('-') }}]",
            "[-]",
        ),
        (
            "{{ subject or 'nobody' }} {{ payload.nothing | default('?') }}",
            "nobody ?",
        ),
        (
            "{{ 'äbcdefg' | truncate(4) }} {{ 'abc' | truncate(3) }} {{ 'abcd' | truncate(3, end='') }}",
            "äbc… abc abc",
        ),
        (
            "{{ payload.tags | join(', ') }} {{ payload.user | tojson }}",
            "x, y {\"name\": \"ada\"}",
        ),
    ] {
        assert_eq!(message(source).as_deref(), Some(expected), "{source}");
    }
}

#[test]
fn other_texts_are_set_by_path_and_all_see_the_event_as_it_came() {
    let config = json!({
        "message": "new", "set": {"subject": "{{ payload.user.name }}", "metadata.was": "{{ message }}", "level": "warning"},
    });
    let patch = Outcome::Patched(patchpanel_plugin::Patch {
        level: Some(Level::Warning),
        message: Some("new".to_owned()),
        subject: Some("ada".to_owned()),
        metadata: Some(r#"{"was":"old"}"#.to_owned()),
        ..patchpanel_plugin::Patch::new()
    });
    assert_eq!(template(&config).transform(&event()), Ok(patch));
}

#[test]
fn where_a_field_is_not_there_the_text_may_stay() {
    let config = |source: &str| json!({"message": source, "undefined": "keep"});
    let of = |source: &str| template(&config(source)).transform(&event()).unwrap();
    assert_eq!(of("{{ payload.nothing }}"), Outcome::Unchanged);
    assert_eq!(of("{{ payload.no.such.thing }}"), Outcome::Unchanged);
    assert_eq!(of("{{ payload.none }}"), Outcome::Unchanged);
    assert!(matches!(
        of("{% if payload.nothing %}a{% endif %}b"),
        Outcome::Patched(_)
    ));
}

#[test]
fn what_takes_too_much_leaves_the_text_or_is_cut() {
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}x";
    assert_eq!(message(endless), None);
    assert_eq!(message("{{ 'x' * 100000000 }}"), None);
    let config = json!({"message": "{{ 'ä' * 100 }}", "max_bytes": 16});
    let Outcome::Patched(patch) = template(&config).transform(&event()).unwrap() else {
        unreachable!("it is too long, not wrong")
    };
    assert_eq!(patch.message.as_deref(), Some("ääääää…"));
    // No value fits: the level stays.
    let mut level = template(&json!({"set": {"level": "{{ type }}"}}));
    assert_eq!(level.transform(&event()), Ok(Outcome::Unchanged));
}

#[test]
fn all_mistakes_are_told_at_once_with_their_lines() {
    let config = json!({
        "message": "fine\n{{ paylod.x }}",
        "max_bytes": "2MiB",
        "set": {
            "id": "x", "metadata": "x", "message": "x",
            "metadata.a": "{{ type }}\n{% if %}", "metadata.b": "{{ type | uper }}", "metadata.c": "{{ frob() }}",
            "metadata.d": "{% if payload.x %}\n{% if type is tiny %}{% endif %}{% endif %}", "metadata.e": "{{ type.frob() }}",
        },
    });
    let errors = testing::configure_transform::<Template>(&config.to_string()).unwrap_err();
    let found: Vec<_> = errors
        .iter()
        .map(|error| (error.path.as_str(), error.message.as_str()))
        .collect();
    let has = |path: &str, message: &str| found.iter().any(|(at, text)| *at == path && text.contains(message));
    assert!(
        has("message", "no field `paylod`: did you mean `payload`?"),
        "{found:?}"
    );
    assert!(
        has("set.id", "never changes") && has("set.metadata", "metadata.summary"),
        "{found:?}"
    );
    assert!(has("set.message", "twice") && has("max_bytes", "1MiB"), "{found:?}");
    assert!(has("set.metadata.a", "line 2: syntax error"), "{found:?}");
    assert!(
        has("set.metadata.b", "unknown filter") && has("set.metadata.c", "no field `frob`"),
        "{found:?}"
    );
    assert!(
        has("set.metadata.d", "line 2: unknown test: test tiny is unknown") && has("set.metadata.e", "unknown method"),
        "{found:?}"
    );
    assert!(testing::configure_transform::<Template>("{}").is_err());
}
