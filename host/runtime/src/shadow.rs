//! A new revision beside the one in service: it gets the same batches, and its answers are compared and go nowhere.
//!
//! It runs on a thread of its own behind a short queue, so it delays nobody: where it is slower than the events come,
//! batches are left out and counted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use patchpanel_event::{Edits, Outcome, Patch, TextBatch};
use serde::Serialize;
use tokio::sync::Notify;

use crate::transform::Answer;
use crate::{CallError, Shadowing};

/// Batches that wait to be compared; more are left out.
const WAITING: usize = 16;
/// The last differences are kept.
const KEPT: usize = 10;

/// How a revision in the shadow compares with the one in service.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ShadowReport {
    /// Texts or events on which both gave the same answer.
    pub equal: u64,
    /// On which they did not.
    pub different: u64,
    /// On which the one in the shadow gave none.
    pub failed: u64,
    /// That were left out, because it was behind.
    pub skipped: u64,
    /// The last differences and failures, the newest last. They never repeat text of an event.
    pub differences: Vec<String>,
    /// How many equal answers put it into service; `None`: a person does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promoted_after: Option<u64>,
}

/// The counts of all uses of one revision in the shadow.
pub(crate) struct Tally {
    equal: AtomicU64,
    different: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
    last: Mutex<VecDeque<String>>,
    shadowing: Shadowing,
    /// Rung when the time has come to take over.
    alarm: Arc<Notify>,
}

/// How two answers to one batch compare.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    equal: u64,
    differences: Vec<String>,
}

impl Tally {
    pub(crate) fn new(shadowing: Shadowing, alarm: Arc<Notify>) -> Self {
        Tally {
            equal: AtomicU64::new(0),
            different: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            last: Mutex::default(),
            shadowing,
            alarm,
        }
    }

    /// Whether it may take over without anybody's word.
    pub(crate) fn has_proven_itself(&self) -> bool {
        let Shadowing::After(count) = self.shadowing else {
            return false;
        };
        self.equal.load(Relaxed) >= count && self.different.load(Relaxed) == 0 && self.failed.load(Relaxed) == 0
    }

    pub(crate) fn report(&self) -> ShadowReport {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        ShadowReport {
            equal: self.equal.load(Relaxed),
            different: self.different.load(Relaxed),
            failed: self.failed.load(Relaxed),
            skipped: self.skipped.load(Relaxed),
            differences: last.iter().cloned().collect(),
            promoted_after: match self.shadowing {
                Shadowing::After(count) => Some(count),
                Shadowing::ByHand => None,
            },
        }
    }

    fn add(&self, items: u64, compared: Result<Comparison, CallError>) {
        let differences = match compared {
            Ok(comparison) => {
                self.equal.fetch_add(comparison.equal, Relaxed);
                self.different.fetch_add(comparison.differences.len() as u64, Relaxed);
                comparison.differences
            }
            Err(error) => {
                self.failed.fetch_add(items, Relaxed);
                vec![error.to_string()]
            }
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.extend(differences);
        let surplus = last.len().saturating_sub(KEPT);
        last.drain(..surplus);
        drop(last);
        if self.has_proven_itself() {
            self.alarm.notify_one();
        }
    }
}

/// The end of the queue at which the revision in service hands over batches with its answers.
pub(crate) struct Shadow<B, A> {
    queue: SyncSender<(B, A)>,
    tally: Arc<Tally>,
}

impl<B: Items + Send + 'static, A: Send + 'static> Shadow<B, A> {
    /// Starts the thread; it ends with this handle. `compare` asks the revision in the shadow.
    pub(crate) fn start(
        tally: Arc<Tally>,
        compare: impl Fn(B, A) -> Result<Comparison, CallError> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (queue, waiting) = sync_channel::<(B, A)>(WAITING);
        let counting = tally.clone();
        std::thread::Builder::new()
            .name("plugin-shadow".into())
            .spawn(move || {
                for (batch, answer) in waiting {
                    let items = batch.items();
                    counting.add(items, compare(batch, answer));
                }
            })?;
        Ok(Shadow { queue, tally })
    }

    /// Hands a batch over, if there is room.
    pub(crate) fn offer(&self, batch: B, answer: A) {
        if let Err(TrySendError::Full((batch, _)) | TrySendError::Disconnected((batch, _))) =
            self.queue.try_send((batch, answer))
        {
            self.tally.skipped.fetch_add(batch.items(), Relaxed);
        }
    }
}

/// What is counted of a batch.
pub(crate) trait Items {
    fn items(&self) -> u64;
}

impl Items for TextBatch {
    fn items(&self) -> u64 {
        self.texts().len() as u64
    }
}

impl<T> Items for Vec<T> {
    fn items(&self) -> u64 {
        self.len() as u64
    }
}

/// Edits of one text: where, why and what for.
type Changes<'a> = Vec<(u32, u32, &'a str, &'a [u8])>;

/// Compares what two redactors found, text by text.
pub(crate) fn compare_edits(batch: &TextBatch, was: &Edits, is: &Edits) -> Comparison {
    let (was, is) = (by_text(was), by_text(is));
    let mut comparison = Comparison::default();
    for (number, text) in (0..).zip(batch.texts()) {
        let (was, is) = (was.get(&number), is.get(&number));
        if was == is {
            comparison.equal += 1;
            continue;
        }
        let path = batch.paths().get(text.path as usize).map_or("", String::as_str);
        let told = |changes: Option<&Changes<'_>>| {
            let told = changes.into_iter().flatten();
            let told: Vec<String> = told
                .map(|(start, end, label, _)| format!("{label} {start}..{end}"))
                .collect();
            if told.is_empty() {
                "nothing".to_owned()
            } else {
                told.join(", ")
            }
        };
        comparison
            .differences
            .push(format!("{path}: found {} instead of {}", told(is), told(was)));
    }
    comparison
}

fn by_text(edits: &Edits) -> BTreeMap<u32, Changes<'_>> {
    let mut texts: BTreeMap<u32, Changes<'_>> = BTreeMap::new();
    let mut written = 0;
    for edit in &edits.edits {
        let label = edits.labels.get(edit.label as usize).map_or("", String::as_str);
        let end = edit.bytes_end as usize;
        let bytes = edits.bytes.get(written..end).unwrap_or_default();
        written = end;
        texts
            .entry(edit.text)
            .or_default()
            .push((edit.start, edit.end, label, bytes));
    }
    texts
}

/// Compares what two transforms made of each event.
pub(crate) fn compare_answers(was: &[Answer], is: &[Answer]) -> Comparison {
    let mut comparison = Comparison::default();
    for (was, is) in was.iter().zip(is) {
        if was == is {
            comparison.equal += 1;
            continue;
        }
        comparison.differences.push(match (was, is) {
            (Ok(Outcome::Patched(was)), Ok(Outcome::Patched(is))) => {
                format!("patched otherwise: {}", fields_that_differ(was, is).join(", "))
            }
            (was, is) if name(was) == name(is) => format!("{} otherwise", name(is)),
            (was, is) => format!("{} instead of {}", name(is), name(was)),
        });
    }
    comparison
}

fn name(answer: &Answer) -> &'static str {
    match answer {
        Ok(Outcome::Unchanged) => "unchanged",
        Ok(Outcome::Patched(_)) => "patched",
        Ok(Outcome::Dropped(_)) => "dropped",
        Ok(Outcome::Split(_)) => "split",
        Err(_) => "refused",
    }
}

fn fields_that_differ(was: &Patch, is: &Patch) -> Vec<&'static str> {
    let fields = [
        ("type", was.kind != is.kind),
        ("level", was.level != is.level),
        ("message", was.message != is.message),
        ("subject", was.subject != is.subject),
        ("correlation_id", was.correlation_id != is.correlation_id),
        ("channels", was.channels != is.channels),
        ("metadata", was.metadata != is.metadata),
        ("payload", was.payload != is.payload),
    ];
    fields
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use patchpanel_event::{Edit, Event, Limits};

    use super::*;
    use crate::golden::texts_of;

    fn edits(spans: &[(u32, u32, u32)]) -> Edits {
        let edit = |(text, start, end): &(u32, u32, u32)| Edit {
            text: *text,
            start: *start,
            end: *end,
            label: 0,
            bytes_end: 0,
        };
        Edits {
            labels: vec!["email".to_owned()],
            edits: spans.iter().map(edit).collect(),
            bytes: Vec::new(),
        }
    }

    #[test]
    fn edits_are_compared_text_by_text_and_told_without_the_text() {
        let event = |message: &str| {
            Event::parse(
                format!(r#"{{"type":"t","message":"{message}"}}"#).into(),
                &Limits::default(),
            )
        };
        let batch = texts_of(&[event("abc SECRET").unwrap(), event("def").unwrap()]);
        let compared = compare_edits(&batch, &edits(&[(0, 0, 1)]), &edits(&[(0, 0, 2), (1, 0, 1)]));
        assert_eq!(
            compared.differences,
            [
                "message: found email 0..2 instead of email 0..1",
                "message: found email 0..1 instead of nothing"
            ]
        );
        let same = compare_edits(&batch, &edits(&[(1, 0, 1)]), &edits(&[(1, 0, 1)]));
        assert_eq!(
            same,
            Comparison {
                equal: 2,
                differences: vec![]
            }
        );
    }

    #[test]
    fn answers_are_compared_event_by_event() {
        let patched = |message: &str| {
            Ok(Outcome::Patched(Patch {
                message: Some(message.to_owned()),
                ..Patch::default()
            }))
        };
        let was = [Ok(Outcome::Unchanged), patched("a"), patched("a")];
        let is = [Ok(Outcome::Dropped("x".to_owned())), patched("b"), patched("a")];
        let compared = compare_answers(&was, &is);
        assert_eq!(
            compared.differences,
            ["dropped instead of unchanged", "patched otherwise: message"]
        );
        assert_eq!(compared.equal, 1);
    }

    #[test]
    fn so_many_equal_answers_and_no_other_one_promote() {
        let tally = Tally::new(Shadowing::After(3), Arc::default());
        let equal = |equal| {
            Ok(Comparison {
                equal,
                differences: vec![],
            })
        };
        tally.add(2, equal(2));
        assert!(!tally.has_proven_itself());
        tally.add(2, equal(2));
        assert!(tally.has_proven_itself());
        tally.add(1, Err(CallError::Abort));
        assert!(!tally.has_proven_itself());
        let by_hand = Tally::new(Shadowing::ByHand, Arc::default());
        by_hand.add(9, equal(9));
        assert!(!by_hand.has_proven_itself());
    }
}
