//! Waiting for another program, but not for ever.

use std::io;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// How often it is looked whether it has ended: short beside what starting a program takes.
const LOOK: Duration = Duration::from_millis(2);

/// How a program ended; `None`: it was stopped, because its time was over.
pub(crate) fn ended(mut child: Child, time: Duration) -> io::Result<Option<ExitStatus>> {
    let end = Instant::now() + time;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}
