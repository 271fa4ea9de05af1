//! From an HTTP status to what becomes of a delivery.

use http::StatusCode;
use patchpanel_plugin::{Problem, Receipt};
use std::time::{Duration, SystemTime};

/// Nobody waits longer for an endpoint's wish.
const LONGEST_DELAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Judges an answer. `retry_after` is the header of that name, `now` the time when it came.
pub(crate) fn judge(status: StatusCode, retry_after: Option<&str>, now: SystemTime) -> Result<Receipt, Problem> {
    let text = match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    };
    match status.as_u16() {
        200..=299 => Ok(Receipt::new().detail(text)),
        408 | 425 | 429 | 500..=599 => Err(match retry_after.and_then(|value| delay(value, now)) {
            Some(delay) => Problem::retry_after(delay, text),
            None => Problem::Retry(text),
        }),
        410 => Err(Problem::Disable(text)),
        300..=399 => Err(Problem::Reject(format!(
            "{text}: redirects are not followed, set `url` to the new place"
        ))),
        _ => Err(Problem::Reject(text)),
    }
}

/// RFC 9110, section 10.2.3: seconds, or a date.
fn delay(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let delay = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value)
            .ok()?
            .duration_since(now)
            .unwrap_or_default(),
    };
    Some(delay.min(LONGEST_DELAY))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Result<Receipt, Problem> {
        // 1994-11-06T08:49:07Z
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_747);
        judge(StatusCode::from_u16(status).unwrap(), retry_after, now)
    }

    #[test]
    fn statuses() {
        assert_eq!(answer(200, None), Ok(Receipt::new().detail("200 OK")));
        assert_eq!(answer(204, None), Ok(Receipt::new().detail("204 No Content")));
        for status in [408, 425, 429, 500, 503, 599] {
            assert!(matches!(answer(status, None), Err(Problem::Retry(_))), "{status}");
        }
        for status in [301, 304, 400, 401, 404, 422] {
            assert!(matches!(answer(status, Some("1")), Err(Problem::Reject(_))), "{status}");
        }
        assert_eq!(answer(410, None), Err(Problem::Disable("410 Gone".to_owned())));
    }

    #[test]
    fn delays() {
        let delay = |value| match answer(503, Some(value)) {
            Err(Problem::RetryAfter((milliseconds, _))) => Some(milliseconds),
            _ => None,
        };
        assert_eq!(delay("120"), Some(120_000));
        assert_eq!(delay("Sun, 06 Nov 1994 08:49:37 GMT"), Some(30_000));
        assert_eq!(delay("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0));
        assert_eq!(delay("18446744073709551615"), Some(86_400_000));
        assert_eq!(delay("soon"), None);
    }
}
