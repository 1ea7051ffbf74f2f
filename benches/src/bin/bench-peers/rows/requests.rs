//! Requests and answers on one link.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
#[cfg(feature = "peers")]
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{CHAT_BYTES, Task};
use crate::outcome::{Outcome, Watch};
use crate::system::System;
use crate::systems::{self, SILENCE, Wire, connect, greet, nats, segment};

const BUFFER: usize = 256 * 1024;

pub async fn run(task: &Task, outstanding: usize) -> Result<Outcome> {
    let outcome = match task.system {
        #[cfg(feature = "peers")]
        System::Tarpc => systems::tarpc::requests(task, outstanding).await?,
        #[cfg(feature = "peers")]
        System::Tonic => systems::tonic::requests(task, outstanding).await?,
        system if system.is_segment() => segment::requests(task, outstanding).await?,
        system => {
            let (wire, address) = (systems::wire(system, CHAT_BYTES)?, task.place.parse()?);
            if system == System::Nats {
                let answerer = nats::Answerer::start(address, CHAT_BYTES).await?;
                tokio::select! {
                    outcome = ask(task, &wire, address, outstanding) => outcome?,
                    ended = answerer.run() => return Err(ended.err().context("nobody answers")?),
                }
            } else {
                ask(task, &wire, address, outstanding).await?
            }
        }
    };
    Ok(if outstanding == 1 { outcome } else { Outcome { p50_us: None, p99_us: None, ..outcome } })
}

/// So many callers, each of which waits for its answer before it asks again.
#[cfg(feature = "peers")]
pub async fn callers<F>(task: &Task, count: usize, call: impl Fn() -> F + Clone + 'static) -> Result<Outcome>
where
    F: Future<Output = Result<()>>,
{
    call().await?;
    let (watch, until, mut calling) = (Watch::start(task.server)?, Instant::now() + task.time(), JoinSet::new());
    for _ in 0..count {
        let call = call.clone();
        calling.spawn_local(async move {
            let mut times = Vec::new();
            while Instant::now() < until {
                let asked = Instant::now();
                call().await?;
                times.push(asked.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(called) = calling.join_next().await {
        times.extend(called??);
    }
    Ok(watch.stop(times.len())?.with_times(times))
}

/// As many as were answered go out again in one write.
async fn ask(task: &Task, wire: &Wire, address: SocketAddr, outstanding: usize) -> Result<Outcome> {
    let request = wire.request.as_ref().context("it answers nothing itself")?;
    let mut halves = connect(wire.cover, address).await?;
    greet(&mut halves, &wire.asker, &wire.welcomed).await?;
    let ((mut reader, mut writer), mut buffer) = (halves, vec![0; BUFFER]);
    let (mut times, mut bytes, mut sent) = (Vec::new(), 0, 0);
    let watch = Watch::start(task.server)?;
    loop {
        let asked = Instant::now();
        let under_way = sent - bytes / request.answer_bytes;
        if watch.elapsed() < task.time() {
            writer.write_all(&request.words.repeat(outstanding - under_way)).await?;
            writer.flush().await?;
            sent += outstanding - under_way;
        } else if under_way == 0 {
            break;
        }
        let size = timeout(SILENCE, reader.read(&mut buffer)).await.context("no answer")??;
        ensure!(size > 0, "the server hung up");
        bytes += size;
        times.push(asked.elapsed());
    }
    Ok(watch.stop(sent)?.with_times(times))
}
