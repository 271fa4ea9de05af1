//! Exit codes, the same for all commands.

/// All went well.
pub(crate) const OK: u8 = 0;
/// Something failed; standard error says what.
pub(crate) const FAILED: u8 = 1;
/// The command line, the configuration or some of the input is wrong. (The code that clap uses, too.)
pub(crate) const WRONG_INPUT: u8 = 2;
/// No subscription matched, as `explain` was asked.
pub(crate) const NOT_MATCHED: u8 = 3;
/// A second signal cut a drain short.
pub(crate) const INTERRUPTED: u8 = 130;
