//! Shares, as people write them.

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use std::fmt;

/// A share of all events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rate {
    /// In millionths of a percent.
    Percent(u64),
    /// One in so many.
    OneIn(u64),
}

const WHOLE: u64 = 100_000_000;

impl Rate {
    /// What no share can be.
    pub(crate) fn check(self) -> Result<(), &'static str> {
        match self {
            Self::Percent(share) if share > WHOLE => Err("must be at most 100%"),
            Self::OneIn(0) => Err("must be at least 1: every event"),
            _ => Ok(()),
        }
    }

    /// Whether what lies at this place, of 2^64, belongs to the share.
    pub(crate) fn has(self, place: u64) -> bool {
        let (part, whole) = match self {
            Self::Percent(share) => (share, WHOLE),
            Self::OneIn(count) => (1, count),
        };
        u128::from(place) * u128::from(whole) < u128::from(part) << 64
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneIn(count) => write!(f, "1 in {count}"),
            Self::Percent(share) => {
                write!(f, "{}", share / 1_000_000)?;
                match share % 1_000_000 {
                    0 => {}
                    fraction => write!(f, ".{}", format!("{fraction:06}").trim_end_matches('0'))?,
                }
                f.write_str("%")
            }
        }
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Share;
        impl Visitor<'_> for Share {
            type Value = Rate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a share such as \"10%\", or 10 for one in ten")
            }

            fn visit_u64<E: Error>(self, count: u64) -> Result<Rate, E> {
                Ok(Rate::OneIn(count))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Rate, E> {
                percent(text).ok_or_else(|| {
                    E::custom(format_args!(
                        "`{text}` is no share: write one such as \"10%\" or \"0.5%\", or 10 for one in ten"
                    ))
                })
            }
        }
        deserializer.deserialize_any(Share)
    }
}

fn percent(text: &str) -> Option<Rate> {
    let number = text.strip_suffix('%')?.trim_end();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) || fraction.len() > 6 {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<6}").parse().ok()?;
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(1_000_000)?
        .checked_add(fraction)
        .map(Rate::Percent)
}
