//! The binary: config, API, commands, wiring.
