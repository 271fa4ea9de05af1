//! Where the words of plugins go: into the router's log, limited in rate and size.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use patchpanel_event::Level;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use crate::Limits;
use crate::masks::Masks;
use crate::usage::Usage;

/// One plugin's log.
pub(crate) struct PluginLog {
    plugin: String,
    lines_per_second: u32,
    bytes_per_second: usize,
    line_bytes: usize,
    /// Whether texts are withheld, because the plugin sees what must not be logged.
    withheld: bool,
    window: Mutex<Window>,
    suppressed: AtomicU64,
    usage: Arc<Usage>,
    masks: Arc<Masks>,
}

/// What was written in the running second.
struct Window {
    since: Instant,
    lines: u32,
    bytes: usize,
    /// Whether something was left out already.
    full: bool,
}

impl Window {
    fn new() -> Self {
        Window {
            since: Instant::now(),
            lines: 0,
            bytes: 0,
            full: false,
        }
    }
}

impl PluginLog {
    pub(crate) fn new(plugin: String, limits: &Limits, withheld: bool, usage: Arc<Usage>, masks: Arc<Masks>) -> Self {
        PluginLog {
            plugin,
            lines_per_second: limits.log_lines,
            bytes_per_second: limits.log_bytes,
            line_bytes: limits.log_line_bytes,
            withheld,
            window: Mutex::new(Window::new()),
            suppressed: AtomicU64::new(0),
            usage,
            masks,
        }
    }

    /// Lines that were not written: too many, or withheld.
    pub(crate) fn suppressed(&self) -> u64 {
        self.suppressed.load(Ordering::Relaxed)
    }

    /// Whether texts of this plugin may be shown.
    pub(crate) fn shows(&self) -> bool {
        !self.withheld
    }

    pub(crate) fn write(&self, level: Level, message: &str, fields: &str) {
        // Before they are cut: of half a secret nothing could be told.
        let (message, fields) = (self.masks.hide(message), self.masks.hide(fields));
        let (message, fields) = (cut(&message, self.line_bytes), cut(&fields, self.line_bytes));
        if self.withheld || !self.admit(message.len() + fields.len()) {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let message: String = message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let plugin = self.plugin.as_str();
        match level {
            Level::Debug => tracing::debug!(plugin, fields, "{message}"),
            Level::Info => tracing::info!(plugin, fields, "{message}"),
            Level::Warning => tracing::warn!(plugin, fields, "{message}"),
            Level::Error | Level::Critical => tracing::error!(plugin, fields, "{message}"),
        }
    }

    /// Counts something that the plugin wanted and was not given, and says so within the same limits.
    pub(crate) fn refused(&self, capability: &'static str, reason: &str) {
        let reason = self.masks.hide(reason);
        let reason = &*reason;
        self.usage.refused(capability, reason);
        if self.admit(reason.len()) {
            tracing::warn!(plugin = self.plugin, capability, reason, "refused to the plugin");
        }
    }

    fn admit(&self, bytes: usize) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.since.elapsed() >= Duration::from_secs(1) {
            *window = Window::new();
        }
        let limit = if window.lines >= self.lines_per_second {
            ("log_lines", self.lines_per_second as usize)
        } else if window.bytes + bytes > self.bytes_per_second {
            ("log_bytes", self.bytes_per_second)
        } else {
            window.lines += 1;
            window.bytes += bytes;
            return true;
        };
        self.usage.hit(limit.0);
        if !window.full {
            window.full = true;
            tracing::warn!(
                plugin = self.plugin,
                limit = limit.0,
                value = limit.1,
                "the plugin logs too much; the rest of this second is left out"
            );
        }
        false
    }
}

fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// A guest's standard output or error, line by line into the log.
#[derive(Clone)]
pub(crate) struct LogStream {
    log: Arc<PluginLog>,
    level: Level,
}

impl LogStream {
    pub(crate) fn new(log: Arc<PluginLog>, level: Level) -> Self {
        LogStream { log, level }
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(LineWriter {
            stream: self.clone(),
            line: Vec::new(),
        })
    }
}

struct LineWriter {
    stream: LogStream,
    /// What has come since the last line end; never longer than a log line may be.
    line: Vec<u8>,
}

impl AsyncWrite for LineWriter {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = self.stream.log.line_bytes.saturating_sub(self.line.len());
            let kept = piece.get(..room.min(piece.len())).unwrap_or_default();
            self.line.extend_from_slice(kept);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.stream
                    .log
                    .write(self.stream.level, String::from_utf8_lossy(&line).trim_end(), "");
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
