//! The plugins that are part of the binary.

pub(crate) use generated::BUNDLED;

#[allow(unreachable_pub, reason = "written by the build script")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/bundled.rs"));
}

/// Their names.
pub(crate) fn names() -> Vec<&'static str> {
    BUNDLED.iter().map(|(name, _)| *name).collect()
}
