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
    UsSsn,
    NationalId,
    Crypto,
    Email,
    Phone,
    Ip,
    Mac,
    /// The operator's own words and patterns, by their place in the configuration.
    #[serde(skip)]
    Own(u8),
}

impl Class {
    pub(crate) const ALL: [Self; 15] = [
        Self::PrivateKey,
        Self::Jwt,
        Self::Token,
        Self::Credentials,
        Self::UrlPassword,
        Self::SecretKey,
        Self::Card,
        Self::Iban,
        Self::UsSsn,
        Self::NationalId,
        Self::Crypto,
        Self::Email,
        Self::Phone,
        Self::Ip,
        Self::Mac,
    ];

    /// As in the configuration, and the label of its edits. Own ones have labels of their own.
    pub(crate) const fn name(self) -> &'static str {
        self.row().1
    }

    /// The place in [`ALL`](Self::ALL); beyond it for all that are not of it.
    pub(crate) const fn index(self) -> usize {
        self.row().0
    }

    const fn row(self) -> (usize, &'static str) {
        match self {
            Self::PrivateKey => (0, "private-key"),
            Self::Jwt => (1, "jwt"),
            Self::Token => (2, "token"),
            Self::Credentials => (3, "credentials"),
            Self::UrlPassword => (4, "url-password"),
            Self::SecretKey => (5, "secret-key"),
            Self::Card => (6, "card"),
            Self::Iban => (7, "iban"),
            Self::UsSsn => (8, "us-ssn"),
            Self::NationalId => (9, "national-id"),
            Self::Crypto => (10, "crypto"),
            Self::Email => (11, "email"),
            Self::Phone => (12, "phone"),
            Self::Ip => (13, "ip"),
            Self::Mac => (14, "mac"),
            Self::Own(_) => (15, "own"),
        }
    }
}

/// Some of the classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Classes(u16);

impl Classes {
    pub(crate) const ALL: Self = Self((1 << Class::ALL.len()) - 1);
    /// Those that are numbers, or begin like one.
    pub(crate) const NUMBERS: Self = Self::of(&[
        Class::Card,
        Class::Iban,
        Class::UsSsn,
        Class::NationalId,
        Class::Phone,
        Class::Ip,
    ]);

    const fn of(classes: &[Class]) -> Self {
        let (mut set, mut rest) = (0, classes);
        while let [class, others @ ..] = rest {
            set |= 1 << class.index();
            rest = others;
        }
        Self(set)
    }

    pub(crate) const fn has(self, class: Class) -> bool {
        self.0 & (1 << class.index()) != 0
    }

    /// Whether any of `others` is among them.
    pub(crate) const fn has_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

impl FromIterator<Class> for Classes {
    fn from_iter<I: IntoIterator<Item = Class>>(classes: I) -> Self {
        Self(classes.into_iter().fold(0, |set, class| set | 1 << class.index()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_list() {
        for (place, class) in Class::ALL.iter().enumerate() {
            assert_eq!(class.index(), place, "{class:?}");
        }
        assert!(!Classes::ALL.has(Class::Own(0)));
    }
}
