//! A redactor that misbehaves in the way that its configuration names.
//!
//! Written against the contract itself, not with the SDK: the SDK would find some of these mistakes before the router.
//!
//! | key | value |
//! | --- | --- |
//! | `mode` | how it misbehaves; see `Mode` |
//! | `when` | only for texts that contain this; absent: for all |
//! | `nth` | `trap-nth`: at each so manieth call of an instance; default 3 |
//! | `bytes` | `huge-output`: how large the answer is; default 4 MiB |
//! | `depth` | `stack`: how deep it recurses; default: for ever |
//! | `path` | `file`: what it tries to write |
//! | `address` | `socket`: where it tries to connect |

// There is nothing of it outside WebAssembly: a component's exports do not link there.
#[cfg(target_family = "wasm")]
mod hostile;

/// What `wit/` says, as Rust.
#[cfg(target_family = "wasm")]
#[allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, reason = "generated")]
mod contract {
    wit_bindgen::generate!({ path: "../../../wit", world: "redactor-plugin", generate_all });
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
