//! `patchpanel plugin check`: whether a router would take a component, and if not, what to do about it. Everything that can
//! be told is told at once.

use std::path::Path;

use anyhow::Context as _;
use patchpanel_runtime::{Anatomy, Declaration, Kind, LoadError, Trial};
use serde_json::{Value, json};

use super::read;
use crate::{exit, terminal};

/// One thing that was looked at.
struct Finding {
    verdict: Verdict,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    /// No obstacle, but worth knowing.
    Note,
    Bad,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, verdict: Verdict, text: impl Into<String>) {
        let text = text.into();
        self.0.push(Finding { verdict, text });
    }

    fn is_bad(&self) -> bool {
        self.0.iter().any(|finding| finding.verdict == Verdict::Bad)
    }
}

pub(super) fn check(file: &Path, as_json: bool) -> anyhow::Result<u8> {
    let bytes = read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut findings = Findings::default();
    findings.add(Verdict::Good, format!("{} bytes", bytes.len()));
    let declaration = declaration(&bytes, &mut findings);
    anatomy(&bytes, declaration.as_ref(), &mut findings);
    if !findings.is_bad() {
        trial(bytes, &mut findings)?;
    }
    report(&findings, as_json)?;
    Ok(match findings.is_bad() {
        true => exit::WRONG_INPUT,
        false => exit::OK,
    })
}

fn declaration(bytes: &[u8], findings: &mut Findings) -> Option<Declaration> {
    match Declaration::read(bytes) {
        Ok(declared) => {
            let Declaration {
                name,
                version,
                kind,
                api,
                ..
            } = &declared;
            findings.add(
                Verdict::Good,
                format!("declares itself as the {kind} {name} {version}, contract {api}"),
            );
            if declared.config_schema.is_none() {
                findings.add(
                    Verdict::Note,
                    "declares no `config_schema`: mistakes in its configuration are found by `configure` only",
                );
            }
            if kind == &Kind::Redactor && declared.examples.is_empty() {
                findings.add(
                    Verdict::Note,
                    "declares no `examples`: nothing is tried before a new revision takes over",
                );
            }
            Some(declared)
        }
        Err(error) => {
            findings.add(Verdict::Bad, error.to_string());
            None
        }
    }
}

fn anatomy(bytes: &[u8], declaration: Option<&Declaration>, findings: &mut Findings) {
    // What is no component was told with the declaration.
    let Ok(anatomy) = Anatomy::read(bytes) else {
        return;
    };
    let kind = declaration.map(|declaration| declaration.kind);
    if let Some(kind) = kind {
        for export in anatomy.missing(kind) {
            findings.add(
                Verdict::Bad,
                format!("does not export {export}, which a {kind} has to; was it built for the world `{kind}-plugin`?"),
            );
        }
    }
    match kind {
        Some(Kind::Transform) if anatomy.is_timed() => {
            findings.add(Verdict::Good, "gives events out by the clock");
        }
        Some(kind) if anatomy.is_timed() => {
            findings.add(
                Verdict::Note,
                format!("exports `timer`, which nobody calls in a {kind}"),
            );
        }
        _ => {}
    }
    let asks = declaration.map(|declaration| json!(declaration.capabilities));
    let mut plain = Vec::new();
    for import in &anatomy.imports {
        match judge(import, kind, asks.as_ref()) {
            None => plain.push(import.as_str()),
            Some((verdict, text)) => findings.add(verdict, format!("imports {import}: {text}")),
        }
    }
    if !plain.is_empty() {
        findings.add(
            Verdict::Good,
            format!(
                "imports {}, which every plugin gets (files, sockets and variables are empty without a grant)",
                plain.join(", ")
            ),
        );
    }
}

/// What there is to say about an import; `None`: nothing.
fn judge(import: &str, kind: Option<Kind>, asks: Option<&Value>) -> Option<(Verdict, String)> {
    let interface = import.split('@').next().unwrap_or_default();
    let asked = |name: &str| {
        asks.and_then(|asks| asks.get(name))
            .is_some_and(|value| *value != json!(false))
    };
    let (package, name) = interface.split_once('/').unwrap_or((interface, ""));
    let needs = |capability: &str| {
        let text = match asked(capability) {
            true => format!("the operator has to grant `{capability}`"),
            false => format!("it does not ask for `{capability}` in its `capabilities`, so it is never given any"),
        };
        Some((if asked(capability) { Verdict::Note } else { Verdict::Bad }, text))
    };
    match (package, name) {
        ("patchpanel:plugin", "log" | "events") => None,
        ("patchpanel:plugin", "secrets") if asked("secrets") => needs("secrets"),
        // The SDK imports it for all; it is refused unless it is granted.
        ("patchpanel:plugin", "secrets") => None,
        ("patchpanel:plugin", "kv") if kind == Some(Kind::Redactor) => Some((
            Verdict::Bad,
            "a redactor keeps nothing between calls; leave it out".to_owned(),
        )),
        ("patchpanel:plugin", "kv") => None,
        ("patchpanel:plugin", "http" | "mail" | "notify") if kind == Some(Kind::Channel) => match asked(name) {
            true => needs(name),
            false => None,
        },
        ("wasi:http", _) if kind.is_none_or(|kind| kind == Kind::Channel) => needs("http"),
        ("wasi:http", _) => Some((Verdict::Bad, "only channels make requests".to_owned())),
        ("wasi:io" | "wasi:cli" | "wasi:clocks" | "wasi:random" | "wasi:filesystem" | "wasi:sockets", _) => None,
        _ => Some((
            Verdict::Bad,
            "the router has nothing of that name; look for the library or the build option that wants it".to_owned(),
        )),
    }
}

fn trial(bytes: Vec<u8>, findings: &mut Findings) -> anyhow::Result<()> {
    let runtime = super::author_runtime()?;
    match crate::service::runtime()?.block_on(Trial::start(&runtime, bytes, &json!({}))) {
        Ok(trial) => {
            findings.add(Verdict::Good, "compiles, links and starts with an empty configuration");
            let examples = trial.declaration().examples.len();
            if examples > 0 {
                findings.add(Verdict::Good, format!("its {examples} examples come out as declared"));
            }
        }
        Err(LoadError::Configuration(mistakes)) => {
            let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            findings.add(Verdict::Good, "compiles and links");
            findings.add(Verdict::Note, format!("needs a configuration: {}", mistakes.join("; ")));
        }
        Err(error) => findings.add(Verdict::Bad, error.to_string()),
    }
    Ok(())
}

fn report(findings: &Findings, as_json: bool) -> anyhow::Result<()> {
    let word = |verdict| match verdict {
        Verdict::Good => "ok",
        Verdict::Note => "note",
        Verdict::Bad => "problem",
    };
    if as_json {
        let list = findings
            .0
            .iter()
            .map(|finding| json!({"verdict": word(finding.verdict), "text": finding.text}));
        let said = json!({"ok": !findings.is_bad(), "findings": list.collect::<Vec<_>>()});
        return terminal::print_line(terminal::json(&said));
    }
    let lines = findings
        .0
        .iter()
        .map(|finding| format!("{:<8} {}", word(finding.verdict), finding.text));
    let lines: Vec<String> = lines.collect();
    terminal::print_line(terminal::plain(&lines.join("\n")))
}
