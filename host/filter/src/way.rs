//! The way through a pattern's text to one place in it.

use std::fmt;

/// Linked up the call stack of the reader, and written out only if there is a mistake to place: most patterns have
/// none, and would spend as much time on words about themselves as on being read.
///
/// Written as in `payload.attempts[0].numeric`; [`Way::Top`] is empty.
#[derive(Clone, Copy)]
pub(crate) enum Way<'w> {
    /// The pattern itself.
    Top,
    /// A member of the object there.
    Member(&'w Way<'w>, &'w str),
    /// An item of the list there.
    Item(&'w Way<'w>, usize),
}

impl Way<'_> {
    pub(crate) fn member<'w>(&'w self, name: &'w str) -> Way<'w> {
        Way::Member(self, name)
    }

    pub(crate) fn item(&self, index: usize) -> Way<'_> {
        Way::Item(self, index)
    }
}

impl fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::Top => Ok(()),
            Way::Member(Way::Top, name) => f.write_str(name),
            Way::Member(above, name) => write!(f, "{above}.{name}"),
            Way::Item(above, index) => write!(f, "{above}[{index}]"),
        }
    }
}
