//! Notifications of plugins, and where they go.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use patchpanel_event::Level;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket, UnixDatagram};

use crate::{journal, syslog};

/// Time for handing one over.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What a plugin has to say to the people who run this machine.
#[derive(Clone, Copy)]
pub(crate) struct Notification<'a> {
    pub(crate) plugin: &'a str,
    pub(crate) level: Level,
    pub(crate) title: &'a str,
    pub(crate) body: &'a str,
    pub(crate) fields: &'a [(String, String)],
}

/// Where notifications go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotifyTarget {
    /// A socket of this machine that takes lines of RFC 5424.
    Unix(PathBuf),
    /// `host:port`, one line a datagram.
    Udp(String),
    /// `host:port`, with the length in front of each line (RFC 6587, section 3.4.1).
    Tcp(String),
    /// The socket of systemd's journal, which takes fields.
    Journal(PathBuf),
}

impl NotifyTarget {
    /// Reads a target such as `unix:/dev/log`, `udp:192.0.2.1:514`, `tcp:logs.example.com:601` or `journal`.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<NotifyTarget, String> {
        let is_address = |text: &str| {
            text.rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        match text.split_once(':') {
            Some(("unix", path)) if path.starts_with('/') => Ok(NotifyTarget::Unix(path.into())),
            Some(("journal", path)) if path.starts_with('/') => Ok(NotifyTarget::Journal(path.into())),
            Some(("udp", address)) if is_address(address) => Ok(NotifyTarget::Udp(address.to_owned())),
            Some(("tcp", address)) if is_address(address) => Ok(NotifyTarget::Tcp(address.to_owned())),
            None if text == "journal" => Ok(NotifyTarget::Journal(journal::SOCKET.into())),
            _ => Err("write \"unix:/dev/log\", \"udp:HOST:PORT\", \"tcp:HOST:PORT\" or \"journal\"".to_owned()),
        }
    }

    pub(crate) async fn send(&self, notification: &Notification<'_>) -> Result<(), String> {
        let sending = async {
            match self {
                NotifyTarget::Unix(path) => {
                    let line = syslog::line(notification);
                    UnixDatagram::unbound()?.send_to(line.as_bytes(), path).await?;
                }
                NotifyTarget::Udp(address) => {
                    let line = syslog::line(notification);
                    let target = tokio::net::lookup_host(address).await?.next();
                    let target = target.ok_or(std::io::ErrorKind::NotFound)?;
                    let any = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                    UdpSocket::bind(any).await?.send_to(line.as_bytes(), target).await?;
                }
                NotifyTarget::Tcp(address) => {
                    let line = syslog::line(notification);
                    let mut stream = TcpStream::connect(address).await?;
                    stream.write_all(format!("{} {line}", line.len()).as_bytes()).await?;
                    stream.shutdown().await?;
                }
                NotifyTarget::Journal(path) => {
                    let entry = journal::entry(notification);
                    UnixDatagram::unbound()?.send_to(&entry, path).await?;
                }
            }
            Ok::<_, std::io::Error>(())
        };
        match tokio::time::timeout(TIMEOUT, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("{self}: {error}")),
            Err(_) => Err(format!("{self}: no answer within {} s", TIMEOUT.as_secs())),
        }
    }
}

impl fmt::Display for NotifyTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotifyTarget::Unix(path) => write!(f, "unix:{}", path.display()),
            NotifyTarget::Udp(address) => write!(f, "udp:{address}"),
            NotifyTarget::Tcp(address) => write!(f, "tcp:{address}"),
            NotifyTarget::Journal(path) => write!(f, "journal:{}", path.display()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_written() {
        for text in [
            "unix:/dev/log",
            "udp:127.0.0.1:514",
            "tcp:logs.example.com:601",
            "udp:[::1]:514",
            "journal:/run/journal",
        ] {
            assert_eq!(NotifyTarget::parse(text).unwrap().to_string(), text);
        }
        let usual = NotifyTarget::parse("journal").unwrap();
        assert_eq!(usual.to_string(), "journal:/run/systemd/journal/socket");
        for text in [
            "/dev/log",
            "unix:dev/log",
            "udp:host",
            "udp::1",
            "tcp:host:99999",
            "journal:x",
            "journald",
        ] {
            assert!(NotifyTarget::parse(text).is_err(), "{text}");
        }
    }
}
