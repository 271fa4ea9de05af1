//! Who may fetch, where a subscription has one consumer at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

/// The consumer that has the subscription, if one ever had it.
#[derive(Debug, Default)]
pub(crate) struct Consumer(Option<Active>);

#[derive(Debug)]
struct Active {
    name: Arc<str>,
    /// Its pulls that are under way.
    pulls: usize,
    /// When it last did anything.
    seen: Instant,
}

/// Another consumer has the subscription.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) by: Arc<str>,
    /// Until then, if it does nothing more; `None` as long as it pulls or holds leases.
    pub(crate) until: Option<Instant>,
}

impl Consumer {
    /// Whether it is this one, present or not.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|active| *active.name == *name)
    }

    /// A pull of this consumer begins. It has the subscription if nobody else has: whoever does nothing for as long as
    /// `patience` and holds no leases has lost it.
    ///
    /// # Errors
    /// Somebody else has.
    pub(crate) fn enter(
        &mut self,
        name: &Arc<str>,
        now: Instant,
        patience: Duration,
        holds_leases: impl Fn(&str) -> bool,
    ) -> Result<(), Taken> {
        if let Some(active) = self.0.as_mut().filter(|active| active.name == *name) {
            active.pulls += 1;
            active.seen = now;
            return Ok(());
        }
        if let Some(active) = &self.0 {
            let taken = |until| Taken {
                by: Arc::clone(&active.name),
                until,
            };
            if active.pulls > 0 || holds_leases(&active.name) {
                return Err(taken(None));
            }
            let until = active.seen + patience;
            if until > now {
                return Err(taken(Some(until)));
            }
        }
        self.0 = Some(Active {
            name: Arc::clone(name),
            pulls: 1,
            seen: now,
        });
        Ok(())
    }

    /// A pull of this consumer is over.
    pub(crate) fn leave(&mut self, name: &str, now: Instant) {
        if let Some(active) = self.0.as_mut().filter(|active| *active.name == *name) {
            active.pulls = active.pulls.saturating_sub(1);
            active.seen = now;
        }
    }

    /// This consumer did something else.
    pub(crate) fn saw(&mut self, name: &str, now: Instant) {
        if let Some(active) = self.0.as_mut().filter(|active| *active.name == *name) {
            active.seen = now;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn whoever_pulls_acts_or_holds_leases_keeps_the_subscription() {
        let (ada, bob): (Arc<str>, Arc<str>) = ("ada".into(), "bob".into());
        let mut consumer = Consumer::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let none = |_: &str| false;
        consumer.enter(&ada, start, PATIENCE, none).unwrap();
        let taken = |until| {
            Err(Taken {
                by: "ada".into(),
                until,
            })
        };
        assert_eq!(consumer.enter(&bob, at(99), PATIENCE, none), taken(None), "it pulls");
        consumer.leave("ada", at(100));
        consumer.leave("bob", at(110));
        assert_eq!(consumer.enter(&bob, at(120), PATIENCE, none), taken(Some(at(130))));
        consumer.saw("ada", at(120));
        assert_eq!(consumer.enter(&bob, at(130), PATIENCE, none), taken(Some(at(150))));
        assert_eq!(
            consumer.enter(&bob, at(150), PATIENCE, |name| name == "ada"),
            taken(None)
        );
        consumer.enter(&bob, at(150), PATIENCE, none).unwrap();
        assert!(consumer.is("bob") && !consumer.is("ada"));
    }
}
