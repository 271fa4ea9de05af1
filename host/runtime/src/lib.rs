//! Everything that knows wasmtime: engine, bindings, limits, grants, loading, reloading.
//!
//! A [`Runtime`] compiles components into [`Revision`]s. A [`Registry`] holds the plugins of a configuration and gives
//! them out as immutable [`Generation`]s of [`Unit`]s; [`DirectoryWatch`] says when to look for new files. Nothing of
//! wasmtime shows in this interface.
//!
//! Redactors and transforms are synchronous calls on a pool of long-lived instances: whoever calls must be on a thread
//! that may block. Channels are asynchronous. A call that traps or runs late costs its instance and nothing else.

mod active;
mod address;
mod bindings;
mod cache;
mod channel;
mod child;
mod command;
mod compiler;
mod desktop;
mod directory;
mod engine;
mod error;
mod golden;
mod grants;
mod guest;
mod health;
mod http;
mod journal;
mod keep;
mod kv;
mod limits;
mod logs;
mod mail;
mod mailer;
mod masks;
mod messages;
mod notification;
mod placeholders;
mod rate;
mod redactor;
mod registry;
mod revision;
mod schema;
mod secrets;
mod settings;
mod shadow;
mod shelf;
mod state;
mod status;
mod syslog;
mod transform;
mod trial;
mod trust;
mod unit;
mod usage;
mod waiting;
mod watch;

pub use channel::ChannelPlugin;
pub use command::SecretCommand;
pub use compiler::{Compiler, compile_apart};
pub use engine::{EngineError, Runtime};
pub use error::{CallError, ConfigMistake, DeedError, LoadError, PluginError};
pub use grants::{DirectoryGrant, FillGrant, Grants};
pub use guest::About;
pub use health::HealthReport;
pub use keep::{Keep, Kept};
pub use limits::Limits;
pub use mail::{MailGrant, MailServer, MailTls, Recipient};
pub use notification::NotifyTarget;
pub use redactor::RedactorPlugin;
pub use registry::{Generation, Registry};
pub use revision::Revision;
pub use secrets::SecretSource;
pub use settings::{Isolation, LimitSettings, PluginSpec, Role, Shadowing, UnitSpec};
pub use shadow::ShadowReport;
pub use shelf::{Bundled, Origin};
pub use status::{Granted, PluginState, PluginStatus, ShadowStatus, UnitStatus};

pub use transform::{Answer, TransformPlugin};
pub use trial::{Batch, Trial};
pub use trust::{SIGNATURE_SUFFIX, Trust, TrustedKey};
pub use unit::Unit;
pub use usage::{Refusals, UsageReport};
pub use watch::DirectoryWatch;
// What files say about themselves, in the words of this interface.
pub use patchpanel_declaration::{
    API_VERSION, Anatomy, Capabilities, Declaration, DeclarationError, Example, HttpAsk, HttpRule, Kind,
};
