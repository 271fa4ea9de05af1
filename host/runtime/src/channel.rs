//! Channels: asynchronous calls, with a timeout around the waiting and yields within the computing.

use std::sync::Arc;

use patchpanel_event::{Attempt, Problem, Receipt};

use crate::bindings::channel::exports::patchpanel::plugin::channel as wit;
use crate::bindings::channel::{ChannelPlugin as Bindings, ChannelPluginPre};
use crate::guest::{About, Core, Guest, configured};
use crate::revision::Revision;
use crate::state::{Shared, State};
use crate::transform::to_guest;
use crate::{CallError, LoadError, Runtime};

/// One revision of a channel plugin with one configuration.
pub struct ChannelPlugin {
    core: Core<Bindings>,
    pre: ChannelPluginPre<State>,
}

impl ChannelPlugin {
    pub(crate) async fn start(
        name: &str,
        runtime: &Runtime,
        revision: &Arc<Revision>,
        pre: &ChannelPluginPre<State>,
        shared: Arc<Shared>,
        config: &serde_json::Value,
    ) -> Result<ChannelPlugin, LoadError> {
        let core = Core::new(name, runtime.clone(), revision.clone(), shared, config);
        let plugin = ChannelPlugin { core, pre: pre.clone() };
        let deadline = plugin.core.limits().deadline;
        let guest = tokio::time::timeout(deadline, plugin.fresh())
            .await
            .unwrap_or(Err(LoadError::Start(CallError::Deadline(deadline))))?;
        plugin.core.put(guest);
        Ok(plugin)
    }

    /// Hands a batch over: one answer per delivery, in order.
    ///
    /// # Errors
    /// Where there is no answer, or not one per delivery: whether the other side has them is then unknown.
    pub async fn deliver(&self, batch: &[Attempt]) -> Result<Vec<Result<Receipt, Problem>>, CallError> {
        let deliveries: Vec<wit::Delivery> = batch.iter().map(delivery).collect();
        self.call(batch.len(), async |guest: &mut Guest<Bindings>| {
            let answers = guest
                .bindings
                .patchpanel_plugin_channel()
                .call_deliver(&mut guest.store, &deliveries)
                .await?;
            Ok(if answers.len() == deliveries.len() {
                Ok(answers.into_iter().map(answer).collect())
            } else {
                Err(CallError::Contract(format!(
                    "{} answers to {} deliveries",
                    answers.len(),
                    deliveries.len()
                )))
            })
        })
        .await
    }

    /// Asks whether deliveries would work now.
    ///
    /// # Errors
    /// The plugin's own words, or why it did not answer.
    pub async fn check_health(&self) -> Result<(), CallError> {
        self.call(0, async |guest: &mut Guest<Bindings>| {
            let answer = guest
                .bindings
                .patchpanel_plugin_channel()
                .call_check_health(&mut guest.store)
                .await?;
            Ok(answer.map_err(|text| CallError::Refused(Some(text))))
        })
        .await
    }

    /// Runs `make` on an idle or fresh instance. Whatever happens to the call, a failed instance is dropped.
    async fn call<T>(
        &self,
        items: usize,
        make: impl AsyncFnOnce(&mut Guest<Bindings>) -> wasmtime::Result<Result<T, CallError>>,
    ) -> Result<T, CallError> {
        self.core.admit()?;
        let deadline = self.core.limits().deadline;
        let calling = async {
            let mut guest = match self.core.take() {
                Some(guest) => guest,
                None => self.fresh().await.map_err(|error| CallError::Trap(error.to_string()))?,
            };
            guest.store.set_hostcall_fuel(self.core.limits().output);
            let answer = make(&mut guest)
                .await
                .map_err(|error| self.core.explain(&error, &guest.store))?;
            self.core.put(guest);
            answer
        };
        let answer = tokio::time::timeout(deadline, calling)
            .await
            .unwrap_or(Err(CallError::Deadline(deadline)));
        self.core.record(items, &answer);
        answer
    }

    async fn fresh(&self) -> Result<Guest<Bindings>, LoadError> {
        let mut store = self.core.store()?;
        // A guest that computes without end must not keep its thread: it yields with every tick of the clock, and the
        // timeout around the call ends it.
        store.epoch_deadline_async_yield_and_update(1);
        store.set_epoch_deadline(1);
        let started = async {
            let bindings = self.pre.instantiate_async(&mut store).await?;
            let answer = bindings
                .patchpanel_plugin_lifecycle()
                .call_configure(&mut store, &self.core.config)
                .await?;
            Ok((bindings, answer))
        }
        .await;
        let (bindings, answer) =
            started.map_err(|error: wasmtime::Error| LoadError::Start(self.core.explain(&error, &store)))?;
        configured(answer, |mistake| (mistake.path, mistake.message))?;
        Ok(self.core.guest(store, bindings))
    }

    /// Makes a fresh instance, and nothing with it.
    pub(crate) async fn try_start(&self) -> Result<(), LoadError> {
        self.fresh().await.map(drop)
    }

    /// What can be told about it.
    pub fn about(&self) -> &About {
        &self.core.about
    }
}

fn delivery(attempt: &Attempt) -> wit::Delivery {
    wit::Delivery {
        id: attempt.delivery_id.clone(),
        attempt: attempt.number,
        replay: attempt.replay,
        subscription: attempt.subscription.clone(),
        recipients: attempt.recipients.clone(),
        event: to_guest(&attempt.event),
    }
}

fn answer(answer: Result<wit::Receipt, wit::Problem>) -> Result<Receipt, Problem> {
    match answer {
        Ok(receipt) => Ok(Receipt {
            reference: receipt.reference,
            detail: receipt.detail,
        }),
        Err(wit::Problem::Retry(reason)) => Err(Problem::Retry(reason)),
        Err(wit::Problem::RetryAfter((delay, reason))) => Err(Problem::RetryAfter(delay, reason)),
        Err(wit::Problem::Reject(reason)) => Err(Problem::Reject(reason)),
        Err(wit::Problem::Disable(reason)) => Err(Problem::Disable(reason)),
    }
}
