//! Links that are there and say nothing: what each costs the server.

use std::time::Duration;

use anyhow::{Context, Result};
use segment_benches::machine;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{CHAT_BYTES, Task};
use crate::outcome::{Outcome, Watch};
use crate::systems::{self, Halves, connect, greet, segment};

/// Links that are opened at the same time.
const AT_ONCE: usize = 64;
/// After so long everything that was only needed to begin is given back.
const REST: Duration = Duration::from_secs(3);

/// One that is there.
enum Guest {
    Wire { _halves: Halves },
    Segment { _line: Box<segment::Line> },
}

pub async fn run(task: &Task, links: usize) -> Result<Outcome> {
    let server = task.server.context("a server")?;
    // Whatever starting has left behind.
    drop(come_in(task.clone(), links).await?);
    sleep(REST / 3).await;
    let empty = machine::resident(server)?;
    let (watch, mut coming, mut there) = (Watch::start(task.server)?, JoinSet::new(), Vec::with_capacity(links));
    for number in 0..links {
        coming.spawn_local(come_in(task.clone(), number));
        if coming.len() >= AT_ONCE {
            there.push(coming.join_next().await.context("some are coming")???);
        }
    }
    while let Some(guest) = coming.join_next().await {
        there.push(guest??);
    }
    let outcome = watch.stop(links)?;
    sleep(REST).await;
    let resident = machine::resident(server)?.saturating_sub(empty) as f64 / links as f64;
    Ok(Outcome { resident: Some(resident), ..outcome })
}

async fn come_in(task: Task, number: usize) -> Result<Guest> {
    if task.system.is_segment() {
        return Ok(Guest::Segment { _line: Box::new(segment::guest(&task, number).await?) });
    }
    let wire = systems::wire(task.system, CHAT_BYTES)?;
    let mut halves = connect(wire.cover, task.place.parse()?).await?;
    greet(&mut halves, &wire.guest, &wire.welcomed).await?;
    Ok(Guest::Wire { _halves: halves })
}
