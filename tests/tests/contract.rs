//! Components that were built against every published version of the contract: the present router loads them and they do
//! what they did.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;

use patchpanel_tests::{Router, run};
use serde_json::json;

/// Directories of `tests/contract`, by version; `tests/contract/README.md` says how they were made.
const VERSIONS: [&str; 1] = ["0.1.0"];

#[test]
fn plugins_of_every_published_version_still_work() {
    for version in VERSIONS {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("contract").join(version);
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("plugins.d")).unwrap();
        for name in ["redactor", "transform", "channel"] {
            let file = format!("{name}.wasm");
            let checked = run(&fixtures, &["plugin", "check", &file], "");
            assert_eq!(checked.code, 0, "{version}, {name}: {}", checked.stdout);
            fs::copy(fixtures.join(&file), directory.path().join("plugins.d").join(&file)).unwrap();
        }
        let config = r#"
[[ingress]]
transform = "redactor"

[[channels]]
name = "out"
plugin = "channel"

[[channels]]
name = "audit"
plugin = "log"
config = { path = "audit.ndjson" }

[[subscriptions]]
name = "marked"
channel = "audit"
transforms = ["transform"]

[[subscriptions]]
name = "counted"
channel = "out"
"#;
        let router = Router::start(directory.path(), config);
        router.publish(&json!({"id": "1", "type": "t", "message": "by STAMP"}));
        let stats = router.settled();
        assert_eq!(stats["subscriptions"]["counted"]["delivered"], 1, "{version}: {stats}");
        let events = router.lines("audit.ndjson");
        assert_eq!(
            (&events[0]["message"], &events[0]["metadata"]["revision"]),
            (&json!("by REVISION-0000"), &json!("REVISION-0000")),
            "{version}"
        );
    }
}
