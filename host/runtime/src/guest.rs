//! One running instance, and the pool of idle ones that a configured plugin keeps warm.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use wasmtime::{Engine, Store, Trap};

use crate::engine::TICK;
use crate::health::Health;
use crate::revision::Revision;
use crate::state::{Shared, State};
use crate::{CallError, ConfigMistake, HealthReport, Isolation, Limits, LoadError, UsageReport};

/// A store with its instance; `B` are the bindings of its world, with the exports already looked up.
pub(crate) struct Guest<B> {
    pub(crate) store: Store<State>,
    pub(crate) bindings: B,
    calls: u64,
    born: Instant,
}

/// What can be told about a configured plugin of any kind.
pub struct About {
    revision: Arc<Revision>,
    shared: Arc<Shared>,
    health: Health,
}

impl About {
    /// What the configuration calls it.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Which revision it is.
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    pub(crate) fn watched(&self) -> &Health {
        &self.health
    }

    /// How it fares.
    pub fn health(&self) -> HealthReport {
        self.health.report()
    }

    /// Log lines that were left out: too many, or withheld.
    pub fn suppressed_log_lines(&self) -> u64 {
        self.shared.log.suppressed()
    }

    /// What it has made of its grants and limits.
    pub fn usage(&self) -> UsageReport {
        self.shared.usage.report()
    }
}

/// What the three kinds of configured plugin have in common.
pub(crate) struct Core<B> {
    pub(crate) about: About,
    pub(crate) config: String,
    engine: Engine,
    idle: Mutex<Vec<Guest<B>>>,
    most_idle: usize,
}

impl<B> Core<B> {
    pub(crate) fn new(
        engine: &Engine,
        revision: &Arc<Revision>,
        shared: Arc<Shared>,
        config: &serde_json::Value,
    ) -> Result<Self, LoadError> {
        let config = shared.placeholders().configuration(config)?;
        let most_idle = match shared.isolation {
            Isolation::Warm => std::thread::available_parallelism().map_or(4, |cores| cores.get() * 2),
            Isolation::PerBatch | Isolation::PerEvent => 0,
        };
        let about = About {
            revision: revision.clone(),
            health: Health::new(shared.alarm.clone()),
            shared,
        };
        Ok(Core {
            about,
            config,
            engine: engine.clone(),
            idle: Mutex::default(),
            most_idle,
        })
    }

    /// Whether each event of a batch gets a call of its own.
    pub(crate) fn singly(&self) -> bool {
        self.about.shared.isolation == Isolation::PerEvent
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.about.shared.limits
    }

    /// Whether the secrets that the host fills into requests for this configuration can be read.
    ///
    /// # Errors
    /// Which one cannot, and why.
    pub(crate) async fn secrets_at_hand(&self) -> Result<(), String> {
        let (shared, config) = (self.about.shared.clone(), self.config.clone());
        // A command may take its time.
        let reading = tokio::task::spawn_blocking(move || shared.placeholders().readable(&shared.given, &config));
        reading.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Whether texts of the plugin may be shown.
    pub(crate) fn shows(&self) -> bool {
        self.about.shared.log.shows()
    }

    /// Whether a call may be made now.
    pub(crate) fn admit(&self) -> Result<(), CallError> {
        self.about.health.admit()
    }

    /// Remembers how a call about so many items went.
    pub(crate) fn record<T>(&self, items: usize, answer: &Result<T, CallError>) {
        match answer {
            Ok(_) => self.about.health.worked(items),
            Err(error) => self.about.health.failed(error, items),
        }
    }

    /// Makes a synchronous call about so many items, which may take so long, on an idle or a fresh instance; `call` gets the
    /// time it has, and puts the instance back if it may be used again. `until` is when a call that this one is part of has
    /// to be over.
    pub(crate) fn blocking<T>(
        &self,
        items: usize,
        time: Duration,
        until: Option<Instant>,
        fresh: impl FnOnce() -> Result<Guest<B>, LoadError>,
        call: impl FnOnce(Guest<B>, Duration) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        self.admit()?;
        let guest = match self.take() {
            Some(guest) => Ok(guest),
            None => fresh().map_err(|error| CallError::Trap(error.to_string())),
        };
        let left = until.map_or(time, |until| until.saturating_duration_since(Instant::now()));
        let answer = if left.is_zero() {
            Err(self.late(time))
        } else {
            guest.and_then(|guest| call(guest, time.min(left)))
        };
        self.record(items, &answer);
        answer
    }

    /// The last used instance that is idle, because its memory is likely still in the processor's cache.
    pub(crate) fn take(&self) -> Option<Guest<B>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let age = self.limits().recycle_age;
        while let Some(guest) = idle.pop() {
            if guest.born.elapsed() < age {
                return Some(guest);
            }
        }
        None
    }

    /// Keeps an instance whose call went well, unless it is worn out or there are enough.
    pub(crate) fn put(&self, mut guest: Guest<B>) {
        guest.calls += 1;
        let (limits, taken) = (self.limits(), guest.store.data().limiter.memory_taken());
        self.about.health.note_memory(taken);
        if guest.calls >= limits.recycle_after || taken >= limits.recycle_memory {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.most_idle {
            idle.push(guest);
        }
    }

    /// An empty store that is held to the limits.
    pub(crate) fn store(&self) -> Result<Store<State>, LoadError> {
        let mut store = Store::new(&self.engine, State::new(&self.about.shared)?);
        store.limiter(|state| &mut state.limiter);
        self.arm(&mut store, self.limits().deadline);
        Ok(store)
    }

    /// Starts the time of one call, and opens its account of output.
    pub(crate) fn arm(&self, store: &mut Store<State>, time: Duration) {
        store.set_hostcall_fuel(self.limits().output);
        let state = store.data_mut();
        (state.time, state.until) = (time, Instant::now() + time);
        state.limiter.hit = None;
        let ticks = time.as_millis().div_ceil(TICK.as_millis());
        // One more: the tick that is running may end at once.
        store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX).saturating_add(1));
    }

    /// A call has taken longer than it may.
    pub(crate) fn late(&self, time: Duration) -> CallError {
        self.about.shared.usage.hit("deadline");
        CallError::Deadline(time)
    }

    pub(crate) fn guest(&self, store: Store<State>, bindings: B) -> Guest<B> {
        Guest {
            store,
            bindings,
            calls: 0,
            born: Instant::now(),
        }
    }

    /// A text of the plugin's, without its secrets.
    pub(crate) fn said(&self, text: String) -> String {
        self.about.shared.given.masks.hidden(text)
    }

    /// Turns what `configure` answered into a load error.
    pub(crate) fn configured<E>(
        &self,
        answer: Result<(), Vec<E>>,
        text: impl Fn(E) -> (String, String),
    ) -> Result<(), LoadError> {
        answer.map_err(|mistakes| {
            let mistake = |mistake| {
                let (path, message) = text(mistake);
                ConfigMistake {
                    path: self.said(path).chars().take(256).collect(),
                    message: self.said(message).chars().take(1024).collect(),
                }
            };
            LoadError::Configuration(mistakes.into_iter().take(64).map(mistake).collect())
        })
    }

    /// Says why a call failed, as far as that may be shown.
    pub(crate) fn explain(&self, error: &wasmtime::Error, store: &Store<State>) -> CallError {
        let (limits, usage) = (self.limits(), &self.about.shared.usage);
        let exceeded = |what, limit: String| CallError::Limit { what, limit };
        match (error.downcast_ref::<Trap>(), store.data().limiter.hit) {
            (Some(Trap::Interrupt), _) => self.late(store.data().time),
            (Some(Trap::StackOverflow), _) => {
                usage.hit("stack");
                CallError::StackOverflow(limits.stack)
            }
            (_, Some(what @ "memory")) => exceeded(what, format!("{} bytes", limits.memory)),
            (_, Some(what)) => exceeded(what, limits.table_elements.to_string()),
            (Some(Trap::UnreachableCodeReached), _) => CallError::Abort,
            (Some(trap), _) => CallError::Trap(trap.to_string()),
            (None, None) => {
                let text = error.root_cause().to_string();
                let limit = LIMIT_WORDS.iter().find(|(words, _)| text.contains(words));
                let Some((_, what)) = limit else {
                    return CallError::Trap(text);
                };
                usage.hit(what);
                let value = match *what {
                    "instances" => limits.instances.to_string(),
                    "memories" => limits.memories.to_string(),
                    "tables" => limits.tables.to_string(),
                    _ => format!("{} bytes", limits.output),
                };
                exceeded(what, value)
            }
        }
    }
}

/// What wasmtime says when a limit is exceeded that it tells of in no other way, and the name of the limit.
const LIMIT_WORDS: [(&str, &str); 4] = [
    ("instance count too high", "instances"),
    ("memory count too high", "memories"),
    ("table count too high", "tables"),
    ("fuel", "output"),
];
