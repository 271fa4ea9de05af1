//! A disk that is full, and one that fails: the real binary over a C library whose writes and syncs do as a test says.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use patchpanel_tests::{Receiver, Router, wait_for};
use serde_json::json;

struct Disk {
    directory: tempfile::TempDir,
    library: PathBuf,
    control: PathBuf,
}

impl Disk {
    /// A directory with a configuration, and the library that fails on demand.
    fn new(receiver: &Receiver) -> Disk {
        let directory = tempfile::tempdir().unwrap();
        let config = format!(
            "[plugins.webhook]\nconfig = {{ url = \"{url}\" }}\n\n[plugins.webhook.allow]\nhttp = [\"{url}\"]\n\
             private_addresses = true\n\n[[channels]]\nname = \"hook\"\nplugin = \"webhook\"\n\n\
             [[subscriptions]]\nname = \"all\"\nchannel = \"hook\"\n",
            url = receiver.url
        );
        std::fs::write(directory.path().join("patchpanel.toml"), config).unwrap();
        let library = directory.path().join("disk.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults/disk.c");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let compiled = Command::new(compiler)
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status()
            .unwrap();
        assert!(compiled.success());
        let control = directory.path().join("fault");
        Disk {
            directory,
            library,
            control,
        }
    }

    fn start(&self) -> Router {
        let environment = [("LD_PRELOAD", &*self.library), ("PATCHPANEL_FAULT", &*self.control)];
        Router::spawn_with(self.directory.path(), &["run", "--listen", "127.0.0.1:0"], &environment)
    }

    fn fails(&self, how: &str) {
        std::fs::write(&self.control, how).unwrap();
    }

    fn works(&self) {
        std::fs::remove_file(&self.control).unwrap();
    }
}

fn ids(receiver: &Receiver) -> Vec<String> {
    let received = receiver.received();
    received
        .iter()
        .map(|request| request.event["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_full_disk_refuses_events_until_there_is_room() {
    let receiver = Receiver::start();
    let disk = Disk::new(&receiver);
    let router = disk.start();
    router.publish(&json!({"id": "before", "type": "t"}));
    router.settled();
    assert_eq!(router.get("/readyz").0, 200);

    disk.fails("full");
    let (status, answer) = router.post(&[], r#"{"id":"refused","type":"t"}"#);
    assert_eq!(status, 503, "{answer}");
    assert!(
        answer["detail"].as_str().unwrap().contains("the disk is full"),
        "{answer}"
    );
    let (status, answer) = router.get("/readyz");
    assert_eq!(status, 503, "{answer}");
    assert!(answer.to_string().contains("the disk is full"), "{answer}");
    assert_eq!(router.get("/healthz").0, 200, "a restart would not help");

    disk.works();
    wait_for("the router to be ready again", || {
        (router.get("/readyz").0 == 200).then_some(())
    });
    router.publish(&json!({"id": "after", "type": "t"}));
    router.settled();
    assert_eq!(ids(&receiver), ["before", "after"]);
}

#[test]
fn what_was_delivered_while_the_disk_was_full_is_settled_afterwards() {
    let receiver = Receiver::start();
    let disk = Disk::new(&receiver);
    let router = disk.start();
    // The receiver's first answer comes when the disk is full already.
    receiver.answer(&[(503, None)]);
    router.publish(&json!({"id": "1", "type": "t"}));
    wait_for("the first attempt", || (!receiver.received().is_empty()).then_some(()));
    disk.fails("full");
    wait_for("the second attempt or a refusal", || {
        (receiver.received().len() > 1 || router.get("/readyz").0 == 503).then_some(())
    });
    disk.works();
    let stats = router.settled();
    assert_eq!(stats["subscriptions"]["all"]["delivered"], 1, "{stats}");
}

#[test]
fn a_disk_that_fails_ends_the_process_and_a_restart_loses_nothing() {
    for fault in ["sync", "write"] {
        let receiver = Receiver::start();
        let disk = Disk::new(&receiver);
        let router = disk.start();
        receiver.answer(&[(503, Some(3_600))]);
        router.publish(&json!({"id": "kept", "type": "t"}));
        // Not only made: what became of it is on the disk.
        wait_for("the first attempt to be recorded", || {
            (router.get("/v1/deliveries/kept/all").1["attempts"] == 1).then_some(())
        });

        disk.fails(fault);
        let (status, answer) = router.post(&[], r#"{"id":"refused","type":"t"}"#);
        assert_eq!(status, 503, "{fault}: {answer}");
        assert!(
            answer["detail"].as_str().unwrap().contains("the store has failed"),
            "{answer}"
        );
        let (status, answer) = router.get("/readyz");
        assert_eq!(status, 503, "{fault}: {answer}");
        let ended = router.ended();
        assert_eq!(ended.code(), Some(1), "a supervisor is to start it again");

        disk.works();
        let router = disk.start();
        let (_, kept) = router.get("/v1/deliveries/kept/all");
        assert_eq!(
            (&kept["status"], &kept["attempts"]),
            (&json!("pending"), &json!(1)),
            "{fault}: {kept}"
        );
        // The refused one may be there or not: its publisher was told that nobody knows.
        router.publish(&json!({"id": "after", "type": "t"}));
        wait_for("the new one to be delivered", || {
            ids(&receiver).contains(&"after".to_owned()).then_some(())
        });
    }
}
