//! Frames of a stream: from the server to one link, and to many.

use std::cell::Cell;
use std::rc::Rc;

use anyhow::{Result, ensure};
use tokio::io::AsyncReadExt;
use tokio::task::spawn_local;
use tokio::time::sleep;

use super::{Task, fan_out};
use crate::outcome::{Outcome, Watch};
use crate::system::System;
use crate::systems::{self, Halves, connect, greet, segment};

/// Bytes of a frame.
pub const FRAME_BYTES: usize = 64 * 1024;
const BUFFER: usize = 256 * 1024;

pub async fn run(task: &Task, members: usize) -> Result<Outcome> {
    match task.system {
        #[cfg(feature = "peers")]
        System::Tonic => systems::tonic::bulk(task).await,
        // A broker has what it sends from an author.
        System::Nats => fan_out::pipelined(task, members, FRAME_BYTES).await,
        system if system.is_segment() => segment::stream::watch(task, members).await,
        system => pour(task, system, members).await,
    }
}

/// Our own servers write as fast as is read.
async fn pour(task: &Task, system: System, members: usize) -> Result<Outcome> {
    let (wire, got) = (systems::wire(system, FRAME_BYTES)?, Rc::new(Cell::new(0)));
    for _ in 0..members {
        let mut halves = connect(wire.cover, task.place.parse()?).await?;
        greet(&mut halves, b"B", b"").await?;
        spawn_local(swallow(halves, Rc::clone(&got)));
    }
    sleep(task.time() / 10).await;
    let (watch, before) = (Watch::start(task.server)?, got.get());
    sleep(task.time()).await;
    watch.stop((got.get() - before) / FRAME_BYTES)
}

async fn swallow((mut reader, _writer): Halves, got: Rc<Cell<usize>>) -> Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let size = reader.read(&mut buffer).await?;
        ensure!(size > 0, "the server hung up");
        got.set(got.get() + size);
    }
}
