//! Texts composed from fields.

use std::fs;

use patchpanel_tests::{Page, Router, run};
use serde_json::json;

use crate::{audit, say, with};

#[test]
fn it_composes_what_the_page_shows() {
    let page = Page::about("template");
    let directory = tempfile::tempdir().unwrap();
    let router = Router::start(directory.path(), &page.config(&[]));
    let [before, after] = &page.events()[..] else {
        panic!("the page shows one event before and after")
    };
    // A list where a text should be: that text stays, and the event goes on.
    let odd = with(
        before,
        &json!({"id": "odd", "message": "old", "payload": {"log": {"a": [1]}, "job": "x", "branch": null}}),
    );
    say(&router, &json!([before, odd]));
    let found = audit(&router);
    assert_eq!(found[0], *after);
    assert_eq!(found[1]["metadata"]["title"], json!("build.done #"), "{}", found[1]);
    assert!(found[1]["message"].is_string(), "{}", found[1]);
}

#[test]
fn mistakes_have_a_path_and_a_line() {
    let page = Page::about("template");
    let directory = tempfile::tempdir().unwrap();
    let wrong = page.config(&[("{{ type }} #", "{{ tpye }}"), ("| truncate(24)", "| trunc(24)")]);
    fs::write(directory.path().join("patchpanel.toml"), wrong).unwrap();
    let check = run(directory.path(), &["config", "check"], "");
    assert_eq!(check.code, 2);
    for said in [
        "message",
        "line 1: unknown filter",
        "set.metadata.title",
        "did you mean `type`?",
    ] {
        assert!(check.stderr.contains(said), "{said}: {}", check.stderr);
    }
}
