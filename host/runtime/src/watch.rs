//! Notices that the plugins directory may have changed. Hints only: what has changed is found by looking.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// Hints come in bursts while a file is copied; the last of a burst is waited for.
const QUIET: Duration = Duration::from_millis(50);
/// At most so long, where the hints never stop.
const LONGEST_BURST: Duration = Duration::from_secs(1);
/// Looked at so often without any hint: network file systems and swapped directories may give none.
const UNPROMPTED: Duration = Duration::from_secs(5);

/// Gives a signal whenever the directory should be looked at.
pub struct DirectoryWatch {
    directory: PathBuf,
    hints: mpsc::Receiver<()>,
    /// Kept for its hints; `None` while the directory cannot be watched (it may not exist yet).
    watcher: Option<notify::RecommendedWatcher>,
    sender: mpsc::Sender<()>,
}

impl DirectoryWatch {
    /// Begins to watch.
    pub fn new(directory: &Path) -> DirectoryWatch {
        let (sender, hints) = mpsc::channel(1);
        let mut watch = DirectoryWatch {
            directory: directory.to_owned(),
            hints,
            watcher: None,
            sender,
        };
        watch.attach();
        watch
    }

    fn attach(&mut self) {
        let sender = self.sender.clone();
        let hint = move |_: notify::Result<notify::Event>| {
            // Full: a hint is waiting already.
            let _ = sender.try_send(());
        };
        let watcher = notify::recommended_watcher(hint).and_then(|mut watcher| {
            watcher
                .watch(&self.directory, RecursiveMode::NonRecursive)
                .map(|()| watcher)
        });
        match watcher {
            Ok(watcher) => self.watcher = Some(watcher),
            Err(error) => {
                tracing::debug!(directory = %self.directory.display(), %error, "no hints from the plugins directory; it is looked at regularly")
            }
        }
    }

    /// Waits until the directory should be looked at. Never gives up.
    pub async fn changed(&mut self) {
        if tokio::time::timeout(UNPROMPTED, self.hints.recv()).await.is_err() {
            // A directory that was replaced gives no more hints under its old watch, so it is renewed.
            self.watcher = None;
            self.attach();
            return;
        }
        let burst = async { while let Ok(Some(())) = tokio::time::timeout(QUIET, self.hints.recv()).await {} };
        let _ = tokio::time::timeout(LONGEST_BURST, burst).await;
    }
}
