//! Signatures as of Standard Webhooks 1.0 (github.com/standard-webhooks, spec/standard-webhooks.md): of id, timestamp and
//! body, joined by full stops.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_compact::{KeyPair, Seed};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// One key.
#[derive(Clone)]
pub(crate) enum Key {
    /// `whsec_`: the receiver has the same one.
    Shared(Hmac<Sha256>),
    /// `whsk_`: the receiver has the public half, `whpk_`.
    Private(Box<KeyPair>),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Shared(_) => "Shared",
            Self::Private(_) => "Private",
        })
    }
}

/// Bytes of a shared key, by the specification: fewer can be guessed, more are none of it.
const SHARED: std::ops::RangeInclusive<usize> = 24..=64;

impl Key {
    /// Reads the text form.
    ///
    /// # Errors
    /// What is wrong with it, without the key.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let decoded = |base64: &str| {
            BASE64_STANDARD
                .decode(base64)
                .map_err(|_| "what stands behind the prefix is not base64")
        };
        if let Some(base64) = text.strip_prefix("whsec_") {
            let key = decoded(base64)?;
            if !SHARED.contains(&key.len()) {
                return Err("a `whsec_` key must have 24 to 64 bytes");
            }
            return Hmac::new_from_slice(&key).map(Self::Shared).map_err(|_| "is not a key");
        }
        let base64 = text
            .strip_prefix("whsk_")
            .ok_or("must begin with `whsec_` (HMAC-SHA256) or `whsk_` (Ed25519)")?;
        let bytes = decoded(base64)?;
        // The private half alone, or as libsodium has it: with the public half behind it.
        let key = match bytes.len() {
            Seed::BYTES => Seed::from_slice(&bytes).and_then(KeyPair::try_from_seed),
            KeyPair::BYTES => KeyPair::from_slice(&bytes),
            _ => return Err("a `whsk_` key must have 32 or 64 bytes"),
        };
        let key = key.map_err(|_| "the `whsk_` key is none")?;
        key.validate()
            .map_err(|_| "the halves of the `whsk_` key do not belong together")?;
        Ok(Self::Private(Box::new(key)))
    }

    fn sign(&self, content: &[u8]) -> String {
        match self {
            Self::Shared(key) => {
                let signature = key.clone().chain_update(content).finalize().into_bytes();
                format!("v1,{}", BASE64_STANDARD.encode(signature))
            }
            Self::Private(key) => format!("v1a,{}", BASE64_STANDARD.encode(key.sk.sign(content, None).as_ref())),
        }
    }
}

/// The header `webhook-signature`: one signature for each key. Receivers take any that they know.
pub(crate) fn header(keys: &[Key], id: &str, timestamp: u64, body: &str) -> String {
    let content = format!("{id}.{timestamp}.{body}");
    let signatures: Vec<String> = keys.iter().map(|key| key.sign(content.as_bytes())).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use ed25519_compact::Signature;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_vector_of_the_official_libraries() {
        let key = Key::parse(SECRET).unwrap();
        assert_eq!(
            header(
                &[key],
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn keys_that_change_sign_side_by_side() {
        let seed = [7; 32];
        let signing = KeyPair::from_seed(Seed::new(seed));
        let pair = BASE64_STANDARD.encode(*signing);
        let keys = [
            Key::parse(SECRET).unwrap(),
            Key::parse(&format!("whsk_{pair}\n")).unwrap(),
            Key::parse(&format!("whsk_{}", BASE64_STANDARD.encode(seed))).unwrap(),
        ];
        let header = header(&keys, "id", 1, "body");
        let signatures: Vec<&str> = header.split(' ').collect();
        let [first, second, third] = signatures[..] else {
            panic!("{header}")
        };
        assert!(first.starts_with("v1,"));
        assert_eq!(second, third);
        let bytes = BASE64_STANDARD.decode(second.strip_prefix("v1a,").unwrap()).unwrap();
        let signature = Signature::from_slice(&bytes).unwrap();
        assert!(signing.pk.verify(b"id.1.body", &signature).is_ok());
    }

    #[test]
    fn what_is_no_key_is_told_without_it() {
        for wrong in [
            "",
            "hunter2hunter2",
            "whsec_hunter2!",
            "whsec_aHVudGVy",
            "whsk_aHVudGVy",
        ] {
            let error = Key::parse(wrong).unwrap_err();
            assert!(!error.contains("hunter") && !error.contains("aHVudGVy"), "{error}");
        }
        let mut halves = [7; 64];
        halves[40] = 8;
        let error = Key::parse(&format!("whsk_{}", BASE64_STANDARD.encode(halves))).unwrap_err();
        assert!(error.contains("do not belong together"), "{error}");
        assert!(!format!("{:?}", Key::parse(SECRET).unwrap()).contains("Mf"));
    }
}
