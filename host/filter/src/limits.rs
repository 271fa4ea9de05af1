//! What a pattern may cost. Every limit is checked when the pattern is parsed, and each has its own message.

/// Most bytes of a pattern: of its text as written, and of its canonical text once `$or` is multiplied out.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Deepest nesting of objects and lists in a pattern's text.
pub const MAX_DEPTH: usize = 32;

/// Most names in one path, such as the three of `payload.user.id`.
pub const MAX_PATH_NAMES: usize = 32;

/// Most items in one list.
pub const MAX_LIST_ITEMS: usize = 1024;

/// Most alternatives that `$or` may multiply out to, and that a `not` may hold.
pub const MAX_ALTERNATIVES: usize = 256;

/// Most matchers in a whole pattern once `$or` is multiplied out.
pub const MAX_MATCHERS: usize = 4096;

/// Most stars in one wildcard.
pub const MAX_WILDCARD_STARS: usize = 16;
