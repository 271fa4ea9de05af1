//! A channel that does nothing, so that a bench of it measures the crossing.

use patchpanel_plugin::{Channel, ConfigError, Delivery, NoConfig, Problem, Receipt, export_channel};

/// The channel.
#[derive(Clone, Copy, Debug)]
pub struct Sink;

impl Channel for Sink {
    type Config = NoConfig;

    fn configure(_: NoConfig) -> Result<Self, Vec<ConfigError>> {
        Ok(Sink)
    }

    fn deliver(&mut self, _: &Delivery) -> Result<Receipt, Problem> {
        Ok(Receipt::new())
    }
}

export_channel! { Sink, description: "Gives a receipt at once. For benches." }
