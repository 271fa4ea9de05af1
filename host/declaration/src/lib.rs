//! What a plugin's file says about itself, read without compiling or running it: its declaration with what it asks for, and
//! the interfaces that it imports and exports. `wit/worlds.wit` documents the declaration.

mod anatomy;
mod capabilities;
mod declaration;
mod error;
mod http_rule;
mod kind;

pub use anatomy::Anatomy;
pub use capabilities::{Capabilities, HttpAsk};
pub use declaration::{API_VERSION, Declaration, Example, SECTION};
pub use error::DeclarationError;
pub use http_rule::HttpRule;
pub use kind::Kind;
