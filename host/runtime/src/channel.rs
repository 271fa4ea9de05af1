//! Channels: asynchronous calls, with a timeout around the waiting and yields within the computing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use patchpanel_event::{Attempt, Problem, Receipt};
use wasmtime::Store;

use crate::bindings::channel::exports::patchpanel::plugin::channel as wit;
use crate::bindings::channel::{ChannelPlugin as Bindings, ChannelPluginPre};
use crate::guest::{About, Core, Guest};
use crate::revision::Revision;
use crate::state::{Shared, State};
use crate::transform::to_guest;
use crate::{CallError, LoadError};

/// One revision of a channel plugin with one configuration.
pub struct ChannelPlugin {
    core: Core<Bindings>,
    pre: ChannelPluginPre<State>,
}

impl ChannelPlugin {
    pub(crate) async fn start(
        revision: &Arc<Revision>,
        pre: &ChannelPluginPre<State>,
        shared: Arc<Shared>,
        config: &serde_json::Value,
    ) -> Result<ChannelPlugin, LoadError> {
        let core = Core::new(pre.engine(), revision, shared, config)?;
        let plugin = ChannelPlugin { core, pre: pre.clone() };
        let deadline = plugin.core.limits().deadline;
        let guest = tokio::time::timeout(deadline, plugin.fresh())
            .await
            .unwrap_or_else(|_| Err(LoadError::Start(plugin.core.late(deadline))))?;
        plugin.core.put(guest);
        Ok(plugin)
    }

    /// Hands a batch over: one answer per delivery, in order.
    ///
    /// # Errors
    /// Where there is no answer, or not one per delivery: whether the other side has them is then unknown.
    pub async fn deliver(&self, batch: &[Attempt]) -> Result<Vec<Result<Receipt, Problem>>, CallError> {
        let until = Instant::now() + self.core.limits().time_for(batch.len());
        if !self.core.singly() || batch.len() == 1 {
            return self.deliver_together(batch, until).await;
        }
        let mut answers = Vec::with_capacity(batch.len());
        for delivery in batch.chunks(1) {
            // Not to be held against the plugin: these were never called for.
            if Instant::now() >= until {
                answers.push(Err(Problem::Retry("the batch ran out of time".to_owned())));
                continue;
            }
            match self.deliver_together(delivery, until).await {
                Ok(answer) => answers.extend(answer),
                // What was delivered before stays delivered.
                Err(error) => answers.push(Err(Problem::Retry(format!("the plugin failed: {error}")))),
            }
        }
        Ok(answers)
    }

    async fn deliver_together(
        &self,
        batch: &[Attempt],
        until: Instant,
    ) -> Result<Vec<Result<Receipt, Problem>>, CallError> {
        let deliveries: Vec<wit::Delivery> = batch.iter().map(delivery).collect();
        self.call(batch.len(), until, async |guest: &mut Guest<Bindings>| {
            let answers = guest
                .bindings
                .patchpanel_plugin_channel()
                .call_deliver(&mut guest.store, &deliveries)
                .await?;
            Ok(if answers.len() == deliveries.len() {
                Ok(answers.into_iter().map(|one| self.answer(one)).collect())
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

    /// Asks whether deliveries would work now. A fresh instance is asked, so that its configuration and its secrets are read
    /// as they are now; and whatever becomes of it, it is not held against the plugin, which may deliver well.
    ///
    /// # Errors
    /// The plugin's own words, or why there are none.
    pub async fn check_health(&self) -> Result<(), String> {
        let told = |error: CallError| format!("plugin `{}` failed: {error}", self.core.about.name());
        self.core.admit().map_err(told)?;
        self.core.secrets_at_hand().await?;
        let deadline = self.core.limits().deadline;
        let asking = async {
            let mut guest = self.fresh().await.map_err(|error| match error {
                LoadError::Start(error) => told(error),
                error => error.to_string(),
            })?;
            self.arm(&mut guest.store, deadline);
            let channel = guest.bindings.patchpanel_plugin_channel();
            let answer = channel.call_check_health(&mut guest.store).await;
            let answer = answer.map_err(|error| told(self.core.explain(&error, &guest.store)))?;
            answer.map_err(|reason| self.core.said(reason))
        };
        let answer = tokio::time::timeout(deadline, asking).await;
        answer.unwrap_or_else(|_| Err(told(self.core.late(deadline))))
    }

    /// Runs `make` on an idle or fresh instance, at most until then. Whatever happens to the call, a failed instance is
    /// dropped.
    async fn call<T>(
        &self,
        items: usize,
        until: Instant,
        make: impl AsyncFnOnce(&mut Guest<Bindings>) -> wasmtime::Result<Result<T, CallError>>,
    ) -> Result<T, CallError> {
        self.core.admit()?;
        let time = self.core.limits().time_for(items);
        let calling = async {
            let mut guest = match self.core.take() {
                Some(guest) => guest,
                None => self.fresh().await.map_err(|error| CallError::Trap(error.to_string()))?,
            };
            self.arm(&mut guest.store, time);
            let answer = make(&mut guest)
                .await
                .map_err(|error| self.core.explain(&error, &guest.store))?;
            self.core.put(guest);
            answer
        };
        let left = until.saturating_duration_since(Instant::now());
        let answer = tokio::time::timeout(time.min(left), calling)
            .await
            .unwrap_or_else(|_| Err(self.core.late(time)));
        self.core.record(items, &answer);
        answer
    }

    /// A guest that computes without end must not keep its thread: it yields with every tick of the clock, and the
    /// timeout around the call ends it.
    fn arm(&self, store: &mut Store<State>, time: Duration) {
        self.core.arm(store, time);
        store.epoch_deadline_async_yield_and_update(1);
        store.set_epoch_deadline(1);
    }

    async fn fresh(&self) -> Result<Guest<Bindings>, LoadError> {
        let mut store = self.core.store()?;
        self.arm(&mut store, self.core.limits().deadline);
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
        self.core
            .configured(answer, |mistake| (mistake.path, mistake.message))?;
        Ok(self.core.guest(store, bindings))
    }

    /// A receipt or a problem, without secrets.
    fn answer(&self, answer: Result<wit::Receipt, wit::Problem>) -> Result<Receipt, Problem> {
        let said = |text| self.core.said(text);
        match answer {
            Ok(receipt) => Ok(Receipt {
                reference: receipt.reference.map(said),
                detail: receipt.detail.map(said),
            }),
            Err(wit::Problem::Retry(reason)) => Err(Problem::Retry(said(reason))),
            Err(wit::Problem::RetryAfter((delay, reason))) => Err(Problem::RetryAfter(delay, said(reason))),
            Err(wit::Problem::Reject(reason)) => Err(Problem::Reject(said(reason))),
            Err(wit::Problem::Disable(reason)) => Err(Problem::Disable(said(reason))),
        }
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
