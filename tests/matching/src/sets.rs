//! Generated rules: sets of event patterns as JSON text, the same ones in every run.
//!
//! Values are drawn so widely that an event matches about 0.1 to 10 of 100,000 rules. Fewer rules match accordingly less.

use std::collections::HashSet;

use anyhow::{Result, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::events::cents;
use crate::names::{
    File, LABELS, SKUS, SOURCES, TENANTS, TYPES, TYPES_OF_A_USER, USERS, WORDS, domain, kind, kind_of_user, label,
    login, sku, source, tenant, user, word,
};

/// What the rules of a set ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum, Serialize, Deserialize)]
pub(crate) enum Set {
    /// One field of 100,000 different values.
    Exact,
    /// A field of 50 values and one of 100,000.
    TwoFields,
    /// The start of a path.
    Prefix,
    /// The end of a path.
    Suffix,
    /// A path with one star or two, at the ends or inside.
    Wildcard,
    /// A word anywhere in the message.
    Contains,
    /// A name in any case.
    IgnoreCase,
    /// A price between two bounds.
    Range,
    /// A price beyond one bound, which few bounds allow.
    OneSided,
    /// An exact field, and another that is not a certain value.
    AnythingBut,
    /// An exact field, and another that is there or not; of very many different fields.
    Exists,
    /// Networks of addresses.
    Cidr,
    /// Two fields of one object in a list.
    Array,
    /// An equal share of all the above.
    Mixed,
    /// What subscriptions of a router are like: types, a level, and a field of the metadata or payload.
    Router,
}

/// Those of which [`Set::Mixed`] takes a share.
const PLAIN: [Set; 13] = [
    Set::Exact,
    Set::TwoFields,
    Set::Prefix,
    Set::Suffix,
    Set::Wildcard,
    Set::Contains,
    Set::IgnoreCase,
    Set::Range,
    Set::OneSided,
    Set::AnythingBut,
    Set::Exists,
    Set::Cidr,
    Set::Array,
];

impl Set {
    /// As it is called in options and tables.
    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Generates so many rules, each different from all others.
    ///
    /// # Errors
    /// If there are not as many different ones.
    pub(crate) fn generate(self, count: usize) -> Result<Vec<String>> {
        let mut random = fastrand::Rng::with_seed(2);
        let (mut rules, mut seen) = (Vec::with_capacity(count), HashSet::with_capacity(count));
        // Drawing the last of all users takes many tries.
        let mut tries = 1_000 + count * 64;
        while rules.len() < count {
            let set = match self {
                Set::Mixed => PLAIN
                    .iter()
                    .copied()
                    .nth(rules.len() % PLAIN.len())
                    .unwrap_or(Set::Exact),
                set => set,
            };
            let rule = set.rule(&mut random);
            if seen.insert(rule.clone()) {
                rules.push(rule);
            }
            tries -= 1;
            if tries == 0 {
                bail!("there are no {count} different rules of the set {}", self.name());
            }
        }
        Ok(rules)
    }

    fn rule(self, random: &mut fastrand::Rng) -> String {
        let who = random.usize(..USERS);
        match self {
            Set::Exact => format!(r#"{{"metadata": {{"user": ["{}"]}}}}"#, user(who)),
            Set::TwoFields => {
                let kind = kind(kind_of_user(who, random.usize(..TYPES_OF_A_USER)));
                format!(r#"{{"type": ["{kind}"], "metadata": {{"user": ["{}"]}}}}"#, user(who))
            }
            Set::Prefix => {
                let path = File::draw(random).path();
                // With up to two digits of the number.
                let end = path.find('_').unwrap_or_default() + random.usize(1..=3);
                let prefix: String = path.chars().take(end).collect();
                format!(r#"{{"subject": [{{"prefix": "{prefix}"}}]}}"#)
            }
            Set::Suffix => {
                let File { number, ending, .. } = File::draw(random);
                let digits = if random.u8(..10) < 3 {
                    format!("{:04}", number % 10_000)
                } else {
                    format!("{number:05}")
                };
                format!(r#"{{"subject": [{{"suffix": "{digits}.{ending}"}}]}}"#)
            }
            Set::Wildcard => format!(r#"{{"subject": [{{"wildcard": "{}"}}]}}"#, wildcard(random)),
            Set::Contains => {
                let word = word(random.usize(..WORDS));
                format!(r#"{{"message": [{{"wildcard": "*{word}*"}}]}}"#)
            }
            Set::IgnoreCase => {
                let login = login(who).to_ascii_uppercase();
                format!(r#"{{"metadata.login": [{{"equals-ignore-case": "{login}"}}]}}"#)
            }
            Set::Range => {
                let low = random.u64(..100_000);
                let (low, high) = (cents(low), cents(low + random.u64(1..10)));
                format!(r#"{{"payload.price": [{{"numeric": [">=", {low}, "<", {high}]}}]}}"#)
            }
            Set::OneSided => {
                // The bounds lie far apart, so that only a few of them are between the prices of events.
                let far = random.i64(0..1_000_000_000);
                let (operator, bound) = if random.bool() {
                    (">", far)
                } else {
                    ("<", 100_000 - far)
                };
                let sign = if bound < 0 { "-" } else { "" };
                let bound = cents(bound.unsigned_abs());
                format!(r#"{{"payload.price": [{{"numeric": ["{operator}", {sign}{bound}]}}]}}"#)
            }
            Set::AnythingBut => {
                let level = crate::events::level(random);
                let user = user(who);
                format!(r#"{{"metadata.user": ["{user}"], "level": [{{"anything-but": "{level}"}}]}}"#)
            }
            Set::Exists => exists(who, random),
            Set::Cidr => cidr(random),
            Set::Array => {
                let (sku, quantity) = (sku(random.usize(..SKUS)), random.u8(1..=5));
                format!(r#"{{"payload": {{"items": {{"sku": ["{sku}"], "qty": [{quantity}]}}}}}}"#)
            }
            Set::Mixed | Set::Router => router(who, random),
        }
    }
}

fn wildcard(random: &mut fastrand::Rng) -> String {
    let File {
        folder,
        module,
        verb,
        number,
        ending,
    } = File::draw(random);
    match random.u8(..3) {
        0 => format!("src/{folder}/{module}/*{:02}.{ending}", number % 100),
        1 => format!("*{module}/{verb}_{:02}*", number % 100),
        _ => format!("src/{folder}/*{verb}_*{:03}.{ending}", number % 1000),
    }
}

fn exists(who: usize, random: &mut fastrand::Rng) -> String {
    let exists = random.bool();
    if random.bool() {
        let user = user(who);
        return format!(r#"{{"metadata.user": ["{user}"], "payload.coupon": [{{"exists": {exists}}}]}}"#);
    }
    let (label, source) = (label(random.usize(..LABELS)), source(random.usize(..SOURCES)));
    format!(r#"{{"source": ["{source}"], "payload.labels.{label}": [{{"exists": true}}]}}"#)
}

fn cidr(random: &mut fastrand::Rng) -> String {
    let bits = match random.u8(..100) {
        0 | 1 => 20,
        2..40 => 24,
        40..80 => 28,
        _ => 32,
    };
    let address = 0x0a00_0000 | (random.u32(..1 << 24) >> (32 - bits) << (32 - bits));
    let address = std::net::Ipv4Addr::from(address);
    format!(r#"{{"metadata.ip": [{{"cidr": "{address}/{bits}"}}]}}"#)
}

fn router(who: usize, random: &mut fastrand::Rng) -> String {
    let number = match random.bool() {
        true => kind_of_user(who, random.usize(..TYPES_OF_A_USER)),
        false => random.usize(..TYPES),
    };
    let kind = match random.u8(..10) {
        0..6 => format!(r#""{}""#, kind(number)),
        _ => format!(r#"{{"prefix": "{}."}}"#, domain(number)),
    };
    let level = match random.u8(..4) {
        0 => "info",
        1 | 2 => "warning",
        _ => "error",
    };
    let field = match random.u8(..10) {
        0..4 => format!(r#""metadata": {{"user": ["{}"]}}"#, user(who)),
        4..8 => format!(r#""metadata": {{"tenant": ["{}"]}}"#, tenant(random.usize(..TENANTS))),
        _ => format!(
            r#""payload": {{"items": {{"sku": ["{}"]}}}}"#,
            sku(random.usize(..SKUS))
        ),
    };
    format!(r#"{{"type": [{kind}], "level": [{{"at-least": "{level}"}}], {field}}}"#)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use patchpanel_filter::Pattern;

    #[test]
    fn rules_are_patterns() {
        for set in Set::value_variants() {
            for rule in set.generate(500).unwrap() {
                rule.parse::<Pattern>().unwrap();
            }
        }
    }

    #[test]
    fn what_there_is_too_little_of_is_said() {
        let error = Set::Exact.generate(USERS + 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there are no 100001 different rules of the set exact"
        );
    }
}
