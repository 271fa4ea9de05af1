//! The least that a durable store on SQLite can do.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::{Figures, event, publish};

/// Most events in one transaction.
const MOST: usize = 8_192;

pub(crate) fn run(runtime: &Runtime, directory: &Path, publishers: usize, time: Duration) -> Figures {
    let connection = Connection::open(directory.join("plain.db")).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE events (sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body BLOB NOT NULL)",
        )
        .unwrap();
    let (requests, asked) = mpsc::channel();
    let writer = std::thread::spawn(move || write(&connection, &asked));
    let figures = runtime.block_on(publish(publishers, time, |publisher| {
        let requests = requests.clone();
        move |number| {
            let body = event(publisher, number);
            let id = body[7..51].to_owned();
            let (answer, answered) = oneshot::channel();
            requests.send((id, body, answer)).unwrap();
            async { answered.await.unwrap() }
        }
    }));
    drop(requests);
    writer.join().unwrap();
    figures
}

fn write(connection: &Connection, asked: &mpsc::Receiver<(String, String, oneshot::Sender<()>)>) {
    while let Ok(first) = asked.recv() {
        let mut batch = vec![first];
        while batch.len() < MOST
            && let Ok(next) = asked.try_recv()
        {
            batch.push(next);
        }
        connection.execute_batch("BEGIN").unwrap();
        let mut insert = connection
            .prepare_cached("INSERT INTO events (id, body) VALUES (?1, ?2)")
            .unwrap();
        for (id, body, _) in &batch {
            insert.execute((id, body.as_bytes())).unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
        for (_, _, answer) in batch {
            let _ = answer.send(());
        }
    }
}
