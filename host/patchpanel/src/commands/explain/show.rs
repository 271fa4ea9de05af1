//! Judgements for people and for programs.

use std::fmt;

use patchpanel_event::Level;
use serde_json::{Value, json};

use super::judge::{Floor, Judged, Judgement, Named, Outcome};

fn mark(good: bool) -> char {
    if good { '✓' } else { '✗' }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.ingress.is_empty() {
            let transforms = self.ingress.join(", ");
            writeln!(
                f,
                "Filters see an event after the ingress transforms ({transforms}); this one is explained as it is given."
            )?;
        }
        if self.subscriptions.is_empty() {
            writeln!(f, "The configuration has no subscriptions.")?;
        }
        for judged in &self.subscriptions {
            judged.show(f, self.level)?;
        }
        for named in &self.channels {
            named.show(f, self.level)?;
        }
        Ok(())
    }
}

impl Judged {
    /// What kept the event from matching, in one line.
    fn nearest_miss(&self, level: Level) -> Option<String> {
        let below = self.floors.iter().filter(|floor| !floor.held);
        let below = below.map(|floor| floor.sentence(level, self.channel.as_deref()));
        let filter = self.filter.as_ref().and_then(|filter| filter.nearest_miss());
        let misses: Vec<String> = below.chain(filter).collect();
        (!misses.is_empty()).then(|| misses.join("; "))
    }

    fn show(&self, f: &mut fmt::Formatter<'_>, level: Level) -> fmt::Result {
        let matched = self.matched();
        let is = if matched { "matched" } else { "not matched" };
        let target = match &self.channel {
            Some(channel) => format!("channel {channel}"),
            None => "pull".to_owned(),
        };
        writeln!(f, "{} {} ({target}): {is}", mark(matched), self.name)?;
        // Every event reaches the lowest level, so there is nothing to tell.
        for floor in self.floors.iter().filter(|floor| floor.min_level > Level::Debug) {
            writeln!(
                f,
                "    {} {}",
                mark(floor.held),
                floor.sentence(level, self.channel.as_deref())
            )?;
        }
        match &self.filter {
            None => writeln!(f, "    ✓ no filter")?,
            Some(filter) => {
                for line in filter.tree().lines() {
                    writeln!(f, "    {line}")?;
                }
            }
        }
        match self.nearest_miss(level) {
            Some(miss) => writeln!(f, "    nearest miss: {miss}"),
            None => Ok(()),
        }
    }
}

impl Floor {
    fn sentence(&self, level: Level, channel: Option<&str>) -> String {
        let is = if self.held { "reaches" } else { "is below" };
        let whose = match (self.of, channel) {
            ("channel", Some(channel)) => format!("channel `{channel}`"),
            (other, _) => format!("the {other}"),
        };
        format!("level {level} {is} {}, the min_level of {whose}", self.min_level)
    }
}

impl Named {
    fn because(&self, level: Level) -> Option<String> {
        Some(match &self.outcome {
            Outcome::Direct => return None,
            Outcome::BySubscription(name) => format!("it gets the event by subscription `{name}` already"),
            Outcome::BelowMinLevel(min_level) => format!("level {level} is below {min_level}, its min_level"),
            Outcome::Unknown(help) if help.is_empty() => "there is no such channel".to_owned(),
            Outcome::Unknown(help) => format!("there is no such channel; {help}"),
        })
    }

    fn show(&self, f: &mut fmt::Formatter<'_>, level: Level) -> fmt::Result {
        let good = matches!(self.outcome, Outcome::Direct | Outcome::BySubscription(_));
        // The name comes from the event, and is quoted for what it may hold.
        let named = Value::from(self.name.as_str());
        match &self.channel {
            Some(channel) if *channel == self.name => {
                write!(f, "{} channel {channel}: named by the event", mark(good))?
            }
            Some(channel) => write!(f, "{} channel {channel}: named by the event as {named}", mark(good))?,
            None => write!(f, "{} channel {named}: named by the event", mark(good))?,
        }
        match self.because(level) {
            Some(because) => writeln!(f, "; {because}"),
            None => writeln!(f),
        }
    }
}

impl Judgement {
    /// The document that `--json` prints.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "event": {"type": self.kind, "level": self.level.as_str()},
            "ingress": self.ingress,
            "subscriptions": self.subscriptions.iter().map(|judged| judged.to_json(self.level)).collect::<Value>(),
            "channels": self.channels.iter().map(|named| named.to_json(self.level)).collect::<Value>(),
        })
    }
}

impl Judged {
    fn to_json(&self, level: Level) -> Value {
        let floor = |floor: &Floor| json!({"of": floor.of, "min_level": floor.min_level.as_str(), "held": floor.held});
        json!({
            "name": self.name,
            "channel": self.channel,
            "matched": self.matched(),
            "levels": self.floors.iter().map(floor).collect::<Value>(),
            "filter": self.filter.as_ref().map(|filter| filter.to_json()),
            "nearest_miss": self.nearest_miss(level),
        })
    }
}

impl Named {
    fn to_json(&self, level: Level) -> Value {
        let outcome = match self.outcome {
            Outcome::Direct => "direct",
            Outcome::BySubscription(_) => "by_subscription",
            Outcome::BelowMinLevel(_) => "below_min_level",
            Outcome::Unknown(_) => "unknown",
        };
        json!({"named": self.name, "channel": self.channel, "outcome": outcome, "because": self.because(level)})
    }
}
