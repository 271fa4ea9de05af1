#![doc = include_str!("../LANGUAGE.md")]

mod anything_but;
mod cloudevents;
mod collisions;
mod eval;
mod explain;
mod fields;
mod index;
mod json;
mod level;
mod limits;
mod matcher;
mod mistake;
mod node;
mod number;
mod numeric;
mod operators;
mod parse;
mod pattern;
mod print;
mod source;
mod terms;
mod text;
mod way;

pub use explain::{Alternative, Apart, Explanation, Found, Predicate, Test};
pub use fields::{FieldValue, Fields};
pub use index::{Index, Scratch, Snapshot};
pub use limits::{
    MAX_ALTERNATIVES, MAX_DEPTH, MAX_LIST_ITEMS, MAX_MATCHERS, MAX_PATH_NAMES, MAX_TEXT_BYTES, MAX_WILDCARD_STARS,
};
pub use mistake::Mistake;
pub use patchpanel_json::Invalid;
pub use pattern::Pattern;
pub use source::{Key, Source, SourceValue};
