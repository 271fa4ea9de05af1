//! AWS Signature Version 4: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderName, HeaderValue, Request, header};
use patchpanel_plugin::Event;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// Who signs, and for what.
pub(crate) struct Keys<'k> {
    pub(crate) region: &'k str,
    pub(crate) service: &'k str,
    pub(crate) access_key: &'k str,
    pub(crate) secret_key: &'k str,
    pub(crate) session_token: Option<String>,
}

/// Adds the headers of a signature made `now` to a POST request whose URL has no query and a plain path.
///
/// # Errors
/// Where a key cannot be part of a header.
pub(crate) fn sign(request: &mut Request<String>, keys: &Keys<'_>, now: SystemTime) -> Result<(), String> {
    let time = timestamp(now);
    let date = time.get(..8).unwrap_or_default();
    let host = request
        .uri()
        .authority()
        .map(|authority| authority.as_str().to_owned())
        .unwrap_or_default();
    insert(request, "x-amz-date", &time)?;
    if let Some(token) = &keys.session_token {
        insert(request, "x-amz-security-token", token)?;
    }
    let mut signed = vec![("host".to_owned(), host)];
    for name in ["content-type", "x-amz-date", "x-amz-security-token"] {
        let value = request
            .headers()
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned());
        signed.extend(value.map(|value| (name.to_owned(), value)));
    }
    signed.sort();
    let names: Vec<&str> = signed.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let canonical = format!(
        "POST\n{}\n\n{lines}\n{names}\n{}",
        request.uri().path(),
        hex(&Sha256::digest(request.body().as_bytes()))
    );
    let scope = format!("{date}/{}/{}/aws4_request", keys.region, keys.service);
    let content = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    let secret = format!("AWS4{}", keys.secret_key);
    let key = [date, keys.region, keys.service, "aws4_request"]
        .iter()
        .try_fold(secret.into_bytes(), |key, part| mac(&key, part.as_bytes()))?;
    let signature = hex(&mac(&key, content.as_bytes())?);
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        keys.access_key
    );
    insert(request, header::AUTHORIZATION.as_str(), &authorization)
}

fn insert(request: &mut Request<String>, name: &'static str, value: &str) -> Result<(), String> {
    let mut value = HeaderValue::from_str(value).map_err(|_| "a key of AWS cannot be a header".to_owned())?;
    value.set_sensitive(true);
    request.headers_mut().insert(HeaderName::from_static(name), value);
    Ok(())
}

fn mac(key: &[u8], content: &[u8]) -> Result<Vec<u8>, String> {
    let mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| error.to_string())?;
    Ok(mac.chain_update(content).finalize().into_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// `20150830T123600Z`.
fn timestamp(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let event = Event {
        time: seconds.saturating_mul(1_000_000_000),
        ..Event::new("", "")
    };
    event.rfc3339().replace(['-', ':'], "")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::time::Duration;

    fn keys(session_token: Option<String>) -> Keys<'static> {
        Keys {
            region: "us-east-1",
            service: "service",
            access_key: "AKIDEXAMPLE",
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            session_token,
        }
    }

    fn authorization(request: &mut Request<String>, keys: &Keys<'_>) -> String {
        // 2015-08-30T12:36:00Z
        sign(request, keys, UNIX_EPOCH + Duration::from_secs(1_440_938_160)).unwrap();
        request
            .headers()
            .get("authorization")
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn the_vector_post_vanilla_of_aws() {
        let mut request = Request::post("https://example.amazonaws.com/")
            .body(String::new())
            .unwrap();
        assert_eq!(
            authorization(&mut request, &keys(None)),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, \
             Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        );
        assert_eq!(request.headers().get("x-amz-date").unwrap(), "20150830T123600Z");
    }

    #[test]
    fn sessions_and_content_types_are_signed() {
        let mut request = Request::post("https://example.amazonaws.com/v2/x")
            .header("content-type", "application/json")
            .body("{}".to_owned())
            .unwrap();
        let authorization = authorization(&mut request, &keys(Some("token".to_owned())));
        assert!(
            authorization.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,"),
            "{authorization}"
        );
        assert!(!format!("{request:?}").contains("AKIDEXAMPLE"));
    }
}
