//! What belongs to one instance, and the host functions it may call.

use std::sync::Arc;
use std::time::Instant;

use patchpanel_event::Level;
use tokio::sync::Notify;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::bindings::{events, kv, log, secrets};
use crate::http::Egress;
use crate::kv::Kv;
use crate::limits::Limiter;
use crate::logs::{LogStream, PluginLog};
use crate::{Grants, Kind, Limits, LoadError};

/// What all instances of one configured plugin share.
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) grants: Arc<Grants>,
    pub(crate) log: Arc<PluginLog>,
    pub(crate) kv: Arc<Kv>,
    pub(crate) egress: Egress,
    /// Is told when the first calls fail.
    pub(crate) alarm: Option<Arc<Notify>>,
}

impl Shared {
    pub(crate) fn new(
        name: &str,
        kind: Kind,
        limits: Limits,
        grants: Grants,
        kv: Arc<Kv>,
        alarm: Option<Arc<Notify>>,
    ) -> Self {
        let grants = Arc::new(grants);
        // Redactors see what must not be logged, so they are mute unless the operator says otherwise.
        let withheld = kind == Kind::Redactor && !grants.log;
        let log = Arc::new(PluginLog::new(name.to_owned(), &limits, withheld));
        let egress = Egress::new(grants.clone(), limits.http_body);
        Shared {
            limits,
            grants,
            log,
            kv,
            egress,
            alarm,
        }
    }
}

/// The data of one wasmtime store.
pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    http: WasiHttpCtx,
    egress: Egress,
    shared: Arc<Shared>,
    pub(crate) limiter: Limiter,
    /// When the running call has to be over.
    pub(crate) until: Instant,
}

impl State {
    pub(crate) fn new(shared: &Arc<Shared>) -> Result<State, LoadError> {
        let grants = &shared.grants;
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
        if let Some(directory) = &grants.directory {
            std::fs::create_dir_all(directory)
                .map_err(|error| error.to_string())
                .and_then(|()| {
                    wasi.preopened_dir(directory, "/", FsPerms::ReadWrite)
                        .map(|_| ())
                        .map_err(|error| error.to_string())
                })
                .map_err(|message| LoadError::Grant {
                    what: format!("directory {}", directory.display()),
                    message,
                })?;
        }
        Ok(State {
            wasi: wasi.build(),
            table: ResourceTable::new(),
            http: WasiHttpCtx::new(),
            egress: shared.egress.clone(),
            limiter: Limiter::new(&shared.limits),
            until: Instant::now() + shared.limits.deadline,
            shared: shared.clone(),
        })
    }
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
        let source = self
            .shared
            .grants
            .secrets
            .get(&name)
            .ok_or(secrets::Error::NotGranted)?;
        source.read().map_err(secrets::Error::Unavailable)
    }
}

impl kv::Host for State {
    fn get(&mut self, key: String) -> Result<Option<Vec<u8>>, kv::Error> {
        Ok(self.shared.kv.get(&key))
    }

    fn set(&mut self, key: String, value: Vec<u8>, ttl_ms: Option<u64>) -> Result<(), kv::Error> {
        self.shared.kv.set(key, value, ttl_ms)
    }

    fn delete(&mut self, key: String) -> Result<(), kv::Error> {
        self.shared.kv.delete(&key);
        Ok(())
    }

    fn compare_and_set(
        &mut self,
        key: String,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
        ttl_ms: Option<u64>,
    ) -> Result<bool, kv::Error> {
        self.shared.kv.compare_and_set(key, expected.as_deref(), value, ttl_ms)
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
