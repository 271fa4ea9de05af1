//! Everything that knows wasmtime: engine, bindings, limits, grants, loading, reloading.
//!
//! A [`Runtime`] compiles components into [`Revision`]s. A [`Registry`] holds the plugins of a configuration and gives
//! them out as immutable [`Generation`]s of [`Unit`]s; [`DirectoryWatch`] says when to look for new files. Nothing of
//! wasmtime shows in this interface.
//!
//! Redactors and transforms are synchronous calls on a pool of long-lived instances: whoever calls must be on a thread
//! that may block. Channels are asynchronous. A call that traps or runs late costs its instance and nothing else.

mod address;
mod bindings;
mod cache;
mod capabilities;
mod channel;
mod declaration;
mod directory;
mod engine;
mod error;
mod grants;
mod guest;
mod health;
mod http;
mod http_rule;
mod kv;
mod limits;
mod logs;
mod mail;
mod messages;
mod placeholders;
mod rate;
mod redactor;
mod registry;
mod revision;
mod secrets;
mod settings;
mod state;
mod status;
mod syslog;
mod transform;
mod usage;
mod waiting;
mod watch;

pub use capabilities::{Capabilities, HttpAsk};
pub use channel::ChannelPlugin;
pub use declaration::{API_VERSION, Declaration, Example, Kind};
pub use engine::{EngineError, Runtime};
pub use error::{CallError, ConfigMistake, LoadError};
pub use grants::{DirectoryGrant, FillGrant, Grants};
pub use guest::About;
pub use health::HealthReport;
pub use http_rule::HttpRule;
pub use limits::Limits;
pub use mail::{MailGrant, MailServer, MailTls, Recipient};
pub use redactor::RedactorPlugin;
pub use registry::{Bundled, Generation, Origin, PluginError, Registry, Unit};
pub use revision::Revision;
pub use secrets::SecretSource;
pub use settings::{Isolation, LimitSettings, PluginSpec, Role, UnitSpec};
pub use status::{Granted, PluginState, PluginStatus, UnitStatus};
pub use syslog::Syslog;
pub use transform::{Answer, TransformPlugin};
pub use usage::{Refusals, UsageReport};
pub use watch::DirectoryWatch;
