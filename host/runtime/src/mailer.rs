//! The conversation with a mail server, on connections that are used again.
//!
//! A pool of the library would take a connection back that was let go in the middle of a mail, and the answer to that mail
//! would then be taken for the next one's.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lettre::address::Envelope;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Category;

use crate::bindings::mail::Error;
use crate::mail::{MailServer, MailTls};
use crate::masks::Masks;

/// Longest words of the server that are handed on.
const ANSWER_CHARS: usize = 512;
/// Connections that wait for the next mail, at most, and how long.
const MOST_IDLE: usize = 4;
const LONGEST_IDLE: Duration = Duration::from_secs(30);
/// After so many mails a connection is replaced: many servers want it so, and a password that was changed has to count.
const MOST_MAILS: u32 = 100;

/// What talks to the mail server for all instances of a plugin.
#[derive(Default)]
pub(crate) struct Mailer {
    idle: Mutex<Vec<Connection>>,
}

struct Connection {
    smtp: AsyncSmtpConnection,
    mails: u32,
    used: Instant,
}

impl Mailer {
    /// Sends one message within `time`. Errors say what the server said.
    pub(crate) async fn send(
        &self,
        server: &MailServer,
        masks: &Masks,
        envelope: &Envelope,
        message: &[u8],
        time: Duration,
    ) -> Result<Option<String>, Error> {
        let sending = async {
            let mut connection = match self.take().await {
                Some(connection) => connection,
                None => connect(server, masks).await.map_err(Error::Retry)?,
            };
            let sent = connection.smtp.send(envelope, message).await;
            let answer = sent.map_err(|error| problem(&error))?;
            self.put(connection);
            let words: Vec<&str> = answer.message().collect();
            Ok(Some(short(&words.join(" "))).filter(|words| !words.is_empty()))
        };
        tokio::time::timeout(time, sending)
            .await
            .unwrap_or_else(|_| Err(Error::Retry(late(time))))
    }

    /// One that still works.
    async fn take(&self) -> Option<Connection> {
        loop {
            let last = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut connection = last?;
            if connection.used.elapsed() < LONGEST_IDLE && connection.smtp.test_connected().await {
                return Some(connection);
            }
        }
    }

    fn put(&self, mut connection: Connection) {
        connection.mails += 1;
        connection.used = Instant::now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if connection.mails < MOST_MAILS && idle.len() < MOST_IDLE {
            idle.push(connection);
        }
    }
}

/// Goes up to where mails can be sent, and leaves again. Errors say what the server said.
pub(crate) async fn check(server: &MailServer, masks: &Masks, time: Duration) -> Result<(), String> {
    let checking = async {
        let mut connection = connect(server, masks).await?;
        if !connection.smtp.test_connected().await {
            return Err("the mail server lets nobody stay".to_owned());
        }
        // How it says goodbye does not matter.
        let _ = connection.smtp.quit().await;
        Ok(())
    };
    tokio::time::timeout(time, checking)
        .await
        .unwrap_or_else(|_| Err(late(time)))
}

fn late(time: Duration) -> String {
    format!("the mail server did not answer within {time:?}")
}

/// Up to where mails can be sent. Whatever fails here, it is not because of the mail.
async fn connect(server: &MailServer, masks: &Masks) -> Result<Connection, String> {
    let hello = ClientId::default();
    let (wrapped, upgrade) = match server.tls {
        MailTls::StartTls => (None, Some(tls(server)?)),
        MailTls::Implicit => (Some(tls(server)?), None),
        MailTls::None => (None, None),
    };
    let address = (server.host.as_str(), server.port);
    let login = match &server.login {
        Some((user, password)) => {
            let password = password.read()?;
            // The server may repeat it.
            masks.remember(&password);
            Some(Credentials::new(user.clone(), password))
        }
        None => None,
    };
    let connecting = async {
        let mut smtp = AsyncSmtpConnection::connect_tokio1(address, None, &hello, wrapped, None).await?;
        if let Some(parameters) = upgrade {
            smtp.starttls(parameters, &hello).await?;
        }
        if let Some(credentials) = login {
            smtp.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        Ok(smtp)
    };
    let smtp = connecting.await.map_err(|error: SmtpError| short(&error.to_string()))?;
    Ok(Connection {
        smtp,
        mails: 0,
        used: Instant::now(),
    })
}

fn tls(server: &MailServer) -> Result<TlsParameters, String> {
    let mut parameters = TlsParameters::builder(server.host.clone());
    if let Some(path) = &server.ca {
        let unusable = |reason: String| format!("cannot use {}: {reason}", path.display());
        let pem = std::fs::read(path).map_err(|error| unusable(error.kind().to_string()))?;
        let certificate = Certificate::from_pem(&pem).map_err(|error| unusable(error.to_string()))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    parameters.build().map_err(|error| error.to_string())
}

fn problem(error: &SmtpError) -> Error {
    let text = short(&error.to_string());
    // Who has to log in first is the operator's mistake, not the message's.
    let login = error
        .status()
        .is_some_and(|code| code.category == Category::Unspecified3);
    if error.is_permanent() && !login {
        Error::Reject(text)
    } else {
        Error::Retry(text)
    }
}

fn short(text: &str) -> String {
    text.chars().take(ANSWER_CHARS).collect()
}
