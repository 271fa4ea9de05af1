//! What begins with a digit: looks once at each number, and asks those who know kinds of numbers.

use crate::bytes::{at, before, is_alnum, is_digit};
use crate::class::{Class, Classes};
use crate::context::Context;
use crate::detect::digits::Number;
use crate::detect::{card, iban, national, network, phone};
use crate::finding::Sink;
use crate::placeholder::is_of_mask;
use crate::runs::Runs;

pub(crate) fn detect(bytes: &[u8], sink: &mut Sink) {
    let mut runs = Runs::new(bytes, is_digit);
    let (mut from, mut read_to) = (0, 0);
    while let Some((start, run_end)) = runs.next(from) {
        from = look(bytes, start, run_end, &mut read_to, sink).map_or(run_end, |end| end.max(run_end));
    }
}

/// Looks at the number that begins with the digits `start..run_end`; where what was found ends. `read_to` is how far
/// groups of digits were read as one number.
fn look(bytes: &[u8], start: usize, run_end: usize, read_to: &mut usize, sink: &mut Sink) -> Option<usize> {
    let previous = before(bytes, start);
    if previous.is_ascii_alphabetic()
        && sink.wants(Class::Iban)
        && let Some((account, end)) = iban::account(bytes, start, run_end)
    {
        sink.push(account, end, Class::Iban);
        return Some(end);
    }
    // The middle of a word, or of a longer number that was looked at already.
    if is_alnum(previous) || run_end - start > 19 {
        return None;
    }
    // The hash in a mask may be digits and nothing else.
    if previous == b':' && is_of_mask(bytes, start - 1, &sink.scope().names) {
        return None;
    }
    if sink.wants(Class::Ip)
        && let Some(end) = network::ipv4(bytes, start, run_end)
    {
        sink.push(start, end, Class::Ip);
        return Some(end);
    }
    // A short number that stands alone is none of those below.
    if run_end - start < 7 && !matches!(at(bytes, run_end), b' ' | b'-' | b'.' | b'/' | b'(' | b')') {
        return None;
    }
    let number = Number::read(bytes, start);
    if number.digits().len() < 7 {
        return None;
    }
    // What words say counts for a row of groups from its beginning, not for every group in it.
    let is_inside = start < *read_to;
    *read_to = number.end(number.groups()).max(*read_to);
    let given = sink.context();
    let context = |place: usize| match is_inside {
        true => Context::NONE,
        false => given.with(Context::before(bytes, place)),
    };
    let here = || context(start);
    // A class that is not wanted hides no other.
    let wanted = |found: &(Class, usize, usize)| sink.wants(found.0);
    let (class, start, end) = card::card(bytes, start, &number, here)
        .map(|end| (Class::Card, start, end))
        .filter(wanted)
        .or_else(|| national::national(bytes, start, &number, here).map(|(class, end)| (class, start, end)))
        .filter(wanted)
        .or_else(|| phone::phone(bytes, start, &number, context).map(|(start, end)| (Class::Phone, start, end)))
        .filter(wanted)?;
    sink.push(start, end, class);
    Some(end)
}

/// Whether any number is wanted.
pub(crate) fn is_wanted(wanted: Classes) -> bool {
    wanted.has_any(Classes::NUMBERS)
}
