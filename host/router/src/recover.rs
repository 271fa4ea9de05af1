//! What a router finds in its store when it starts.

use std::future::Future;
use std::sync::Arc;

use patchpanel_store::StoreError;

use crate::inner::{Inner, Known, STORE_AGAIN};
use crate::table::Table;
use crate::{leftovers, replay};

/// Opens the door once it is known which subscriptions of the first table are new, has those begin that are to, goes on
/// with replays, and settles what nobody delivers any more.
pub(crate) async fn recover(inner: Arc<Inner>, table: Arc<Table>) {
    let found = insist(&inner, async || begin(&inner, &table).await).await;
    let (known, pending) = found.unwrap_or_default();
    // Also where the store has failed: then publishers are told so.
    inner.recovered.send_replace(Some(known));
    insist(&inner, async || replay::resume(&inner).await).await;
    for name in pending {
        leftovers::settle(&inner, &name).await;
    }
}

/// Returns whom the store knows, and who of them has deliveries pending.
async fn begin(inner: &Arc<Inner>, table: &Table) -> Result<(Known, Vec<Arc<str>>), StoreError> {
    let ledger = inner.store.ledger().await?;
    for route in table.routes() {
        if !ledger.accounts.contains_key(&route.name) {
            replay::record(inner, route, None).await?;
        }
    }
    let pending = ledger.accounts.iter().filter(|(_, account)| account.pending > 0);
    let pending = pending.map(|(name, _)| Arc::clone(name)).collect();
    Ok((Arc::new(ledger.accounts.into_keys().collect()), pending))
}

/// Until the store answers; `None` if it never will.
async fn insist<T, F: Future<Output = Result<T, StoreError>>>(inner: &Inner, ask: impl Fn() -> F) -> Option<T> {
    loop {
        match ask().await {
            Ok(answer) => return Some(answer),
            Err(error) => {
                let again = inner.is_worth_another_try("what the store holds cannot be read", &error);
                if !again || !inner.rest(STORE_AGAIN).await {
                    return None;
                }
            }
        }
    }
}
