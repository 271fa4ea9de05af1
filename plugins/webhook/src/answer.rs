//! What an HTTP answer means for a delivery.
//!
//! | status | leads to |
//! | --- | --- |
//! | 2xx | receipt |
//! | 408, 425, 429, 5xx | another attempt, not before `Retry-After` where the answer has one |
//! | 410 | the channel is disabled: the endpoint is gone for good |
//! | 3xx and all other | a dead letter: the same request would get the same answer |

use std::time::{Duration, SystemTime};

use http::StatusCode;
use patchpanel_plugin::{Problem, Receipt};

/// Nobody waits longer for an endpoint's wish.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The parts of an HTTP answer that count.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Its status.
    pub status: StatusCode,
    /// The header `Retry-After`: seconds or an HTTP date (RFC 9110, section 10.2.3).
    pub retry_after: Option<&'a str>,
}

/// What the router shall do about an answer that came at `now`.
///
/// # Errors
/// See the module's table.
pub fn judge(answer: Answer<'_>, now: SystemTime) -> Result<Receipt, Problem> {
    let status = answer.status;
    let said = format!("the endpoint answered {status}");
    match status.as_u16() {
        200..=299 => Ok(Receipt::new().detail(status.to_string())),
        408 | 425 | 429 | 500..=599 => Err(match answer.retry_after.and_then(|text| wait(text, now)) {
            Some(wait) => Problem::RetryAfter((u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), said)),
            None => Problem::Retry(said),
        }),
        410 => Err(Problem::Disable(said)),
        300..=399 => Err(Problem::Reject(format!(
            "{said}; redirects are not followed, so configure the final URL"
        ))),
        _ => Err(Problem::Reject(said)),
    }
}

fn wait(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text)
            .ok()?
            .duration_since(now)
            .unwrap_or_default(),
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn judged(status: u16, retry_after: Option<&str>) -> String {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        match judge(
            Answer {
                status: StatusCode::from_u16(status).unwrap(),
                retry_after,
            },
            now,
        ) {
            Ok(receipt) => format!("receipt {}", receipt.detail.unwrap()),
            Err(Problem::Retry(_)) => "retry".to_owned(),
            Err(Problem::RetryAfter((millis, _))) => format!("retry after {millis}"),
            Err(Problem::Reject(_)) => "reject".to_owned(),
            Err(Problem::Disable(_)) => "disable".to_owned(),
        }
    }

    #[test]
    fn every_kind_of_status_leads_somewhere() {
        for (status, retry_after, expected) in [
            (200, None, "receipt 200 OK"),
            (202, Some("5"), "receipt 202 Accepted"),
            (301, None, "reject"),
            (400, Some("5"), "reject"),
            (404, None, "reject"),
            (408, None, "retry"),
            (410, None, "disable"),
            (425, None, "retry"),
            (429, Some("5"), "retry after 5000"),
            (429, Some("soon"), "retry"),
            (500, None, "retry"),
            (503, Some("0"), "retry after 0"),
            (503, Some("Tue, 14 Nov 2023 22:13:30 GMT"), "retry after 10000"),
            (503, Some("Mon, 14 Nov 2022 22:13:30 GMT"), "retry after 0"),
            (503, Some("99999999999"), "retry after 86400000"),
            (599, None, "retry"),
        ] {
            assert_eq!(judged(status, retry_after), expected, "{status} {retry_after:?}");
        }
    }
}
