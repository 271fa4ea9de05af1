//! One running instance, and the pool of idle ones that a configured plugin keeps warm.

use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::{Store, Trap};

use crate::engine::TICK;
use crate::health::Health;
use crate::revision::Revision;
use crate::state::{Shared, State};
use crate::{CallError, ConfigMistake, LoadError, Runtime};

/// A store with its instance; `B` are the bindings of its world, with the exports already looked up.
pub(crate) struct Guest<B> {
    pub(crate) store: Store<State>,
    pub(crate) bindings: B,
    calls: u64,
}

/// What the three kinds of configured plugin have in common.
pub(crate) struct Core<B> {
    pub(crate) name: String,
    pub(crate) runtime: Runtime,
    pub(crate) revision: Arc<Revision>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) config: String,
    pub(crate) health: Health,
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
        Core {
            name: name.to_owned(),
            runtime,
            revision,
            shared,
            config: config.to_string(),
            health: Health::new(),
            idle: Mutex::default(),
            most_idle,
        }
    }

    /// The last used instance that is idle, because its memory is likely still in the processor's cache.
    pub(crate) fn take(&self) -> Option<Guest<B>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Keeps an instance whose call went well, unless it is worn out or there are enough.
    pub(crate) fn put(&self, mut guest: Guest<B>) {
        guest.calls += 1;
        if guest.calls >= self.shared.limits.recycle_after {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.most_idle {
            idle.push(guest);
        }
    }

    /// An empty store that is held to the limits.
    pub(crate) fn store(&self) -> Result<Store<State>, LoadError> {
        let mut store = Store::new(&self.runtime.engine, State::new(&self.shared)?);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(self.shared.limits.output);
        self.arm(&mut store);
        Ok(store)
    }

    /// Starts the time of one call.
    pub(crate) fn arm(&self, store: &mut Store<State>) {
        let ticks = self.shared.limits.deadline.as_millis().div_ceil(TICK.as_millis());
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
        let limits = &self.shared.limits;
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
