//! Notifications for plugins: lines of RFC 5424 to a local or remote syslog.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use patchpanel_event::Level;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket, UnixDatagram};

/// Longest line; what every receiver has to take is less, what most take is not (RFC 5424, section 6.1).
const LINE_BYTES: usize = 8 << 10;
/// Time for handing over a line.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The number under which RFC 5424 has names of one's own, from the range for documentation (RFC 5612).
const ENTERPRISE: u32 = 32473;

/// Where notifications go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Syslog {
    /// A socket of this machine.
    Unix(PathBuf),
    /// `host:port`, one datagram a line.
    Udp(String),
    /// `host:port`, with the length in front of each line (RFC 6587, section 3.4.1).
    Tcp(String),
}

impl Syslog {
    /// Reads a target such as `unix:/dev/log`, `udp:192.0.2.1:514` or `tcp:logs.example.com:601`.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Syslog, String> {
        let is_address = |text: &str| {
            text.rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        match text.split_once(':') {
            Some(("unix", path)) if path.starts_with('/') => Ok(Syslog::Unix(path.into())),
            Some(("udp", address)) if is_address(address) => Ok(Syslog::Udp(address.to_owned())),
            Some(("tcp", address)) if is_address(address) => Ok(Syslog::Tcp(address.to_owned())),
            _ => Err("write \"unix:/dev/log\", \"udp:HOST:PORT\" or \"tcp:HOST:PORT\"".to_owned()),
        }
    }

    pub(crate) async fn send(&self, line: &str) -> Result<(), String> {
        let sending = async {
            match self {
                Syslog::Unix(path) => {
                    UnixDatagram::unbound()?.send_to(line.as_bytes(), path).await?;
                }
                Syslog::Udp(address) => {
                    let target = tokio::net::lookup_host(address).await?.next();
                    let target = target.ok_or(std::io::ErrorKind::NotFound)?;
                    let any = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                    UdpSocket::bind(any).await?.send_to(line.as_bytes(), target).await?;
                }
                Syslog::Tcp(address) => {
                    let mut stream = TcpStream::connect(address).await?;
                    stream.write_all(format!("{} {line}", line.len()).as_bytes()).await?;
                    stream.shutdown().await?;
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

impl fmt::Display for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Syslog::Unix(path) => write!(f, "unix:{}", path.display()),
            Syslog::Udp(address) => write!(f, "udp:{address}"),
            Syslog::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

/// One line of RFC 5424: facility "user", the plugin as its message id, fields as structured data. Nothing that the plugin
/// says ends the line or its structure.
pub(crate) fn line(plugin: &str, level: Level, title: &str, body: &str, fields: &[(String, String)]) -> String {
    let severity = match level {
        Level::Debug => 7,
        Level::Info => 6,
        Level::Warning => 4,
        Level::Error => 3,
        Level::Critical => 2,
    };
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut line = format!(
        "<{}>1 {} {} patchpanel {} {} ",
        8 + severity,
        patchpanel_event::format_time(patchpanel_event::now() / 1000 * 1000),
        name(host.trim(), 255),
        std::process::id(),
        name(plugin, 32)
    );
    if fields.is_empty() {
        line.push('-');
    } else {
        line.push_str(&format!("[patchpanel@{ENTERPRISE}"));
        for (field, value) in fields {
            let mut escaped = String::new();
            for c in plain(value).chars() {
                if matches!(c, '"' | '\\' | ']') {
                    escaped.push('\\');
                }
                escaped.push(c);
            }
            // A field that does not fit goes as a whole, or the structure would stay open.
            let field = format!(" {}=\"{escaped}\"", name(field, 32));
            if line.len() + field.len() < LINE_BYTES / 2 {
                line.push_str(&field);
            }
        }
        line.push(']');
    }
    let said = [title, body].map(plain);
    let words: Vec<&str> = said
        .iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    if !words.is_empty() {
        line.push(' ');
        line.push_str(&words.join(": "));
    }
    line.truncate(line.floor_char_boundary(LINE_BYTES));
    line
}

/// On one line.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Printable ASCII without what the format means something by, or `-`.
fn name(text: &str, longest: usize) -> String {
    let good = |c: &char| c.is_ascii_graphic() && !matches!(c, '=' | ']' | '"');
    let name: String = text.chars().filter(good).take(longest).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_structure_whatever_is_said() {
        let fields = [("na me=]\"".to_owned(), "a\"b]c\\d\n<0>1 forged".to_owned())];
        let said = line("on-call", Level::Critical, "disk\nfull", "at \u{7f}once", &fields);
        let (head, rest) = said.split_once(" [").unwrap();
        let parts: Vec<&str> = head.split(' ').collect();
        let [start, time, _host, "patchpanel", _process, "on-call"] = parts.as_slice() else {
            unreachable!("{head}")
        };
        assert_eq!(*start, "<10>1");
        assert!(patchpanel_event::parse_time(time).is_some());
        assert_eq!(
            rest,
            "patchpanel@32473 name=\"a\\\"b\\]c\\\\d <0>1 forged\"] disk full: at  once"
        );
        assert!(line("p", Level::Info, "", "", &[]).ends_with(" p -"));
        let long = line(
            "p",
            Level::Debug,
            "t",
            &"ä".repeat(LINE_BYTES),
            &[("f".to_owned(), "x".repeat(LINE_BYTES))],
        );
        assert!(
            long.starts_with("<15>1") && long.len() <= LINE_BYTES && long.contains("[patchpanel@32473]"),
            "{long}"
        );
    }

    #[test]
    fn targets_are_read_and_written() {
        for text in [
            "unix:/dev/log",
            "udp:127.0.0.1:514",
            "tcp:logs.example.com:601",
            "udp:[::1]:514",
        ] {
            assert_eq!(Syslog::parse(text).unwrap().to_string(), text);
        }
        for text in ["/dev/log", "unix:dev/log", "udp:host", "udp::1", "tcp:host:99999"] {
            assert!(Syslog::parse(text).is_err(), "{text}");
        }
    }
}
