//! Channels: deliveries in, receipts or problems out.

use crate::ConfigError;
pub use crate::bindings::channel::exports::patchpanel::plugin::channel::{Delivery, Problem, Receipt};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// A plugin that hands events to something outside.
///
/// Implement [`deliver`](Channel::deliver), or [`deliver_batch`](Channel::deliver_batch) where many at once are cheaper:
/// each has a default in terms of the other.
///
/// ```
/// use patchpanel_plugin::{Channel, ConfigError, Delivery, NoConfig, Problem, Receipt, export_channel, log};
///
/// struct Logger;
///
/// impl Channel for Logger {
///     type Config = NoConfig;
///
///     fn configure(_: NoConfig) -> Result<Self, Vec<ConfigError>> {
///         Ok(Logger)
///     }
///
///     fn deliver(&mut self, delivery: &Delivery) -> Result<Receipt, Problem> {
///         log::info("delivered", &[("event", &delivery.event.id)]);
///         Ok(Receipt::new())
///     }
/// }
///
/// export_channel! { Logger, name: "logger", description: "Writes a log line for every event." }
/// # fn main() {}
/// ```
pub trait Channel: Sized + 'static {
    /// What the operator writes under `config`; [`NoConfig`](crate::NoConfig) or `()` where there is nothing to say.
    type Config: DeserializeOwned;

    /// Makes an instance. Called once, before anything else.
    ///
    /// # Errors
    /// Every mistake in the configuration, at once.
    fn configure(config: Self::Config) -> Result<Self, Vec<ConfigError>>;

    /// Delivers one event. It may have been delivered before, under the same `delivery.id`.
    ///
    /// # Errors
    /// What the router shall do about it. Texts must not repeat secrets.
    fn deliver(&mut self, delivery: &Delivery) -> Result<Receipt, Problem> {
        let none = || Err(Problem::Retry("the plugin gave no answer".to_owned()));
        self.deliver_batch(std::slice::from_ref(delivery))
            .pop()
            .unwrap_or_else(none)
    }

    /// Delivers several events; one answer each, in order.
    fn deliver_batch(&mut self, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
        batch.iter().map(|delivery| self.deliver(delivery)).collect()
    }

    /// Whether deliveries would work now, without delivering anything.
    ///
    /// # Errors
    /// Why they would not, for people.
    fn check_health(&mut self) -> Result<(), String> {
        Ok(())
    }
}

#[allow(clippy::derivable_impls, reason = "the type is generated")]
impl Default for Receipt {
    fn default() -> Self {
        Self {
            reference: None,
            detail: None,
        }
    }
}

impl Receipt {
    /// A receipt that says no more than that it worked.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With the other side's own identifier of it.
    #[must_use]
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// With something for people, such as `200 OK`.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

impl Problem {
    /// Try again, but not before `delay` has passed.
    pub fn retry_after(delay: Duration, why: impl Into<String>) -> Self {
        Self::RetryAfter((u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), why.into()))
    }

    /// Why, for people.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Retry(why) | Self::RetryAfter((_, why)) | Self::Reject(why) | Self::Disable(why) => why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    struct One;
    impl Channel for One {
        type Config = ();
        fn configure((): ()) -> Result<Self, Vec<ConfigError>> {
            Ok(Self)
        }
        fn deliver(&mut self, delivery: &Delivery) -> Result<Receipt, Problem> {
            Ok(Receipt::new().reference(&delivery.id))
        }
    }

    struct Many;
    impl Channel for Many {
        type Config = ();
        fn configure((): ()) -> Result<Self, Vec<ConfigError>> {
            Ok(Self)
        }
        fn deliver_batch(&mut self, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
            let late = || Problem::retry_after(Duration::from_secs(2), "busy");
            batch.iter().map(|_| Err(late())).collect()
        }
    }

    #[test]
    fn each_form_gives_the_other() {
        let batch = [testing::delivery("1", "a"), testing::delivery("2", "a")];
        let references = One
            .deliver_batch(&batch)
            .into_iter()
            .map(|answer| answer.map(|receipt| receipt.reference));
        assert!(references.eq([Ok(Some("1".to_owned())), Ok(Some("2".to_owned()))]));
        let answers = batch.iter().map(|delivery| Many.deliver(delivery));
        assert!(answers.eq([
            Err(Problem::RetryAfter((2000, "busy".to_owned()))),
            Err(Problem::RetryAfter((2000, "busy".to_owned())))
        ]));
        assert_eq!(One.check_health(), Ok(()));
    }
}
