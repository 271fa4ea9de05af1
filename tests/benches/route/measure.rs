//! What a program takes, from its start to its end.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Seconds, as all times.
    pub(crate) user: f64,
    pub(crate) system: f64,
    pub(crate) wall: f64,
    /// Megabytes of memory at the peak.
    pub(crate) peak: f64,
}

/// Runs a program to its end through a process of its own ([`child`]): the system counts what all children of a process
/// took together, so each program needs a parent without others.
pub(crate) fn measure(own: &Path, command: &Command) -> Usage {
    let mut parent = Command::new(own);
    parent
        .arg("measure")
        .arg(command.get_program())
        .args(command.get_args());
    let output = parent.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The other side of [`measure`]: runs the program and prints what it took.
pub(crate) fn child(command: &[OsString]) {
    let started = Instant::now();
    let status = Command::new(&command[0])
        .args(&command[1..])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    let wall = started.elapsed().as_secs_f64();
    assert!(status.success(), "{command:?} ended with {status}");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let seconds = |time: nix::sys::time::TimeVal| time.num_microseconds() as f64 / 1e6;
    let usage = Usage {
        user: seconds(usage.user_time()),
        system: seconds(usage.system_time()),
        wall,
        // In KiB, on Linux.
        peak: usage.max_rss() as f64 * 1024.0 / 1e6,
    };
    println!("{}", serde_json::to_string(&usage).unwrap());
}

impl Usage {
    /// Of each value by itself.
    pub(crate) fn median(usages: &[Usage]) -> Usage {
        let median = |value: fn(&Usage) -> f64| {
            let mut values: Vec<f64> = usages.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Usage {
            user: median(|usage| usage.user),
            system: median(|usage| usage.system),
            wall: median(|usage| usage.wall),
            peak: median(|usage| usage.peak),
        }
    }

    /// Times for a million events; the peak stays, because it does not depend on their number.
    pub(crate) fn per_million(self, events: u64) -> Usage {
        let factor = 1e6 / events as f64;
        Usage {
            user: self.user * factor,
            system: self.system * factor,
            wall: self.wall * factor,
            peak: self.peak,
        }
    }
}
