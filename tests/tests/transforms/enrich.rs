//! Files: found at the start, read again when they change, kept when they break.

use std::fs;
use std::path::Path;

use patchpanel_tests::{Page, Router, run, wait_for};
use serde_json::{Value, json};

use crate::{again, audit, say, with};

/// As a careful operator does.
fn write(directory: &Path, text: &str) {
    let lists = directory.join("lists");
    fs::create_dir_all(&lists).unwrap();
    fs::write(lists.join(".owners"), text).unwrap();
    fs::rename(lists.join(".owners"), lists.join("owners.csv")).unwrap();
}

/// Publishes events of the page, each with an id of its own, until one comes back as is wanted.
fn until(router: &Router, page: &Page, what: &str, mut wanted: impl FnMut(&Router, &Value) -> bool) {
    let before = &page.events()[0];
    let mut number = 0;
    wait_for(what, || {
        number += 1;
        let id = format!("{what} {number}");
        say(router, &with(before, &json!({"id": id})));
        let found = audit(router).into_iter().find(|event| event["id"] == json!(id));
        wanted(router, &found.unwrap_or_default()).then_some(())
    });
}

#[test]
fn it_adds_what_the_page_shows() {
    let page = Page::about("enrich");
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), page.block("csv"));
    let router = Router::start(directory.path(), &page.config(&[]));
    let [before, after] = &page.events()[..] else {
        panic!("the page shows one event before and after")
    };
    // No row, and a row of another team: the filter sees what was added.
    let others = [
        json!({"id": "none", "type": "t", "source": "elsewhere"}),
        json!({"id": "net", "type": "t", "source": "edge"}),
    ];
    say(&router, &json!([before, others[0], others[1]]));
    assert_eq!(audit(&router), std::slice::from_ref(after));
    // What was there is not replaced, and what was not is.
    let (_, stored) = router.get("/v1/events/none");
    assert_eq!(stored["event"]["subject"], json!("unknown"), "{stored}");
    assert_eq!(
        stored["event"]["metadata"],
        json!({"region": "eu-central-1"}),
        "{stored}"
    );
    let (_, stored) = router.get("/v1/events/net");
    assert_eq!(
        stored["event"]["metadata"]["owner"]["team"],
        json!("network, core"),
        "{stored}"
    );
}

#[test]
fn a_file_that_changes_is_read_again_and_a_broken_one_is_not() {
    let page = Page::about("enrich");
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), page.block("csv"));
    let router = Router::start(directory.path(), &page.config(&[]));
    let mail = |event: &Value| event["metadata"]["owner"]["mail"].clone();
    until(&router, &page, "the first row", |_, event| {
        mail(event) == json!("pay@example.com")
    });
    write(
        directory.path(),
        "service,team,mail\nbilling,payments,new@example.com\n",
    );
    until(&router, &page, "the new row", |_, event| {
        mail(event) == json!("new@example.com")
    });
    write(directory.path(), "service,team\nbilling,payments\n");
    until(&router, &page, "the broken file", |router, event| {
        // Instances look for themselves, and one may still have the row before the last.
        assert!(mail(event).is_string(), "{event}");
        router.log().contains("what was read before stays in service")
    });
    assert!(router.log().contains("there is no column `mail`"));
    router.crash();

    // Nothing is there to stay in service: no event may pass without what it should carry.
    let check = run(directory.path(), &["config", "check"], "");
    assert_eq!(check.code, 2, "{}", check.stdout);
    assert!(check.stderr.contains("there is no column `mail`"), "{}", check.stderr);
    write(
        directory.path(),
        "service,team,mail\nbilling,payments,last@example.com\n",
    );
    let router = again(directory.path());
    until(&router, &page, "the last row", |_, event| {
        mail(event) == json!("last@example.com")
    });
}

#[test]
fn all_mistakes_are_told_before_it_starts() {
    let page = Page::about("enrich");
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), page.block("csv"));
    let wrong = page.config(&[
        ("by = \"source\"", "by = \"sauce\""),
        ("/lists/owners.csv", "/lists/none.csv"),
    ]);
    fs::write(directory.path().join("patchpanel.toml"), wrong).unwrap();
    let check = run(directory.path(), &["config", "check"], "");
    assert!(check.code == 2 && check.stderr.contains("`sauce`"), "{}", check.stderr);
    let wrong = page.config(&[("/lists/owners.csv", "/lists/none.csv")]);
    fs::write(directory.path().join("patchpanel.toml"), wrong).unwrap();
    let check = run(directory.path(), &["config", "check"], "");
    assert!(
        check.code == 2 && check.stderr.contains("/lists/none.csv: is not there"),
        "{}",
        check.stderr
    );
}
