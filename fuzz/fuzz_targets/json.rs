//! Any bytes: what is JSON is decided as serde_json decides it, and the layout of anything can be asked for anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use patchpanel_json::{Invalid, Layout};
use serde::de::IgnoredAny;

fuzz_target!(|bytes: &[u8]| {
    let mut layout = Layout::default();
    let checked = layout.check(bytes);
    let right = std::str::from_utf8(bytes).is_ok() && serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
    match checked {
        Ok(()) => assert!(right),
        Err(Invalid::TooDeep { offset }) => assert!(right && matches!(bytes[offset], b'{' | b'[')),
        Err(invalid) => assert!(!right && invalid.offset() <= bytes.len()),
    }
    layout.map(bytes);
    for at in 0..=bytes.len() {
        assert!(layout.quote_from(at) >= at && layout.mark_from(at) >= at);
    }
    for at in (0..bytes.len()).filter(|at| matches!(bytes[*at], b'{' | b'[')) {
        assert!(layout.end_of(at) > at);
    }
});
