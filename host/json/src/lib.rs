//! Finds its way in JSON text without building a tree, and checks it, 64 bytes at a time.
//!
//! [`Layout`] knows where the strings, brackets and commas of a text are, as bitmaps of one bit for each byte. With them
//! whoever walks the text goes from name to name and jumps over what is of no interest, however long it is.
//!
//! ```
//! use patchpanel_json::Layout;
//!
//! let text = br#"{"skip": [1, {"a": "]"}], "found": true}"#;
//! let mut layout = Layout::default();
//! layout.check(text)?;
//! assert_eq!(layout.end_of(9), 24, "the list from its opening bracket to the end");
//! assert_eq!(layout.mark_from(24), 24, "and the comma after it");
//! assert_eq!(layout.quote_from(24), 26);
//!
//! let invalid = layout.check(br#"{"a": 01}"#).unwrap_err();
//! assert_eq!(invalid.to_string(), "not JSON: invalid number at byte 7");
//! # Ok::<(), patchpanel_json::Invalid>(())
//! ```
//!
//! A text of up to 4 GiB is taken. Nothing here looks at more than one text at a time; whoever reads many keeps the
//! [`Layout`] and its memory.

mod bits;
mod check;
mod invalid;
mod lanes;
mod layout;
mod number;

pub use check::MAX_DEPTH;
pub use invalid::Invalid;
pub use layout::Layout;
