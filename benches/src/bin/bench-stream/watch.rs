//! Viewers' processes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use segment_benches::party::CHANNEL;
use segment_media::jpeg;
use segment_net::{Channel, ChannelEvents, Peer, Seen, Watching};
use segment_proto::StreamId;
use segment_proto::messages::StreamRow;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};

use crate::device::{Address, Tempo, now_us, visitor};
use crate::log::{Glimpse, Log};
use crate::picture::{STAMP_BYTES, stamp};
use crate::process::{PATIENCE, orders, say};

/// Viewers in one process.
#[derive(Debug, Serialize, Deserialize)]
pub struct WatchRole {
    pub tracker: Address,
    pub tempo: Tempo,
    pub viewers: Vec<ViewerRole>,
    /// Whether a frame is seen when it is here, or when it is decoded.
    pub render: Render,
}

/// One viewer.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ViewerRole {
    pub number: u16,
    /// It passes on so much.
    pub relay_kbps: u32,
    /// Its links carry so much to it.
    pub link_kbps: Option<u32>,
}

/// What is done with a frame before it counts as seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Render {
    Nothing,
    Jpeg,
}

struct Viewer {
    number: u16,
    peer: Peer,
    stream: StreamId,
    seen: Arc<Mutex<Vec<Glimpse>>>,
    heard: Arc<Mutex<Vec<u64>>>,
}

/// Waits until somebody streams in a channel.
pub async fn find(channel: &Channel) -> Result<StreamRow> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        match channel.streams().await {
            Ok(mut rows) if !rows.is_empty() => return Ok(rows.remove(0)),
            _ => sleep(Duration::from_millis(20)).await,
        }
    }
    bail!("nobody streams")
}

impl Viewer {
    async fn start(role: &WatchRole, viewer: ViewerRole) -> Result<Self> {
        let peer = visitor(viewer.number, role.tempo, viewer.link_kbps, &role.tracker).await?;
        let channel = peer.join(CHANNEL).await?;
        let row = find(&channel).await?;
        let watching = channel.watch(&row.description, viewer.relay_kbps).await?;
        let (seen, heard) = (Arc::default(), Arc::default());
        tokio::spawn(listen(channel.events(), Arc::clone(&heard)));
        let stream = watching.id();
        tokio::spawn(look(watching, role.render, Arc::clone(&seen)));
        Ok(Self { number: viewer.number, peer, stream, seen, heard })
    }

    fn newest(&self) -> Option<u64> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).last().map(|glimpse| glimpse.0)
    }

    async fn log(&self) -> Log {
        let frames = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stream = self.stream;
        let figures = self.peer.call(move |machine, _| machine.stream_figures(stream)).await.ok().flatten();
        let hops = figures.map(|figures| figures.hops).unwrap_or_default();
        Log { viewer: self.number, device: self.peer.device().to_string(), hops, frames }
    }
}

async fn look(mut watching: Watching, render: Render, seen: Arc<Mutex<Vec<Glimpse>>>) {
    while let Some(next) = watching.next().await {
        let frame = match next {
            Seen::Frame(frame) => frame,
            Seen::Missed(_) => continue,
            Seen::Ended(_) => return,
        };
        if render == Render::Jpeg {
            let decoded = tokio::task::block_in_place(|| jpeg::decode(&frame.payload[STAMP_BYTES..]).is_ok());
            if !decoded {
                continue;
            }
        }
        if let Ok((number, captured)) = stamp(&frame.payload) {
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(Glimpse(number, captured, now_us()));
        }
    }
}

async fn listen(mut events: ChannelEvents, heard: Arc<Mutex<Vec<u64>>>) {
    while let Some(message) = events.next_message().await {
        if let Some(sent) = message.text().and_then(|text| text.parse::<u64>().ok()) {
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(now_us().saturating_sub(sent));
        }
    }
}

impl WatchRole {
    pub async fn play(self) -> Result<()> {
        let mut viewers = Vec::new();
        for viewer in &self.viewers {
            viewers.push(Viewer::start(&self, *viewer).await?);
        }
        wait(&viewers, 0).await;
        say(&viewers.iter().map(|viewer| viewer.peer.device().to_string()).collect::<Vec<_>>())?;
        let mut orders = orders();
        while let Some(order) = orders.next_line().await? {
            match order.split_once(' ').unwrap_or((&order, "")) {
                ("until", last) => {
                    wait(&viewers, last.parse()?).await;
                    say_logs(&viewers).await?;
                }
                ("now", _) => say_logs(&viewers).await?,
                ("heard", _) => {
                    let heard = viewers.iter().flat_map(|viewer| {
                        std::mem::take(&mut *viewer.heard.lock().unwrap_or_else(PoisonError::into_inner))
                    });
                    say(&heard.collect::<Vec<u64>>())?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

async fn say_logs(viewers: &[Viewer]) -> Result<()> {
    let mut logs = Vec::new();
    for viewer in viewers {
        logs.push(viewer.log().await);
    }
    say(&logs)
}

/// Until all have seen that frame or a later one; not for ever.
async fn wait(viewers: &[Viewer], last: u64) {
    let until = Instant::now() + PATIENCE / 2;
    let have_seen = || viewers.iter().all(|viewer| viewer.newest().is_some_and(|newest| newest >= last));
    while !have_seen() && Instant::now() < until {
        sleep(Duration::from_millis(10)).await;
    }
}

/// Somebody who watches again and again.
#[derive(Debug, Serialize, Deserialize)]
pub struct JoinRole {
    pub tracker: Address,
    pub rounds: u64,
}

impl JoinRole {
    pub async fn play(self) -> Result<()> {
        let peer = visitor(0, Tempo::Usual, None, &self.tracker).await?;
        let channel = peer.join(CHANNEL).await?;
        let row = find(&channel).await?;
        let mut took = Vec::new();
        for round in 0..=self.rounds {
            let from = Instant::now();
            let mut watching = channel.watch(&row.description, 0).await?;
            match timeout(PATIENCE, watching.next()).await? {
                Some(Seen::Frame(_)) => took.push(u64::try_from(from.elapsed().as_micros())?),
                other => bail!("no picture, but {other:?}"),
            }
            watching.stop().await?;
            // Not in step with the frames.
            sleep(Duration::from_millis(150 + round * 37 % 100)).await;
        }
        // The first one warms up.
        took.remove(0);
        say(&took)
    }
}
