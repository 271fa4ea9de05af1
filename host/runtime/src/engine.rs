//! The wasmtime engines of the process, and the clock that their deadlines are counted in.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::bindings;
use crate::cache::CompileCache;
use crate::compiler::Compiler;
use crate::state::{Own, State};
use crate::{Isolation, Limits};

/// Deadlines are counted in ticks of this length, so a plugin may run over by as much.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// What host functions have of a stack that is made for an asynchronous call, beyond the guest's share.
const HOST_STACK: usize = 1536 << 10;

/// Instances that a pool has room for; calls beyond that many at a time fail. Room is address space, not memory.
const POOLED_INSTANCES: u32 = 256;
/// Core instances, memories and tables of each of them, on average.
const POOLED_PARTS: u32 = 8;
/// What stays with a place in the pool when its instance is gone, to be cleared by writing instead of by the system, which
/// costs the next one a fault for each page. Where the kernel tells which pages were touched, only those are written.
const KEPT_OF_MEMORY: usize = 1 << 20;
/// Elsewhere the lowest ones are; guests begin with their stack, most of which nothing has touched.
const KEPT_OF_MEMORY_UNSEEN: usize = 64 << 10;
const KEPT_OF_TABLE: usize = 256 << 10;

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the plugin engine: {0}")]
pub struct EngineError(String);

impl From<wasmtime::Error> for EngineError {
    fn from(error: wasmtime::Error) -> Self {
        EngineError(format!("{error:#}"))
    }
}

/// What wasmtime lets differ only from engine to engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Profile {
    /// Bytes of a guest's stack.
    stack: usize,
    /// Whether instances come from a pool: quick to make, in address space that is reserved for all of them.
    pooled: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Profile::new(&Limits::default(), Isolation::default())
    }
}

impl Profile {
    pub(crate) fn new(limits: &Limits, isolation: Isolation) -> Self {
        Profile {
            stack: limits.stack,
            pooled: isolation != Isolation::Warm,
        }
    }
}

/// One engine, and what its components are linked with.
pub(crate) struct Machine {
    pub(crate) engine: Engine,
    /// For redactors: WASI is there, because every language's start-up code asks for it, but it is inert.
    pub(crate) blocking: Linker<State>,
    /// For transforms: as `blocking`, with `kv`.
    pub(crate) stateful: Linker<State>,
    /// For channels: WASI and HTTP, asynchronous.
    pub(crate) waiting: Linker<State>,
}

/// Compiles and links components. Cheap to clone; one per process.
#[derive(Clone)]
pub struct Runtime {
    machines: Arc<Mutex<BTreeMap<Profile, Arc<Machine>>>>,
    pub(crate) cache: Arc<CompileCache>,
}

impl Runtime {
    /// Starts the engine and its clock. Compiled code is kept in `cache`, where one is given; without a `compiler`,
    /// components are compiled in this process.
    ///
    /// # Errors
    /// Where this machine cannot run WebAssembly or the clock's thread cannot be started.
    pub fn new(cache: Option<&Path>, compiler: Option<Compiler>) -> Result<Runtime, EngineError> {
        let profile = Profile::default();
        let machine = Machine::new(profile)?;
        let cache = Arc::new(CompileCache::open(&machine.engine, cache, compiler));
        let machines = Arc::new(Mutex::new(BTreeMap::from([(profile, Arc::new(machine))])));
        let ticking = Arc::downgrade(&machines);
        std::thread::Builder::new()
            .name("plugin-clock".into())
            .spawn(move || {
                // Ends with the runtime.
                while let Some(machines) = ticking.upgrade() {
                    for machine in machines.lock().unwrap_or_else(PoisonError::into_inner).values() {
                        machine.engine.increment_epoch();
                    }
                    drop(machines);
                    std::thread::sleep(TICK);
                }
            })
            .map_err(|error| EngineError(error.to_string()))?;
        Ok(Runtime { machines, cache })
    }

    /// The engine of a profile, made when it is first needed.
    pub(crate) fn machine(&self, profile: Profile) -> Result<Arc<Machine>, EngineError> {
        let mut machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(machine) = machines.get(&profile) {
            return Ok(machine.clone());
        }
        let machine = Arc::new(Machine::new(profile)?);
        machines.insert(profile, machine.clone());
        Ok(machine)
    }
}

impl Machine {
    /// Where there is no address space for a pool, does without and says so: fresh instances are then slower to make.
    fn new(profile: Profile) -> Result<Machine, EngineError> {
        let config = configuration(profile);
        let engine = if profile.pooled {
            Engine::new(config.clone().allocation_strategy(pool())).or_else(|error| {
                let reason = format!("{error:#}");
                tracing::warn!(
                    reason,
                    "no pool for instances of isolated plugins; they are made one by one"
                );
                Engine::new(&config)
            })?
        } else {
            Engine::new(&config)?
        };

        let mut blocking = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut blocking)?;
        crate::waiting::add_to_linker(&mut blocking)?;
        bindings::log::add_to_linker::<_, Own>(&mut blocking, |state| state)?;
        bindings::secrets::add_to_linker::<_, Own>(&mut blocking, |state| state)?;
        let mut stateful = blocking.clone();
        bindings::kv::add_to_linker::<_, Own>(&mut stateful, |state| state)?;

        let mut waiting = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut waiting)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut waiting)?;
        bindings::log::add_to_linker::<_, Own>(&mut waiting, |state| state)?;
        bindings::secrets::add_to_linker::<_, Own>(&mut waiting, |state| state)?;
        bindings::kv::add_to_linker::<_, Own>(&mut waiting, |state| state)?;
        bindings::http::add_to_linker::<_, Own>(&mut waiting, |state| state)?;
        bindings::mail::add_to_linker::<_, Own>(&mut waiting, |state| state)?;
        bindings::notify::add_to_linker::<_, Own>(&mut waiting, |state| state)?;
        Ok(Machine {
            engine,
            blocking,
            stateful,
            waiting,
        })
    }
}

/// What engines are set up with; what differs from profile to profile is nothing that the compiler looks at.
pub(crate) fn configuration(profile: Profile) -> Config {
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .max_wasm_stack(profile.stack)
        .async_stack_size(profile.stack + HOST_STACK)
        .wasm_backtrace_max_frames(None);
    config
}

/// Memories keep the reservation that they have without a pool, so that compiled code fits both.
fn pool() -> InstanceAllocationStrategy {
    let limits = Limits::default();
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(POOLED_INSTANCES)
        .total_core_instances(POOLED_INSTANCES * POOLED_PARTS)
        .total_memories(POOLED_INSTANCES)
        .total_tables(POOLED_INSTANCES * POOLED_PARTS)
        .total_stacks(POOLED_INSTANCES)
        .table_elements(limits.table_elements)
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(if PoolingAllocationConfig::is_pagemap_scan_available() {
            KEPT_OF_MEMORY
        } else {
            KEPT_OF_MEMORY_UNSEEN
        })
        .table_keep_resident(KEPT_OF_TABLE)
        .max_unused_warm_slots(POOLED_INSTANCES / 8);
    InstanceAllocationStrategy::Pooling(pool)
}
