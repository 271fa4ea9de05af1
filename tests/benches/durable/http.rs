//! The real binary over HTTP/1.1.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use patchpanel_tests::Router;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

use crate::router::SUBSCRIPTIONS;
use crate::{Figures, event, publish};

/// Three pull subscriptions in a file.
pub(crate) fn config() -> String {
    let subscription = |name| format!("[[subscriptions]]\nname = \"{name}\"\npull = {{}}\n\n");
    SUBSCRIPTIONS.map(subscription).concat()
}

pub(crate) fn run(runtime: &Runtime, directory: &Path, publishers: usize, time: Duration) -> Figures {
    let router = Router::start(directory, &config());
    let address = router.url().trim_start_matches("http://").to_owned();
    let connect = |_| async {
        let stream = TcpStream::connect(&address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Arc::new(Mutex::new(stream))
    };
    let mut connections = Vec::new();
    for publisher in 0..publishers {
        connections.push(runtime.block_on(connect(publisher)));
    }
    runtime.block_on(publish(publishers, time, |publisher| {
        let connection = connections[publisher].clone();
        move |number| {
            let connection = connection.clone();
            async move { send(&mut *connection.lock().await, &event(publisher, number)).await }
        }
    }))
}

/// A client that does no more than the protocol asks for: it runs on the same cores.
async fn send(stream: &mut TcpStream, body: &str) {
    let request = format!(
        "POST /v1/events HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut answer, mut length) = ([0; 4096], 0);
    loop {
        let read = stream.read(&mut answer[length..]).await.unwrap();
        assert!(read > 0, "the router has closed the connection");
        length += read;
        let text = std::str::from_utf8(&answer[..length]).unwrap();
        if let Some((head, rest)) = text.split_once("\r\n\r\n") {
            let header = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .unwrap();
            if rest.len() == header.parse::<usize>().unwrap() {
                assert!(head.starts_with("HTTP/1.1 202"), "{text}");
                return;
            }
        }
    }
}
