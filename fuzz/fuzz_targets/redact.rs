//! Any text through the bundled redactor: its edits apply, and what it leaves it would leave again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use patchpanel_plugin::testing;
use plugin_redact::Redact;

fuzz_target!(|text: &str| {
    let mut redact: Redact = testing::configure_redactor("{}").expect("the defaults are sound");
    let once = testing::redact(&mut redact, "message", text).expect("edits apply");
    let twice = testing::redact(&mut redact, "message", &once).expect("edits apply");
    assert_eq!(once, twice);
});
