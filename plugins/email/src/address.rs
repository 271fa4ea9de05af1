//! Addresses of mail, as plain as they are nearly everywhere: what needs quotes or comments is refused.

use plugin_message::clean;

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) name: Option<String>,
    pub(crate) email: String,
}

impl Address {
    /// Reads `ada@example.com` or `Ada <ada@example.com>`.
    ///
    /// # Errors
    /// Where it is none.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let (name, email) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, email)) => (clean_name(name)?, email),
            None => (None, text),
        };
        if is_email(email) {
            Ok(Self {
                name,
                email: email.to_owned(),
            })
        } else {
            Err("is no address such as ada@example.com or Ada <ada@example.com>")
        }
    }

    /// As in a header or a provider's JSON.
    pub(crate) fn text(&self) -> String {
        match &self.name {
            Some(name) => format!("\"{name}\" <{}>", self.email),
            None => self.email.clone(),
        }
    }

    /// What stands behind the `@`.
    pub(crate) fn domain(&self) -> &str {
        self.email.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
    }
}

fn clean_name(name: &str) -> Result<Option<String>, &'static str> {
    let name = name.trim().trim_matches('"');
    if clean::line(name) != name || name.contains(['"', '\\', '<', '>', '@', ',', ';']) {
        return Err("has a name with characters that mean something in addresses");
    }
    Ok((!name.is_empty()).then(|| name.to_owned()))
}

/// RFC 5321, section 4.5.3.1: 64 octets before the `@`, 255 behind it; RFC 5322, `dot-atom` on both sides.
fn is_email(email: &str) -> bool {
    let Some((local, domain)) = email.rsplit_once('@') else {
        return false;
    };
    let atoms = |text: &str, more: &[u8]| {
        text.split('.').all(|atom| {
            !atom.is_empty()
                && atom
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
        })
    };
    local.len() <= 64 && domain.len() <= 255 && atoms(local, b"!#$%&'*+-/=?^_`{|}~") && atoms(domain, b"-")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn plain_addresses_are_read_and_nothing_else() {
        let ada = Address::parse(" Ada L. <ada+x@mail.example.com>").unwrap();
        assert_eq!(
            (ada.name.as_deref(), ada.email.as_str(), ada.domain()),
            (Some("Ada L."), "ada+x@mail.example.com", "mail.example.com")
        );
        assert_eq!(Address::parse("ada@example.com").unwrap().text(), "ada@example.com");
        for wrong in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a b@example.com",
            "ada@example.com\r\nBcc: eve@example.com",
            "a@b@c d",
            "ada@example..com",
            "x <ada@example.com",
            "a,b@example.com",
            "Ada\r\nBcc: x <ada@example.com>",
            "\"a\" b\" <ada@example.com>",
            "<>",
        ] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }
}
