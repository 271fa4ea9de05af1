//! Builds the components that tests put into plugin directories.

use guest_build::{BUNDLED, Error, Guest};

/// Those of `tests/guests`.
const GUESTS: [Guest<'static>; 11] = [
    guest(
        "hostile-redactor",
        "guest-hostile-redactor",
        "tests/guests/hostile-redactor",
    ),
    guest(
        "hostile-channel",
        "guest-hostile-channel",
        "tests/guests/hostile-channel",
    ),
    guest(
        "hostile-transform",
        "guest-hostile-transform",
        "tests/guests/hostile-transform",
    ),
    guest(
        "marker-redactor",
        "guest-marker-redactor",
        "tests/guests/marker-redactor",
    ),
    guest(
        "marker-transform",
        "guest-marker-transform",
        "tests/guests/marker-transform",
    ),
    guest(
        "undeclared-import",
        "guest-undeclared-import",
        "tests/guests/undeclared-import",
    ),
    guest(
        "counting-transform",
        "guest-counting-transform",
        "tests/guests/counting-transform",
    ),
    guest("wrong-world", "guest-wrong-world", "tests/guests/wrong-world"),
    guest("bench-redactor", "guest-bench-redactor", "tests/guests/bench-redactor"),
    guest(
        "bench-transform",
        "guest-bench-transform",
        "tests/guests/bench-transform",
    ),
    guest("bench-channel", "guest-bench-channel", "tests/guests/bench-channel"),
];

const fn guest(name: &'static str, package: &'static str, dir: &'static str) -> Guest<'static> {
    Guest { name, package, dir }
}

fn main() -> Result<(), Error> {
    guest_build::list(&[BUNDLED.as_slice(), GUESTS.as_slice()].concat())
}
