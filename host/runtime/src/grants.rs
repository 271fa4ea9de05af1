//! What the operator allows a plugin. Nothing that is not here is given.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::secrets::SecretSource;

/// The capabilities of one plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Where HTTP requests may go.
    pub http: Vec<HttpGrant>,
    /// Whether names in `http` may lead to addresses of this machine or a private network.
    pub private_addresses: bool,
    /// Secrets by the names under which the plugin asks for them.
    pub secrets: BTreeMap<String, SecretSource>,
    /// A directory that the plugin sees as its root, to read and to write.
    pub directory: Option<PathBuf>,
    /// Environment variables that the plugin sees.
    pub env: Vec<String>,
    /// Whether it writes to the router's own standard output instead of its log.
    pub stdout: bool,
    /// For redactors: whether what they write to their log or say in errors is shown. They see what must not be logged.
    pub log: bool,
}

/// One rule for outgoing requests: `[METHOD ]scheme://host[:port]`, where the host may begin with `*.`.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpGrant {
    method: Option<String>,
    scheme: String,
    host: String,
    any_subdomain: bool,
    port: u16,
}

impl HttpGrant {
    /// Reads a rule.
    ///
    /// # Errors
    /// What is wrong and what to write.
    pub fn parse(text: &str) -> Result<HttpGrant, String> {
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
        let help = "write scheme, host and, where it is not the usual one, port, such as \"https://example.com\", \"http://127.0.0.1:9000\" or \"https://*.example.com\"";
        let uri: http::Uri = url
            .replacen("://*.", "://any-subdomain.", 1)
            .parse()
            .map_err(|_| help.to_owned())?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(help.to_owned());
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || authority.as_str().contains('@') {
            return Err(format!(
                "only scheme, host and port can be granted, not a path or user; {help}"
            ));
        }
        let host = authority.host().to_ascii_lowercase();
        let (host, any_subdomain) = match host.strip_prefix("any-subdomain.") {
            Some(rest) if url.contains("://*.") => (rest.to_owned(), true),
            _ => (host, false),
        };
        if host.is_empty() || host.contains('*') {
            return Err(format!("`*.` can only stand at the beginning of the host; {help}"));
        }
        let port = authority.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
        Ok(HttpGrant {
            method,
            scheme: scheme.to_owned(),
            host,
            any_subdomain,
            port,
        })
    }

    fn allows(&self, method: &str, scheme: &str, host: &str, port: u16) -> bool {
        self.method.as_deref().is_none_or(|allowed| allowed == method)
            && self.scheme == scheme
            && self.port == port
            && if self.any_subdomain {
                host.strip_suffix(&self.host)
                    .is_some_and(|sub| sub.ends_with('.') && sub.len() > 1)
            } else {
                self.host == host
            }
    }

    /// Whether it names this very host, so that a private address behind it is what the operator meant.
    fn names_address(&self, host: &str) -> bool {
        self.host == host && (host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok())
    }
}

impl fmt::Display for HttpGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(method) = &self.method {
            write!(f, "{method} ")?;
        }
        write!(
            f,
            "{}://{}{}:{}",
            self.scheme,
            if self.any_subdomain { "*." } else { "" },
            self.host,
            self.port
        )
    }
}

impl fmt::Debug for HttpGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Grants {
    /// Whether a request may be made; what the resolved address may be is a second question.
    ///
    /// # Errors
    /// The rule that is missing, as it would have to be written.
    pub(crate) fn check_request(&self, method: &str, uri: &http::Uri) -> Result<(), String> {
        let scheme = uri.scheme_str().unwrap_or_default();
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
        if self.http.iter().any(|grant| grant.allows(method, scheme, &host, port)) {
            return Ok(());
        }
        Err(format!(
            "{method} {scheme}://{host}:{port} is not granted; add \"{scheme}://{host}:{port}\" to `allow.http` of the plugin"
        ))
    }

    /// Whether the address that `host` was resolved to may be connected to.
    pub(crate) fn allows_address(&self, host: &str, address: IpAddr) -> bool {
        self.private_addresses
            || is_public(address)
            || self
                .http
                .iter()
                .any(|grant| grant.names_address(&host.to_ascii_lowercase()))
    }
}

/// Whether an address lies in the open internet: not on this machine, not in a private, link-local, carrier, benchmark,
/// documentation, multicast or reserved range (RFC 6890 and its registries), also not one of those mapped into IPv6.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (b == 18 || b == 19)))
        }
        IpAddr::V6(v6) => {
            if let Some(v4) = v6.to_ipv4() {
                return is_public(IpAddr::V4(v4));
            }
            let [first, second, ..] = v6.segments();
            // Global unicast is 2000::/3; of it, 2001::/23 is for protocols, 2001:db8::/32 for documentation, 2002::/16
            // (6to4) and 64:ff9b::/96 (NAT64, outside of 2000::/3) embed IPv4 addresses that would escape the check.
            first & 0xe000 == 0x2000 && !(first == 0x2001 && (second < 0x0200 || second == 0x0db8)) && first != 0x2002
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn allowed(rules: &[&str], method: &str, url: &str) -> bool {
        let http = rules.iter().map(|rule| HttpGrant::parse(rule).unwrap()).collect();
        Grants {
            http,
            ..Grants::default()
        }
        .check_request(method, &url.parse().unwrap())
        .is_ok()
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
            assert_eq!(allowed(&[rule], method, url), expected, "{rule} {method} {url}");
        }
        assert!(!allowed(&[], "GET", "https://a.example"));
        for wrong in [
            "a.example",
            "ftp://a",
            "https://a/b",
            "https://u:p@a",
            "https://a.*.b",
            "https://",
            "P-T https://a",
        ] {
            assert!(HttpGrant::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn knows_public_addresses() {
        for (address, expected) in [
            ("93.184.216.34", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("::1", false),
            ("::ffff:10.0.0.1", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("64:ff9b::a00:1", false),
            ("2002:a00:1::", false),
            ("2606:2800:220:1::1", true),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
        let local = Grants {
            http: vec![HttpGrant::parse("http://127.0.0.1:1").unwrap()],
            ..Grants::default()
        };
        assert!(local.allows_address("127.0.0.1", "127.0.0.1".parse().unwrap()));
        assert!(!local.allows_address("rebound.example", "127.0.0.1".parse().unwrap()));
    }
}
