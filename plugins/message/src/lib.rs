//! What the bundled channels share, so that each of them is little more than the form of its messages.
//!
//! * [`Common`]: the keys that all of them understand, checked into [`Settings`];
//! * [`Templates`]: texts with values of the event in them;
//! * [`Limit`] and [`Overflow`]: how much text the other side takes, counted as it counts, and what becomes of more;
//! * [`clean`] and [`escape`]: text without what a terminal, a header or a reader could be fooled by, and text in the midst
//!   of markup;
//! * [`Outbox`]: sends requests, some at a time or at a pace, and judges answers by a table.
//!
//! | key | value |
//! | --- | --- |
//! | `title`, `body` | templates; each channel has its own defaults |
//! | `overflow` | what becomes of a body that is too long: `truncate` (default; marked by `…`), `split` into several messages, `reject` |
//! | `timeout` | for one request, such as `"10s"` (default) or a number of milliseconds |
//! | `pace` | the shortest time between two messages; each channel has its own default, `0` is none |
//! | `dry_run` | true: everything is made and checked, what would be sent is logged without secrets, nothing is sent |
//!
//! In templates (those of [`minijinja`], whose syntax is that of Jinja) stand `id`, `type`, `source`, `level`, `time` (RFC
//! 3339), `message`, `subject`, `correlation_id`, `metadata`, `payload`, `delivery`, `subscription`, `recipients`,
//! `attempt` and `replay`. What is not there is empty. Besides the filters of minijinja there are `truncate(n)`, which
//! ends in `…`, `redact` and `redact(keep=n)`, which leaves the last characters, and `json`.

mod answer;
mod calls;
pub mod clean;
mod color;
mod config;
pub mod escape;
mod memory;
mod outbox;
mod overflow;
mod pace;
mod secret;
mod template;
pub mod testing;
mod wire;
mod work;

pub use answer::{COMMON, Meaning, Reply, Row, Said, Service, judge};
pub use calls::check_calls;
pub use color::{color, hex_color};
pub use config::{Common, Defaults, Message, Settings, check_timeout, check_url, footer, hook};
pub use outbox::{Outbox, json_post};
pub use overflow::{Limit, Overflow, bytes, chars, utf16};
pub use secret::SecretText;
pub use template::Templates;
