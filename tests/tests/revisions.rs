//! What stands between a new file and its service: watched first calls, the shadow, pins, signatures, and a compiler that is
//! held to what it may take.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fs;

use patchpanel_tests::{Output, Router, component, revision, run, wait_for};
use serde_json::{Value, json};

const ROUTES: &str = r#"
[[channels]]
name = "audit"
plugin = "log"
config = { path = "audit.ndjson" }

[[subscriptions]]
name = "all"
channel = "audit"
transforms = ["mark"]

[[ingress]]
transform = "stamp"
"#;

/// A router with the redactor `stamp` and the transform `mark`, whose sections of the configuration are these.
fn start(settings: &str) -> (tempfile::TempDir, Router) {
    let directory = tempfile::tempdir().unwrap();
    let plugins = directory.path().join("plugins.d");
    fs::create_dir(&plugins).unwrap();
    fs::write(plugins.join("stamp.wasm"), component("marker-redactor")).unwrap();
    fs::write(plugins.join("mark.wasm"), component("marker-transform")).unwrap();
    // `settings` may begin with keys of no section.
    let router = Router::start(directory.path(), &format!("{settings}{ROUTES}"));
    (directory, router)
}

fn post(router: &Router, message: &str) -> u16 {
    let event = json!({"type": "t", "message": message}).to_string();
    router.post(&[("content-type", "application/json")], event).0
}

/// The message of the last event that came out.
fn last(router: &Router) -> Value {
    router.settled();
    router.lines("audit.ndjson").pop().unwrap()["message"].clone()
}

fn when(router: &Router, plugin: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, || Some(router.plugin(plugin)).filter(|status| holds(status)))
}

#[test]
fn a_revision_whose_first_calls_fail_is_rolled_back_by_itself() {
    let (_directory, router) = start("[plugins.stamp]\nconfig = { mode = \"trap\", when = \"BOOM\" }\n");
    let good = router.plugin("stamp")["revision"].clone();
    // The marker does not look at its configuration; what comes in its place does, and traps under load only.
    router.drop_plugin("stamp", &component("hostile-redactor"));
    when(&router, "stamp", "the new revision", |status| {
        status["revision"] != good
    });
    assert_eq!(router.plugin("stamp")["watched"], true);
    assert_eq!(post(&router, "harmless"), 202);
    let refused = wait_for("the way back", || {
        let status = post(&router, "BOOM");
        let back = router.plugin("stamp")["revision"] == good;
        back.then_some(status)
    });
    assert!(matches!(refused, 503 | 202));
    let status = router.plugin("stamp");
    assert_eq!(status["state"], "degraded", "{status}");
    assert!(
        status["error"]
            .as_str()
            .unwrap()
            .contains("was rolled back, because its first calls failed"),
        "{status}"
    );
    wait_for("events to pass the good one", || {
        (post(&router, "BOOM STAMP") == 202).then_some(())
    });
    assert_eq!(last(&router), "BOOM REVISION-0000");
    // The same content is not tried again, not even with a new configuration; released, it is.
    router.signal(nix::sys::signal::Signal::SIGHUP);
    wait_for("the configuration", || {
        router.log().contains("configuration taken over").then_some(())
    });
    assert_eq!(router.plugin("stamp")["revision"], good);
    let released = router.run(&["plugin", "release", "stamp"], "");
    assert_eq!(released.code, 0, "{}", released.stderr);
    when(&router, "stamp", "another try", |status| status["revision"] != good);
}

#[test]
fn a_shadow_is_compared_and_a_person_promotes_or_discards_it() {
    let (_directory, router) = start("[plugins.stamp]\nshadow = true\n[plugins.mark]\nshadow = true\n");
    let good = router.plugin("stamp")["revision"].clone();
    router.drop_plugin("stamp", &revision("marker-redactor", 2));
    router.drop_plugin("mark", &revision("marker-transform", 2));
    for plugin in ["stamp", "mark"] {
        when(&router, plugin, "the shadow", |status| status["shadow"].is_object());
    }
    assert_eq!(router.plugin("stamp")["revision"], good, "the old one serves");
    router.publish(&json!([
        {"type": "t", "message": "nothing"},
        {"type": "t", "message": "a STAMP here"},
        {"type": "t", "message": "nothing"},
    ]));
    let status = when(&router, "stamp", "the comparison", |status| {
        status["shadow"]["equal"] == 2
    });
    assert_eq!(
        (&status["shadow"]["different"], &status["shadow"]["failed"]),
        (&json!(1), &json!(0)),
        "{status}"
    );
    assert_eq!(
        status["shadow"]["differences"],
        json!(["message: found stamp 2..7 instead of stamp 2..7"]),
        "the text is not told"
    );
    when(&router, "mark", "the comparison", |status| {
        status["shadow"]["different"] == 3 && status["shadow"]["differences"][0] == "patched otherwise: metadata"
    });
    router.settled();
    assert!(
        router
            .lines("audit.ndjson")
            .iter()
            .all(|event| !event.to_string().contains("REVISION-0002")),
        "answers of the shadow go nowhere"
    );
    let promoted = router.run(&["plugin", "promote", "stamp", "--json"], "");
    assert_eq!(promoted.code, 0, "{}", promoted.stderr);
    assert_ne!(promoted.lines()[0]["revision"], good);
    assert_eq!(post(&router, "STAMP"), 202);
    assert_eq!(last(&router), "REVISION-0002");
    let (status, answer) = router.post_to("/v1/plugins/mark/discard", &json!({}));
    assert_eq!((status, &answer["state"]), (200, &json!("degraded")), "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("was discarded"), "{answer}");
    for (path, expected) in [
        ("/v1/plugins/mark/promote", 409),
        ("/v1/plugins/nobody/promote", 404),
        ("/v1/plugins/nobody/release", 404),
    ] {
        let (status, problem) = router.post_to(path, &json!({}));
        assert_eq!(status, expected, "{path}: {problem}");
    }
}

#[test]
fn a_shadow_that_agrees_often_enough_takes_over() {
    let (_directory, router) = start("[plugins.stamp]\nshadow = { promote_after = 20 }\n");
    let good = router.plugin("stamp")["revision"].clone();
    router.drop_plugin("stamp", &revision("marker-redactor", 3));
    when(&router, "stamp", "the shadow", |status| {
        status["shadow"]["promoted_after"] == 20
    });
    wait_for("it to take over", || {
        assert_eq!(post(&router, "nothing to stamp"), 202);
        (router.plugin("stamp")["revision"] != good).then_some(())
    });
    wait_for("an event by it", || {
        assert_eq!(post(&router, "STAMP"), 202);
        (last(&router) == "REVISION-0003").then_some(())
    });
}

#[test]
fn channels_have_no_shadow() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("plugins.d")).unwrap();
    fs::write(directory.path().join("plugins.d/out.wasm"), component("bench-channel")).unwrap();
    let config = "[plugins.out]\nshadow = true\n[[channels]]\nname = \"out\"\nplugin = \"out\"\n";
    let router = Router::start(directory.path(), config);
    router.drop_plugin("out", &component("console"));
    let status = when(&router, "out", "the refusal", |status| status["error"].is_string());
    assert!(
        status["error"]
            .as_str()
            .unwrap()
            .contains("a channel would deliver everything twice"),
        "{status}"
    );
}

#[test]
fn a_pinned_plugin_takes_no_other_content() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = component("marker-redactor");
    fs::create_dir(directory.path().join("plugins.d")).unwrap();
    fs::write(directory.path().join("plugins.d/stamp.wasm"), &bytes).unwrap();
    fs::write(
        directory.path().join("plugins.d/mark.wasm"),
        component("marker-transform"),
    )
    .unwrap();
    let pinned = |hash: &str| format!("[plugins.stamp]\nsha256 = \"{hash}\"\n{ROUTES}");
    let check = |config: &str| -> Output {
        fs::write(directory.path().join("patchpanel.toml"), config).unwrap();
        run(directory.path(), &["config", "check"], "")
    };
    let wrong = check(&pinned(&"0".repeat(64)));
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.stderr.contains("and `sha256` of the plugin says 0000"),
        "{}",
        wrong.stderr
    );
    let hash = wrong.stderr.split("its SHA-256 is ").nth(1).unwrap()[..64].to_owned();
    let none = check(&pinned("abc"));
    assert!(none.stderr.contains("not a SHA-256"), "{}", none.stderr);
    let router = Router::start(directory.path(), &pinned(&hash.to_uppercase()));
    router.drop_plugin("stamp", &revision("marker-redactor", 1));
    let status = when(&router, "stamp", "the refusal", |status| status["state"] == "degraded");
    assert_eq!(status["revision"], hash, "{status}");
}

#[test]
fn with_keys_only_signed_plugins_are_taken() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = directory.path().join("plugins.d");
    fs::create_dir(&plugins).unwrap();
    let patchpanel = |arguments: &[&str]| run(directory.path(), arguments, "");
    for name in ["ours", "theirs"] {
        let made = patchpanel(&["plugin", "keygen", name, "--no-password"]);
        assert_eq!(made.code, 0, "{}", made.stderr);
    }
    assert_eq!(
        patchpanel(&["plugin", "keygen", "ours", "--no-password"]).code,
        1,
        "nothing is overwritten"
    );
    let sign = |file: &str, key: &str| {
        let signed = patchpanel(&["plugin", "sign", "--key", key, file]);
        assert_eq!(signed.code, 0, "{}", signed.stderr);
    };
    fs::write(plugins.join("stamp.wasm"), component("marker-redactor")).unwrap();
    fs::write(plugins.join("mark.wasm"), component("marker-transform")).unwrap();
    sign("plugins.d/stamp.wasm", "ours.key");
    sign("plugins.d/mark.wasm", "ours.key");
    let key = fs::read_to_string(directory.path().join("ours.pub")).unwrap();
    let key = key.lines().last().unwrap();
    let config = format!("trusted_keys = [\"{key}\"]\n{ROUTES}");
    let router = Router::start(directory.path(), &config);
    let good = router.plugin("stamp")["revision"].clone();

    let aside = directory.path().join("new.wasm");
    fs::write(&aside, revision("marker-redactor", 5)).unwrap();
    fs::remove_file(plugins.join("stamp.wasm.minisig")).unwrap();
    fs::copy(&aside, plugins.join("stamp.wasm")).unwrap();
    let status = when(&router, "stamp", "the refusal", |status| status["error"].is_string());
    assert!(
        status["error"]
            .as_str()
            .unwrap()
            .contains("`trusted_keys` asks for one"),
        "{status}"
    );
    sign("new.wasm", "theirs.key");
    fs::copy(
        directory.path().join("new.wasm.minisig"),
        plugins.join("stamp.wasm.minisig"),
    )
    .unwrap();
    when(&router, "stamp", "the other refusal", |status| {
        status["error"]
            .as_str()
            .is_some_and(|error| error.contains("made with another key"))
    });
    assert_eq!(router.plugin("stamp")["revision"], good);
    // The signature comes after the component, and is noticed.
    sign("new.wasm", "ours.key");
    fs::copy(
        directory.path().join("new.wasm.minisig"),
        plugins.join("stamp.wasm.minisig"),
    )
    .unwrap();
    when(&router, "stamp", "the signed revision", |status| {
        status["revision"] != good && status["state"] == "ready"
    });

    let verify = |key: &str| patchpanel(&["plugin", "verify", "--key", key, "new.wasm"]).code;
    assert_eq!(
        (
            verify(key),
            verify("ours.pub"),
            verify("theirs.pub"),
            verify("nonsense")
        ),
        (0, 0, 1, 2)
    );
    let mistake = "trusted_keys = [\"RWnonsense\"]\n";
    fs::write(directory.path().join("patchpanel.toml"), mistake).unwrap();
    let mistake = patchpanel(&["config", "check"]);
    assert!(mistake.stderr.contains("not a public key"), "{}", mistake.stderr);
    // Keys are read by nobody else.
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(directory.path().join("ours.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// A component that takes the compiler long, or much memory: functions of a great many multiplications.
fn heavy(count: u32, steps: u32) -> Vec<u8> {
    use wasm_encoder::*;
    const LOCALS: u32 = 500;
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types.ty().function([ValType::I64], [ValType::I64]);
    module.section(&types);
    let mut functions = FunctionSection::new();
    let mut code = CodeSection::new();
    for _ in 0..count {
        functions.function(0);
        let mut body = Function::new([(LOCALS - 1, ValType::I64)]);
        // Nothing that could be known before it is run, and nothing that could be left out.
        for local in 1..LOCALS {
            body.instruction(&Instruction::LocalGet(0));
            body.instruction(&Instruction::I64Const(i64::from(local)));
            body.instruction(&Instruction::I64Add);
            body.instruction(&Instruction::LocalSet(local));
        }
        for step in 0..steps {
            body.instruction(&Instruction::LocalGet(step % LOCALS));
            body.instruction(&Instruction::LocalGet((step * 7 + 3) % LOCALS));
            body.instruction(&Instruction::I64Mul);
            body.instruction(&Instruction::LocalSet((step * 13 + 1) % LOCALS));
        }
        body.instruction(&Instruction::LocalGet(0));
        for local in 1..LOCALS {
            body.instruction(&Instruction::LocalGet(local));
            body.instruction(&Instruction::I64Xor);
        }
        body.instruction(&Instruction::End);
        code.function(&body);
    }
    module.section(&functions);
    module.section(&code);
    let mut component = Component::new();
    let declaration = json!({"api": "0.1.0", "name": "stamp", "version": "1.0.0", "kind": "redactor"}).to_string();
    component.section(&CustomSection {
        name: "patchpanel-plugin".into(),
        data: declaration.as_bytes().into(),
    });
    component.section(&ModuleSection(&module));
    component.finish()
}

#[test]
fn what_keeps_the_compiler_busy_or_wants_its_memory_is_refused_and_harms_nobody() {
    for (settings, component, reason) in [
        (
            "compile = { time = \"300ms\" }\n",
            heavy(40, 30_000),
            "compiling it takes longer than the 0.3 s that `compile.time` allows",
        ),
        (
            "compile = { memory = \"256MiB\" }\n",
            heavy(2, 500_000),
            "compiling it takes more memory than the 268435456 bytes that `compile.memory` allows",
        ),
    ] {
        let (_directory, router) = start(settings);
        let good = router.plugin("stamp")["revision"].clone();
        router.drop_plugin("stamp", &component);
        let status = when(&router, "stamp", "the refusal", |status| status["error"].is_string());
        assert!(
            status["error"].as_str().unwrap().contains(reason),
            "{settings}: {status}"
        );
        assert_eq!((&status["revision"], &status["state"]), (&good, &json!("degraded")));
        assert_eq!(post(&router, "STAMP"), 202);
        assert_eq!(last(&router), "REVISION-0000");
    }
}

#[test]
fn two_hundred_plugins_in_the_directory_are_no_burden() {
    let (directory, router) = start("");
    let bytes = component("marker-redactor");
    for number in 0..200 {
        fs::write(directory.path().join(format!("plugins.d/other-{number}.wasm")), &bytes).unwrap();
    }
    wait_for("all of them", || {
        let (_, answer) = router.get("/v1/plugins");
        let unused = answer["plugins"]
            .as_array()?
            .iter()
            .filter(|plugin| plugin["state"] == "unused");
        (unused.count() == 200).then_some(())
    });
    let good = router.plugin("stamp")["revision"].clone();
    router.drop_plugin("stamp", &revision("marker-redactor", 9));
    when(&router, "stamp", "a reload among them", |status| {
        status["revision"] != good
    });
    assert_eq!(post(&router, "STAMP"), 202);
}

#[test]
fn configuration_and_plugin_change_together() {
    let (directory, router) = start("[plugins.stamp]\nconfig = { mode = \"none\" }\n");
    let good = router.plugin("stamp")["revision"].clone();
    let text = fs::read_to_string(directory.path().join("patchpanel.toml")).unwrap();
    // The new component refuses the old configuration, so it is not taken before both are there.
    fs::write(
        directory.path().join("patchpanel.toml"),
        text.replace("mode = \"none\"", "mode = \"panic\", when = \"BOOM\""),
    )
    .unwrap();
    router.drop_plugin("stamp", &component("hostile-redactor"));
    router.signal(nix::sys::signal::Signal::SIGHUP);
    wait_for("both", || {
        router.log().contains("configuration taken over").then_some(())
    });
    assert_ne!(router.plugin("stamp")["revision"], good);
    assert_eq!((post(&router, "fine"), post(&router, "BOOM")), (202, 503));
}

#[test]
fn a_running_plugin_is_inspected_with_what_it_asks_for_is_granted_and_has_used() {
    let (_directory, router) = start("[plugins.stamp.allow]\nenv = [\"LANG\"]\n");
    let shown = router.run(&["plugin", "inspect", "stamp", "--json"], "");
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    let status = &shown.lines()[0];
    assert_eq!(
        (&status["granted"]["env"], &status["granted_in_vain"]),
        (&json!(["LANG"]), &json!(["env: LANG"])),
        "{status}"
    );
    assert!(status["uses"][0]["calls"].is_u64(), "{status}");
    let unknown = router.run(&["plugin", "inspect", "nobody"], "");
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("it has stamp"), "{}", unknown.stderr);
}
