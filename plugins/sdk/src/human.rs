//! Sizes and durations as people write them in a configuration.

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use std::fmt;
use std::time::Duration;

/// A number of bytes: `1048576` or `"1MiB"` (`B`, `kB`, `MB`, `GB`, `KiB`, `MiB`, `GiB`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// A length of time: `1500` (milliseconds) or `"1.5s"` (`ms`, `s`, `m`, `h`, `d`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HumanDuration(pub Duration);

const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];
const DURATIONS: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let units = Units {
            known: SIZES,
            meant: "a size such as \"64MiB\" or a number of bytes",
        };
        deserializer.deserialize_any(units).map(Self)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let units = Units {
            known: DURATIONS,
            meant: "a duration such as \"10s\" or a number of milliseconds",
        };
        deserializer
            .deserialize_any(units)
            .map(|milliseconds| Self(Duration::from_millis(milliseconds)))
    }
}

/// In the largest unit that leaves no fraction: `5m`, `90s`.
impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        let fits = |(_, factor): &&(&str, u64)| milliseconds.is_multiple_of(u128::from(*factor)) && milliseconds > 0;
        let (unit, factor) = DURATIONS.iter().rev().find(fits).unwrap_or(&("s", 1_000));
        write!(f, "{}{unit}", milliseconds / u128::from(*factor))
    }
}

struct Units {
    known: &'static [(&'static str, u64)],
    meant: &'static str,
}

impl Units {
    fn parse(&self, text: &str) -> Option<u64> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = text.split_at(digits);
        let factor = self.known.iter().find(|(name, _)| *name == unit.trim())?.1;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        // Digits behind the ninth are below a byte or a millisecond of any unit.
        let fraction = fraction.get(..fraction.len().min(9))?;
        let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
        let fraction = if fraction.is_empty() {
            0
        } else {
            fraction.parse::<u128>().ok()?
        };
        let value = (u128::from(whole.parse::<u64>().ok()?) * scale + fraction) * u128::from(factor) / scale;
        u64::try_from(value).ok()
    }
}

impl Visitor<'_> for Units {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.meant)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
        Ok(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        self.parse(text)
            .ok_or_else(|| E::custom(format_args!("`{text}` is not {}", self.meant)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value};

    #[test]
    fn sizes() {
        let of = |value: Value| from_value::<ByteSize>(value).ok().map(|size| size.0);
        assert_eq!(of(7.into()), Some(7));
        assert_eq!(of("64MiB".into()), Some(64 << 20));
        assert_eq!(of(" 1.5 kB ".into()), Some(1500));
        for wrong in [
            "64",
            "MiB",
            "1.2.3MB",
            "1 mb",
            "-1MB",
            "99999999999999999999GB",
            "99999999999GB",
        ] {
            assert_eq!(of(wrong.into()), None, "{wrong}");
        }
    }

    #[test]
    fn durations() {
        let of = |value: Value| from_value::<HumanDuration>(value).ok().map(|duration| duration.0);
        assert_eq!(of(1500.into()), Some(Duration::from_millis(1500)));
        assert_eq!(of("1.5s".into()), Some(Duration::from_millis(1500)));
        assert_eq!(of("2h".into()), Some(Duration::from_secs(7200)));
        assert_eq!(of("2 weeks".into()), None);
        assert_eq!(of((-1).into()), None);
    }

    #[test]
    fn durations_are_written_as_they_are_read() {
        for text in ["0s", "1ms", "1500ms", "90s", "5m", "36h", "2d"] {
            let duration = from_value::<HumanDuration>(text.into()).ok();
            assert_eq!(duration.map(|duration| duration.to_string()).as_deref(), Some(text));
        }
    }
}
