//! Private keys in PEM form, whole or cut off.

use crate::class::Class;
use crate::finding::Sink;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
/// The longest is `ENCRYPTED PRIVATE KEY`, and `PGP PRIVATE KEY BLOCK`.
const MAX_NAME: usize = 64;

pub(crate) fn detect(bytes: &[u8], sink: &mut Sink) {
    let mut from = 0;
    while let Some(found) = bytes.get(from..).and_then(|rest| memchr::memmem::find(rest, BEGIN)) {
        let start = from + found;
        from = start + BEGIN.len();
        let Some(body) = name_end(bytes, from) else { continue };
        if memchr::memmem::find(bytes.get(from..body).unwrap_or_default(), b"PRIVATE KEY").is_none() {
            continue;
        }
        // Without an end, the text was cut: the rest of it is key.
        let end = bytes
            .get(body..)
            .and_then(|rest| memchr::memmem::find(rest, END))
            .map(|found| body + found);
        let end = end
            .and_then(|end| name_end(bytes, end + END.len()))
            .unwrap_or(bytes.len());
        sink.push(start, end, Class::PrivateKey);
        from = end;
    }
}

/// Behind the dashes that end the name that begins at `from`.
fn name_end(bytes: &[u8], from: usize) -> Option<usize> {
    let window = bytes.get(from..bytes.len().min(from + MAX_NAME))?;
    memchr::memmem::find(window, b"-----").map(|found| from + found + 5)
}

#[cfg(test)]
mod tests {
    use crate::detect::tests::found;

    #[test]
    fn blocks() {
        let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\nabc=\n-----END RSA PRIVATE KEY-----";
        assert_eq!(found(&format!("key:\n{key}\n.")), [("private-key", key)]);
        let cut = "-----BEGIN PRIVATE KEY-----\nMIIB";
        assert_eq!(found(&format!("x {cut}")), [("private-key", cut)]);
        assert_eq!(
            found("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"),
            []
        );
        let escaped = r"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----";
        assert_eq!(
            found(&format!(r#"{{"a": "\n{escaped}\n"}}"#)),
            [("private-key", escaped)]
        );
    }
}
