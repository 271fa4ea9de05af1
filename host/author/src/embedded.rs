//! Files of the repository that are part of this crate: path and text.

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
