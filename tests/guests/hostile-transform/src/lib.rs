//! A transform that misbehaves in the way that its configuration names.
//!
//! Written against the contract itself, not with the SDK: the SDK would find some of these mistakes before the router.
//!
//! | key | value |
//! | --- | --- |
//! | `mode` | how it misbehaves; see `Mode` |
//! | `when` | only for batches with an event whose message contains this; others are left as they are |

// There is nothing of it outside WebAssembly: a component's exports do not link there.
#[cfg(target_family = "wasm")]
mod hostile;

/// What `wit/` says, as Rust.
#[cfg(target_family = "wasm")]
#[allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, reason = "generated")]
mod contract {
    wit_bindgen::generate!({ path: "../../../wit", world: "transform-plugin", generate_all });
    export!(Component with_types_in self);

    pub(crate) use crate::hostile::Component;
}

#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "the linker takes the section's name on trust")]
const _: () = {
    #[used]
    #[unsafe(link_section = "patchpanel-plugin")]
    static SECTION: [u8; include_bytes!("declaration.json").len()] = *include_bytes!("declaration.json");
};
