//! Web hooks a second through the sandbox, to a receiver on this machine that keeps its connections open.
//!
//! ```text
//! cargo build --release -p patchpanel && cargo bench -p patchpanel-tests --bench webhook [-- ROUNDS] [WAY...]
//! ```
//!
//! In one run and in turns, on the same cores, which the receiver needs, too:
//!
//! - `native`: hyper's client, which the router has for its plugins, used directly; the bodies are made beforehand.
//! - `sandbox`: the bundled plugin `webhook`, called as the router calls it: it makes bodies and headers of events.
//! - `signed`: the same, with a signature of Standard Webhooks for each request.
//! - `router`: the real binary, from events that are accepted over HTTP and synced to the receiver.
//!
//! All have as many requests in flight. Figures are medians, and each way's share of `native` is that of one round.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench"
)]

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::body::Bytes;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use patchpanel_event::{Attempt, Event, Limits};
use patchpanel_runtime::{
    ChannelPlugin, Generation, Grants, HttpRule, LimitSettings, PluginSpec, Registry, Role, Runtime, SecretSource,
    Trust, Unit, UnitSpec,
};
use patchpanel_tests::{Generator, Router, component, wait_for};
use serde_json::{Value, json};

const ROUNDS: usize = 5;
/// Of one turn.
const REQUESTS: usize = 20_000;
/// What the router does by default: so many calls at a time about so many deliveries.
const CALLS: usize = 4;
const BATCH: usize = 64;
/// What the plugin sends at a time in each call.
const AT_A_TIME: usize = 16;

const TO_BEAT: f64 = 0.5;
const TO_BEAT_A_SECOND: f64 = 5000.0;
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// That of the router's binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Its name, and one turn.
type Way<'a> = (&'a str, Box<dyn Fn() + 'a>);

fn main() {
    let rounds = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(ROUNDS);
    let sink = Sink::start();
    let directory = tempfile::tempdir().unwrap();
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let generation = tokio.block_on(load(directory.path(), &sink.url));
    let plugin = |name: &str| match &generation.units[name] {
        Unit::Channel(plugin) => plugin.clone(),
        _ => panic!("no channel"),
    };
    let (plain, signed) = (plugin("plain"), plugin("signed"));
    let attempts = Arc::new(attempts());
    let router = start_router(directory.path(), &sink.url);
    // One for all rounds: the router takes the same event once.
    let generator = RefCell::new(Generator::new(1));

    let publish = || {
        for _ in 0..REQUESTS / 1000 {
            let events = lines(&mut generator.borrow_mut());
            let (status, answer) = router.post(&[("content-type", "application/x-ndjson")], events);
            assert_eq!(status, 202, "{answer}");
        }
    };
    let mut ways: Vec<Way<'_>> = vec![
        ("native", Box::new(|| tokio.block_on(native(&sink.url, &attempts)))),
        ("sandbox", Box::new(|| tokio.block_on(sandbox(&plain, &attempts)))),
        ("signed", Box::new(|| tokio.block_on(sandbox(&signed, &attempts)))),
        ("router", Box::new(publish)),
    ];
    let asked = |name: &str| std::env::args().any(|argument| argument == name);
    if ways.iter().any(|(name, _)| asked(name)) {
        ways.retain(|(name, _)| asked(name));
    }
    let mut rates = vec![Vec::new(); ways.len()];
    // The first round warms up.
    for round in 0..=rounds {
        for ((_, way), rates) in ways.iter().zip(&mut rates) {
            let (before, started) = (sink.count(), Instant::now());
            way();
            wait_for("everything to be delivered", || {
                (sink.count() - before >= REQUESTS).then_some(())
            });
            assert_eq!(sink.count() - before, REQUESTS, "nothing comes twice");
            if round > 0 {
                rates.push(REQUESTS as f64 / started.elapsed().as_secs_f64());
            }
        }
    }
    println!("{:10} {:>10} {:>10}", "way", "a second", "of native");
    for ((name, _), of_way) in ways.iter().zip(&rates) {
        let rate = median(of_way.iter().copied());
        let share = match ways[0].0 {
            "native" => median(of_way.iter().zip(&rates[0]).map(|(rate, native)| rate / native)),
            _ => f64::NAN,
        };
        println!("{name:10} {rate:>10.0} {share:>10.2}");
        if *name == "sandbox" {
            let verdict = if share > TO_BEAT && rate > TO_BEAT_A_SECOND {
                "beaten"
            } else {
                "MISSED"
            };
            println!("to beat: {TO_BEAT_A_SECOND:>12.0} {TO_BEAT:>10.2}  {verdict}");
        }
    }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Answers 204 to everything, and counts.
struct Sink {
    url: String,
    count: Arc<AtomicUsize>,
    _runtime: tokio::runtime::Runtime,
}

impl Sink {
    fn start() -> Sink {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let count = Arc::<AtomicUsize>::default();
        let counted = count.clone();
        let take = move |headers: HeaderMap, body: Bytes| {
            assert!(headers.contains_key("webhook-id") && body.starts_with(b"{"));
            counted.fetch_add(1, Ordering::Relaxed);
            async { StatusCode::NO_CONTENT }
        };
        runtime.spawn(async move { axum::serve(listener, axum::Router::new().fallback(take)).await });
        Sink {
            url,
            count,
            _runtime: runtime,
        }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

async fn load(directory: &Path, url: &str) -> Arc<Generation> {
    std::fs::write(directory.join("webhook.wasm"), component("webhook")).unwrap();
    let key = directory.join("key");
    std::fs::write(&key, KEY).unwrap();
    let spec = PluginSpec {
        name: "webhook".to_owned(),
        from: "webhook".to_owned(),
        grants: Grants {
            http: vec![HttpRule::parse(&format!("POST {url}")).unwrap()],
            secrets: [("key".to_owned(), SecretSource::File(key))].into(),
            ..Grants::default()
        },
        limits: LimitSettings {
            http_requests: Some(u32::MAX),
            ..LimitSettings::default()
        },
        ..PluginSpec::default()
    };
    let unit = |id: &str, config: Value| UnitSpec {
        id: id.to_owned(),
        plugin: "webhook".to_owned(),
        config,
        role: Role::Channel,
    };
    let units = vec![
        unit("plain", json!({"url": url})),
        unit("signed", json!({"url": url, "sign": ["key"]})),
    ];
    let registry = Registry::new(
        Runtime::new(None, None).unwrap(),
        Some(directory.to_owned()),
        &[],
        Trust::default(),
    );
    registry
        .configure(vec![spec], units)
        .await
        .unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn attempts() -> Vec<Attempt> {
    let mut generator = Generator::new(1);
    let mut attempt = || {
        let event = Event::parse(generator.next_event().to_owned().into(), &Limits::default()).unwrap();
        Attempt {
            delivery_id: patchpanel_event::delivery_id(&event.id(), "alerts", 0),
            number: 1,
            replay: 0,
            subscription: "alerts".to_owned(),
            recipients: Vec::new(),
            event,
        }
    };
    (0..REQUESTS).map(|_| attempt()).collect()
}

async fn native(url: &str, attempts: &Arc<Vec<Attempt>>) {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let next = Arc::<AtomicUsize>::default();
    let tasks = (0..CALLS * AT_A_TIME).map(|_| {
        let (client, next, attempts, url) = (client.clone(), next.clone(), attempts.clone(), url.to_owned());
        tokio::spawn(async move {
            while let Some(attempt) = attempts.get(next.fetch_add(1, Ordering::Relaxed)) {
                let request = Request::post(&url)
                    .header("content-type", "application/json")
                    .header("webhook-id", &attempt.delivery_id)
                    .body(Full::new(attempt.event.json().clone()))
                    .unwrap();
                let response = client.request(request).await.unwrap();
                assert!(response.status().is_success());
                response.into_body().collect().await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

async fn sandbox(plugin: &Arc<ChannelPlugin>, attempts: &Arc<Vec<Attempt>>) {
    let next = Arc::<AtomicUsize>::default();
    let tasks = (0..CALLS).map(|_| {
        let (plugin, next, attempts) = (plugin.clone(), next.clone(), attempts.clone());
        tokio::spawn(async move {
            while let Some(batch) = attempts.chunks(BATCH).nth(next.fetch_add(1, Ordering::Relaxed)) {
                let answers = plugin.deliver(batch).await.unwrap();
                assert!(answers.iter().all(Result::is_ok), "{answers:?}");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

fn start_router(directory: &Path, url: &str) -> Router {
    let config = format!(
        r#"
        [plugins.webhook.allow]
        http = ["POST {url}"]

        [plugins.webhook.limits]
        http_requests = 4_000_000_000

        [[channels]]
        name = "hook"
        plugin = "webhook"
        config = {{ url = "{url}" }}

        [[subscriptions]]
        name = "all"
        channel = "hook"
        "#
    );
    Router::start(directory, &config)
}

/// A thousand events, one a line.
fn lines(generator: &mut Generator) -> String {
    (0..1000).map(|_| format!("{}\n", generator.next_event())).collect()
}
