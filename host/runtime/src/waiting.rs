//! How long a plugin that is called synchronously may wait in the host.
//!
//! The epoch deadline interrupts a guest that computes. A guest that waits (that sleeps, say) computes nothing: it stands
//! in `wasi:io/poll`, and would keep its thread for as long as it likes. So waiting ends with the call's time too.

use std::time::Instant;

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime::{Result, Trap};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::io::poll as unbounded;
use wasmtime_wasi::p2::bindings::sync::io::poll;
use wasmtime_wasi::runtime::in_tokio;

use crate::state::State;

/// Puts waiting with an end in the place of WASI's own.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    linker.allow_shadowing(true);
    poll::add_to_linker::<State, Bounded>(linker, |state| {
        let until = state.until;
        Waiting {
            table: state.ctx().table,
            until,
        }
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

struct Bounded;

impl HasData for Bounded {
    type Data<'a> = Waiting<'a>;
}

struct Waiting<'a> {
    table: &'a mut ResourceTable,
    until: Instant,
}

/// Runs `wait`, at most until the call's time is over; then the guest traps as one that computed for too long.
fn bounded<T>(until: Instant, wait: impl Future<Output = Result<T>>) -> Result<T> {
    in_tokio(async {
        tokio::time::timeout_at(until.into(), wait)
            .await
            .unwrap_or_else(|_| Err(Trap::Interrupt.into()))
    })
}

impl poll::Host for Waiting<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> Result<Vec<u32>> {
        bounded(self.until, unbounded::Host::poll(self.table, pollables))
    }
}

impl poll::HostPollable for Waiting<'_> {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> Result<bool> {
        poll::HostPollable::ready(self.table, pollable)
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        bounded(self.until, unbounded::HostPollable::block(self.table, pollable))
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        poll::HostPollable::drop(self.table, pollable)
    }
}
