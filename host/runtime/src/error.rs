use std::time::Duration;

use crate::{DeclarationError, Kind};

/// Why a component file did not become a revision. The one before it, if any, stays in service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {path}: {message}")]
    Read {
        /// As configured.
        path: String,
        /// The system's.
        message: String,
    },
    /// Larger than components may be.
    #[error("the file has {bytes} bytes, more than the {limit} that are allowed")]
    TooLarge {
        /// Of the file.
        bytes: u64,
        /// That was exceeded.
        limit: u64,
    },
    /// The operator asks for a signature that is not there.
    #[error("its signature is not taken: {0}")]
    Signature(String),
    /// The operator asks for another content.
    #[error("its SHA-256 is {found}, and `sha256` of the plugin says {expected}")]
    Pin {
        /// As configured.
        expected: String,
        /// Of the file.
        found: String,
    },
    /// The file does not say what it is.
    #[error(transparent)]
    Declaration(#[from] DeclarationError),
    /// A component of another kind is needed here.
    #[error("declares itself as a {found}, but a {expected} is needed here")]
    WrongKind {
        /// As declared.
        found: Kind,
        /// By its use.
        expected: &'static str,
    },
    /// Does not have the exports of its world, or wants imports that it does not get.
    #[error("does not fit the world `{world}`: {message}")]
    World {
        /// The world of its kind.
        world: &'static str,
        /// Wasmtime's.
        message: String,
    },
    /// Compiling failed.
    #[error("cannot be compiled: {0}")]
    Compile(String),
    /// The compiler took longer than it may.
    #[error("compiling it takes longer than the {} s that `compile.time` allows", .0.as_secs_f64())]
    CompileTime(Duration),
    /// The compiler was refused memory.
    #[error("compiling it takes more memory than the {0} bytes that `compile.memory` allows")]
    CompileMemory(u64),
    /// The first instance trapped or timed out.
    #[error("the first instance failed: {0}")]
    Start(CallError),
    /// `configure` refused the configuration.
    #[error("refuses its configuration: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Configuration(Vec<ConfigMistake>),
    /// One of its own examples did not come out as it says.
    #[error("its own example {index} did not come out as declared: {message}")]
    Canary {
        /// Counted from 0.
        index: usize,
        /// What happened; the examples are the plugin's own text, so they may be shown.
        message: String,
    },
    /// No file and no bundled component has that name.
    #[error("there is no {file} in the plugins directory and no bundled plugin `{name}`")]
    Missing {
        /// Of the plugin.
        name: String,
        /// That was looked for.
        file: String,
    },
    /// It was in service, and its first calls failed.
    #[error("was rolled back, because its first calls failed; the last: {0}")]
    RolledBack(String),
    /// Somebody looked at how it compares with the revision in service, and does not want it.
    #[error("was discarded after it had run in the shadow of the revision in service")]
    Discarded,
    /// It cannot run beside the revision in service.
    #[error("cannot be tried in the shadow: {0}")]
    Shadow(&'static str),
    /// What it kept before cannot be read.
    #[error("what it kept in `kv` cannot be read: {0}")]
    Kept(String),
    /// Something it was granted cannot be given.
    #[error("cannot grant {what}: {message}")]
    Grant {
        /// Such as a directory.
        what: String,
        /// The system's.
        message: String,
    },
}

impl LoadError {
    /// Whether the same content stays out of service even if the configuration changes.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, LoadError::RolledBack(_) | LoadError::Discarded)
    }
}

/// Which plugin a load error is about.
#[derive(Clone, Debug, thiserror::Error)]
#[error("plugin `{plugin}`{}: {error}", .unit.as_ref().map(|unit| format!(", used as {unit}")).unwrap_or_default())]
pub struct PluginError {
    /// Its name in the configuration.
    pub plugin: String,
    /// The use that failed, where it is not the plugin itself.
    pub unit: Option<String>,
    /// Why.
    #[source]
    pub error: LoadError,
}

/// Why what an operator asked for a plugin was not done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DeedError {
    /// No plugin in service has that name.
    #[error("no plugin `{0}` is in service")]
    Unknown(String),
    /// There is nothing to promote or to discard.
    #[error("no revision of plugin `{0}` runs in the shadow")]
    NoShadow(String),
    /// It cannot take over.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}

/// One mistake that a plugin found in its configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", path, if path.is_empty() { "" } else { ": " })]
pub struct ConfigMistake {
    /// Dotted, below `config`; empty for the whole.
    pub path: String,
    /// The plugin's words.
    pub message: String,
}

/// Why a call into a plugin gave no answer. Never holds text of an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Ran longer than allowed.
    #[error("ran past its deadline of {} ms", .0.as_millis())]
    Deadline(Duration),
    /// Wanted more of something than allowed, and trapped for it.
    #[error("exceeded its limit of {what} ({limit})")]
    Limit {
        /// Which limit.
        what: &'static str,
        /// Its value.
        limit: String,
    },
    /// Recursed too deep.
    #[error("overflowed its stack of {0} bytes")]
    StackOverflow(usize),
    /// A panic or abort in the guest.
    #[error("panicked or aborted")]
    Abort,
    /// Any other trap.
    #[error("trapped: {0}")]
    Trap(String),
    /// Answered, but not as the contract says.
    #[error("broke the contract: {0}")]
    Contract(String),
    /// Said itself that it could not.
    #[error("answered with an error{}", .0.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    Refused(Option<String>),
    /// Not called at all.
    #[error("is quarantined after repeated failures; next try in {} ms", .0.as_millis())]
    Quarantined(Duration),
}
