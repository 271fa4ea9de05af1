//! Builds the bundled plugins to components and embeds them.

use guest_build::{Error, Guest};

fn main() -> Result<(), Error> {
    guest_build::bundle(&[
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
    ])
}
