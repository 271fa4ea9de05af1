//! What authors get works: each project that `plugin new` writes is built by the commands of its own README, does what its
//! fixtures say, and runs in a router beside those of all other languages.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use patchpanel_tests::{Router, run, skipped, wait_for};
use serde_json::{Value, json};

const LANGUAGES: [&str; 5] = ["rust", "js", "python", "c", "go"];

/// Kinds, and what the example of each is called.
const EXAMPLES: [(&str, &str); 3] = [("redactor", "tickets"), ("transform", "escalate"), ("channel", "tally")];

/// The projects of one language, built.
struct Built {
    directory: tempfile::TempDir,
    language: &'static str,
}

impl Built {
    /// With a hyphen, which some tools would write differently.
    fn name(&self, example: &str) -> String {
        format!("{example}-{}", self.language)
    }

    fn project(&self, example: &str) -> PathBuf {
        self.directory.path().join(self.name(example))
    }

    fn component(&self, example: &str) -> PathBuf {
        self.project(example).join(format!("{}.wasm", self.name(example)))
    }
}

/// Builds the projects of a language once for all tests. None: its tools are not there, which is told on standard error.
fn built(language: &'static str) -> Option<&'static Built> {
    static BUILT: [OnceLock<Option<Built>>; 5] = [const { OnceLock::new() }; 5];
    let place = LANGUAGES.iter().position(|known| *known == language).unwrap();
    BUILT[place].get_or_init(|| build(language)).as_ref()
}

fn build(language: &'static str) -> Option<Built> {
    let built = Built {
        directory: tempfile::tempdir().unwrap(),
        language,
    };
    for (kind, example) in EXAMPLES {
        let name = built.name(example);
        let new = ["plugin", "new", "--kind", kind, "--lang", language, &name];
        let output = run(built.directory.path(), &new, "");
        assert_eq!(output.code, 0, "{}", output.stderr);
        let project = built.project(example);
        if let Err(missing) = tools::provide(language, &project) {
            skipped(&format!("plugins in {language}: {missing}"));
            return None;
        }
        if let Err(said) = tools::shell(&project, &commands(&project)) {
            panic!("the commands of {language}/{kind} fail:\n{said}");
        }
    }
    Some(built)
}

/// What the README of a project tells to type.
fn commands(project: &Path) -> String {
    let readme = fs::read_to_string(project.join("README.md")).unwrap();
    let (_, block) = readme.split_once("```sh\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

fn each_kind_builds_and_does_what_its_fixtures_say(language: &'static str) {
    let Some(built) = built(language) else { return };
    for (kind, example) in EXAMPLES {
        let component = built.component(example);
        let inspect = ["plugin", "inspect", "--json", component.to_str().unwrap()];
        let output = run(built.directory.path(), &inspect, "");
        assert_eq!(output.code, 0, "{}", output.stderr);
        let declared = &output.lines()[0]["declaration"];
        assert_eq!(declared["kind"], kind);
        assert_eq!(declared["name"], built.name(example));
    }
}

#[test]
fn rust() {
    each_kind_builds_and_does_what_its_fixtures_say("rust");
}

#[test]
fn javascript() {
    each_kind_builds_and_does_what_its_fixtures_say("js");
}

/// What the guide says of TypeScript, with the redactor in JavaScript under types.
#[test]
fn typescript() {
    let Some(built) = built("js") else { return };
    // A copy: other tests look at the original.
    let project = built.directory.path().join("typescript");
    let copied = Command::new("cp")
        .arg("-a")
        .arg(built.project("tickets"))
        .arg(&project)
        .status();
    assert!(copied.unwrap().success());
    // Its own `npm install` has left nothing but what its package.json names.
    tools::provide("js", &project).unwrap();
    let mut source = fs::read_to_string(project.join("plugin.js")).unwrap();
    for (untyped, typed) in [
        ("const utf8 = (text) =>", "const utf8 = (text: string): Uint8Array =>"),
        ("let prefix;", "let prefix: Uint8Array;"),
        (
            "const edits = [];",
            "const edits: { text: number; start: number; end: number; label: number; bytesEnd: number }[] = [];",
        ),
        ("configure(text) {", "configure(text: string) {"),
        (
            "redact({ texts, bytes }) {",
            "redact({ texts, bytes }: { texts: { path: number; end: number }[]; bytes: Uint8Array }) {",
        ),
        (
            "function ticketEnd(bytes, at, limit) {",
            "function ticketEnd(bytes: Uint8Array, at: number, limit: number): number | undefined {",
        ),
    ] {
        assert!(source.contains(untyped), "{untyped}");
        source = source.replace(untyped, typed);
    }
    fs::write(project.join("plugin.ts"), source).unwrap();
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/plugins/javascript.md");
    let guide = fs::read_to_string(guide).unwrap();
    let (_, block) = guide.split_once("```sh\n").unwrap();
    let (_, commands) = block.split_once("```").unwrap().0.split_once('\n').unwrap();
    let commands = commands.replace("mine.wasm", &format!("{}.wasm", built.name("tickets")));
    if let Err(said) = tools::shell(&project, &commands) {
        panic!("the commands for TypeScript fail:\n{said}");
    }
}

#[test]
fn python() {
    each_kind_builds_and_does_what_its_fixtures_say("python");
}

#[test]
fn c() {
    each_kind_builds_and_does_what_its_fixtures_say("c");
}

#[test]
fn go() {
    each_kind_builds_and_does_what_its_fixtures_say("go");
}

/// An event passes the redactors of all languages, each with a prefix of its own, and goes to the channels of all of them,
/// behind their transforms.
#[test]
fn plugins_of_all_languages_work_side_by_side() {
    let languages: Vec<&Built> = LANGUAGES.iter().filter_map(|language| built(language)).collect();
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("plugins.d")).unwrap();
    let mut config = String::from(
        r#"
[[channels]]
name = "audit"
plugin = "log"
config = { path = "audit.ndjson" }

[[subscriptions]]
name = "audit"
channel = "audit"
"#,
    );
    for built in &languages {
        let language = built.language;
        for (_, example) in EXAMPLES {
            let file = format!("plugins.d/{}.wasm", built.name(example));
            fs::copy(built.component(example), directory.path().join(file)).unwrap();
        }
        config += &format!(
            r#"
[[ingress]]
transform = "tickets-{language}"
config = {{ prefix = "{language}-" }}

[plugins.tally-{language}]
allow = {{ kv = true }}

[[channels]]
name = "{language}"
plugin = "tally-{language}"

[[subscriptions]]
name = "{language}"
transforms = [{{ transform = "escalate-{language}", config = {{ word = "{language}" }} }}]
channel = "{language}"
"#
        );
    }
    // Compiles what no test before it has compiled, however long that takes.
    fs::write(directory.path().join("patchpanel.toml"), &config).unwrap();
    let checked = run(directory.path(), &["config", "check"], "");
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
    let router = Router::start(directory.path(), &config);
    let message: Vec<String> = languages
        .iter()
        .enumerate()
        .map(|(number, built)| format!("{}-{number}", built.language))
        .collect();
    let events: Vec<Value> = (0..10)
        .map(|number| json!({"id": number.to_string(), "type": "order.placed", "message": message.join(" ")}))
        .collect();
    router.publish(&events.into());
    router.publish(&json!({"id": "empty", "type": "order.placed"}));
    router.publish(&json!({"id": "quiet", "type": "order.placed", "level": "debug", "message": "hm"}));

    let accounts = router.settled();
    let redacted = vec!["[ticket]"; languages.len()].join(" ");
    let seen = router.lines("audit.ndjson");
    assert_eq!(seen.len(), 12);
    assert!(
        seen.iter().filter(|event| event["message"] == redacted).count() == 10,
        "{seen:?}"
    );
    for built in &languages {
        let language = built.language;
        let account = &accounts["subscriptions"][language];
        let settled = ["delivered", "filtered", "dead"].map(|state| account[state].as_u64().unwrap());
        assert_eq!(settled, [10, 1, 1], "{language}: {account}");
        let (_, delivery) = router.get(&format!("/v1/deliveries/9/{language}"));
        assert_eq!(delivery["receipt"]["detail"], "counted", "{language}: {delivery}");
        let (_, rejected) = router.get(&format!("/v1/deliveries/quiet/{language}"));
        assert!(
            rejected.to_string().contains("debug is not counted"),
            "{language}: {rejected}"
        );
        wait_for("the channel's log line", || {
            let log = router.log();
            let lines = log.lines().filter(|line| line.contains(&format!("tally-{language}")));
            lines
                .filter(|line| line.contains("order.placed: 10"))
                .count()
                .checked_sub(1)
        });
    }
    assert!(router.stop().success());
}
