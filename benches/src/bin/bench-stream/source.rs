//! The streamer's process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use segment_benches::party::CHANNEL;
use segment_core::peer::StreamOptions;
use segment_net::{Broadcast, Channel};
use segment_proto::{View, Visitors};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::{interval, sleep, timeout};

use crate::device::{Address, STREAMER, Tempo, member, now_us};
use crate::picture::{Camera, Shape, Shot, VIDEO};
use crate::process::{PATIENCE, orders, say};

/// Between two messages.
const TALK: Duration = Duration::from_millis(50);

/// A streamer, who may host the channel.
#[derive(Debug, Serialize, Deserialize)]
pub struct SourceRole {
    pub tracker: Address,
    pub shape: Shape,
    pub uplink_kbps: u32,
    pub tempo: Tempo,
    pub place: Place,
}

/// Who hosts the channel in which is streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    Own,
    Others,
}

/// The stream can be watched.
#[derive(Debug, Serialize, Deserialize)]
pub struct Begun {
    pub device: String,
    pub address: String,
}

/// Who gets it from whom, as far as the coordinator knows.
#[derive(Debug, Serialize, Deserialize)]
pub struct Row {
    pub device: String,
    pub parent: Option<String>,
}

impl SourceRole {
    pub async fn play(self) -> Result<()> {
        let peer = member(STREAMER, self.tempo, &self.tracker).await?;
        let channel = match self.place {
            Place::Own => peer.create(CHANNEL, View::Public, Visitors::Read).await?,
            Place::Others => peer.join(CHANNEL).await?,
        };
        let broadcast = timeout(PATIENCE, begin(&channel, &self)).await??;
        let address = peer.address().map(|address| address.to_string()).unwrap_or_default();
        say(&Begun { device: peer.device().to_string(), address })?;
        let stopped = Arc::new(AtomicBool::new(false));
        let (shots, taken) = mpsc::channel(1);
        let (shape, until) = (self.shape, stopped.clone());
        let taking = thread::Builder::new().name("camera".into()).spawn(move || take(shape, &until, &shots))?;
        let pushing = tokio::spawn(push(broadcast.clone(), taken));
        obey(&channel, &broadcast, &stopped).await?;
        stopped.store(true, Ordering::Relaxed);
        pushing.await??;
        taking.join().map_err(|_| anyhow!("the camera is broken"))??;
        peer.shutdown().await?;
        Ok(())
    }
}

/// A member may stream as soon as the host has heard of it.
async fn begin(channel: &Channel, role: &SourceRole) -> Result<Broadcast> {
    loop {
        let (tracks, uplink_kbps) = (vec![role.shape.track()?], role.uplink_kbps);
        match channel.stream(StreamOptions { title: "measured".into(), tracks, uplink_kbps }).await {
            Ok(broadcast) => return Ok(broadcast),
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

static PUSHED: AtomicU64 = AtomicU64::new(0);

/// In a thread of its own, as in the programs: drawing and encoding hold nobody up.
fn take(shape: Shape, stopped: &AtomicBool, shots: &mpsc::Sender<(u64, Shot)>) -> Result<()> {
    let mut camera = Camera::new(shape);
    let mut due = Instant::now();
    for number in 0.. {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        due += Duration::from_secs(1) / shape.rate.max(1);
        if stopped.load(Ordering::Relaxed) || shots.blocking_send((number, camera.take(number)?)).is_err() {
            break;
        }
    }
    Ok(())
}

async fn push(broadcast: Broadcast, mut shots: mpsc::Receiver<(u64, Shot)>) -> Result<()> {
    while let Some((number, shot)) = shots.recv().await {
        broadcast.push(VIDEO, shot.captured_us, shot.flags, shot.payload).await?;
        PUSHED.store(number, Ordering::Relaxed);
    }
    Ok(())
}

async fn obey(channel: &Channel, broadcast: &Broadcast, stopped: &AtomicBool) -> Result<()> {
    let mut orders = orders();
    while let Some(order) = orders.next_line().await? {
        match order.split_once(' ').unwrap_or((&order, "")) {
            ("stop", _) => {
                stopped.store(true, Ordering::Relaxed);
                // The push that was under way.
                sleep(Duration::from_millis(100)).await;
                say(&PUSHED.load(Ordering::Relaxed))?;
            }
            ("rows", _) => {
                let rows = broadcast.viewers().await?;
                let row = |row: segment_proto::messages::ViewerRow| Row {
                    device: row.device.to_string(),
                    parent: row.parent.map(|parent| parent.to_string()),
                };
                say(&rows.into_iter().map(row).collect::<Vec<_>>())?;
            }
            ("followers", _) => say(&broadcast.followers().await?)?,
            ("talk", count) => {
                talk(channel, count.parse()?).await?;
                say(&())?;
            }
            _ => {}
        }
    }
    Ok(())
}

async fn talk(channel: &Channel, count: u32) -> Result<()> {
    let mut ticks = interval(TALK);
    for _ in 0..count {
        ticks.tick().await;
        channel.send(&now_us().to_string()).await?;
    }
    Ok(())
}
