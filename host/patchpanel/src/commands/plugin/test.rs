//! `patchpanel plugin test`: events through the real component in the real runtime, held against golden files. Offline: the
//! plugin is granted nothing.

use std::fs;

use anyhow::Context as _;
use patchpanel_runtime::{LoadError, Runtime, Trial};
use serde_json::{Value, json};

use super::fixtures::{self, Case, GOLDEN};
use super::read;
use crate::cli::PluginTestArgs;
use crate::{exit, terminal};

/// How a case ended.
enum Verdict {
    Held,
    /// The golden file was written.
    Blessed,
    /// Where they differ first: the line, what was expected, what came.
    Differs(usize, Option<Value>, Option<Value>),
    NoGolden,
}

pub(super) fn test(args: &PluginTestArgs) -> anyhow::Result<u8> {
    let file = match &args.component {
        Some(file) => file.clone(),
        None => fixtures::component(&args.project)?,
    };
    let fixtures = args.fixtures.clone().unwrap_or_else(|| args.project.join("fixtures"));
    let component = read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let cases = fixtures::cases(&fixtures)?;
    let runtime = super::author_runtime()?;
    let tokio = crate::service::runtime()?;
    let mut failed = 0;
    for case in &cases {
        let came = match tokio.block_on(answers(&runtime, &component, case)) {
            Ok(came) => came,
            Err(error) => {
                terminal::say(format_args!("{}: {error}", file.display()));
                return Ok(exit::WRONG_INPUT);
            }
        };
        let verdict = judge(case, &came, args.bless)?;
        failed += usize::from(matches!(verdict, Verdict::Differs(..) | Verdict::NoGolden));
        report(case, &verdict, args.json)?;
    }
    if !args.json {
        terminal::say(format_args!("{} of {} cases held", cases.len() - failed, cases.len()));
    }
    Ok(match failed {
        0 => exit::OK,
        _ => exit::FAILED,
    })
}

/// What the component makes of a case: an answer for each event, or how it refuses its configuration.
async fn answers(runtime: &Runtime, component: &[u8], case: &Case) -> Result<Vec<Value>, LoadError> {
    match Trial::start(runtime, component.to_vec(), &case.config).await {
        Ok(trial) => Ok(trial.answers(&case.events).await),
        Err(LoadError::Configuration(mistakes)) => {
            let mistakes = mistakes
                .iter()
                .map(|mistake| json!({"path": mistake.path, "message": mistake.message}));
            Ok(vec![json!({"config_errors": mistakes.collect::<Vec<_>>()})])
        }
        Err(error) => Err(error),
    }
}

fn judge(case: &Case, came: &[Value], bless: bool) -> anyhow::Result<Verdict> {
    if case.expected.as_deref() == Some(came) {
        return Ok(Verdict::Held);
    }
    if bless {
        let text: String = came.iter().map(|line| format!("{line}\n")).collect();
        let path = case.directory.join(GOLDEN);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        return Ok(Verdict::Blessed);
    }
    let Some(expected) = &case.expected else {
        return Ok(Verdict::NoGolden);
    };
    let lines = 0..expected.len().max(came.len());
    let first = lines
        .map(|at| (at, expected.get(at), came.get(at)))
        .find(|(_, expected, came)| expected != came);
    let (at, expected, came) = first.unwrap_or_default();
    Ok(Verdict::Differs(at + 1, expected.cloned(), came.cloned()))
}

fn report(case: &Case, verdict: &Verdict, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let word = match verdict {
            Verdict::Held => "held",
            Verdict::Blessed => "blessed",
            Verdict::Differs(..) => "differs",
            Verdict::NoGolden => "no golden file",
        };
        let mut line = json!({"case": case.name, "verdict": word, "events": case.events.len()});
        if let (Verdict::Differs(at, expected, came), Some(line)) = (verdict, line.as_object_mut()) {
            line.extend([
                ("line".to_owned(), json!(at)),
                ("expected".to_owned(), json!(expected)),
                ("came".to_owned(), json!(came)),
            ]);
        }
        return terminal::print_line(terminal::json(&line));
    }
    let shown = |line: &Option<Value>| line.as_ref().map_or_else(|| "nothing".to_owned(), terminal::json);
    let said = match verdict {
        Verdict::Held => format!("ok       {} ({} events)", case.name, case.events.len()),
        Verdict::Blessed => format!(
            "blessed  {}: {GOLDEN} was written; read it before you keep it",
            case.name
        ),
        Verdict::NoGolden => format!("FAILED   {}: there is no {GOLDEN}; --bless writes it", case.name),
        Verdict::Differs(at, expected, came) => format!(
            "FAILED   {}: line {at} of {GOLDEN}\n  expected {}\n  came     {}",
            case.name,
            shown(expected),
            shown(came)
        ),
    };
    terminal::print_line(said)
}
