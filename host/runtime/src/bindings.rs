//! What `bindgen!` makes of the worlds in `wit/`. Shared interfaces are generated once, with the transform's world.

/// `transform-plugin`: synchronous.
#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    reason = "generated; the contract is documented in wit/"
)]
pub(crate) mod transform {
    wasmtime::component::bindgen!({ path: "../../wit", world: "transform-plugin" });
}

/// `timed-transform-plugin`: of this only what it has beyond `transform-plugin`.
#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    dead_code,
    clippy::all,
    reason = "generated; the contract is documented in wit/"
)]
pub(crate) mod timed {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "timed-transform-plugin",
        with: {
            "patchpanel:plugin/events": super::transform::patchpanel::plugin::events,
            "patchpanel:plugin/log": super::transform::patchpanel::plugin::log,
            "patchpanel:plugin/secrets": super::transform::patchpanel::plugin::secrets,
            "patchpanel:plugin/kv": super::transform::patchpanel::plugin::kv,
        },
    });
}

/// `redactor-plugin`: synchronous, with borrowed arguments, because a batch is copied straight from the host's buffers.
#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    reason = "generated; the contract is documented in wit/"
)]
pub(crate) mod redactor {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "redactor-plugin",
        ownership: Borrowing { duplicate_if_necessary: true },
        with: {
            "patchpanel:plugin/events": super::transform::patchpanel::plugin::events,
            "patchpanel:plugin/log": super::transform::patchpanel::plugin::log,
            "patchpanel:plugin/secrets": super::transform::patchpanel::plugin::secrets,
        },
    });
}

/// `channel-plugin`: calls are futures, because a channel waits for the world outside.
#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    reason = "generated; the contract is documented in wit/"
)]
pub(crate) mod channel {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "channel-plugin",
        imports: {
            "patchpanel:plugin/http": async,
            "patchpanel:plugin/mail": async,
            "patchpanel:plugin/notify": async,
        },
        exports: { default: async },
        with: {
            "patchpanel:plugin/events": super::transform::patchpanel::plugin::events,
            "patchpanel:plugin/log": super::transform::patchpanel::plugin::log,
            "patchpanel:plugin/secrets": super::transform::patchpanel::plugin::secrets,
            "patchpanel:plugin/kv": super::transform::patchpanel::plugin::kv,
        },
    });
}

pub(crate) use channel::patchpanel::plugin::{http, mail, notify};
pub(crate) use timed::exports::patchpanel::plugin::timer;
pub(crate) use transform::patchpanel::plugin::{events, kv, log, secrets};
