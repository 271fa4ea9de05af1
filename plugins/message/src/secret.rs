//! Texts that may be secret, in a configuration.

use patchpanel_plugin::secrets;
use serde::Deserialize;

/// A text, or the name of a secret that is one: `"..."` or `{ secret = "name", prefix = "Bearer " }`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected a text or { secret = \"name\", prefix = \"...\" }"
)]
pub enum SecretText {
    /// As written. It may hold a token for which the router puts a secret.
    Text(String),
    /// Read from the router.
    Secret {
        /// Its name.
        secret: String,
        /// What stands before it.
        #[serde(default)]
        prefix: String,
    },
}

/// Without the value, which may be secret although it was written as text.
impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText")
    }
}

impl SecretText {
    /// Its value, without white space at the ends, as files of secrets have it.
    ///
    /// # Errors
    /// Where the secret was not granted or cannot be read.
    pub fn read(&self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Secret { secret, prefix } => {
                let value = secrets::get(secret).map_err(|error| error.to_string())?;
                Ok(format!("{prefix}{}", value.trim()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use patchpanel_plugin::testing::grant_secret;

    #[test]
    fn a_text_or_a_secret() {
        grant_secret("token", "s3cret\n");
        let read = |json: &str| serde_json::from_str::<SecretText>(json).map(|text| text.read());
        assert_eq!(read(r#""a""#).unwrap().unwrap(), "a");
        assert_eq!(
            read(r#"{"secret": "token", "prefix": "Bearer "}"#).unwrap().unwrap(),
            "Bearer s3cret"
        );
        assert!(
            read(r#"{"secret": "none"}"#)
                .unwrap()
                .unwrap_err()
                .contains("not granted")
        );
        assert!(read(r#"{"secret": "token", "suffix": ""}"#).is_err());
        assert!(!format!("{:?}", SecretText::Text("s3cret".to_owned())).contains("s3cret"));
    }
}
