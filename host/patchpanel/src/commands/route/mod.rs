//! `patchpanel route`: what a configuration would do with events, offline.
//!
//! One thread reads, workers route, this thread writes. A fixed number of chunks is under way at any time, so memory
//! does not grow with the input; chunks are written in the order in which they were read.

mod chunks;
mod summary;
mod worker;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Read, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Instant;

use anyhow::Context as _;
use patchpanel_router::Table;

use crate::cli::RouteArgs;
use crate::config::{self, Config};
use crate::wiring::{self, Uses};
use crate::{exit, terminal};

use chunks::{Chunk, Chunks};
use summary::Summary;
use worker::{Routed, Worker};

/// Chunks that are under way for each worker: one in work, one waiting, one being written.
const CHUNKS_PER_WORKER: usize = 3;

pub(crate) fn route(args: &RouteArgs) -> anyhow::Result<u8> {
    let config = config::load(&args.config)?;
    let loading = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let registry = loading.block_on(wiring::registry(&config, Uses::Offline, None))?;
    let table = wiring::table(&config, &registry.generation())?;
    let input: Box<dyn Read + Send> = match args.input.as_path() {
        path if path == Path::new("-") => Box::new(io::stdin()),
        path => Box::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?),
    };
    let threads = args.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    let started = Instant::now();
    let mut summary = match stream(&config, &table, input, threads, args.strict) {
        // Whoever reads us has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(exit::OK),
        result => result.context("cannot read or write")?,
    };
    summary.seconds = started.elapsed().as_secs_f64();
    if args.json {
        terminal::say(summary.to_json());
    } else {
        terminal::say(&summary);
    }
    Ok(if summary.is_clean() {
        exit::OK
    } else {
        exit::WRONG_INPUT
    })
}

fn stream(
    config: &Config,
    table: &Table,
    input: Box<dyn Read + Send>,
    threads: usize,
    strict: bool,
) -> io::Result<Summary> {
    let under_way = threads * CHUNKS_PER_WORKER;
    let (chunk_sender, chunk_receiver) = sync_channel::<Chunk>(under_way);
    let (result_sender, results) = sync_channel::<Routed>(under_way);
    // A chunk needs a token to be read and gives it back when it is written.
    let (token_sender, tokens) = sync_channel::<()>(under_way);
    for _ in 0..under_way {
        let _ = token_sender.send(());
    }
    let chunk_receiver = Mutex::new(chunk_receiver);
    let line_bytes = config.limits.event_bytes;
    // Outside of the scope: a strict run ends before its input does, and does not wait for a reader that waits for more.
    let reading = std::thread::spawn(move || read(input, line_bytes, &tokens, &chunk_sender));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (chunks, results) = (&chunk_receiver, result_sender.clone());
            scope.spawn(move || work(&mut Worker::new(table, config.limits), chunks, &results));
        }
        drop(result_sender);
        let written = write(&results, &token_sender, strict);
        // Whatever ended the writing, the reader and the workers now find their channels closed.
        drop((results, token_sender));
        let summary = written?;
        if !strict || summary.is_clean() {
            reading
                .join()
                .map_err(|_| io::Error::other("the reading thread failed"))??;
        }
        Ok(summary)
    })
}

fn read(
    input: Box<dyn Read + Send>,
    line_bytes: usize,
    tokens: &Receiver<()>,
    chunks: &SyncSender<Chunk>,
) -> io::Result<()> {
    let mut source = Chunks::new(input, line_bytes);
    while tokens.recv().is_ok() {
        let Some(chunk) = source.next()? else { return Ok(()) };
        if chunks.send(chunk).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn work(worker: &mut Worker<'_>, chunks: &Mutex<Receiver<Chunk>>, results: &SyncSender<Routed>) {
    loop {
        // A poisoned lock means that another worker failed between two chunks; the receiver is sound all the same.
        let next = chunks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv();
        let Ok(chunk) = next else { return };
        if results.send(worker.route(&chunk)).is_err() {
            return;
        }
    }
}

fn write(results: &Receiver<Routed>, tokens: &SyncSender<()>, strict: bool) -> io::Result<Summary> {
    let people = io::stdout().is_terminal();
    let mut output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut summary = Summary::default();
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    loop {
        let routed = match results.try_recv() {
            Ok(routed) => routed,
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {
                // Nothing more is ready, so what is there is shown.
                output.flush()?;
                match results.recv() {
                    Ok(routed) => routed,
                    Err(_) => break,
                }
            }
        };
        waiting.insert(routed.number, routed);
        while let Some(routed) = waiting.remove(&next) {
            next += 1;
            let stop = strict && !routed.complaints.is_empty();
            for complaint in &routed.complaints {
                terminal::say(complaint);
                if stop {
                    break;
                }
            }
            if people {
                output.write_all(terminal::escaped(&String::from_utf8_lossy(&routed.output)).as_bytes())?;
            } else {
                output.write_all(&routed.output)?;
            }
            summary.add(routed);
            if stop {
                output.flush()?;
                return Ok(summary);
            }
            let _ = tokens.send(());
        }
    }
    output.flush()?;
    Ok(summary)
}
