//! Generated events: the router's own JSON, 650 bytes on average, the same ones in every run.

use std::fmt::Write as _;

use crate::names::{
    File, LABELS, LEVELS, REGIONS, ROLES, SKUS, SOURCES, TAGS, TENANTS, TYPES_OF_A_USER, USERS, WORDS, kind,
    kind_of_user, label, login, pick, sku, source, tenant, user, word,
};
use crate::workload::Events;

/// How many there are: 13 MB, more than a processor keeps to itself.
pub(crate) const COUNT: usize = 20_000;

/// Out of twenty.
const LEVEL_WEIGHTS: [usize; 5] = [4, 10, 3, 2, 1];

/// Generates [`COUNT`] events.
pub(crate) fn generate() -> Events {
    let mut random = fastrand::Rng::with_seed(1);
    let mut events = Events::default();
    let mut text = String::new();
    for number in 0..COUNT {
        text.clear();
        // Writing to a string cannot fail.
        let _ = event(&mut text, number, &mut random);
        events.push(text.as_bytes());
    }
    events
}

/// One of the levels, as often as it is wont to be.
pub(crate) fn level(random: &mut fastrand::Rng) -> &'static str {
    let levels = LEVELS.iter().zip(LEVEL_WEIGHTS);
    let mut levels = levels.flat_map(|(level, weight)| std::iter::repeat_n(*level, weight));
    levels.nth(random.usize(..20)).unwrap_or_default()
}

fn event(text: &mut String, number: usize, random: &mut fastrand::Rng) -> std::fmt::Result {
    let who = random.usize(..USERS);
    let order = random.usize(..10_000_000);
    write!(
        text,
        r#"{{"id":"01985f3e-{:04x}-7{:03x}-9{:03x}-{:012x}","type":"{}","source":"{}","level":"{}""#,
        number >> 12,
        number & 0xfff,
        random.u16(..) & 0xfff,
        random.u64(..) & 0xffff_ffff_ffff,
        kind(kind_of_user(who, random.usize(..TYPES_OF_A_USER))),
        source(random.usize(..SOURCES)),
        level(random),
    )?;
    message(text, who, order, random)?;
    write!(
        text,
        r#","time":"2026-01-31T{:02}:{:02}:{:02}.{:03}Z","subject":"{}","correlation_id":"req-{:08x}""#,
        number / 3600 % 24,
        number / 60 % 60,
        number % 60,
        random.u16(..1000),
        File::draw(random).path(),
        random.u32(..),
    )?;
    metadata(text, who, random)?;
    payload(text, order, random)?;
    text.write_str("}")
}

fn message(text: &mut String, who: usize, order: usize, random: &mut fastrand::Rng) -> std::fmt::Result {
    let (one, other) = (word(random.usize(..WORDS)), word(random.usize(..WORDS)));
    let who = login(who);
    match random.u8(..20) {
        // Some need unescaping, and some are not ASCII.
        0 => write!(
            text,
            r#","message":"{who} said \"{one}\" of order {order}\nand meant {other}""#
        ),
        1 => write!(
            text,
            r#","message":"{who}: café {one} für {other} ist zu, order {order}""#
        ),
        2..10 => write!(text, r#","message":"{who} paid order {order} from {one} to {other}""#),
        _ => {
            let time = random.u16(..);
            write!(
                text,
                r#","message":"order {order} of {who}: host {one} gave up on {other} after {time} ms""#
            )
        }
    }
}

fn metadata(text: &mut String, who: usize, random: &mut fastrand::Rng) -> std::fmt::Result {
    let mut spelled = login(who);
    match random.u8(..10) {
        0 => spelled.make_ascii_uppercase(),
        1 | 2 => spelled.make_ascii_lowercase(),
        _ => {}
    }
    write!(
        text,
        r#","metadata":{{"user":"{}","login":"{spelled}","role":"{}","region":"{}","tenant":"{}","ip":"10.{}.{}.{}""#,
        user(who),
        pick(&ROLES, random.usize(..)),
        pick(&REGIONS, random.usize(..)),
        tenant(random.usize(..TENANTS)),
        random.u8(..),
        random.u8(..),
        random.u8(..),
    )?;
    let first = random.usize(..TAGS.len());
    let tag = |number: usize| pick(&TAGS, first + number);
    match random.u8(..3) {
        0 => text.write_str(r#","tags":[]}"#),
        1 => write!(text, r#","tags":["{}"]}}"#, tag(0)),
        _ => write!(text, r#","tags":["{}","{}"]}}"#, tag(0), tag(1)),
    }
}

fn payload(text: &mut String, order: usize, random: &mut fastrand::Rng) -> std::fmt::Result {
    write!(
        text,
        r#","payload":{{"order":"ord-{order:07}","price":{},"paid":{},"error":null"#,
        cents(random.u64(..100_000)),
        random.bool(),
    )?;
    if random.u8(..10) == 0 {
        write!(text, r#","coupon":"{}""#, word(random.usize(..WORDS)))?;
    }
    text.write_str(r#","items":["#)?;
    for item in 0..random.u8(1..=3) {
        write!(
            text,
            r#"{}{{"sku":"{}","qty":{}}}"#,
            if item == 0 { "" } else { "," },
            sku(random.usize(..SKUS)),
            random.u8(1..=5),
        )?;
    }
    write!(
        text,
        r#"],"took":{}.{},"labels":{{"{}":"{}","{}":{}}}}}"#,
        random.u16(..2000),
        random.u8(1..10),
        label(random.usize(..LABELS / 2)),
        pick(&REGIONS, random.usize(..)),
        label(LABELS / 2 + random.usize(..LABELS / 2)),
        random.u8(..),
    )
}

/// A price in whole cents, as JSON.
pub(crate) fn cents(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn events_are_json_of_the_size_that_is_claimed() {
        let events = generate();
        let mut bytes = 0;
        for event in events.iter() {
            assert!(serde_json::from_slice::<serde_json::Value>(event).unwrap().is_object());
            bytes += event.len();
        }
        assert!((630..670).contains(&(bytes / COUNT)), "{} bytes", bytes / COUNT);
    }
}
