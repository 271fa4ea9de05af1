//! Telephone numbers: international (E.164), North American, national with a trunk prefix, and others behind a word that
//! says so.

use crate::bytes::{before, is_digit, run};
use crate::context::{Context, may_begin, may_end};
use crate::detect::digits::Number;

/// The number whose digits begin at `start`: where it begins, with its plus or bracket, and ends.
pub(crate) fn phone(
    bytes: &[u8],
    start: usize,
    number: &Number,
    context: impl Fn(usize) -> Context,
) -> Option<(usize, usize)> {
    let previous = before(bytes, start);
    if previous == b'+' {
        let begin = start - 1;
        // `(+44) 20 ...`
        let bracket = before(bytes, begin) == b'(';
        return international(number)
            .filter(|_| may_begin(bytes, begin - usize::from(bracket)))
            .map(|end| (begin, extension(bytes, end)))
            .filter(|(_, end)| may_end(bytes, *end));
    }
    let bracket = previous == b'(' && number.separators().first() == Some(&b')');
    let begin = start - usize::from(bracket);
    let first = *number.lengths().first()?;
    if first > 15 || !may_begin(bytes, begin) {
        return None;
    }
    let end = north_american(number)
        .or_else(|| trunk(number).filter(|_| !follows_number(bytes, begin)))
        .or_else(|| in_context(bytes, number, || context(begin)))?;
    let end = extension(bytes, end);
    may_end(bytes, end).then_some((begin, end))
}

/// Behind a plus: a country's code and at most 15 digits in all.
fn international(number: &Number) -> Option<usize> {
    let digits = number.digits();
    if digits.first() == Some(&1) {
        return (1..=number.groups()).find_map(|groups| {
            let digits = number.first(groups);
            (digits.len() == 11 && digits.get(1).is_some_and(|area| *area >= 2)).then(|| number.end(groups))
        });
    }
    if !has_country(digits) {
        return None;
    }
    let fits = |groups: &usize| (8..=15).contains(&number.first(*groups).len());
    let groups = (1..=number.groups()).rev().find(fits)?;
    Some(number.end(groups))
}

/// The codes that the ITU has assigned, by their zones.
fn has_country(digits: &[u8]) -> bool {
    matches!(
        *digits,
        [2 | 3 | 5 | 6 | 7 | 9, ..]
            | [4, 0 | 1 | 3..=9, ..]
            | [4, 2, 0 | 1 | 3, ..]
            | [8, 0 | 1 | 2 | 4 | 5 | 6 | 8, ..]
    )
}

/// `(NXX) NXX-XXXX`, `NXX-NXX-XXXX`, `NXX.NXX.XXXX`, with or without a 1 before it, N being 2 to 9.
fn north_american(number: &Number) -> Option<usize> {
    let digits = number.digits();
    let (skip, groups): (usize, usize) = match number.lengths() {
        [1, 3, 3, 4, ..] if digits.first() == Some(&1) => (1, 4),
        [3, 3, 4, ..] => (0, 3),
        _ => return None,
    };
    let separators = number.separators().get(skip..groups - 1)?;
    // With spaces alone, any three numbers of a table would be one.
    let style = matches!(separators, b"--" | b".." | b")-" | b")." | b") ");
    let next = number.separators().get(groups - 1).copied().unwrap_or(0);
    let goes_on = next != 0 && next != b' ' && next != b'(';
    let is_area = |place: usize| digits.get(skip + place).is_some_and(|digit| *digit >= 2);
    (style && !goes_on && is_area(0) && is_area(3)).then(|| number.end(groups))
}

/// `0494 92 82 32`, `(08) 8747 6301`, `07700 063 966`: a trunk prefix, and groups that are no table's.
fn trunk(number: &Number) -> Option<usize> {
    let (digits, lengths) = (number.digits(), number.lengths());
    let groups = lengths.len();
    let (first, rest) = lengths.split_first()?;
    let bracket = number.separators().first() == Some(&b')');
    let spaced = number
        .separators()
        .iter()
        .skip(usize::from(bracket))
        .all(|separator| *separator == b' ');
    let fits = (9..=11).contains(&digits.len())
        && (groups >= 3 || bracket && groups == 3 || bracket && groups == 2 && digits.len() >= 10)
        && (2..=5).contains(first)
        && rest.iter().all(|length| (2..=4).contains(length));
    let prefixed = digits.first() == Some(&0) && digits.get(1).is_some_and(|digit| *digit != 0);
    (spaced && fits && prefixed).then(|| number.end(groups))
}

/// Whether a number of the same row stands before: groups of a longer one are no number.
fn follows_number(bytes: &[u8], begin: usize) -> bool {
    before(bytes, begin) == b' ' && is_digit(before(bytes, begin - 1))
}

/// Seven to fifteen digits, however they are written, beside a word for a telephone.
fn in_context(bytes: &[u8], number: &Number, context: impl Fn() -> Context) -> Option<usize> {
    let fits = |groups: &usize| {
        (7..=15).contains(&number.first(*groups).len()) && may_end(bytes, extension(bytes, number.end(*groups)))
    };
    let groups = (1..=number.groups()).rev().find(fits)?;
    let end = number.end(groups);
    // A date, and a time behind it.
    let is_date = matches!(number.lengths(), [4, 2, 2, ..] | [2, 2, 4, ..]) && number.is_split(&[4, 2, 2], b"-/.");
    if is_date || number.separators().contains(&b'/') && groups < 2 {
        return None;
    }
    let said = context();
    let around = said.with(Context::behind(bytes, end));
    let fits = around.has(Context::PHONE) || groups >= 2 && around.has(Context::CALL);
    fits.then_some(end)
}

/// Behind `x123`, `ext. 123`, where that follows.
fn extension(bytes: &[u8], end: usize) -> usize {
    let rest = bytes.get(end..bytes.len().min(end + 12)).unwrap_or_default();
    let gap = usize::from(rest.first() == Some(&b' '));
    let word = rest.get(gap..).unwrap_or_default();
    let name = ["extension ", "ext. ", "ext.", "ext ", "ext", "x"]
        .iter()
        .find(|name| word.starts_with(name.as_bytes()) && word.get(name.len()).is_some_and(|&byte| is_digit(byte)));
    match name {
        Some(name) => run(
            bytes.get(..bytes.len().min(end + 18)).unwrap_or_default(),
            end + gap + name.len(),
            is_digit,
        ),
        None => end,
    }
}

#[cfg(test)]
mod tests {
    use crate::detect::tests::found;

    #[test]
    fn numbers() {
        for (text, value) in [
            ("call me at +44 20 7946 0958 today", "+44 20 7946 0958"),
            ("+442079460958", "+442079460958"),
            ("+1-202-555-0143.", "+1-202-555-0143"),
            ("+12025550143", "+12025550143"),
            ("+49 (0)30 123456", "+49 (0)30 123456"),
            ("(202) 555-0143 or so", "(202) 555-0143"),
            ("202-555-0143", "202-555-0143"),
            ("202.555.0143", "202.555.0143"),
            ("1-800-555-0199", "1-800-555-0199"),
            ("at (202)555-0143x12", "(202)555-0143x12"),
            ("(202) 555-0143 ext. 12", "(202) 555-0143 ext. 12"),
            ("01 23 45 67 89", "01 23 45 67 89"),
            ("020 7946 0958", "020 7946 0958"),
            ("(08) 8123 4567", "(08) 8123 4567"),
            ("Phone: 5550143", "5550143"),
            ("tel:5550143", "5550143"),
            ("\"mobile\": \"2025550143\"", "2025550143"),
            ("call 555 0143", "555 0143"),
            ("12 34 56 78 fax", "12 34 56 78"),
        ] {
            assert_eq!(found(text), [("phone", value)], "{text}");
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "2019-12-20 22:49:16",
            "2019-12-20T19:17:05+01:00",
            "id 186853002",
            "1557933565000",
            "123-456-7890",
            "202-155-0143",
            "202 555 0143",
            "202-555-0143-1",
            "a202-555-0143",
            "v202.555.0143",
            "build 1.2.3-202-555-0143x",
            "+1000000000",
            "c+442079460958",
            "00 00 00 00 00",
            "call 186853002",
            "[phone:736197151967]",
            "\"phone\": null, \"id\": 186853002",
            "9780306406157",
            "0.1234 5678 901",
            "JO94 CBJO 0010 0000 0000 0131 0003 03",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
