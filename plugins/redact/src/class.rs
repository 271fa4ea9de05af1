//! What can be found.

use serde::Deserialize;

/// A kind of secret or personal data. In the order in which they win where two were found in the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Class {
    PrivateKey,
    Jwt,
    Token,
    Credentials,
    UrlPassword,
    SecretKey,
    Card,
    Iban,
    Email,
}

impl Class {
    pub(crate) const ALL: [Self; 9] = [
        Self::PrivateKey,
        Self::Jwt,
        Self::Token,
        Self::Credentials,
        Self::UrlPassword,
        Self::SecretKey,
        Self::Card,
        Self::Iban,
        Self::Email,
    ];

    /// As in the configuration, and the label of its edits.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::PrivateKey => "private-key",
            Self::Jwt => "jwt",
            Self::Token => "token",
            Self::Credentials => "credentials",
            Self::UrlPassword => "url-password",
            Self::SecretKey => "secret-key",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::Email => "email",
        }
    }
}

/// Some of the classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Classes(u16);

impl Classes {
    pub(crate) const ALL: Self = Self((1 << Class::ALL.len()) - 1);

    pub(crate) const fn has(self, class: Class) -> bool {
        self.0 & (1 << class as u16) != 0
    }
}

impl FromIterator<Class> for Classes {
    fn from_iter<I: IntoIterator<Item = Class>>(classes: I) -> Self {
        Self(classes.into_iter().fold(0, |set, class| set | 1 << class as u16))
    }
}
