//! Mail for plugins: the router talks to the operator's mail server, so that plugins need neither sockets nor passwords.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lettre::Address;
use lettre::address::Envelope;

use crate::bindings::mail::Error;
use crate::secrets::SecretSource;

/// The operator's mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    /// Its name, which its certificate must be for.
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// How the connection is kept from being read.
    pub tls: MailTls,
    /// A file of certificates in PEM form that are trusted besides the usual ones.
    pub ca: Option<PathBuf>,
    /// Who the router is there, with the password.
    pub login: Option<(String, SecretSource)>,
    /// How long one mail may take, connecting included.
    pub timeout: Duration,
}

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MailTls {
    /// The server must offer STARTTLS, and it is used before anything else is said.
    #[default]
    StartTls,
    /// From the first byte.
    Implicit,
    /// Not at all: for servers on this machine.
    None,
}

/// Mail that a plugin may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailGrant {
    /// Through this server.
    pub server: Arc<MailServer>,
    /// To these.
    pub recipients: Vec<Recipient>,
}

/// To whom mail may go: `*`, `*@domain` or an address. Upper and lower case are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient(String);

impl Recipient {
    /// Reads a rule.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Recipient, String> {
        let address = match text.strip_prefix("*@") {
            Some(domain) => format!("anybody@{domain}"),
            None => text.to_owned(),
        };
        if text == "*" || (!address.contains('*') && address.parse::<Address>().is_ok()) {
            Ok(Recipient(text.to_ascii_lowercase()))
        } else {
            Err("write an address, \"*@example.com\", or \"*\" for everybody".to_owned())
        }
    }

    fn allows(&self, address: &Address) -> bool {
        match self.0.strip_prefix('*') {
            Some("") => true,
            Some(domain) => domain
                .strip_prefix('@')
                .is_some_and(|domain| address.domain().eq_ignore_ascii_case(domain)),
            None => {
                let address: &str = address.as_ref();
                self.0.eq_ignore_ascii_case(address)
            }
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl MailGrant {
    /// The envelope, where it is one and may be sent.
    pub(crate) fn envelope(&self, sender: &str, recipients: &[String]) -> Result<Envelope, Error> {
        let address = |text: &str, what: &str| {
            text.parse::<Address>()
                .map_err(|error| Error::Reject(format!("{what} is not an address: {error}")))
        };
        let sender = match sender {
            "" => None,
            sender => Some(address(sender, "the sender")?),
        };
        let mut to = Vec::with_capacity(recipients.len());
        for (index, recipient) in recipients.iter().enumerate() {
            let recipient = address(recipient, &format!("recipient {index}"))?;
            if !self.recipients.iter().any(|rule| rule.allows(&recipient)) {
                return Err(Error::NotGranted(format!(
                    "recipient {index} is not among those that `allow.mail` of the plugin names"
                )));
            }
            to.push(recipient);
        }
        Envelope::new(sender, to).map_err(|error| Error::Reject(error.to_string()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_those_are_written_to_that_are_named() {
        let grant = |rules: &[&str]| MailGrant {
            server: Arc::new(MailServer {
                host: "mail.example".to_owned(),
                port: 587,
                tls: MailTls::default(),
                ca: None,
                login: None,
                timeout: Duration::from_secs(1),
            }),
            recipients: rules.iter().map(|rule| Recipient::parse(rule).unwrap()).collect(),
        };
        for (rules, recipient, allowed) in [
            (&["*"][..], "a@b.example", true),
            (&["*@b.example"], "A@B.Example", true),
            (&["*@b.example"], "a@c.b.example", false),
            (&["*@b.example"], "a@nob.example", false),
            (&["Ada@b.example"], "ada@b.example", true),
            (&["ada@b.example"], "bob@b.example", false),
            (&[], "ada@b.example", false),
        ] {
            let envelope = grant(rules).envelope("", &[recipient.to_owned()]);
            assert_eq!(envelope.is_ok(), allowed, "{rules:?} {recipient}");
        }
        for (sender, recipients) in [("x", vec!["a@b.example"]), ("", vec!["a b"]), ("a@b.example", vec![])] {
            let recipients: Vec<String> = recipients.into_iter().map(str::to_owned).collect();
            assert!(matches!(
                grant(&["*"]).envelope(sender, &recipients),
                Err(Error::Reject(_))
            ));
        }
        assert!(Recipient::parse("b.example").is_err() && Recipient::parse("*b@c.example").is_err());
    }
}
