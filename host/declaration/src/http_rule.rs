//! Rules for outgoing requests, as plugins ask for them and operators grant them.

use std::fmt;
use std::net::IpAddr;

/// `[METHOD ]scheme://host[:port][/path]`, where the host may begin with `*.`. The path grants itself and what lies below
/// it, in whole segments.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRule {
    method: Option<String>,
    scheme: String,
    host: String,
    any_subdomain: bool,
    port: u16,
    /// Begins with `/` and does not end with it; empty: every path.
    path: String,
}

/// The same for every rule that cannot be read.
const HELP: &str = "write scheme, host and, where wanted, port and path, such as \"https://example.com\", \"http://127.0.0.1:9000\", \"https://*.example.com\" or \"POST https://example.com/v1/messages\"";

impl HttpRule {
    /// Reads a rule.
    ///
    /// # Errors
    /// What is wrong and what to write.
    pub fn parse(text: &str) -> Result<HttpRule, String> {
        let (method, url) = match text.split_once(' ') {
            Some((method, url)) => (Some(method.to_ascii_uppercase()), url.trim()),
            None => (None, text),
        };
        if method
            .as_deref()
            .is_some_and(|method| method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()))
        {
            return Err(
                "what stands before the space must be an HTTP method, such as \"POST https://example.com\"".to_owned(),
            );
        }
        let uri: http::Uri = url
            .replacen("://*.", "://any-subdomain.", 1)
            .parse()
            .map_err(|_| HELP.to_owned())?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(HELP.to_owned());
        };
        if uri.query().is_some() || authority.as_str().contains('@') {
            return Err(format!("a rule has no query and no user; {HELP}"));
        }
        if !is_plain(uri.path()) {
            return Err(format!(
                "the path must be written without `.` and `..` and without encoded slashes; {HELP}"
            ));
        }
        let host = authority.host().to_ascii_lowercase();
        let (host, any_subdomain) = match host.strip_prefix("any-subdomain.") {
            Some(rest) if url.contains("://*.") => (rest.to_owned(), true),
            _ => (host, false),
        };
        if host.is_empty() || host.contains('*') {
            return Err(format!("`*.` can only stand at the beginning of the host; {HELP}"));
        }
        Ok(HttpRule {
            method,
            scheme: scheme.to_owned(),
            host,
            any_subdomain,
            port: port_of(&uri),
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Whether the rule is about such a request.
    pub fn allows(&self, method: &str, uri: &http::Uri) -> bool {
        self.method.as_deref().is_none_or(|allowed| allowed == method)
            && uri.scheme_str() == Some(&self.scheme)
            && self.port == port_of(uri)
            && self.covers_host(&uri.host().unwrap_or_default().to_ascii_lowercase())
            && (self.path.is_empty() || (is_plain(uri.path()) && is_below(uri.path(), &self.path)))
    }

    fn covers_host(&self, host: &str) -> bool {
        if self.any_subdomain {
            host.strip_suffix(&self.host)
                .is_some_and(|sub| sub.ends_with('.') && sub.len() > 1)
        } else {
            self.host == host
        }
    }

    /// Whether there is any request that both rules are about.
    pub fn meets(&self, other: &HttpRule) -> bool {
        let hosts = match (self.any_subdomain, other.any_subdomain) {
            (true, true) => {
                let below = |a: &HttpRule, b: &HttpRule| a.host == b.host || b.covers_host(&a.host);
                below(self, other) || below(other, self)
            }
            (true, false) => self.covers_host(&other.host),
            (false, _) => other.covers_host(&self.host),
        };
        hosts
            && self.scheme == other.scheme
            && self.port == other.port
            && (self.method.is_none() || other.method.is_none() || self.method == other.method)
            && (is_below(&self.path, &other.path) || is_below(&other.path, &self.path))
    }

    /// Whether it names this very host, so that a private address behind it is what the operator meant.
    pub fn names_address(&self, host: &str) -> bool {
        self.host == host && (host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok())
    }
}

fn port_of(uri: &http::Uri) -> u16 {
    let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    uri.port_u16().unwrap_or(usual)
}

/// Whether `path` is `prefix` or lies below it; every path lies below the empty one.
fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether every server takes the path as it is written: no segment is `.` or `..`, and no slash hides in an encoding,
/// in an encoding of an encoding, or in a backslash. Some servers drop what stands behind a `;` in a segment.
fn is_plain(path: &str) -> bool {
    let mut decoded = path.as_bytes().to_vec();
    loop {
        let once = decode(&decoded);
        let hides =
            |byte: u8| once.iter().filter(|b| **b == byte).count() > decoded.iter().filter(|b| **b == byte).count();
        if hides(b'/') || once.contains(&b'\\') {
            return false;
        }
        if once == decoded {
            break;
        }
        decoded = once;
    }
    !decoded.split(|byte| *byte == b'/').any(|segment| {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        matches!(name, b"." | b"..")
    })
}

/// Percent-decoding, once.
fn decode(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        let byte = match (first, others) {
            (b'%', [high, low, behind @ ..]) => digit(high).zip(digit(low)).map(|(high, low)| {
                rest = behind;
                high << 4 | low
            }),
            _ => None,
        };
        decoded.push(byte.unwrap_or(*first));
    }
    decoded
}

impl fmt::Display for HttpRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(method) = &self.method {
            write!(f, "{method} ")?;
        }
        let any = if self.any_subdomain { "*." } else { "" };
        write!(f, "{}://{any}{}:{}{}", self.scheme, self.host, self.port, self.path)
    }
}

impl fmt::Debug for HttpRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn allows(rule: &str, method: &str, url: &str) -> bool {
        HttpRule::parse(rule).unwrap().allows(method, &url.parse().unwrap())
    }

    #[test]
    fn grants_scheme_host_port_and_method() {
        for (rule, method, url, expected) in [
            ("https://a.example", "POST", "https://a.example/x?y", true),
            ("https://a.example", "POST", "https://A.EXAMPLE:443/", true),
            ("https://a.example", "POST", "http://a.example/", false),
            ("https://a.example", "POST", "https://a.example:8443/", false),
            ("https://a.example", "POST", "https://b.a.example/", false),
            ("https://*.a.example", "POST", "https://b.a.example/", true),
            ("https://*.a.example", "POST", "https://c.b.a.example/", true),
            ("https://*.a.example", "POST", "https://a.example/", false),
            ("https://*.a.example", "POST", "https://nota.example/", false),
            ("post http://127.0.0.1:9000/", "POST", "http://127.0.0.1:9000/", true),
            ("POST http://127.0.0.1:9000", "GET", "http://127.0.0.1:9000/", false),
        ] {
            assert_eq!(allows(rule, method, url), expected, "{rule} {method} {url}");
        }
        for wrong in [
            "a.example",
            "ftp://a",
            "https://a/b?c",
            "https://a/b/../c",
            "https://a/b%2fc",
            "https://u:p@a",
            "https://a.*.b",
            "https://",
            "P-T https://a",
        ] {
            assert!(HttpRule::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_path_grants_what_lies_below_it_and_nothing_beside_it() {
        for rule in ["https://a.example/v1/messages", "https://a.example/v1/messages/"] {
            for (path, expected) in [
                ("/v1/messages", true),
                ("/v1/messages/", true),
                ("/v1/messages/7?x=/../y", true),
                ("/v1/messages/a%20b", true),
                ("/v1/messages.old", false),
                ("/v1/messagesX", false),
                ("/v1", false),
                ("/", false),
                ("//v1/messages", false),
                ("/V1/messages", false),
                ("/v1/%6dessages", false),
                ("/v1/messages/../admin", false),
                ("/v1/messages/./x", false),
                ("/v1/messages/%2e%2e/admin", false),
                ("/v1/messages/.%2E/admin", false),
                ("/v1/messages/%252e%252e/admin", false),
                ("/v1/messages/..;a=b/admin", false),
                ("/v1/messages/..%2fadmin", false),
                ("/v1/messages/x%2F..%2Fadmin", false),
                ("/v1/messages/x%252Fy", false),
                ("/v1/messages/..%5cadmin", false),
                ("/v1/messages/...", true),
            ] {
                let url = format!("https://a.example{path}");
                assert_eq!(allows(rule, "GET", &url), expected, "{rule} {url}");
            }
        }
        // Where all of a host is granted, its paths are the plugin's own affair.
        assert!(allows("https://a.example", "GET", "https://a.example/../x"));
    }

    #[test]
    fn rules_meet_where_one_request_fits_both() {
        for (one, other, expected) in [
            ("https://a.example", "GET https://a.example/v1", true),
            ("POST https://a.example", "GET https://a.example", false),
            ("https://*.a.example", "https://b.a.example", true),
            ("https://*.a.example", "https://*.b.a.example", true),
            ("https://*.a.example", "https://*.b.example", false),
            ("https://*.a.example", "https://a.example", false),
            ("https://a.example/v1", "https://a.example/v2", false),
            ("https://a.example", "http://a.example", false),
        ] {
            let (one, other) = (HttpRule::parse(one).unwrap(), HttpRule::parse(other).unwrap());
            assert_eq!(
                (one.meets(&other), other.meets(&one)),
                (expected, expected),
                "{one} {other}"
            );
        }
    }
}
