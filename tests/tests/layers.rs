//! Imports point down only: the crates' dependencies are held against the layers that ARCHITECTURE.md draws.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::process::Command;

use serde_json::Value;

/// Each crate with its layer; a crate may depend on crates of lower layers only.
const LAYERS: [(&str, u32); 9] = [
    ("patchpanel-json", 0),
    ("patchpanel-event", 0),
    ("patchpanel-declaration", 0),
    ("patchpanel-author", 1),
    ("patchpanel-filter", 1),
    ("patchpanel-store", 1),
    ("patchpanel-runtime", 2),
    ("patchpanel-router", 3),
    ("patchpanel", 4),
];

/// What a crate must not know, directly or through others.
const FORBIDDEN: [(&str, &[&str]); 7] = [
    ("patchpanel-json", &["tokio", "wasmtime", "axum", "hyper"]),
    ("patchpanel-event", &["tokio", "wasmtime", "axum", "hyper"]),
    ("patchpanel-author", &["tokio", "wasmtime", "axum", "hyper"]),
    ("patchpanel-declaration", &["tokio", "wasmtime", "axum", "hyper"]),
    (
        "patchpanel-filter",
        &["tokio", "wasmtime", "axum", "hyper", "patchpanel-event"],
    ),
    ("patchpanel-store", &["wasmtime", "axum", "hyper"]),
    ("patchpanel-router", &["wasmtime", "axum", "hyper"]),
];

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap();
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--manifest-path",
            manifest,
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Names of the normal dependencies of a package.
fn dependencies<'m>(metadata: &'m Value, name: &str) -> Vec<&'m str> {
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages
        .iter()
        .find(|package| package["name"] == name)
        .unwrap_or_else(|| panic!("no package {name}"));
    let normal = package["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|dependency| dependency["kind"].is_null());
    normal.map(|dependency| dependency["name"].as_str().unwrap()).collect()
}

#[test]
fn imports_point_down() {
    let metadata = metadata();
    let layer = |name: &str| LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer);
    for (name, own) in LAYERS {
        for dependency in dependencies(&metadata, name) {
            if let Some(other) = layer(dependency) {
                assert!(
                    other < own,
                    "{name} (layer {own}) must not depend on {dependency} (layer {other})"
                );
            }
            assert_ne!(
                dependency, "patchpanel-plugin",
                "{name} must not depend on the guests' SDK"
            );
        }
    }
}

#[test]
fn the_lower_layers_know_neither_the_engine_nor_http() {
    let metadata = metadata();
    for (name, forbidden) in FORBIDDEN {
        let mut seen = vec![name];
        let mut open = vec![name];
        while let Some(next) = open.pop() {
            for dependency in dependencies(&metadata, next) {
                assert!(
                    !forbidden.contains(&dependency),
                    "{name} must not depend on {dependency}, not even through {next}"
                );
                // Only our own crates are followed: what a library brings along is its own affair.
                if LAYERS.iter().any(|(known, _)| *known == dependency) && !seen.contains(&dependency) {
                    seen.push(dependency);
                    open.push(dependency);
                }
            }
        }
    }
}

#[test]
fn guests_know_nothing_of_the_host() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        if name == "patchpanel-plugin" || name.starts_with("plugin-") {
            for dependency in dependencies(&metadata, name) {
                assert!(
                    LAYERS.iter().all(|(host, _)| *host != dependency),
                    "{name} must not depend on {dependency}"
                );
            }
        }
    }
}
