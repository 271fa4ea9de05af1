//! Secrets that the operator granted to this plugin, by name. One that is only sent on need not be read: the operator can
//! write `{{secret:NAME}}` into the configuration, and the router fills it into headers and URLs.
//!
//! Natively, in unit tests, none is granted but those of [`crate::testing::grant_secret`].

/// Why a secret cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The operator did not grant this name.
    NotGranted,
    /// It was granted, but its source cannot be read now. The text names the source, never the value.
    Unavailable(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotGranted => f.write_str("the secret is not granted to this plugin"),
            Self::Unavailable(why) => write!(f, "the secret cannot be read: {why}"),
        }
    }
}

impl std::error::Error for Error {}

/// The value of the secret `name`. Do not log it, keep it no longer than needed.
///
/// # Errors
/// Where it was not granted or cannot be read.
pub fn get(name: &str) -> Result<String, Error> {
    #[cfg(target_family = "wasm")]
    {
        use crate::bindings::host::patchpanel::plugin::secrets as wit;
        wit::get(name).map_err(|error| match error {
            wit::Error::NotGranted => Error::NotGranted,
            wit::Error::Unavailable(why) => Error::Unavailable(why),
        })
    }
    #[cfg(not(target_family = "wasm"))]
    native::GRANTED
        .with_borrow(|granted| granted.get(name).cloned())
        .ok_or(Error::NotGranted)
}

#[cfg(not(target_family = "wasm"))]
pub(crate) mod native {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    thread_local! {
        pub(crate) static GRANTED: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
    }
}
