//! `plugin new`, `plugin bindings` and `plugin pack`: what they write, and what they refuse.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;

use patchpanel_tests::{Output, component, run};

fn patchpanel(directory: &tempfile::TempDir, arguments: &str) -> Output {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    run(directory.path(), &arguments, "")
}

#[test]
fn a_new_project_is_written_once_and_only_under_a_good_name() {
    let work = tempfile::tempdir().unwrap();
    let new = patchpanel(&work, "plugin new --kind channel --lang c --json mine");
    assert_eq!(new.code, 0, "{}", new.stderr);
    assert_eq!(new.lines()[0]["directory"], "mine");
    for file in [
        "plugin.c",
        "plugin.json",
        "bindings/patchpanel.h",
        "wit/worlds.wit",
        "fixtures/default/events.ndjson",
    ] {
        assert!(work.path().join("mine").join(file).is_file(), "{file}");
    }
    fs::write(work.path().join("mine/plugin.c"), "mine").unwrap();
    let again = patchpanel(&work, "plugin new --kind channel --lang c mine");
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("mine is there already"), "{}", again.stderr);
    assert_eq!(fs::read_to_string(work.path().join("mine/plugin.c")).unwrap(), "mine");

    for name in ["Mine", "../mine", "a_b"] {
        let wrong = patchpanel(&work, &format!("plugin new --kind channel --lang c {name}"));
        assert_eq!(wrong.code, 2, "{name}");
        assert!(wrong.stderr.contains("1 to 64 characters"), "{}", wrong.stderr);
    }
    assert_eq!(patchpanel(&work, "plugin new --kind channel --lang cobol x").code, 2);
}

#[test]
fn bindings_go_over_those_of_another_version() {
    let work = tempfile::tempdir().unwrap();
    fs::create_dir(work.path().join("wit")).unwrap();
    fs::write(work.path().join("wit/worlds.wit"), "old").unwrap();
    let written = patchpanel(&work, "plugin bindings --kind redactor --lang js --json .");
    assert_eq!(written.code, 0, "{}", written.stderr);
    assert!(
        fs::read_to_string(work.path().join("wit/worlds.wit"))
            .unwrap()
            .contains("redactor-plugin")
    );
}

#[test]
fn a_component_gets_the_declaration_that_is_given_in_place_of_its_own() {
    let work = tempfile::tempdir().unwrap();
    fs::write(work.path().join("redact.wasm"), component("redact")).unwrap();
    let declaration = r#"{"api": "0.1.0", "name": "other", "version": "2.0.0", "kind": "redactor"}"#;
    fs::write(work.path().join("plugin.json"), declaration).unwrap();
    for input in ["redact.wasm", "first.wasm"] {
        let packed = patchpanel(&work, &format!("plugin pack {input} --output first.wasm --json"));
        assert_eq!(packed.code, 0, "{}", packed.stderr);
        assert_eq!(packed.lines()[0]["declaration"]["name"], "other");
    }
    let inspected = patchpanel(&work, "plugin inspect --json first.wasm");
    assert_eq!(inspected.lines()[0]["declaration"]["version"], "2.0.0");
    // Packing twice leaves one.
    let (once, own) = (
        fs::metadata(work.path().join("first.wasm")).unwrap(),
        component("redact"),
    );
    assert!(once.len() < own.len() as u64 + declaration.len() as u64 + 64);
}

#[test]
fn what_cannot_be_packed_is_told_with_its_place() {
    let work = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| fs::write(work.path().join(name), content).unwrap();
    let refused = |input: &str, place: &str, words: &[&str]| {
        let output = patchpanel(&work, &format!("plugin pack {input} --output out.wasm"));
        assert_eq!(output.code, 2, "{}", output.stderr);
        for word in [&[place][..], words].concat() {
            assert!(output.stderr.contains(word), "{word}: {}", output.stderr);
        }
        assert!(!work.path().join("out.wasm").exists());
    };
    write(
        "plugin.json",
        br#"{"api": "0.1.0", "name": "a", "version": "1.0.0", "kind": "channel"}"#,
    );
    write("text.wasm", b"#!/bin/sh");
    refused("text.wasm", "text.wasm:", &["not WebAssembly"]);
    write("empty.wasm", b"\0asm\x01\0\0\0");
    refused(
        "empty.wasm",
        "empty.wasm:",
        &[
            "`patchpanel:plugin/lifecycle@0.1.0#configure`",
            "`patchpanel:plugin/channel@0.1.0#deliver`",
            "`patchpanel:plugin/channel@0.1.0#check-health`",
        ],
    );
    write("redact.wasm", &component("redact"));
    refused(
        "redact.wasm",
        "redact.wasm:",
        &["a channel exports `patchpanel:plugin/channel@0.1.0`"],
    );
    write("plugin.json", br#"{"kind": "gate"}"#);
    refused("redact.wasm", "plugin.json:", &["unknown variant `gate`"]);
    write(
        "plugin.json",
        br#"{"api": "0.1.0", "name": "A", "version": "1.0.0", "kind": "redactor"}"#,
    );
    refused("redact.wasm", "plugin.json:", &["`name` must be"]);
    assert_eq!(patchpanel(&work, "plugin pack nothing.wasm --output out.wasm").code, 1);
}
