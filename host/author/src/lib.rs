//! What plugin authors need besides their own compiler; knows the tools around WIT, and nothing of running components.
//!
//! [`project()`] writes a small plugin in the author's language, [`bindings()`] what it is compiled against, and [`pack()`]
//! makes the component, with its declaration inside, of what compilers of other languages than Rust give.
//!
//! The projects are those in `plugins/examples`, which the tests build: what authors get is what was tried.

mod bindings;
mod embedded;
mod error;
mod files;
mod language;
mod pack;
mod project;
mod sections;
mod world;

pub use bindings::bindings;
pub use error::{BindingsError, NameError, PackError, WriteError};
pub use files::Files;
pub use language::Language;
// What a plugin is, in every function here.
pub use pack::pack;
pub use patchpanel_declaration::Kind;
pub use project::project;
