//! Names whose values are secret: `password`, `client_secret`, `apiKey`, but not `token_count` or `publicKey`.

use crate::class::Class;

/// How much a name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// A key of some kind: only what looks random is a secret.
    Weak,
    /// Secret, but also a word that people write: `token: expired`.
    Likely,
    /// Nothing but secret.
    Certain,
}

/// No name that people give is longer.
pub(crate) const MAX_NAME: usize = 64;

/// Names that an operator has added: of secrets, in small letters and without what joins words, and labels.
#[derive(Debug, Default)]
pub(crate) struct Names {
    secrets: Vec<Vec<u8>>,
    labels: Vec<&'static str>,
}

impl Names {
    pub(crate) fn new(secrets: &[String], labels: impl Iterator<Item = &'static str>) -> Self {
        Self {
            secrets: secrets.iter().map(|name| plain(name.as_bytes())).collect(),
            labels: labels.collect(),
        }
    }

    /// Whether edits may have this label.
    pub(crate) fn is_label(&self, label: &[u8]) -> bool {
        Class::ALL.iter().any(|class| class.name().as_bytes() == label)
            || self.labels.iter().any(|own| own.as_bytes() == label)
    }

    /// Whether a name may be one of a secret, or a type behind one, that ends like this: what settles almost every name
    /// without a look for its beginning.
    #[inline]
    pub(crate) fn may_end(&self, end: &[u8]) -> bool {
        let is_letter = end.last().is_some_and(u8::is_ascii_alphabetic);
        !self.secrets.is_empty() || !is_letter || may_be_secret(end) || end.eq_ignore_ascii_case(b"str")
    }

    /// Judges a name: by the operator's list, then by its last words.
    pub(crate) fn strength(&self, name: &[u8]) -> Option<Strength> {
        if !self.secrets.is_empty() && self.secrets.contains(&plain(name)) {
            return Some(Strength::Certain);
        }
        strength(name)
    }
}

/// `apiKey`, `api_key` and `API-KEY` are one name.
fn plain(name: &[u8]) -> Vec<u8> {
    name.iter()
        .filter(|byte| byte.is_ascii_alphanumeric() || **byte >= 0x80)
        .map(u8::to_ascii_lowercase)
        .collect()
}

/// How many bytes of a name [`Names::may_end`] looks at.
pub(crate) const LONGEST_END: usize = 3;

/// Judges a name by its last words.
fn strength(name: &[u8]) -> Option<Strength> {
    let name = name.trim_ascii_end();
    let trimmed = name.len()
        - name
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b'-'))
            .count();
    let name = name.get(..trimmed)?;
    if !may_be_secret(name) || is_question(name) {
        return None;
    }
    // The directory that a shell is in.
    if matches!(name, b"PWD" | b"OLDPWD") {
        return None;
    }
    // What names an access key in a signed URL, beside the signature.
    if name.eq_ignore_ascii_case(b"x-amz-credential") || name.eq_ignore_ascii_case(b"x-goog-credential") {
        return None;
    }
    let mut buffer = [0; MAX_NAME];
    let last = lower(last_word(name), &mut buffer)?;
    if let Some(strength) = word_strength(last) {
        return Some(strength);
    }
    let rest = name.get(..name.len() - last.len())?;
    let rest = rest
        .strip_suffix(b"_")
        .or(rest.strip_suffix(b"-"))
        .or(rest.strip_suffix(b" "))
        .or(rest.strip_suffix(b"."))
        .unwrap_or(rest);
    let mut buffer = [0; MAX_NAME];
    let before = lower(last_word(rest), &mut buffer)?;
    match last {
        b"key" => key_strength(before),
        b"id" => matches!(before, b"session" | b"sess").then_some(Strength::Likely),
        b"string" => (before == b"connection").then_some(Strength::Weak),
        _ => None,
    }
}

/// `has_password`, `isSecret`: the value is yes or no. `no_password`, `nonSecret`: says that it is none.
fn is_question(name: &[u8]) -> bool {
    ["has", "is", "no", "non", "not"].iter().any(|verb| {
        name.split_at_checked(verb.len()).is_some_and(|(first, rest)| {
            let next = rest.first().copied().unwrap_or_default();
            let ends =
                matches!(next, b'_' | b'-') || next.is_ascii_uppercase() && !first.iter().all(u8::is_ascii_uppercase);
            first.eq_ignore_ascii_case(verb.as_bytes()) && ends
        })
    })
}

/// A look at the last letters settles almost every name.
fn may_be_secret(name: &[u8]) -> bool {
    let Some(&[a, b, c]) = name.last_chunk::<3>() else {
        return name.eq_ignore_ascii_case(b"pw");
    };
    let last = [a.to_ascii_lowercase(), b.to_ascii_lowercase(), c.to_ascii_lowercase()];
    matches!(last, [_, b'p', b'w'] | [_, b'i', b'd'])
        || matches!(
            &last,
            b"ord"
                | b"swd"
                | b"ort"
                | b"pwd"
                | b"ase"
                | b"ode"
                | b"ret"
                | b"ken"
                | b"ass"
                | b"ial"
                | b"als"
                | b"ion"
                | b"kie"
                | b"ies"
                | b"key"
                | b"rer"
                | b"jwt"
                | b"otp"
                | b"pin"
                | b"cvv"
                | b"cvc"
                | b"uth"
                | b"ure"
                | b"sig"
                | b"ing"
        )
}

fn word_strength(word: &[u8]) -> Option<Strength> {
    match word {
        b"password" | b"passwd" | b"passwort" | b"passphrase" | b"passcode" => Some(Strength::Certain),
        b"secret" | b"token" | b"pass" | b"pw" | b"pwd" | b"credential" | b"credentials" | b"authorization"
        | b"cookie" | b"cookies" | b"session" | b"sessionid" | b"sessid" | b"phpsessid" | b"jsessionid"
        | b"accesskey" | b"authkey" | b"accountkey" | b"bearer" | b"jwt" | b"otp" | b"totp" | b"pin" | b"cvv"
        | b"cvc" => Some(Strength::Likely),
        b"auth" | b"sid" | b"sig" => Some(Strength::Weak),
        _ => joined(word),
    }
}

/// Words that are written as one: `dbpassword`, `clientsecret`.
fn joined(word: &[u8]) -> Option<Strength> {
    const CERTAIN: [&str; 3] = ["password", "passwd", "passphrase"];
    const LIKELY: [&str; 5] = ["secret", "token", "apikey", "secretkey", "privatekey"];
    if CERTAIN.iter().any(|end| word.ends_with(end.as_bytes())) {
        return Some(Strength::Certain);
    }
    LIKELY
        .iter()
        .any(|end| word.ends_with(end.as_bytes()))
        .then_some(Strength::Likely)
}

/// What kind of key.
fn key_strength(kind: &[u8]) -> Option<Strength> {
    match kind {
        b"api" | b"secret" | b"private" | b"access" | b"auth" | b"encryption" | b"signing" | b"master" | b"account"
        | b"license" | b"licence" | b"deploy" | b"storage" | b"shared" | b"app" | b"application" | b"service"
        | b"client" | b"hmac" | b"session" => Some(Strength::Likely),
        b"" | b"public" | b"pub" | b"foreign" | b"primary" | b"sort" | b"partition" | b"cache" | b"host"
        | b"unique" | b"object" | b"index" | b"sequence" | b"translation" | b"message" | b"idempotency"
        | b"routing" | b"row" | b"lookup" | b"parent" | b"group" => None,
        _ => Some(Strength::Weak),
    }
}

/// The last word of `snake_case`, `kebab-case`, `camelCase`, `SCREAMING_CASE` or `dotted.case`.
fn last_word(name: &[u8]) -> &[u8] {
    let mut start = name.len();
    while let Some(&byte) = start.checked_sub(1).and_then(|index| name.get(index)) {
        if !byte.is_ascii_alphanumeric() {
            break;
        }
        start -= 1;
        let hump = byte.is_ascii_uppercase() && name.get(start + 1).is_some_and(u8::is_ascii_lowercase);
        let edge = start > 0
            && byte.is_ascii_uppercase()
            && name
                .get(start - 1)
                .is_some_and(|before| before.is_ascii_lowercase() || before.is_ascii_digit());
        if hump || edge {
            break;
        }
    }
    name.get(start..).unwrap_or_default()
}

fn lower<'a>(word: &[u8], buffer: &'a mut [u8; MAX_NAME]) -> Option<&'a [u8]> {
    let lower = buffer.get_mut(..word.len())?;
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    Some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_by_their_last_words() {
        let all = |names: &str, expected| {
            for name in names.split_whitespace() {
                assert_eq!(strength(name.as_bytes()), expected, "{name}");
            }
        };
        all(
            "password DB_PASSWORD userPassword dbpassword password2 passwd ISSUER_PASSWORD hash_password",
            Some(Strength::Certain),
        );
        all(
            "token access_token authToken HTTPToken clientSecret session_id SESSIONID Set-Cookie",
            Some(Strength::Likely),
        );
        all(
            "apiKey api_key APIKEY x-api-key secret_key privateKey AccountKey credentials",
            Some(Strength::Likely),
        );
        all("authorization aws.secret_access_key", Some(Strength::Likely));
        all("STRIPE_KEY cloudant_key user_auth", Some(Strength::Weak));
        all(
            "token_count max_tokens tokenizer tokens secretary passenger compass author monkey key",
            None,
        );
        all(
            "PWD OLDPWD X-Amz-Credential signature nonSecret no_password public_key publicKey foreignKey credentials_url session_count has_password hasPassword IS_SECRET _ 12",
            None,
        );
        assert_eq!(strength(b""), None);
    }
}
