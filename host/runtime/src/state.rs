//! What belongs to one instance, and the host functions it may call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use patchpanel_event::Level;
use tokio::sync::Notify;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::bindings::{events, kv, log, secrets};
use crate::engine::Profile;
use crate::grants::Given;
use crate::http::Egress;
use crate::kv::{Kv, NotKept, Room};
use crate::limits::Limiter;
use crate::logs::{LogStream, PluginLog};
use crate::mailer::Mailer;
use crate::placeholders::Placeholders;
use crate::rate::PerMinute;
use crate::usage::Usage;
use crate::{Declaration, DirectoryGrant, Isolation, Kind, Limits, LoadError, PluginSpec};

/// What all instances of one configured plugin share.
pub(crate) struct Shared {
    pub(crate) name: String,
    pub(crate) limits: Limits,
    pub(crate) isolation: Isolation,
    pub(crate) usage: Arc<Usage>,
    pub(crate) log: Arc<PluginLog>,
    pub(crate) given: Arc<Given>,
    kv: Arc<Kv>,
    egress: Egress,
    pub(crate) mailer: Mailer,
    pub(crate) mails: PerMinute,
    pub(crate) notifications: PerMinute,
    /// Is told when the first calls fail.
    pub(crate) alarm: Option<Arc<Notify>>,
}

impl Shared {
    pub(crate) fn new(spec: &PluginSpec, declared: &Declaration, kv: Arc<Kv>, alarm: Option<Arc<Notify>>) -> Self {
        let limits = spec.limits.resolve(declared.kind);
        let given = Arc::new(spec.grants.given(&declared.capabilities));
        let usage = Arc::new(Usage::default());
        // Redactors see what must not be logged, so they are mute unless the operator says otherwise.
        let withheld = declared.kind == Kind::Redactor && !given.grants.log;
        let log = Arc::new(PluginLog::new(
            spec.name.clone(),
            &limits,
            withheld,
            usage.clone(),
            given.masks.clone(),
        ));
        let egress = Egress::new(given.clone(), &limits, log.clone(), usage.clone());
        Shared {
            name: spec.name.clone(),
            mailer: Mailer::default(),
            mails: PerMinute::new(limits.mails),
            notifications: PerMinute::new(limits.notifications),
            limits,
            isolation: spec.isolation,
            usage,
            log,
            given,
            kv,
            egress,
            alarm,
        }
    }

    /// What stands for secrets in the plugin's configuration.
    pub(crate) fn placeholders(&self) -> &Placeholders {
        self.egress.placeholders()
    }

    /// What wasmtime has to be set up with for this plugin.
    pub(crate) fn profile(&self) -> Profile {
        Profile::new(&self.limits, self.isolation)
    }
}

/// The data of one wasmtime store.
pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    http: WasiHttpCtx,
    egress: Egress,
    pub(crate) shared: Arc<Shared>,
    pub(crate) limiter: Limiter,
    /// How long the running call may take.
    pub(crate) time: Duration,
    /// When it has to be over.
    pub(crate) until: Instant,
}

impl State {
    pub(crate) fn new(shared: &Arc<Shared>) -> Result<State, LoadError> {
        let grants = &shared.given.grants;
        let mut wasi = WasiCtx::builder();
        wasi.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
        if grants.stdout {
            wasi.inherit_stdout();
        } else {
            wasi.stdout(LogStream::new(shared.log.clone(), Level::Info));
        }
        wasi.stderr(LogStream::new(shared.log.clone(), Level::Warning));
        for name in &grants.env {
            if let Ok(value) = std::env::var(name) {
                wasi.env(name, value);
            }
        }
        for directory in &grants.directories {
            open(&mut wasi, directory).map_err(|message| LoadError::Grant {
                what: format!("directory {}", directory.path.display()),
                message,
            })?;
        }
        let time = shared.limits.deadline;
        Ok(State {
            wasi: wasi.build(),
            table: ResourceTable::new(),
            http: WasiHttpCtx::new(),
            egress: shared.egress.clone(),
            limiter: Limiter::new(&shared.limits, shared.usage.clone()),
            time,
            until: Instant::now() + time,
            shared: shared.clone(),
        })
    }

    pub(crate) fn egress(&self) -> &Egress {
        &self.egress
    }

    /// Counts a use of `kv`, where it is given.
    fn kv(&self) -> Result<&Kv, kv::Error> {
        if !self.shared.given.grants.kv {
            let reason = "`kv` is not granted, or not asked for";
            self.shared.log.refused("kv", reason);
            return Err(kv::Error::Unavailable(reason.to_owned()));
        }
        self.shared.usage.used("kv");
        Ok(&self.shared.kv)
    }

    /// Counts what did not fit.
    fn kept<T>(&self, answer: Result<T, NotKept>) -> Result<T, kv::Error> {
        answer.map_err(|problem| match problem {
            NotKept::TooLarge => kv::Error::TooLarge,
            NotKept::Unavailable(reason) => kv::Error::Unavailable(reason),
            NotKept::Quota(limit) => {
                self.shared.usage.hit(limit);
                self.shared.log.refused("kv", &format!("`{limit}` is used up"));
                kv::Error::Quota
            }
        })
    }
}

/// A directory that is written to is made where it is not there.
fn open(wasi: &mut WasiCtxBuilder, directory: &DirectoryGrant) -> Result<(), String> {
    let permissions = if directory.writable {
        std::fs::create_dir_all(&directory.path).map_err(|error| error.to_string())?;
        FsPerms::ReadWrite
    } else {
        FsPerms::ReadOnly
    };
    wasi.preopened_dir(&directory.path, &directory.shown_as, permissions)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.egress,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// Says to wasmtime that our host functions work on the whole state.
pub(crate) struct Own;

impl HasData for Own {
    type Data<'a> = &'a mut State;
}

impl events::Host for State {}

impl log::Host for State {
    fn write(&mut self, level: events::Level, message: String, fields: Vec<(String, String)>) {
        let fields: Vec<String> = fields
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        self.shared.log.write(level.into(), &message, &fields.join(" "));
    }
}

impl secrets::Host for State {
    fn get(&mut self, name: String) -> Result<String, secrets::Error> {
        let log = &self.shared.log;
        let Some(source) = self.shared.given.grants.secrets.get(&name) else {
            // Only names of secrets are shown: what a plugin asks for could be anything.
            let known = self.shared.given.grants.secrets_for_http.contains_key(&name);
            let reason = if known {
                format!("`{name}` is granted to be filled into requests, not to be read")
            } else {
                "a secret of that name is not granted, or not asked for".to_owned()
            };
            log.refused("secrets", &reason);
            return Err(secrets::Error::NotGranted);
        };
        let value = source.read().map_err(|reason| {
            log.refused("secrets", &reason);
            secrets::Error::Unavailable(reason)
        })?;
        self.shared.given.masks.remember(&value);
        self.shared.usage.used("secrets_read");
        Ok(value)
    }
}

impl kv::Host for State {
    fn get(&mut self, key: String) -> Result<Option<Vec<u8>>, kv::Error> {
        Ok(self.kv()?.get(&key))
    }

    fn set(&mut self, key: String, value: Vec<u8>, ttl_ms: Option<u64>) -> Result<(), kv::Error> {
        let answer = self.kv()?.set(key, value, ttl_ms, Room::of(&self.shared.limits));
        self.kept(answer)
    }

    fn delete(&mut self, key: String) -> Result<(), kv::Error> {
        let answer = self.kv()?.delete(&key);
        self.kept(answer)
    }

    fn compare_and_set(
        &mut self,
        key: String,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
        ttl_ms: Option<u64>,
    ) -> Result<bool, kv::Error> {
        let room = Room::of(&self.shared.limits);
        let answer = self
            .kv()?
            .compare_and_set(key, expected.as_deref(), value, ttl_ms, room);
        self.kept(answer)
    }

    fn keys(&mut self, prefix: String, after: Option<String>, limit: u32) -> Result<Vec<String>, kv::Error> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.kv()?.keys(&prefix, after.as_deref(), limit))
    }
}

impl From<events::Level> for Level {
    fn from(level: events::Level) -> Level {
        match level {
            events::Level::Debug => Level::Debug,
            events::Level::Info => Level::Info,
            events::Level::Warning => Level::Warning,
            events::Level::Error => Level::Error,
            events::Level::Critical => Level::Critical,
        }
    }
}

impl From<Level> for events::Level {
    fn from(level: Level) -> events::Level {
        match level {
            Level::Debug => events::Level::Debug,
            Level::Info => events::Level::Info,
            Level::Warning => events::Level::Warning,
            Level::Error => events::Level::Error,
            Level::Critical => events::Level::Critical,
        }
    }
}
