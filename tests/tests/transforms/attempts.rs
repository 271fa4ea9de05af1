//! A delivery passes its transforms at each attempt. Those that keep state must not take the second attempt for a second event.

use patchpanel_tests::{Receiver, Router};
use serde_json::json;

#[test]
fn a_repeated_attempt_gets_the_same_answer() {
    for (transform, settings) in [
        ("changed", ""),
        ("dedupe", "window = \"1h\""),
        ("sample", "rate = \"100%\""),
    ] {
        let receiver = Receiver::start();
        receiver.answer(&[(503, None); 3]);
        let config = format!(
            r#"
[plugins.webhook]
allow = {{ http = ["{url}"], private_addresses = true }}

[[channels]]
name = "hook"
plugin = "webhook"
config = {{ url = "{url}/" }}

[[subscriptions]]
name = "all"
channel = "hook"
transforms = [{{ transform = "{transform}", config = {{ {settings} }} }}]
retry = {{ base = "1ms", cap = "5ms" }}
"#,
            url = receiver.url
        );
        let directory = tempfile::tempdir().unwrap();
        let router = Router::start(directory.path(), &config);
        router.publish(&json!({"id": "1", "type": "t", "subject": "s", "payload": 7}));
        let account = &router.settled()["subscriptions"]["all"];
        assert_eq!(account["delivered"], json!(1), "{transform}: {account}");
        let received = receiver.received();
        assert_eq!(received.len(), 4, "{transform}");
        assert!(
            received.iter().all(|request| request.event == received[0].event),
            "{transform}"
        );
    }
}
