//! Plugins that do as a test says, and a clock that follows tokio's virtual time.
#![allow(
    unreachable_pub,
    dead_code,
    unused_imports,
    reason = "shared by tests that each use a part of it"
)]

mod store;

use std::collections::{HashMap, VecDeque};
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use patchpanel_event::{
    Attempt, Edit, Edits, Event, Level, Limits, Outcome, Problem, Receipt, TextBatch, TransformFailure,
};
use patchpanel_router::{
    BreakerPolicy, Channel, ChannelEntry, DeliveryPlan, Options, PluginFailure, PullPlan, Redactor, RetryPolicy,
    Router, Start, Subscription, Table, TableSpec, Target, Transformer,
};
use patchpanel_store::{Account, Clock, DeliveriesQuery, DeliveryState, DeliveryStatus, SqliteStore, Store};
pub use store::FakeStore;
use tokio::time::Instant;

/// Starts at a fixed date and goes with tokio's clock.
pub struct VirtualClock(Instant);

impl VirtualClock {
    pub fn new() -> Self {
        VirtualClock(Instant::now())
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> u64 {
        1_700_000_000_000_000_000 + u64::try_from(self.0.elapsed().as_nanos()).unwrap()
    }
}

/// What a fake channel does with an attempt.
#[derive(Clone, Debug)]
pub enum Act {
    Take,
    Say(Problem),
    Fail,
    Hang,
    Panic,
}

/// Does what it is told for each attempt, then takes everything; remembers what it saw and when.
pub struct FakeChannel {
    acts: Mutex<VecDeque<Act>>,
    always: Act,
    pub seen: Mutex<Vec<(Duration, Attempt)>>,
    started: Instant,
}

impl FakeChannel {
    pub fn new(acts: impl IntoIterator<Item = Act>) -> Arc<Self> {
        FakeChannel::always(acts, Act::Take)
    }

    pub fn always(acts: impl IntoIterator<Item = Act>, always: Act) -> Arc<Self> {
        Arc::new(FakeChannel {
            acts: Mutex::new(acts.into_iter().collect()),
            always,
            seen: Mutex::default(),
            started: Instant::now(),
        })
    }

    pub fn ids(&self) -> Vec<String> {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .map(|(_, attempt)| attempt.event.id().into_owned())
            .collect()
    }

    pub fn attempts(&self) -> Vec<Attempt> {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .map(|(_, attempt)| attempt.clone())
            .collect()
    }

    pub fn times(&self) -> Vec<Duration> {
        self.seen.lock().unwrap().iter().map(|(time, _)| *time).collect()
    }
}

#[async_trait]
impl Channel for FakeChannel {
    async fn deliver(&self, batch: &[Attempt]) -> Result<Vec<Result<Receipt, Problem>>, PluginFailure> {
        let mut answers = Vec::new();
        for attempt in batch {
            self.seen
                .lock()
                .unwrap()
                .push((self.started.elapsed(), attempt.clone()));
            let act = self.acts.lock().unwrap().pop_front().unwrap_or(self.always.clone());
            answers.push(match act {
                Act::Take => Ok(Receipt::default()),
                Act::Say(problem) => Err(problem),
                Act::Fail => {
                    return Err(PluginFailure {
                        plugin: "fake".into(),
                        reason: "trap".into(),
                    });
                }
                Act::Hang => std::future::pending().await,
                Act::Panic => panic!("told to"),
            });
        }
        Ok(answers)
    }

    async fn check(&self) -> Result<(), String> {
        let act = self.acts.lock().unwrap().pop_front().unwrap_or(self.always.clone());
        match act {
            Act::Take => Ok(()),
            Act::Say(problem) => Err(problem.reason().to_owned()),
            Act::Fail => Err("trap".to_owned()),
            Act::Hang => std::future::pending().await,
            Act::Panic => panic!("told to"),
        }
    }
}

/// Replaces `SECRET`; fails for texts with `POISON`.
pub struct FakeRedactor;

impl Redactor for FakeRedactor {
    fn redact(&self, batch: &TextBatch) -> Result<Edits, PluginFailure> {
        let text = std::str::from_utf8(batch.bytes()).unwrap();
        if text.contains("POISON") {
            return Err(PluginFailure {
                plugin: "fake".into(),
                reason: "trap".into(),
            });
        }
        let mut edits = Edits {
            labels: vec!["word".into()],
            ..Edits::default()
        };
        let mut start = 0;
        for (index, piece) in batch.texts().iter().enumerate() {
            for (at, _) in text[start..piece.end as usize].match_indices("SECRET") {
                edits.bytes.extend(b"***");
                let (start, bytes_end) = (u32::try_from(at).unwrap(), u32::try_from(edits.bytes.len()).unwrap());
                edits.edits.push(Edit {
                    text: u32::try_from(index).unwrap(),
                    start,
                    end: start + 6,
                    label: 0,
                    bytes_end,
                });
            }
            start = piece.end as usize;
        }
        Ok(edits)
    }
}

/// Answers by the type of the event.
pub struct FakeTransformer(pub HashMap<&'static str, Result<Outcome, TransformFailure>>);

impl Transformer for FakeTransformer {
    fn transform(&self, events: &[Event]) -> Result<Vec<Result<Outcome, TransformFailure>>, PluginFailure> {
        Ok(events
            .iter()
            .map(|event| {
                self.0
                    .get(event.kind().as_ref())
                    .cloned()
                    .unwrap_or(Ok(Outcome::Unchanged))
            })
            .collect())
    }
}

pub fn event(id: &str, kind: &str, message: &str) -> Event {
    let json = serde_json::json!({"id": id, "type": kind, "message": message});
    Event::parse(json.to_string().into(), &Limits::default()).unwrap()
}

/// Publishes an event of type `t` for each number, which is its id.
pub async fn publish_numbers(router: &Router, numbers: Range<usize>) {
    let events = numbers.map(|number| event(&number.to_string(), "t", ""));
    router.publish(events.collect(), None).await.unwrap();
}

pub fn retry(attempts: u32) -> RetryPolicy {
    RetryPolicy {
        attempts: attempts.try_into().unwrap(),
        base: Duration::from_secs(1),
        cap: Duration::from_secs(60),
        max_age: None,
    }
}

pub fn plan(attempts: u32, batch: usize) -> DeliveryPlan {
    DeliveryPlan {
        retry: retry(attempts),
        batch: NonZeroUsize::new(batch).unwrap(),
        concurrency: NonZeroUsize::MIN,
        ..DeliveryPlan::default()
    }
}

pub fn channel(key: &str, handle: Arc<dyn Channel>) -> ChannelEntry {
    ChannelEntry {
        key: key.into(),
        aliases: vec![format!("{key}-alias")],
        plugin: format!("{key}-plugin"),
        min_level: Level::Debug,
        concurrency: NonZeroUsize::MIN,
        deadline: Duration::from_secs(30),
        breaker: BreakerPolicy {
            failures: NonZeroU32::MAX,
            ..BreakerPolicy::default()
        },
        direct: plan(3, 1),
        handle,
    }
}

pub fn subscription(name: &str, channel: &str, plan: DeliveryPlan) -> Subscription {
    Subscription {
        name: name.into(),
        filter: None,
        min_level: Level::Debug,
        target: Target::Channel(channel.into()),
        start: Start::Latest,
        plan,
    }
}

pub fn pulled(name: &str, pull: PullPlan) -> Subscription {
    Subscription {
        target: Target::Pull(pull),
        ..subscription(name, "", plan(5, 1))
    }
}

pub fn table(subscriptions: Vec<Subscription>, channels: Vec<ChannelEntry>) -> Table {
    Table::new(TableSpec {
        subscriptions,
        channels,
        ..TableSpec::default()
    })
    .unwrap()
}

pub fn memory() -> Arc<dyn Store> {
    Arc::new(SqliteStore::in_memory(Arc::new(VirtualClock::new())).unwrap())
}

pub fn router(table: Table) -> Router {
    router_over(table, &memory())
}

pub fn router_over(table: Table, store: &Arc<dyn Store>) -> Router {
    Router::new(
        table,
        Arc::clone(store),
        Arc::new(VirtualClock::new()),
        Options::default(),
    )
}

/// What the ledger says; every account is balanced whenever it is looked at.
pub async fn account(router: &Router, name: &str) -> Account {
    let stats = router.stats().await.unwrap();
    assert!(stats.accounts().all(Account::is_balanced), "{stats:?}");
    stats.subscriptions.get(name).copied().unwrap_or_default()
}

/// The dead letters of every subscription, in the order in which they first failed.
pub async fn dead_letters(router: &Router) -> Vec<DeliveryStatus> {
    let query = DeliveriesQuery {
        subscription: None,
        state: DeliveryState::Dead,
        after: None,
        limit: 1_000,
    };
    router.deliveries(query).await.unwrap().deliveries
}
