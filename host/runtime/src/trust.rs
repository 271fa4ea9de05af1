//! Whose plugins are taken: those that somebody with one of the operator's keys has signed.
//!
//! Signatures are those of minisign (Ed25519), in a file beside the component: `NAME.wasm.minisig`.

use minisign_verify::{PublicKey, Signature};

use crate::LoadError;

/// What stands behind the name of a component's file in that of its signature.
pub const SIGNATURE_SUFFIX: &str = ".minisig";

/// A public key of minisign: its Base64 text, as `minisign -G` and `patchpanel plugin keygen` print it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey(PublicKey);

impl TrustedKey {
    /// Reads the Base64 text, or the two lines of a `.pub` file.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<TrustedKey, String> {
        let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        PublicKey::from_base64(last.trim())
            .map(TrustedKey)
            .map_err(|_| "write the public key as minisign prints it: 56 characters that begin with \"RW\"".to_owned())
    }
}

/// The operator's keys. Without any, plugins need no signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// A plugin needs the signature of one of them.
    pub keys: Vec<TrustedKey>,
}

impl Trust {
    /// Whether a component that is not part of the binary may be loaded.
    ///
    /// # Errors
    /// [`LoadError::Signature`]: there is no signature, or it is none of these keys' over these bytes.
    pub fn check(&self, component: &[u8], signature: Option<&str>) -> Result<(), LoadError> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let refuse = |message: &str| Err(LoadError::Signature(message.to_owned()));
        let Some(signature) = signature else {
            return refuse("there is none, and `trusted_keys` asks for one");
        };
        let Ok(signature) = Signature::decode(signature) else {
            return refuse("it is not in the format of minisign");
        };
        let by = |key: &TrustedKey| key.0.verify(component, &signature, false).is_ok();
        match self.keys.iter().any(by) {
            true => Ok(()),
            false => refuse("it was made with another key, or for another content"),
        }
    }
}
