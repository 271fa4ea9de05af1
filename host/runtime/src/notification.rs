//! Notifications of plugins, and where they go.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use patchpanel_event::Level;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket, UnixDatagram};

use crate::{desktop, journal, syslog};

/// Most time for handing one over.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a receiver of TCP may take to close its side.
const FAREWELL: Duration = Duration::from_secs(1);

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
    /// The notification service of a desktop session: of the one whose bus has this address, such as
    /// `unix:path=/run/user/1000/bus`, or of the router's own.
    Desktop(Option<String>),
}

impl NotifyTarget {
    /// Reads a target such as `unix:/dev/log`, `udp:192.0.2.1:514`, `tcp:logs.example.com:601`, `journal` or `desktop`.
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
            // Other kinds of buses are none of a desktop.
            Some(("desktop", bus)) if bus.starts_with("unix:") && zbus::Address::try_from(bus).is_ok() => {
                Ok(NotifyTarget::Desktop(Some(bus.to_owned())))
            }
            None if text == "journal" => Ok(NotifyTarget::Journal(journal::SOCKET.into())),
            None if text == "desktop" => Ok(NotifyTarget::Desktop(None)),
            _ => Err(
                "write \"unix:/dev/log\", \"udp:HOST:PORT\", \"tcp:HOST:PORT\", \"journal\" or \"desktop\"".to_owned(),
            ),
        }
    }

    /// Hands it over within `time`.
    pub(crate) async fn send(&self, notification: &Notification<'_>, time: Duration) -> Result<(), String> {
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
                    // Nobody answers a line. But who has read it to its end closes as well, and who went away meanwhile
                    // breaks the connection; so each line has its own.
                    if let Ok(closed) = tokio::time::timeout(FAREWELL, stream.read(&mut [0])).await {
                        closed?;
                    }
                }
                NotifyTarget::Journal(path) => {
                    let entry = journal::entry(notification);
                    UnixDatagram::unbound()?.send_to(&entry, path).await?;
                }
                NotifyTarget::Desktop(bus) => {
                    let sent = desktop::send(bus.as_deref(), notification).await;
                    sent.map_err(std::io::Error::other)?;
                }
            }
            Ok::<_, std::io::Error>(())
        };
        match tokio::time::timeout(time, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("{self}: {error}")),
            Err(_) => Err(format!("{self}: no answer within {time:?}")),
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
            NotifyTarget::Desktop(Some(bus)) => write!(f, "desktop:{bus}"),
            NotifyTarget::Desktop(None) => f.write_str("desktop"),
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
            "desktop",
            "desktop:unix:path=/run/user/1000/bus",
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
            "desktop:",
            "desktop:/run/user/1000/bus",
            "desktop:unix:socket=/run",
            "desktop:tcp:host=localhost,port=1",
        ] {
            assert!(NotifyTarget::parse(text).is_err(), "{text}");
        }
    }
}
