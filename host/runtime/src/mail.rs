//! Mail for plugins: the router talks to the operator's mail server, so that plugins need neither sockets nor passwords.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::response::Category;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use crate::bindings::mail::Error;
use crate::masks::Masks;
use crate::secrets::SecretSource;

/// Longest words of the server that are handed on.
const ANSWER_CHARS: usize = 512;

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
    /// How long it may take to answer.
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

impl MailServer {
    /// Sends one message over a connection of its own. Errors say what the server said.
    pub(crate) async fn send(
        &self,
        envelope: &Envelope,
        message: &[u8],
        masks: &Masks,
    ) -> Result<Option<String>, Error> {
        let transport = self.transport(masks).map_err(Error::Retry)?;
        let sent = transport.send_raw(envelope, message).await;
        let answer = sent.map_err(|error| {
            let text = short(&error.to_string());
            // A password that is wrong is the operator's mistake, not the message's.
            let login = error
                .status()
                .is_some_and(|code| code.category == Category::Unspecified3);
            if error.is_permanent() && !login {
                Error::Reject(text)
            } else {
                Error::Retry(text)
            }
        })?;
        let words: Vec<&str> = answer.message().collect();
        Ok(Some(short(&words.join(" "))).filter(|words| !words.is_empty()))
    }

    /// Connects, says hello, encrypts and logs in as configured, and leaves again. Errors say what the server said.
    pub(crate) async fn check(&self, masks: &Masks) -> Result<(), String> {
        match self.transport(masks)?.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err("the mail server lets nobody stay".to_owned()),
            Err(error) => Err(short(&error.to_string())),
        }
    }

    fn transport(&self, masks: &Masks) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
        let parameters = || {
            let mut parameters = TlsParameters::builder(self.host.clone());
            if let Some(path) = &self.ca {
                let unusable = |reason: String| format!("cannot use {}: {reason}", path.display());
                let pem = std::fs::read(path).map_err(|error| unusable(error.kind().to_string()))?;
                let certificate = Certificate::from_pem(&pem).map_err(|error| unusable(error.to_string()))?;
                parameters = parameters.add_root_certificate(certificate);
            }
            parameters.build().map_err(|error| error.to_string())
        };
        let tls = match self.tls {
            MailTls::StartTls => Tls::Required(parameters()?),
            MailTls::Implicit => Tls::Wrapper(parameters()?),
            MailTls::None => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host)
            .port(self.port)
            .tls(tls)
            .timeout(Some(self.timeout));
        if let Some((user, password)) = &self.login {
            let password = password.read()?;
            // The server may repeat it.
            masks.remember(&password);
            transport = transport.credentials(Credentials::new(user.clone(), password));
        }
        Ok(transport.build())
    }
}

fn short(text: &str) -> String {
    text.chars().take(ANSWER_CHARS).collect()
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
