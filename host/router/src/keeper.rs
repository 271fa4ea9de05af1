//! One task per route, which does what the route needs in the table that is in service.

use std::sync::{Arc, PoisonError};

use tokio::task::JoinHandle;

use crate::dispatch::Dispatcher;
use crate::generation::Way;
use crate::inner::{Inner, Phase};
use crate::{leftovers, pull};

/// Sees that every route has a keeper.
pub(crate) fn keep_all(inner: &Arc<Inner>) {
    let mut keepers = inner.keepers.lock().unwrap_or_else(PoisonError::into_inner);
    for route in inner.generation().table.routes() {
        // One that runs takes the new table over; one that is finished without having retired has panicked.
        if keepers.get(&route.name).is_none_or(JoinHandle::is_finished) {
            let keeper = keep(Arc::clone(inner), Arc::clone(&route.name));
            keepers.insert(Arc::clone(&route.name), tokio::spawn(keeper));
        }
    }
}

async fn keep(inner: Arc<Inner>, name: Arc<str>) {
    while inner.phase() < Phase::Landing {
        let way = inner.generation().find(&name).map(|(_, way)| way);
        match way {
            Some(Way::Channel(_)) => Dispatcher::new(&inner, Arc::clone(&name)).run().await,
            Some(Way::Pull(_)) => pull::keep(&inner, &name).await,
            None => {
                leftovers::settle(&inner, &name).await;
                if retire(&inner, &name) {
                    return;
                }
            }
        }
    }
}

/// Whether a keeper whose route was gone may end. Under the lock of [`keep_all`]: either that has put the route back, and
/// the keeper goes on, or it will find no keeper there and start another one.
fn retire(inner: &Inner, name: &str) -> bool {
    let mut keepers = inner.keepers.lock().unwrap_or_else(PoisonError::into_inner);
    let gone = !inner.generation().table.has_route(name);
    if gone {
        keepers.remove(name);
    }
    gone
}
