//! `patchpanel plugin keygen`, `sign`, `verify`: signatures as those of minisign, whose tools read them and write them, too.

use std::fs::{self, File, OpenOptions};
use std::io::{Cursor, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use minisign::{KeyPair, PublicKey, SecretKeyBox};
use patchpanel_runtime::{SIGNATURE_SUFFIX, Trust, TrustedKey};

use super::read;
use crate::{exit, terminal};

/// Where a password is taken from that nobody is there to type.
const PASSWORD: &str = "PATCHPANEL_KEY_PASSWORD";

/// Writes `NAME.key`, for this user only, and `NAME.pub`.
pub(super) fn keygen(name: &Path, without_password: bool) -> anyhow::Result<u8> {
    let (secret, public) = (with_suffix(name, ".key"), with_suffix(name, ".pub"));
    for path in [&secret, &public] {
        anyhow::ensure!(
            !path.exists(),
            "{} is there already, and a key that is gone is gone",
            path.display()
        );
    }
    let pair = match without_password {
        true => KeyPair::generate_unencrypted_keypair(),
        false => KeyPair::generate_encrypted_keypair(password()),
    };
    let pair = pair.context("cannot make a key")?;
    let comment = Some("patchpanel plugins: secret key");
    let text = pair.sk.to_box(comment).context("cannot write the key")?.into_string();
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&secret);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write {}", secret.display()))?;
    let text = pair.pk.to_box().context("cannot write the key")?.into_string();
    fs::write(&public, text).with_context(|| format!("cannot write {}", public.display()))?;
    terminal::say(format_args!(
        "keep {} secret; whoever runs a router writes into its configuration:",
        secret.display()
    ));
    terminal::print_line(format_args!("trusted_keys = [\"{}\"]", pair.pk.to_base64()))?;
    Ok(exit::OK)
}

/// Writes `FILE.minisig`.
pub(super) fn sign(file: &Path, key: &Path) -> anyhow::Result<u8> {
    let component = read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let text = fs::read_to_string(key).with_context(|| format!("cannot read {}", key.display()))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let secret = SecretKeyBox::from_string(&text).and_then(|boxed| {
        // A key without a password is told by trying: its box does not say so.
        let open = boxed.clone().into_unencrypted_secret_key();
        open.or_else(|_| boxed.into_secret_key(password()))
    });
    let secret = secret.with_context(|| {
        format!(
            "{} is no secret key of minisign, or the password is wrong",
            key.display()
        )
    })?;
    let public = PublicKey::from_secret_key(&secret).context("the key is damaged")?;
    let comment = format!("file:{name}");
    let signature = minisign::sign(Some(&public), &secret, Cursor::new(component), Some(&comment), None);
    let signature = signature.context("cannot sign")?.into_string();
    let path = with_suffix(file, SIGNATURE_SUFFIX);
    let written = File::create(&path).and_then(|mut file| file.write_all(signature.as_bytes()));
    written.with_context(|| format!("cannot write {}", path.display()))?;
    terminal::say(format_args!("{} written", path.display()));
    Ok(exit::OK)
}

/// Judges a file as a router does that has these keys.
pub(super) fn verify(file: &Path, keys: &[String]) -> anyhow::Result<u8> {
    let component = read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let path = with_suffix(file, SIGNATURE_SUFFIX);
    let signature = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let trusted: Result<Vec<TrustedKey>, String> = keys.iter().map(|key| trusted(key)).collect();
    let trust = match trusted {
        Ok(keys) => Trust { keys },
        Err(problem) => {
            terminal::say(problem);
            return Ok(exit::WRONG_INPUT);
        }
    };
    match trust.check(&component, Some(&signature)) {
        Ok(()) => {
            terminal::say(format_args!("{}: signed by one of these keys", file.display()));
            Ok(exit::OK)
        }
        Err(error) => {
            terminal::say(format_args!("{}: {error}", file.display()));
            Ok(exit::FAILED)
        }
    }
}

/// A key, or the file in which it stands.
fn trusted(key: &str) -> Result<TrustedKey, String> {
    TrustedKey::parse(key).or_else(|help| {
        let text = fs::read_to_string(key).map_err(|_| format!("{key} is no public key and no file: {help}"))?;
        TrustedKey::parse(&text).map_err(|help| format!("{key}: {help}"))
    })
}

/// `None`: it is asked for on the terminal.
fn password() -> Option<String> {
    std::env::var(PASSWORD).ok()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}
