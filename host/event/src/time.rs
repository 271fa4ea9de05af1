//! Points in time: nanoseconds since the Unix epoch, which reach from 1970 to 2554.

use jiff::Timestamp;

/// The nanoseconds of an RFC 3339 text, or `None` where it is none or lies outside 1970 to 2554.
pub fn parse_time(text: &str) -> Option<u64> {
    u64::try_from(text.parse::<Timestamp>().ok()?.as_nanosecond()).ok()
}

/// RFC 3339, UTC, with as many decimals as are needed.
pub fn format_time(nanos: u64) -> String {
    // Every u64 is within the years that `Timestamp` knows, so the fallback is never taken.
    Timestamp::from_nanosecond(i128::from(nanos))
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}

/// Now.
pub fn now() -> u64 {
    u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(0)
}
