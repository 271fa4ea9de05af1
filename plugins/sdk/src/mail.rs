//! Mail through the operator's mail server. For channels, where the declaration asks for `mail` and the operator grants it.
//!
//! Natively, in unit tests, messages are kept for [`crate::testing::sent_mail`].

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The operator granted no mail at all, or none to one of the recipients.
    NotGranted(String),
    /// It may work later.
    Retry(String),
    /// It will never work.
    Reject(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotGranted(why) => write!(f, "mail is not granted: {why}"),
            Self::Retry(why) => write!(f, "the mail was not taken now: {why}"),
            Self::Reject(why) => write!(f, "the mail was refused: {why}"),
        }
    }
}

impl std::error::Error for Error {}

/// Hands over `message`, the bytes of one mail as of RFC 5322 with its headers, from `sender` (empty: from nobody) to all
/// `recipients`, whatever the headers say. Answers with the server's own words.
///
/// # Errors
/// Where it was not taken; then no recipient gets it.
pub fn send(sender: &str, recipients: &[&str], message: &[u8]) -> Result<Option<String>, Error> {
    #[cfg(target_family = "wasm")]
    {
        crate::bindings::host::patchpanel::plugin::mail::send(sender, recipients, message).map_err(Error::from)
    }
    #[cfg(not(target_family = "wasm"))]
    {
        let mail = crate::testing::Mail {
            sender: sender.to_owned(),
            recipients: recipients.iter().map(|recipient| (*recipient).to_owned()).collect(),
            message: message.to_vec(),
        };
        native::SENT.with_borrow_mut(|sent| sent.push(mail));
        Ok(None)
    }
}

/// Whether the mail server can be reached and lets the router in. Natively it does.
///
/// # Errors
/// Where it cannot, or does not.
pub fn check() -> Result<(), Error> {
    #[cfg(target_family = "wasm")]
    {
        crate::bindings::host::patchpanel::plugin::mail::check().map_err(Error::from)
    }
    #[cfg(not(target_family = "wasm"))]
    {
        Ok(())
    }
}

#[cfg(target_family = "wasm")]
impl From<crate::bindings::host::patchpanel::plugin::mail::Error> for Error {
    fn from(error: crate::bindings::host::patchpanel::plugin::mail::Error) -> Self {
        use crate::bindings::host::patchpanel::plugin::mail::Error as Wit;
        match error {
            Wit::NotGranted(why) => Self::NotGranted(why),
            Wit::Retry(why) => Self::Retry(why),
            Wit::Reject(why) => Self::Reject(why),
        }
    }
}

#[cfg(not(target_family = "wasm"))]
pub(crate) mod native {
    use std::cell::RefCell;

    thread_local! {
        pub(crate) static SENT: RefCell<Vec<crate::testing::Mail>> = const { RefCell::new(Vec::new()) };
    }
}
