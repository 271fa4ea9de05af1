//! The one wasmtime engine of the process, and the clock that its deadlines are counted in.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Config, Engine, OptLevel};

use crate::bindings;
use crate::cache::CompileCache;
use crate::compiler::Compiler;
use crate::state::State;

/// Deadlines are counted in ticks of this length, so a plugin may run over by as much.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Deepest stack of a guest. Far below the host's own, so that a recursion ends in a trap.
const STACK_BYTES: usize = 512 << 10;

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the plugin engine: {0}")]
pub struct EngineError(String);

impl From<wasmtime::Error> for EngineError {
    fn from(error: wasmtime::Error) -> Self {
        EngineError(format!("{error:#}"))
    }
}

/// Compiles and links components. Cheap to clone; one per process.
#[derive(Clone)]
pub struct Runtime {
    pub(crate) engine: Engine,
    /// For redactors and transforms: WASI is there, because every language's start-up code asks for it, but it is inert.
    pub(crate) blocking: Arc<Linker<State>>,
    /// For transforms: as `blocking`, with `kv`.
    pub(crate) stateful: Arc<Linker<State>>,
    /// For channels: WASI and HTTP, asynchronous.
    pub(crate) waiting: Arc<Linker<State>>,
    pub(crate) cache: Arc<CompileCache>,
}

impl Runtime {
    /// Starts the engine and its clock. Compiled code is kept in `cache`, where one is given; without a `compiler`,
    /// components are compiled in this process.
    ///
    /// # Errors
    /// Where this machine cannot run WebAssembly or the clock's thread cannot be started.
    pub fn new(cache: Option<&Path>, compiler: Option<Compiler>) -> Result<Runtime, EngineError> {
        let engine = Engine::new(&configuration())?;
        let ticking = engine.weak();
        std::thread::Builder::new()
            .name("plugin-clock".into())
            .spawn(move || {
                // Ends with the last engine.
                while let Some(engine) = ticking.upgrade() {
                    engine.increment_epoch();
                    drop(engine);
                    std::thread::sleep(TICK);
                }
            })
            .map_err(|error| EngineError(error.to_string()))?;

        let mut blocking = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut blocking)?;
        crate::waiting::add_to_linker(&mut blocking)?;
        bindings::log::add_to_linker::<_, crate::state::Own>(&mut blocking, |state| state)?;
        bindings::secrets::add_to_linker::<_, crate::state::Own>(&mut blocking, |state| state)?;
        let mut stateful = blocking.clone();
        bindings::kv::add_to_linker::<_, crate::state::Own>(&mut stateful, |state| state)?;

        let mut waiting = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut waiting)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut waiting)?;
        bindings::log::add_to_linker::<_, crate::state::Own>(&mut waiting, |state| state)?;
        bindings::secrets::add_to_linker::<_, crate::state::Own>(&mut waiting, |state| state)?;
        bindings::kv::add_to_linker::<_, crate::state::Own>(&mut waiting, |state| state)?;

        let cache = Arc::new(CompileCache::open(&engine, cache, compiler));
        Ok(Runtime {
            engine,
            blocking: Arc::new(blocking),
            stateful: Arc::new(stateful),
            waiting: Arc::new(waiting),
            cache,
        })
    }
}

/// What all engines of this program have in common, so that each runs the code that another one compiled.
pub(crate) fn configuration() -> Config {
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        .wasm_backtrace_max_frames(None);
    config
}
