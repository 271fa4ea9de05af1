//! Any text as a pattern, over any JSON object: mistakes are told, what is accepted prints and parses back, and nothing
//! is ever evaluated into a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use patchpanel_filter::Pattern;

fuzz_target!(|input: (String, String)| {
    let (pattern, event) = input;
    let Ok(pattern) = pattern.parse::<Pattern>() else { return };
    assert_eq!(pattern.to_string().parse::<Pattern>().expect("what was printed parses"), pattern);
    if let Ok(serde_json::Value::Object(event)) = serde_json::from_str(&event) {
        let _ = pattern.matches(&event);
    }
});
