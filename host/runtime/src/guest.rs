//! One running instance, and the pool of idle ones that a configured plugin keeps warm.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use wasmtime::{Store, Trap};

use crate::engine::TICK;
use crate::health::Health;
use crate::revision::Revision;
use crate::state::{Shared, State};
use crate::{CallError, ConfigMistake, HealthReport, Limits, LoadError, Runtime};

/// A store with its instance; `B` are the bindings of its world, with the exports already looked up.
pub(crate) struct Guest<B> {
    pub(crate) store: Store<State>,
    pub(crate) bindings: B,
    calls: u64,
}

/// What can be told about a configured plugin of any kind.
pub struct About {
    name: String,
    revision: Arc<Revision>,
    shared: Arc<Shared>,
    health: Health,
}

impl About {
    /// What the configuration calls it.
    pub fn name(&self) -> &str {
        &self.name
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

    /// Outgoing requests that were not granted.
    pub fn refused_requests(&self) -> u64 {
        self.shared.egress.refused()
    }
}

/// What the three kinds of configured plugin have in common.
pub(crate) struct Core<B> {
    pub(crate) about: About,
    pub(crate) config: String,
    runtime: Runtime,
    idle: Mutex<Vec<Guest<B>>>,
    most_idle: usize,
}

impl<B> Core<B> {
    pub(crate) fn new(
        name: &str,
        runtime: Runtime,
        revision: Arc<Revision>,
        shared: Arc<Shared>,
        config: &serde_json::Value,
    ) -> Self {
        let most_idle = std::thread::available_parallelism().map_or(4, |cores| cores.get() * 2);
        let about = About {
            name: name.to_owned(),
            revision,
            health: Health::new(shared.alarm.clone()),
            shared,
        };
        Core {
            about,
            config: config.to_string(),
            runtime,
            idle: Mutex::default(),
            most_idle,
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.about.shared.limits
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

    /// Makes a synchronous call on an idle or a fresh instance; `call` puts it back if it may be used again.
    pub(crate) fn blocking<T>(
        &self,
        items: usize,
        fresh: impl FnOnce() -> Result<Guest<B>, LoadError>,
        call: impl FnOnce(Guest<B>) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        self.admit()?;
        let guest = match self.take() {
            Some(guest) => Ok(guest),
            None => fresh().map_err(|error| CallError::Trap(error.to_string())),
        };
        let answer = guest.and_then(call);
        self.record(items, &answer);
        answer
    }

    /// The last used instance that is idle, because its memory is likely still in the processor's cache.
    pub(crate) fn take(&self) -> Option<Guest<B>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Keeps an instance whose call went well, unless it is worn out or there are enough.
    pub(crate) fn put(&self, mut guest: Guest<B>) {
        guest.calls += 1;
        self.about
            .health
            .note_memory(guest.store.data().limiter.memory_high_water);
        if guest.calls >= self.limits().recycle_after {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.most_idle {
            idle.push(guest);
        }
    }

    /// An empty store that is held to the limits.
    pub(crate) fn store(&self) -> Result<Store<State>, LoadError> {
        let mut store = Store::new(&self.runtime.engine, State::new(&self.about.shared)?);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(self.limits().output);
        self.arm(&mut store);
        Ok(store)
    }

    /// Starts the time of one call.
    pub(crate) fn arm(&self, store: &mut Store<State>) {
        store.data_mut().until = Instant::now() + self.limits().deadline;
        let ticks = self.limits().deadline.as_millis().div_ceil(TICK.as_millis());
        // One more: the tick that is running may end at once.
        store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX).saturating_add(1));
    }

    pub(crate) fn guest(&self, store: Store<State>, bindings: B) -> Guest<B> {
        Guest {
            store,
            bindings,
            calls: 0,
        }
    }

    /// Says why a call failed, as far as that may be shown.
    pub(crate) fn explain(&self, error: &wasmtime::Error, store: &Store<State>) -> CallError {
        let limits = self.limits();
        match (error.downcast_ref::<Trap>(), store.data().limiter.hit) {
            (Some(Trap::Interrupt), _) => CallError::Deadline(limits.deadline),
            (Some(Trap::StackOverflow), _) => CallError::StackOverflow,
            (_, Some(what @ "memory")) => CallError::Limit {
                what,
                limit: format!("{} bytes", limits.memory),
            },
            (_, Some(what)) => CallError::Limit {
                what,
                limit: limits.table_elements.to_string(),
            },
            (Some(Trap::UnreachableCodeReached), _) => CallError::Abort,
            (Some(trap), _) => CallError::Trap(trap.to_string()),
            (None, None) => {
                let text = error.root_cause().to_string();
                if text.contains("fuel") {
                    CallError::Limit {
                        what: "output",
                        limit: format!("{} bytes", limits.output),
                    }
                } else {
                    CallError::Trap(text)
                }
            }
        }
    }
}

/// Turns what `configure` answered into a load error.
pub(crate) fn configured<E>(answer: Result<(), Vec<E>>, text: impl Fn(E) -> (String, String)) -> Result<(), LoadError> {
    answer.map_err(|mistakes| {
        let mistake = |mistake| {
            let (path, message) = text(mistake);
            ConfigMistake {
                path: path.chars().take(256).collect(),
                message: message.chars().take(1024).collect(),
            }
        };
        LoadError::Configuration(mistakes.into_iter().take(64).map(mistake).collect())
    })
}
