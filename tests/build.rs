//! Builds the components that tests put into plugin directories.

use guest_build::{Error, Guest};

fn main() -> Result<(), Error> {
    guest_build::list(&[
        Guest {
            name: "redact",
            package: "plugin-redact",
            dir: "plugins/redact",
        },
        Guest {
            name: "console",
            package: "plugin-console",
            dir: "plugins/console",
        },
        Guest {
            name: "log",
            package: "plugin-log",
            dir: "plugins/log",
        },
        Guest {
            name: "webhook",
            package: "plugin-webhook",
            dir: "plugins/webhook",
        },
        Guest {
            name: "hostile-redactor",
            package: "guest-hostile-redactor",
            dir: "tests/guests/hostile-redactor",
        },
        Guest {
            name: "hostile-channel",
            package: "guest-hostile-channel",
            dir: "tests/guests/hostile-channel",
        },
        Guest {
            name: "marker-redactor",
            package: "guest-marker-redactor",
            dir: "tests/guests/marker-redactor",
        },
        Guest {
            name: "marker-transform",
            package: "guest-marker-transform",
            dir: "tests/guests/marker-transform",
        },
        Guest {
            name: "undeclared-import",
            package: "guest-undeclared-import",
            dir: "tests/guests/undeclared-import",
        },
        Guest {
            name: "wrong-world",
            package: "guest-wrong-world",
            dir: "tests/guests/wrong-world",
        },
        Guest {
            name: "bench-redactor",
            package: "guest-bench-redactor",
            dir: "tests/guests/bench-redactor",
        },
        Guest {
            name: "bench-transform",
            package: "guest-bench-transform",
            dir: "tests/guests/bench-transform",
        },
        Guest {
            name: "bench-channel",
            package: "guest-bench-channel",
            dir: "tests/guests/bench-channel",
        },
    ])
}
