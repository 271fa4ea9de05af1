//! Durations and sizes as people write them.

use std::time::Duration;

/// Units of time, in milliseconds.
const DURATIONS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];
/// Units of size, in bytes. `KB` is what people write for `kB`.
const SIZES: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Reads `250ms`, `30s`, `1.5m`, `1h`, `2d`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    number_with_unit(text, &DURATIONS).map(Duration::from_millis)
}

/// Reads `64MiB`, `1.5GB`, `512 B`, in bytes.
pub(super) fn size(text: &str) -> Option<u64> {
    number_with_unit(text, &SIZES)
}

/// As [`duration`] reads it, in the largest unit without a fraction.
pub(crate) fn duration_text(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    largest_unit(millis, DURATIONS.iter().rev())
}

/// As [`size`] reads it, in the largest binary unit without a fraction.
pub(super) fn size_text(bytes: u64) -> String {
    largest_unit(
        bytes,
        SIZES
            .iter()
            .rev()
            .filter(|(unit, _)| unit.contains('i') || *unit == "B"),
    )
}

/// The units come from the largest to the smallest, which is 1.
fn largest_unit<'u>(value: u64, units: impl Iterator<Item = &'u (&'u str, u64)>) -> String {
    let mut smallest = "";
    for (unit, factor) in units {
        if value > 0 && value.is_multiple_of(*factor) {
            return format!("{}{unit}", value / factor);
        }
        smallest = unit;
    }
    format!("{value}{smallest}")
}

fn number_with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '.')?;
    let (number, unit) = text.split_at_checked(end)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    // Digits behind the ninth are below a byte or a millisecond in nearly any unit.
    let fraction = fraction.get(..9).unwrap_or(fraction);
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let whole = u128::from(whole.parse::<u64>().ok()?).checked_mul(scale)?;
    let parts = whole.checked_add(fraction.parse::<u128>().ok()?)?;
    u64::try_from(parts.checked_mul(u128::from(*factor))? / scale).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations() {
        for (text, expected) in [
            ("250ms", Some(250)),
            ("30s", Some(30_000)),
            ("1.5m", Some(90_000)),
            (" 1 h ", Some(3_600_000)),
            ("2d", Some(172_800_000)),
            ("0s", Some(0)),
            ("30", None),
            ("s", None),
            (".5s", None),
            ("1.s", None),
            ("1.2.3s", None),
            ("-1s", None),
            ("1 week", None),
            ("99999999999999999999s", None),
            ("999999999999999999d", None),
            ("", None),
        ] {
            assert_eq!(duration(text), expected.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn reads_sizes() {
        for (text, expected) in [
            ("64MiB", Some(64 << 20)),
            ("1KB", Some(1_000)),
            ("1kB", Some(1_000)),
            ("1.5 GB", Some(1_500_000_000)),
            ("0.5KiB", Some(512)),
            ("7B", Some(7)),
            ("64", None),
            ("1mb", None),
            ("MiB", None),
            ("99999999999GiB", None),
        ] {
            assert_eq!(size(text), expected, "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["1ms", "250ms", "30s", "5m", "36h", "365d"] {
            assert_eq!(duration(text).map(duration_text).as_deref(), Some(text));
        }
        for text in ["1B", "1000B", "64KiB", "4GiB"] {
            assert_eq!(size(text).map(size_text).as_deref(), Some(text));
        }
        assert_eq!(
            (duration_text(Duration::ZERO), size_text(0)),
            ("0ms".to_owned(), "0B".to_owned())
        );
    }
}
