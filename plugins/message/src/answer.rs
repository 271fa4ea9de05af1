//! From an answer to what becomes of a delivery.

use crate::clean;
use http::StatusCode;
use patchpanel_plugin::{Problem, Receipt};
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

/// What came back.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// Of HTTP.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// Its first kilobytes, as text.
    pub body: String,
}

/// What a status means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The other side has it.
    Delivered,
    /// Not now.
    Retry,
    /// Never; with what to do about it, or nothing.
    Reject(&'static str),
    /// Never, and nothing else either: the channel stops. With what to do about it, or nothing.
    Disable(&'static str),
}

/// Statuses and what they mean.
pub type Row = (RangeInclusive<u16>, Meaning);

/// What holds for every channel, unless it has rows of its own.
pub const COMMON: &[Row] = &[
    (200..=299, Meaning::Delivered),
    (
        300..=399,
        Meaning::Reject("redirects are not followed, set `url` to the new place"),
    ),
    (408..=408, Meaning::Retry),
    (410..=410, Meaning::Disable("the endpoint is gone")),
    (425..=425, Meaning::Retry),
    (429..=429, Meaning::Retry),
    (400..=499, Meaning::Reject("")),
    (500..=599, Meaning::Retry),
];

/// What the body of an answer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The other side's identifier of what it took.
    pub reference: Option<String>,
    /// Why it did not take it, in its own words.
    pub error: Option<String>,
    /// How long it wants to be left alone.
    pub wait: Option<Duration>,
}

/// How the answers of one kind of endpoint are read.
#[derive(Debug)]
pub struct Service {
    /// Tried before those of [`COMMON`].
    pub rows: &'static [Row],
    /// Reads the body.
    pub read: fn(&Reply) -> Said,
}

/// Nobody waits longer for an endpoint's wish.
const LONGEST_DELAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Judges an answer that came at `now`. None of the secrets is repeated.
///
/// # Errors
/// What is to be done where it was not taken.
pub fn judge(service: &Service, reply: &Reply, secrets: &[String], now: SystemTime) -> Result<Receipt, Problem> {
    let said = (service.read)(reply);
    let name = StatusCode::from_u16(reply.status)
        .ok()
        .and_then(|status| status.canonical_reason());
    let mut text = name.map_or_else(|| reply.status.to_string(), |name| format!("{} {name}", reply.status));
    let meaning = service
        .rows
        .iter()
        .chain(COMMON)
        .find(|(statuses, _)| statuses.contains(&reply.status))
        .map_or(Meaning::Reject(""), |(_, meaning)| *meaning);
    if meaning == Meaning::Delivered {
        let reference = said.reference.map(|reference| clean::remote(&reference, secrets));
        return Ok(Receipt {
            reference,
            detail: Some(text),
        });
    }
    let error = said.error.unwrap_or_default();
    for more in [clean::remote(&error, secrets), advice(meaning).to_owned()] {
        if !more.is_empty() {
            text = format!("{text}: {more}");
        }
    }
    Err(match meaning {
        Meaning::Reject(_) => Problem::Reject(text),
        Meaning::Disable(_) => Problem::Disable(text),
        Meaning::Retry | Meaning::Delivered => {
            let header = reply.retry_after.as_deref().and_then(|value| delay(value, now));
            match said.wait.or(header) {
                Some(wait) => Problem::retry_after(wait.min(LONGEST_DELAY), text),
                None => Problem::Retry(text),
            }
        }
    })
}

const fn advice(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Reject(advice) | Meaning::Disable(advice) => advice,
        Meaning::Retry | Meaning::Delivered => "",
    }
}

/// RFC 9110, section 10.2.3: seconds, or a date. Some servers give fractions of seconds.
fn delay(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    match value.parse::<f64>() {
        Ok(seconds) if seconds >= 0.0 => Duration::try_from_secs_f64(seconds).ok().or(Some(LONGEST_DELAY)),
        Ok(_) => None,
        Err(_) => {
            let date = httpdate::parse_http_date(value).ok()?;
            Some(date.duration_since(now).unwrap_or_default())
        }
    }
}

impl Said {
    /// A body that is plain text is the reason.
    #[must_use]
    pub fn plain(reply: &Reply) -> Self {
        Self {
            error: Some(reply.body.clone()),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Service = Service {
        rows: &[(404..=404, Meaning::Disable("make a new one"))],
        read: Said::plain,
    };

    fn answer(status: u16, retry_after: Option<&str>, body: &str) -> Result<Receipt, Problem> {
        // 1994-11-06T08:49:07Z
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_747);
        let reply = Reply {
            status,
            retry_after: retry_after.map(str::to_owned),
            body: body.to_owned(),
        };
        judge(&PLAIN, &reply, &["s3cret".to_owned()], now)
    }

    #[test]
    fn statuses() {
        assert_eq!(answer(200, None, "ok"), Ok(Receipt::new().detail("200 OK")));
        assert_eq!(answer(204, None, ""), Ok(Receipt::new().detail("204 No Content")));
        for status in [408, 425, 429, 500, 503, 599] {
            assert!(matches!(answer(status, None, ""), Err(Problem::Retry(_))), "{status}");
        }
        for status in [100, 301, 304, 400, 401, 422, 999] {
            assert!(
                matches!(answer(status, Some("1"), ""), Err(Problem::Reject(_))),
                "{status}"
            );
        }
        assert_eq!(
            answer(410, None, ""),
            Err(Problem::Disable("410 Gone: the endpoint is gone".to_owned()))
        );
        assert_eq!(
            answer(404, None, "no s3cret\nhere"),
            Err(Problem::Disable(
                "404 Not Found: no [redacted] here: make a new one".to_owned()
            ))
        );
    }

    #[test]
    fn delays() {
        let delay = |value| match answer(503, Some(value), "") {
            Err(Problem::RetryAfter((milliseconds, _))) => Some(milliseconds),
            _ => None,
        };
        assert_eq!(delay("120"), Some(120_000));
        assert_eq!(delay("0.25"), Some(250));
        assert_eq!(delay("Sun, 06 Nov 1994 08:49:37 GMT"), Some(30_000));
        assert_eq!(delay("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0));
        assert_eq!(delay("18446744073709551615"), Some(86_400_000));
        assert_eq!(delay("1e300"), Some(86_400_000));
        for wrong in ["soon", "-1", "nan"] {
            assert_eq!(delay(wrong), None, "{wrong}");
        }
    }
}
