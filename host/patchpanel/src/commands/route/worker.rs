//! Routes one chunk of lines.

use std::collections::BTreeMap;

use bytes::Bytes;
use patchpanel_event::{Event, Limits};
use patchpanel_router::{Processed, Scratch, Table};

use super::chunks::Chunk;

/// Events that go through the plugins at once.
const BATCH: usize = 256;

/// What became of a chunk.
#[derive(Default)]
pub(crate) struct Routed {
    pub(crate) number: u64,
    /// NDJSON, one line per delivery.
    pub(crate) output: Vec<u8>,
    /// For people: lines that are no events, and events that a plugin failed for.
    pub(crate) complaints: Vec<String>,
    pub(crate) events: u64,
    pub(crate) invalid: u64,
    /// Events, or deliveries of them, that a plugin failed for.
    pub(crate) withheld: u64,
    /// Events, or deliveries of them, that a transform dropped.
    pub(crate) dropped: u64,
    /// By index of the route.
    pub(crate) deliveries: BTreeMap<String, u64>,
    pub(crate) redactions: BTreeMap<String, u64>,
}

pub(crate) struct Worker<'t> {
    table: &'t Table,
    limits: Limits,
    scratch: Scratch,
    /// How the output line of a delivery begins, by index of the route.
    heads: Vec<Vec<u8>>,
    counts: Vec<u64>,
    matched: Vec<u32>,
}

impl<'t> Worker<'t> {
    pub(crate) fn new(table: &'t Table, limits: Limits) -> Self {
        let heads: Vec<Vec<u8>> = table
            .route_targets()
            .map(|(name, channel)| {
                let (name, channel) = (serde_json::Value::from(name), serde_json::Value::from(channel));
                format!("{{\"subscription\":{name},\"channel\":{channel},\"event\":").into_bytes()
            })
            .collect();
        let counts = vec![0; heads.len()];
        Worker {
            table,
            limits,
            scratch: Scratch::default(),
            heads,
            counts,
            matched: Vec::new(),
        }
    }

    pub(crate) fn route(&mut self, chunk: &Chunk) -> Routed {
        let mut routed = Routed {
            number: chunk.number,
            output: Vec::with_capacity(chunk.lines.len()),
            ..Routed::default()
        };
        for line in &chunk.too_long {
            routed.invalid += 1;
            routed.complaints.push(format!(
                "line {line}: longer than the {} bytes that an event may have",
                self.limits.event_bytes
            ));
        }
        let mut batch = Vec::with_capacity(BATCH);
        let mut numbers = Vec::with_capacity(BATCH);
        let mut from = 0;
        for (line, end) in (chunk.first_line..).zip(memchr::memchr_iter(b'\n', &chunk.lines).chain([chunk.lines.len()]))
        {
            let text = chunk.lines.slice(from..end);
            from = (end + 1).min(chunk.lines.len());
            if text.trim_ascii().is_empty() {
                continue;
            }
            match self.parse(text) {
                Ok(event) => {
                    batch.push(event);
                    numbers.push(line);
                }
                Err(complaint) => {
                    routed.invalid += 1;
                    routed.complaints.push(format!("line {line}: {complaint}"));
                }
            }
            if batch.len() == BATCH {
                self.batch(
                    std::mem::replace(&mut batch, Vec::with_capacity(BATCH)),
                    &numbers,
                    &mut routed,
                );
                numbers.clear();
            }
        }
        self.batch(batch, &numbers, &mut routed);
        for ((name, _), count) in self.table.route_targets().zip(&mut self.counts) {
            if *count > 0 {
                routed.deliveries.insert(name.to_owned(), std::mem::take(count));
            }
        }
        routed.redactions = std::mem::take(&mut self.scratch).redactions();
        routed
    }

    fn parse(&self, text: Bytes) -> Result<Event, String> {
        let trimmed = text.trim_ascii();
        // Events are written on a line of their own, so they must not hold line ends; a carriage return is one.
        Event::parse(text.slice_ref(trimmed), &self.limits).map_err(|error| error.to_string())
    }

    fn batch(&mut self, batch: Vec<Event>, lines: &[u64], routed: &mut Routed) {
        routed.events += batch.len() as u64;
        for (processed, line) in self.table.ingress(batch, &mut self.scratch).into_iter().zip(lines) {
            match processed {
                Processed::Passed(event) => self.deliver(&event, *line, routed),
                Processed::Split(events) => events.iter().for_each(|event| self.deliver(event, *line, routed)),
                Processed::Dropped { .. } => routed.dropped += 1,
                Processed::Failed(failure) => {
                    routed.withheld += 1;
                    routed.complaints.push(format!("line {line}: withheld: {failure}"));
                }
            }
        }
    }

    fn deliver(&mut self, event: &Event, line: u64, routed: &mut Routed) {
        let mut matched = std::mem::take(&mut self.matched);
        self.table.matched_into(event, &mut self.scratch, &mut matched);
        for index in &matched {
            for processed in self.table.transformed(*index, vec![event.clone()], &mut self.scratch) {
                match processed {
                    Processed::Passed(event) => self.write(*index, &event, routed),
                    Processed::Split(events) => events.iter().for_each(|event| self.write(*index, event, routed)),
                    Processed::Dropped { .. } => routed.dropped += 1,
                    Processed::Failed(failure) => {
                        routed.withheld += 1;
                        routed.complaints.push(format!(
                            "line {line}: withheld from {}: {failure}",
                            self.table.route_name(*index).map_or("", AsRef::as_ref)
                        ));
                    }
                }
            }
        }
        self.matched = matched;
    }

    fn write(&mut self, index: u32, event: &Event, routed: &mut Routed) {
        if let (Some(head), Some(count)) = (self.heads.get(index as usize), self.counts.get_mut(index as usize)) {
            routed.output.extend_from_slice(head);
            routed.output.extend_from_slice(event.json());
            routed.output.extend_from_slice(b"}\n");
            *count += 1;
        }
    }
}
