//! Check digits: what tells a number that somebody gave out from one that nobody did. Digits are values, not characters.

/// ISO/IEC 7812-1, annex B.
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let weigh = |(place, &digit): (usize, &u8)| {
        let doubled = u32::from(digit) << (place % 2);
        if doubled > 9 { doubled - 9 } else { doubled }
    };
    digits.iter().rev().enumerate().map(weigh).sum::<u32>() % 10 == 0
}

/// The sum of digits times weights; as many as there are of both.
pub(crate) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits
        .iter()
        .zip(weights)
        .map(|(&digit, weight)| u32::from(digit) * weight)
        .sum()
}

/// The number that the digits write.
pub(crate) fn value(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |sum, &digit| sum * 10 + u64::from(digit))
}

pub(crate) fn digit(digits: &[u8], place: usize) -> u32 {
    digits.get(place).copied().map_or(0, u32::from)
}

/// Whether all digits are the same one.
pub(crate) fn is_uniform(digits: &[u8]) -> bool {
    digits.iter().all(|digit| Some(digit) == digits.first())
}

/// Verhoeff's dihedral check, as Aadhaar uses it.
pub(crate) fn verhoeff(digits: &[u8]) -> bool {
    let multiply = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - b + 5) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    const STEP: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let sum = digits.iter().rev().enumerate().fold(0, |sum, (place, &digit)| {
        let permuted = (0..place % 8).fold(digit, |digit, _| STEP.get(usize::from(digit)).copied().unwrap_or(0));
        multiply(sum, permuted)
    });
    sum == 0
}

/// ISO 7064, MOD 11,10: the German tax number and others.
pub(crate) fn mod_11_10(digits: &[u8]) -> bool {
    let Some((&last, rest)) = digits.split_last() else {
        return false;
    };
    let product = rest.iter().fold(10, |product, &digit| {
        let sum = (u32::from(digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == u32::from(last)
}

/// Whether the digits may be the month and the day of a birth.
pub(crate) fn is_date(month: u32, day: u32) -> bool {
    (1..=12).contains(&month) && (1..=31).contains(&day)
}

/// Two digits as a number.
pub(crate) fn pair(digits: &[u8], place: usize) -> u32 {
    digit(digits, place) * 10 + digit(digits, place + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().map(|byte| byte - b'0').collect()
    }

    #[test]
    fn published_examples() {
        assert!(luhn(&digits("79927398713")) && !luhn(&digits("79927398710")));
        assert!(verhoeff(&digits("2363")) && !verhoeff(&digits("2364")));
        assert!(mod_11_10(&digits("86095742719")) && !mod_11_10(&digits("86095742718")));
        assert_eq!(weighted(&[1, 2, 3], &[10, 1]), 12);
        assert_eq!(value(&[1, 0, 2]), 102);
    }
}
