//! The load: one author, many members, all in one process that reads in batches.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use segment_benches::machine::{cpu_seconds, cpu_seconds_of};
use segment_net::transport::Reader;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;

use crate::raw::{Cover, Halves, connect};
use crate::wire::Wire;

/// Whatever takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Messages that go in one write.
const BATCH: usize = 64;
const BUFFER: usize = 256 * 1024;

/// What came of one measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// In a second.
    pub rate: f64,
    /// Seconds of processor at the server, and at the clients.
    pub server_cpu: f64,
    pub client_cpu: f64,
    /// Seconds by the clock.
    pub wall: f64,
    /// Of requests, how long the middle one took, in microseconds.
    pub p50_us: Option<f64>,
}

/// Takes the times of both sides.
pub struct Watch {
    server: u32,
    began: Instant,
    cpu: (f64, f64),
}

impl Watch {
    pub fn start(server: u32) -> Result<Self> {
        Ok(Self { server, cpu: (cpu_seconds_of(server)?, cpu_seconds()?), began: Instant::now() })
    }

    pub fn stop(self, count: usize) -> Result<Outcome> {
        let wall = self.began.elapsed().as_secs_f64();
        let (server, client) = (cpu_seconds_of(self.server)?, cpu_seconds()?);
        let (server_cpu, client_cpu) = (server - self.cpu.0, client - self.cpu.1);
        Ok(Outcome { rate: count as f64 / wall, server_cpu, client_cpu, wall, p50_us: None })
    }
}

async fn greet(halves: &mut Halves, words: &[u8], answer: &[u8]) -> Result<()> {
    halves.1.write_all(words).await?;
    halves.1.flush().await?;
    let mut heard = Vec::new();
    while !heard.ends_with(answer) {
        ensure!(timeout(PATIENCE, halves.0.read_buf(&mut heard)).await?? > 0, "the server hung up");
    }
    Ok(())
}

struct Progress {
    /// Bytes that each member has got.
    got: RefCell<Vec<usize>>,
    wanted: Cell<usize>,
    moved: Notify,
}

impl Progress {
    fn least(&self) -> usize {
        self.got.borrow().iter().copied().min().unwrap_or_default()
    }
}

async fn member(mut reader: Reader, index: usize, progress: Rc<Progress>) -> Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let size = reader.read(&mut buffer).await?;
        if size == 0 {
            bail!("a member was hung up on");
        }
        let got = {
            let mut all = progress.got.borrow_mut();
            all[index] += size;
            all[index]
        };
        if got >= progress.wanted.get() {
            progress.moved.notify_one();
        }
    }
}

/// So many messages to so many members; never more than `window` ahead of the slowest.
pub async fn fan_out(
    (cover, wire): (Cover, &Wire),
    (address, server): (SocketAddr, u32),
    (members, messages, window): (usize, usize, usize),
) -> Result<Outcome> {
    LocalSet::new().run_until(fan_out_here((cover, wire), (address, server), (members, messages, window))).await
}

async fn fan_out_here(
    (cover, wire): (Cover, &Wire),
    (address, server): (SocketAddr, u32),
    (members, messages, window): (usize, usize, usize),
) -> Result<Outcome> {
    let got = RefCell::new(vec![0; members]);
    let progress = Rc::new(Progress { got, wanted: Cell::new(usize::MAX), moved: Notify::new() });
    let mut kept = Vec::new();
    for index in 0..members {
        let mut halves = connect(cover, address).await?;
        greet(&mut halves, &wire.subscribe, &wire.subscribed).await?;
        spawn_local(member(halves.0, index, Rc::clone(&progress)));
        kept.push(halves.1);
    }
    let mut author = connect(cover, address).await?;
    greet(&mut author, &wire.author, &wire.welcomed).await?;
    let (mut answers, mut writer) = author;
    // What a server answers its author is read and dropped.
    spawn_local(async move { while answers.read(&mut [0; 4096]).await.is_ok_and(|size| size > 0) {} });
    let batch = wire.publication.repeat(BATCH);
    let watch = Watch::start(server)?;
    let mut sent = 0;
    while sent < messages {
        let count = BATCH.min(messages - sent);
        writer.write_all(&batch[..count * wire.publication.len()]).await?;
        writer.flush().await?;
        sent += count;
        reach(&progress, sent.saturating_sub(window) * wire.delivery_bytes).await?;
    }
    reach(&progress, messages * wire.delivery_bytes).await?;
    watch.stop(messages * members)
}

async fn reach(progress: &Progress, bytes: usize) -> Result<()> {
    progress.wanted.set(bytes);
    while progress.least() < bytes {
        timeout(PATIENCE, progress.moved.notified()).await.context("messages were lost")?;
    }
    Ok(())
}

/// Requests from one client to another, through NATS.
pub async fn nats_requests(
    (address, server): (SocketAddr, u32),
    bytes: usize,
    (count, outstanding): (usize, usize),
) -> Result<Outcome> {
    let (wire, answer, heard_bytes) = crate::wire::nats_answers(bytes);
    let mut halves = connect(Cover::Tcp, address).await?;
    greet(&mut halves, &wire.subscribe, &wire.subscribed).await?;
    let answering = async move {
        let ((mut reader, mut writer), mut buffer, mut heard) = (halves, vec![0; BUFFER], 0);
        loop {
            let size = reader.read(&mut buffer).await?;
            ensure!(size > 0, "the server hung up");
            heard += size;
            let whole = heard / heard_bytes;
            heard %= heard_bytes;
            writer.write_all(&answer.repeat(whole)).await?;
            writer.flush().await?;
        }
    };
    tokio::select! {
        outcome = requests((Cover::Tcp, &wire), (address, server), (count, outstanding)) => outcome,
        ended = answering => ended,
    }
}

/// So many requests, some of them outstanding at any time.
pub async fn requests(
    (cover, wire): (Cover, &Wire),
    (address, server): (SocketAddr, u32),
    (count, outstanding): (usize, usize),
) -> Result<Outcome> {
    let (request, answer_bytes) = wire.request.as_ref().context("it answers nothing itself")?;
    let mut halves = connect(cover, address).await?;
    let hello: &[u8] = if wire.author == b"P" { b"E" } else { &wire.author };
    greet(&mut halves, hello, &wire.welcomed).await?;
    let (mut reader, mut writer) = halves;
    let (mut buffer, mut times) = (vec![0; BUFFER], Vec::with_capacity(count));
    let watch = Watch::start(server)?;
    let (mut sent, mut bytes) = (0, 0);
    while bytes < count * answer_bytes {
        let answered = bytes / answer_bytes;
        let asked = Instant::now();
        let go = (answered + outstanding).min(count) - sent;
        if go > 0 {
            writer.write_all(&request.repeat(go)).await?;
            writer.flush().await?;
            sent += go;
        }
        let size = timeout(PATIENCE, reader.read(&mut buffer)).await.context("no answer")??;
        ensure!(size > 0, "the server hung up");
        bytes += size;
        times.push(asked.elapsed());
    }
    let outcome = watch.stop(count)?;
    times.sort_unstable();
    let p50_us = (outstanding == 1).then(|| times[times.len() / 2].as_secs_f64() * 1e6);
    Ok(Outcome { p50_us, ..outcome })
}
