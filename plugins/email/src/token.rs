//! Access tokens of Google, got for a refresh token (RFC 6749, section 6).

use http::Uri;
use patchpanel_plugin::Problem;
use patchpanel_plugin::http::{Request, Terms, send};
use plugin_message::{SecretText, clean};
use serde_json::Value;
use std::cell::RefCell;
use std::time::{Duration, SystemTime};

/// So long before its end a token is not used any more: a batch has to be sent with it.
const MARGIN: Duration = Duration::from_secs(60);

/// Gets tokens and keeps the last one, in memory only.
pub(crate) struct Renewal {
    pub(crate) url: Uri,
    pub(crate) client_id: SecretText,
    pub(crate) client_secret: SecretText,
    pub(crate) refresh_token: SecretText,
    kept: RefCell<Option<Kept>>,
}

struct Kept {
    token: String,
    until: SystemTime,
}

/// Without the token.
impl std::fmt::Debug for Renewal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renewal")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Renewal {
    pub(crate) fn new(url: Uri, client_id: SecretText, client_secret: SecretText, refresh_token: SecretText) -> Self {
        Self {
            url,
            client_id,
            client_secret,
            refresh_token,
            kept: RefCell::new(None),
        }
    }

    /// Sees to it that there is a token for now.
    ///
    /// # Errors
    /// Where there is none to be had. That has nothing to do with the mail, so it is to be tried again.
    pub(crate) fn renew(&self, now: SystemTime, timeout: Duration) -> Result<(), Problem> {
        if self.kept.borrow().as_ref().is_some_and(|kept| now < kept.until) {
            return Ok(());
        }
        let (status, body) = self.ask(timeout).map_err(no_token)?;
        let kept = read(status, &body, now).map_err(|why| no_token(clean::remote(&why, &self.secrets())))?;
        self.kept.replace(Some(kept));
        Ok(())
    }

    /// The last one.
    ///
    /// # Errors
    /// Where there is none.
    pub(crate) fn token(&self) -> Result<String, Problem> {
        let kept = self.kept.borrow().as_ref().map(|kept| kept.token.clone());
        kept.ok_or_else(|| no_token("it was not renewed".to_owned()))
    }

    /// It was refused: somebody has revoked it before its time.
    pub(crate) fn forget(&self) {
        self.kept.replace(None);
    }

    /// What no message may repeat.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let kept = self.kept.borrow().as_ref().map(|kept| kept.token.clone());
        let texts = [&self.client_secret, &self.refresh_token];
        texts
            .into_iter()
            .filter_map(|text| text.read().ok())
            .chain(kept)
            .collect()
    }

    fn ask(&self, timeout: Duration) -> Result<(u16, String), String> {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "refresh_token")
            .append_pair("client_id", &self.client_id.read()?)
            .append_pair("client_secret", &self.client_secret.read()?)
            .append_pair("refresh_token", &self.refresh_token.read()?)
            .finish();
        let request = Request {
            method: "POST",
            url: &self.url.to_string(),
            headers: &[("content-type", "application/x-www-form-urlencoded")],
            body: body.as_bytes(),
        };
        let terms = Terms {
            timeout,
            within: timeout,
            ..Terms::default()
        };
        match send(&[request], terms).pop() {
            Some(Ok(response)) => Ok((response.status, String::from_utf8_lossy(&response.body).into_owned())),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("the request was not sent".to_owned()),
        }
    }
}

fn no_token(why: String) -> Problem {
    Problem::Retry(format!("no access token: {why}"))
}

/// `{"access_token", "expires_in"}` (seconds), or `{"error", "error_description"}`.
fn read(status: u16, body: &str, now: SystemTime) -> Result<Kept, String> {
    let answer: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    if status != 200 {
        let words: Vec<&str> = [text("error"), text("error_description")]
            .into_iter()
            .flatten()
            .collect();
        return Err(format!("{status} {}", words.join(": ")));
    }
    let lifetime = answer
        .get("expires_in")
        .and_then(Value::as_u64)
        .map(Duration::from_secs);
    match (
        text("access_token"),
        lifetime.and_then(|lifetime| now.checked_add(lifetime)),
    ) {
        (Some(token), Some(end)) => Ok(Kept {
            token: token.to_owned(),
            until: end - MARGIN,
        }),
        _ => Err("the answer has no `access_token` and `expires_in`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use patchpanel_plugin::http::Response;
    use patchpanel_plugin::testing::{respond, sent_requests};
    use std::time::UNIX_EPOCH;

    fn text(text: &str) -> SecretText {
        SecretText::Text(text.to_owned())
    }

    #[test]
    fn a_refresh_token_is_exchanged() {
        let url = Uri::from_static("https://oauth2.googleapis.com/token");
        let renewal = Renewal::new(url, text("id"), text("s&cret"), text("1//0 x"));
        let answer = |status, body: &str| {
            respond(Ok(Response {
                status,
                headers: Vec::new(),
                body: body.as_bytes().to_vec(),
            }));
        };
        let renew = |seconds| renewal.renew(UNIX_EPOCH + Duration::from_secs(seconds), Duration::from_secs(1));
        answer(200, r#"{"access_token": "ya29", "expires_in": 3599}"#);
        assert_eq!(renew(0), Ok(()));
        assert_eq!(renew(3538), Ok(()), "it is not asked for again");
        assert_eq!(renewal.token().unwrap(), "ya29");
        let sent = sent_requests();
        assert_eq!(sent.len(), 1);
        assert_eq!(
            sent.first().map(|sent| sent.body.as_slice()),
            Some(&b"grant_type=refresh_token&client_id=id&client_secret=s%26cret&refresh_token=1%2F%2F0+x"[..])
        );
        answer(
            401,
            r#"{"error": "invalid_client", "error_description": "s&cret is wrong"}"#,
        );
        let problem = renew(3540).unwrap_err();
        assert_eq!(
            problem.reason(),
            "no access token: 401 invalid_client: [redacted] is wrong"
        );
        assert!(!format!("{renewal:?}").contains("cret"));
    }

    #[test]
    fn answers_are_read() {
        let kept = read(200, r#"{"access_token": "ya29", "expires_in": 3599}"#, UNIX_EPOCH).unwrap();
        assert_eq!(
            (kept.token.as_str(), kept.until),
            ("ya29", UNIX_EPOCH + Duration::from_secs(3539))
        );
        for (status, body, error) in [
            (
                400,
                r#"{"error": "invalid_grant", "error_description": "revoked"}"#,
                "400 invalid_grant: revoked",
            ),
            (503, "<html>", "503 "),
            (
                200,
                r#"{"access_token": "a"}"#,
                "the answer has no `access_token` and `expires_in`",
            ),
            (
                200,
                r#"{"access_token": "a", "expires_in": 18446744073709551615}"#,
                "the answer has no `access_token` and `expires_in`",
            ),
        ] {
            assert_eq!(read(status, body, UNIX_EPOCH).err().as_deref(), Some(error));
        }
    }
}
