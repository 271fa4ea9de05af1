//! Calls to plugins in batches, such that one event cannot spoil the answers of its neighbours.

use std::time::{Duration, Instant};

use patchpanel_event::Event;

use crate::PluginFailure;

/// Most events in one call.
const BATCH_EVENTS: usize = 256;

/// Most bytes of JSON in one call, unless a single event has more. The texts of an event are never more than its JSON.
const BATCH_BYTES: usize = 1 << 20;

/// After so many single failures in a row the plugin is at fault, not the events: the rest of the batch fails without
/// being tried, so that a plugin that only ever times out cannot hold a worker for a whole batch of deadlines.
const GIVE_UP_AFTER: usize = 8;

/// Nor may events that time out here and there hold it for longer than this: what is left then fails untried.
const LONGEST_TRIAL: Duration = Duration::from_secs(5);

/// Calls a plugin with the events in batches, in order, and returns one answer each. Where a batch fails, its events
/// are tried again singly. `call` must leave events as they were when it fails.
pub(crate) fn call<A>(
    mut events: &mut [Event],
    mut call: impl FnMut(&mut [Event]) -> Result<Vec<A>, PluginFailure>,
) -> Vec<Result<A, PluginFailure>> {
    let mut answers = Vec::with_capacity(events.len());
    while !events.is_empty() {
        let (batch, rest) = events.split_at_mut(batch_len(events));
        events = rest;
        match call(batch) {
            Ok(good) => answers.extend(good.into_iter().map(Ok)),
            Err(failure) if batch.len() == 1 => answers.push(Err(failure)),
            Err(_) => singly(batch, &mut call, &mut answers),
        }
    }
    answers
}

fn singly<A>(
    batch: &mut [Event],
    call: &mut impl FnMut(&mut [Event]) -> Result<Vec<A>, PluginFailure>,
    answers: &mut Vec<Result<A, PluginFailure>>,
) {
    let mut in_a_row = 0;
    let mut last = None;
    let started = Instant::now();
    for event in batch.chunks_mut(1) {
        let enough = in_a_row >= GIVE_UP_AFTER || started.elapsed() >= LONGEST_TRIAL;
        if let Some(failure) = last.as_ref().filter(|_| enough) {
            answers.push(Err(PluginFailure::clone(failure)));
            continue;
        }
        match call(event) {
            Ok(good) => {
                in_a_row = 0;
                answers.extend(good.into_iter().map(Ok));
            }
            Err(failure) => {
                in_a_row += 1;
                answers.push(Err(failure.clone()));
                last = Some(failure);
            }
        }
    }
}

/// How many of the first events fit into one call; at least one.
fn batch_len(events: &[Event]) -> usize {
    let mut bytes = 0;
    let fitting = events.iter().take(BATCH_EVENTS).take_while(|event| {
        bytes += event.json().len();
        bytes <= BATCH_BYTES
    });
    fitting.count().clamp(1, events.len().max(1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use patchpanel_event::Limits;

    use super::*;

    fn events(count: usize, filler: usize) -> Vec<Event> {
        let event = |id| {
            let json = format!(r#"{{"id":"{id}","type":"t","message":"{}"}}"#, "x".repeat(filler));
            Event::parse(json.into(), &Limits::default()).unwrap()
        };
        (0..count).map(event).collect()
    }

    /// Fails every batch that holds one of the poisonous ids; returns the sizes of all calls and who failed.
    fn run(mut events: Vec<Event>, poison: impl Fn(usize) -> bool) -> (Vec<usize>, Vec<usize>) {
        let mut sizes = Vec::new();
        let answers = call(&mut events, |batch| {
            sizes.push(batch.len());
            if batch.iter().any(|event| poison(event.id().parse().unwrap())) {
                return Err(PluginFailure {
                    plugin: "p".into(),
                    reason: "trap".into(),
                });
            }
            Ok(vec![(); batch.len()])
        });
        assert_eq!(answers.len(), events.len());
        let failed = (0..).zip(&answers).filter(|(_, answer)| answer.is_err());
        (sizes, failed.map(|(index, _)| index).collect())
    }

    #[test]
    fn splits_by_count_and_by_bytes() {
        assert_eq!(run(events(600, 0), |_| false).0, [256, 256, 88]);
        assert_eq!(run(events(5, 400_000), |_| false).0, [2, 2, 1]);
        assert_eq!(run(events(2, 1_040_000), |_| false).0, [1, 1]);
        assert_eq!(run(events(0, 0), |_| false).0, [0; 0]);
    }

    #[test]
    fn only_the_poisonous_event_fails() {
        let (sizes, failed) = run(events(300, 0), |id| id == 7);
        assert_eq!(failed, [7]);
        assert_eq!(sizes.len(), 1 + 256 + 1);
    }

    #[test]
    fn gives_up_on_a_plugin_that_fails_for_everything() {
        let (sizes, failed) = run(events(256, 0), |_| true);
        assert_eq!((sizes.len(), failed.len()), (1 + GIVE_UP_AFTER, 256));
        let (_, failed) = run(events(256, 0), |id| id % 2 == 0);
        assert_eq!(failed.len(), 128, "not in a row");
    }
}
