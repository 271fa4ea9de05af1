//! Components that nobody meant to write: mutated ones, and ones from a generator. Whatever they are, loading ends with a
//! revision or a reason, and leaves nothing behind. `PATCHPANEL_COMPONENTS` says how many; the seed is printed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::borrow::Cow;
use std::fs;

use fastrand::Rng;
use patchpanel_runtime::{Anatomy, Declaration, Runtime, Trial};
use patchpanel_tests::component;
use serde_json::json;
use wasm_encoder::{Component, CustomSection, RawSection};

const COMPONENTS: usize = 3_000;
/// So many instances are also tried: most of what loads has an unharmed code section.
const TRIED: usize = 20;

fn count() -> usize {
    std::env::var("PATCHPANEL_COMPONENTS").map_or(COMPONENTS, |count| count.parse().unwrap())
}

fn random(name: &str) -> Rng {
    let seed = std::env::var("PATCHPANEL_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    eprintln!("{name}: PATCHPANEL_SEED={seed}");
    Rng::with_seed(seed)
}

/// Bytes that the process has resident.
fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn mutated(random: &mut Rng, original: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..random.usize(1..4) {
        // The structure is at the beginning and around it; most of the rest is code.
        let reach = if random.bool() {
            bytes.len().min(2_000)
        } else {
            bytes.len()
        };
        let at = random.usize(0..reach.max(1));
        let end = (at + random.usize(0..64)).min(bytes.len());
        match random.u8(0..6) {
            0 => bytes[at] = random.u8(..),
            1 => bytes[at] ^= 1 << random.u8(0..8),
            2 => bytes.truncate(at.max(8)),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let copy = bytes[at..end].to_vec();
                let to = random.usize(0..bytes.len());
                bytes.splice(to..to, copy);
            }
            _ => bytes[at..end].fill(random.u8(..)),
        }
    }
    bytes
}

/// A component of the generator, that says of itself what plugins say.
fn generated(random: &mut Rng) -> Vec<u8> {
    let mut entropy = vec![0; random.usize(64..2_048)];
    random.fill(&mut entropy);
    let mut input = arbitrary::Unstructured::new(&entropy);
    let kind = ["redactor", "transform", "channel"][random.usize(0..3)];
    let declaration = json!({"api": "0.1.0", "name": "odd", "version": "1.0.0", "kind": kind}).to_string();
    let config = wasm_smith::Config::default();
    if random.bool() {
        // A component as it comes, behind the section.
        if let Ok(odd) = wasm_smith::Component::new(config, &mut input) {
            let bytes = odd.to_bytes();
            let mut whole = Component::new();
            whole.section(&section(&declaration));
            let mut whole = whole.finish();
            whole.extend_from_slice(&bytes[8..]);
            return whole;
        }
        return entropy;
    }
    match wasm_smith::Module::new(config, &mut input) {
        Ok(module) => {
            let bytes = module.to_bytes();
            let mut whole = Component::new();
            whole.section(&section(&declaration));
            // A core module within a component.
            whole.section(&RawSection { id: 1, data: &bytes });
            whole.finish()
        }
        Err(_) => entropy,
    }
}

fn section(declaration: &str) -> CustomSection<'_> {
    CustomSection {
        name: Cow::Borrowed("patchpanel-plugin"),
        data: Cow::Borrowed(declaration.as_bytes()),
    }
}

/// Loads all of them, and tells how many became revisions.
fn load_all(runtime: &Runtime, make: impl FnMut() -> Vec<u8>) -> usize {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (mut loaded, mut make, mut before) = (0, make, 0);
    for number in 0..count() {
        // What is kept once, for good, is there by then.
        if number == count() / 4 {
            before = resident();
        }
        let bytes = make();
        let _ = (Declaration::read(&bytes), Anatomy::read(&bytes));
        match runtime.load(&bytes) {
            Ok(_) if loaded < TRIED => {
                loaded += 1;
                let _ = tokio.block_on(Trial::start(runtime, bytes, &json!({})));
            }
            Ok(_) => loaded += 1,
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 128 << 20, "{grown} bytes more after {} components", count());
    loaded
}

#[test]
fn mutated_components_load_or_are_refused() {
    let mut random = random("mutated");
    let runtime = Runtime::new(None, None).unwrap();
    let originals = ["marker-redactor", "marker-transform", "wrong-world"].map(component);
    let loaded = load_all(&runtime, || {
        let original = &originals[random.usize(0..originals.len())];
        mutated(&mut random, original)
    });
    assert!(loaded > 0, "some mutations are harmless");
}

#[test]
fn generated_components_load_or_are_refused() {
    let mut random = random("generated");
    let runtime = Runtime::new(None, None).unwrap();
    load_all(&runtime, || generated(&mut random));
}
