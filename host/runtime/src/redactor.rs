//! Redactors: synchronous calls, to be made from a thread that may block.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use patchpanel_event::{Edit, Edits, Event, EventParts, Limits as EventLimits, TextBatch};

use crate::bindings::redactor::exports::patchpanel::plugin::redactor as wit;
use crate::bindings::redactor::{RedactorPlugin as Bindings, RedactorPluginPre};
use crate::golden::texts_of;
use crate::guest::{About, Core, Guest};
use crate::revision::Revision;
use crate::shadow::{Shadow, Tally, compare_edits};
use crate::state::Shared;
use crate::{CallError, Example, LoadError};

/// What comes back from the plugin.
type WitAnswer = Result<wit::Edits, String>;

/// Examples that are tried before a revision takes over.
const EXAMPLES: usize = 64;

/// One revision of a redactor with one configuration.
pub struct RedactorPlugin {
    core: Core<Bindings>,
    pre: RedactorPluginPre<crate::state::State>,
    shadow: ArcSwapOption<Shadow<TextBatch, Edits>>,
}

impl RedactorPlugin {
    pub(crate) fn start(
        revision: &Arc<Revision>,
        pre: &RedactorPluginPre<crate::state::State>,
        shared: Arc<Shared>,
        config: &serde_json::Value,
    ) -> Result<RedactorPlugin, LoadError> {
        let core = Core::new(pre.engine(), revision, shared, config)?;
        let plugin = RedactorPlugin {
            core,
            pre: pre.clone(),
            shadow: ArcSwapOption::empty(),
        };
        for (index, example) in revision.declaration.examples.iter().take(EXAMPLES).enumerate() {
            plugin
                .try_example(example)
                .map_err(|message| LoadError::Canary { index, message })?;
        }
        let guest = plugin.fresh(&plugin.core.config)?;
        plugin.core.put(guest);
        Ok(plugin)
    }

    /// Finds what must not be seen in the texts of a batch.
    ///
    /// # Errors
    /// Where there is no answer, or one that breaks the contract: the texts must then not go on.
    pub fn redact(&self, batch: &TextBatch) -> Result<Edits, CallError> {
        let edits = match self.core.singly() {
            true => self.redact_singly(batch),
            false => self.redact_together(batch, None),
        }?;
        if let Some(shadow) = &*self.shadow.load() {
            shadow.offer(batch.clone(), edits.clone());
        }
        Ok(edits)
    }

    /// Has another revision answer the same batches from now on, to be compared; `None` ends that.
    pub(crate) fn shadow(&self, candidate: Option<(Arc<RedactorPlugin>, Arc<Tally>)>) -> std::io::Result<()> {
        let shadow = candidate.map(|(candidate, tally)| {
            Shadow::start(tally, move |batch: TextBatch, was: Edits| {
                let is = candidate.redact(&batch)?;
                Ok(compare_edits(&batch, &was, &is))
            })
        });
        self.shadow.store(shadow.transpose()?.map(Arc::new));
        Ok(())
    }

    fn redact_singly(&self, batch: &TextBatch) -> Result<Edits, CallError> {
        let until = Instant::now() + self.core.limits().time_for(batch.texts().len());
        let (mut all, mut texts) = (Edits::default(), 0);
        for event in batch.by_event() {
            all.append(&self.redact_together(&event, Some(until))?, texts);
            texts += event.texts().len();
        }
        Ok(all)
    }

    fn redact_together(&self, batch: &TextBatch, until: Option<Instant>) -> Result<Edits, CallError> {
        let items = batch.texts().len();
        self.core.blocking(
            items,
            self.core.limits().time_for(items),
            until,
            || self.fresh(&self.core.config),
            |guest, time| self.call(guest, batch, time),
        )
    }

    fn call(&self, mut guest: Guest<Bindings>, batch: &TextBatch, time: Duration) -> Result<Edits, CallError> {
        let answer = self.ask(&mut guest, batch, time)?;
        self.core.put(guest);
        self.judge(batch, answer)
    }

    fn ask(&self, guest: &mut Guest<Bindings>, batch: &TextBatch, time: Duration) -> Result<WitAnswer, CallError> {
        self.core.arm(&mut guest.store, time);
        let paths: Vec<&str> = batch.paths().iter().map(String::as_str).collect();
        let texts: Vec<wit::Text> = batch
            .texts()
            .iter()
            .map(|text| wit::Text {
                path: text.path,
                end: text.end,
            })
            .collect();
        guest
            .bindings
            .patchpanel_plugin_redactor()
            .call_redact(
                &mut guest.store,
                wit::Texts {
                    paths: &paths,
                    texts: &texts,
                    bytes: batch.bytes(),
                },
            )
            .map_err(|error| self.core.explain(&error, &guest.store))
    }

    fn judge(&self, batch: &TextBatch, answer: WitAnswer) -> Result<Edits, CallError> {
        let edits = answer.map_err(|text| CallError::Refused(self.core.shows().then(|| self.core.said(text))))?;
        let edit = |edit: wit::Edit| Edit {
            text: edit.text,
            start: edit.start,
            end: edit.end,
            label: edit.label,
            bytes_end: edit.bytes_end,
        };
        let edits = Edits {
            labels: edits.labels,
            edits: edits.edits.into_iter().map(edit).collect(),
            bytes: edits.bytes,
        };
        batch
            .check(&edits)
            .map_err(|error| CallError::Contract(error.to_string()))?;
        Ok(edits)
    }

    fn fresh(&self, config: &str) -> Result<Guest<Bindings>, LoadError> {
        let mut store = self.core.store()?;
        let started = self.pre.instantiate(&mut store).and_then(|bindings| {
            let answer = bindings
                .patchpanel_plugin_lifecycle()
                .call_configure(&mut store, config)?;
            Ok((bindings, answer))
        });
        let (bindings, answer) = started.map_err(|error| LoadError::Start(self.core.explain(&error, &store)))?;
        self.core
            .configured(answer, |mistake| (mistake.path, mistake.message))?;
        Ok(self.core.guest(store, bindings))
    }

    /// Makes a fresh instance, and nothing with it.
    pub(crate) fn try_start(&self) -> Result<(), LoadError> {
        self.fresh(&self.core.config).map(drop)
    }

    /// On an instance of its own, which nobody else gets: it has the example's configuration.
    fn try_example(&self, example: &Example) -> Result<(), String> {
        let mut guest = self
            .fresh(&example.config.to_string())
            .map_err(|error| error.to_string())?;
        let event = example_event(example)?;
        let mut events = [event];
        let texts = texts_of(&events);
        let edits = self
            .ask(&mut guest, &texts, self.core.limits().deadline)
            .and_then(|answer| self.judge(&texts, answer))
            .map_err(|error| error.to_string())?;
        texts.apply(&edits, &mut events).map_err(|error| error.to_string())?;
        let after = texts_of(&events);
        if after.bytes() == example.expect.as_bytes() {
            return Ok(());
        }
        Err(format!(
            "expected {:?}, got {:?}",
            example.expect,
            String::from_utf8_lossy(after.bytes())
        ))
    }

    /// What can be told about it.
    pub fn about(&self) -> &About {
        &self.core.about
    }
}

/// An event whose only free text is the example's, at its path.
fn example_event(example: &Example) -> Result<Event, String> {
    let mut parts = EventParts {
        kind: "canary".to_owned(),
        ..EventParts::default()
    };
    match example.path.split_once('.') {
        None if example.path == "message" => parts.message.clone_from(&example.text),
        Some((root @ ("payload" | "metadata"), names)) => {
            let value = names.rsplit('.').fold(
                serde_json::Value::from(example.text.as_str()),
                |inner, name| serde_json::json!({ name: inner }),
            );
            if root == "payload" {
                &mut parts.payload
            } else {
                &mut parts.metadata
            }
            .push_str(&value.to_string());
        }
        _ => {
            return Err(format!(
                "its path {:?} is not `message` or a name below `payload` or `metadata`",
                example.path
            ));
        }
    }
    parts.build(&EventLimits::default()).map_err(|error| error.to_string())
}
