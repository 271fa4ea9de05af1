//! Providers that take mails over HTTP.

use crate::address::Address;
use crate::mime::Mail;
use crate::sigv4::{self, Keys};
use crate::token::Renewal;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use http::{HeaderName, HeaderValue, Request, Uri, header};
use patchpanel_plugin::{Delivery, Problem, Receipt};
use plugin_message::{Meaning, Reply, Said, SecretText, Service, json_post};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// One provider's API.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) url: Uri,
    pub(crate) access: Access,
}

/// What it wants to see.
#[derive(Debug)]
pub(crate) enum Access {
    /// resend.com/docs/api-reference/emails/send-email.
    Resend(SecretText),
    /// docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html.
    Ses {
        region: String,
        access_key: SecretText,
        secret_key: SecretText,
        session_token: Option<SecretText>,
    },
    /// developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send.
    Gmail(GmailToken),
}

/// Where the token of Gmail comes from.
#[derive(Debug)]
pub(crate) enum GmailToken {
    /// Somebody else renews it.
    Given(SecretText),
    Renewed(Box<Renewal>),
}

static PLAIN: Service = Service { rows: &[], read };

/// An empty request is refused as such where the access is right.
pub(crate) static PROBED: Service = Service {
    rows: &[(400..=400, Meaning::Delivered), (422..=422, Meaning::Delivered)],
    read,
};

static GMAIL: Service = Service {
    rows: &[(401..=401, Meaning::Retry), (403..=403, Meaning::Retry)],
    read,
};

/// `{"id"}` and `{"message"}` of Resend, `{"MessageId"}` and `{"message"}` of SES, `{"id"}` and `{"error": {"message"}}` of Gmail.
fn read(reply: &Reply) -> Said {
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    let text = |paths: &[&str]| {
        paths
            .iter()
            .find_map(|path| body.pointer(path).and_then(Value::as_str))
            .map(str::to_owned)
    };
    Said {
        reference: text(&["/id", "/MessageId"]),
        error: text(&["/error/message", "/message"]).or_else(|| Said::plain(reply).error),
        wait: None,
    }
}

/// Of Resend and SES.
const MOST_RECIPIENTS: usize = 50;

impl Provider {
    pub(crate) const fn service(&self) -> &'static Service {
        match self.access {
            Access::Gmail(_) => &GMAIL,
            Access::Resend(_) | Access::Ses { .. } => &PLAIN,
        }
    }

    /// What no message may repeat.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let texts = match &self.access {
            Access::Gmail(GmailToken::Renewed(renewal)) => return renewal.secrets(),
            Access::Resend(text) | Access::Gmail(GmailToken::Given(text)) => vec![text],
            Access::Ses {
                access_key,
                secret_key,
                session_token,
                ..
            } => [access_key, secret_key].into_iter().chain(session_token).collect(),
        };
        texts.into_iter().filter_map(|text| text.read().ok()).collect()
    }

    /// Gets what the requests of a batch need besides.
    ///
    /// # Errors
    /// Where there is no token.
    pub(crate) fn prepare(&self, now: SystemTime, timeout: Duration) -> Result<(), Problem> {
        match &self.access {
            Access::Gmail(GmailToken::Renewed(renewal)) => renewal.renew(now, timeout),
            _ => Ok(()),
        }
    }

    /// Learns from an answer that the token is not taken any more, so that the next attempt gets another one.
    pub(crate) fn learn(&self, answer: &Result<Receipt, Problem>) {
        if let (Access::Gmail(GmailToken::Renewed(renewal)), Err(Problem::Retry(why))) = (&self.access, answer)
            && why.starts_with("401 ")
        {
            renewal.forget();
        }
    }

    /// # Errors
    /// Where a secret cannot be read now, or there are too many recipients.
    pub(crate) fn request(
        &self,
        from: &Address,
        mail: &Mail,
        delivery: &Delivery,
        now: SystemTime,
    ) -> Result<Request<String>, Problem> {
        let to: Vec<String> = mail.to.iter().map(Address::text).collect();
        if to.len() > MOST_RECIPIENTS && !matches!(self.access, Access::Gmail(_)) {
            return Err(Problem::Reject(format!(
                "more than {MOST_RECIPIENTS} recipients, which is the most for this provider"
            )));
        }
        match &self.access {
            Access::Resend(_) => {
                let thread = mail.thread.as_ref().map(|thread| format!("<{thread}>"));
                let mut headers = json!({"Auto-Submitted": "auto-generated"});
                if let (Some(thread), Some(headers)) = (thread, headers.as_object_mut()) {
                    headers.insert("References".to_owned(), thread.into());
                }
                let body = json!({
                    "from": from.text(), "to": to, "subject": mail.subject, "text": mail.text, "html": mail.html, "headers": headers,
                });
                let mut request = self.sealed(&body, now)?;
                // Kept by Resend for a day: an attempt whose answer was lost sends nothing twice.
                if let Ok(id) = HeaderValue::from_str(&delivery.id) {
                    request
                        .headers_mut()
                        .insert(HeaderName::from_static("idempotency-key"), id);
                }
                Ok(request)
            }
            Access::Gmail(_) => self.sealed(&json!({"raw": BASE64_URL_SAFE.encode(mail.bytes())}), now),
            Access::Ses { .. } => {
                let body = json!({
                    "FromEmailAddress": from.text(),
                    "Destination": {"ToAddresses": to},
                    "Content": {"Raw": {"Data": BASE64_STANDARD.encode(mail.bytes())}},
                });
                self.sealed(&body, now)
            }
        }
    }

    /// Of what is no mail: whoever may send gets told so.
    ///
    /// # Errors
    /// Where a secret cannot be read now.
    pub(crate) fn probe(&self, now: SystemTime) -> Result<Request<String>, Problem> {
        self.sealed(&json!({}), now)
    }

    /// A request with what it is let in by.
    fn sealed(&self, body: &Value, now: SystemTime) -> Result<Request<String>, Problem> {
        let mut request = json_post(&self.url, body);
        match &self.access {
            Access::Resend(token) | Access::Gmail(GmailToken::Given(token)) => {
                authorize(&mut request, &now_read(token)?)?
            }
            Access::Gmail(GmailToken::Renewed(renewal)) => authorize(&mut request, &renewal.token()?)?,
            Access::Ses {
                region,
                access_key,
                secret_key,
                session_token,
            } => {
                let keys = Keys {
                    region,
                    service: "ses",
                    access_key: &now_read(access_key)?,
                    secret_key: &now_read(secret_key)?,
                    session_token: session_token.as_ref().map(now_read).transpose()?,
                };
                sigv4::sign(&mut request, &keys, now).map_err(Problem::Reject)?;
            }
        }
        Ok(request)
    }
}

fn now_read(text: &SecretText) -> Result<String, Problem> {
    text.read().map_err(Problem::Retry)
}

fn authorize(request: &mut Request<String>, token: &str) -> Result<(), Problem> {
    let value = HeaderValue::try_from(format!("Bearer {token}"));
    let mut value = value.map_err(|_| Problem::Reject("the token cannot be a header".to_owned()))?;
    value.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, value);
    Ok(())
}
