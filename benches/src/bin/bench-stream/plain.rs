//! The baseline: length and picture over bare TCP, written to one viewer after the other.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use segment_benches::narrow::door;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{interval, sleep, timeout};

use crate::device::now_us;
use crate::log::{Glimpse, Log};
use crate::picture::{Camera, Shape, stamp};
use crate::process::{PATIENCE, orders, say};

/// A server that waits for so many viewers.
#[derive(Debug, Serialize, Deserialize)]
pub struct PlainSourceRole {
    pub shape: Shape,
    pub viewers: usize,
}

/// Its viewers, each with what its link carries.
#[derive(Debug, Serialize, Deserialize)]
pub struct PlainWatchRole {
    pub server: String,
    pub links_kbps: Vec<Option<u32>>,
}

impl PlainSourceRole {
    pub async fn play(self) -> Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        say(&listener.local_addr()?.to_string())?;
        let (stopped, pushed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let serving = tokio::spawn(serve(listener, self, Arc::clone(&stopped), Arc::clone(&pushed)));
        let mut orders = orders();
        while let Some(order) = orders.next_line().await? {
            if order == "stop" {
                stopped.store(true, Ordering::Relaxed);
                sleep(Duration::from_millis(100)).await;
                say(&pushed.load(Ordering::Relaxed))?;
            }
        }
        serving.abort();
        Ok(())
    }
}

async fn serve(
    listener: TcpListener,
    role: PlainSourceRole,
    stopped: Arc<AtomicBool>,
    pushed: Arc<AtomicU64>,
) -> Result<()> {
    let mut viewers = Vec::new();
    while viewers.len() < role.viewers {
        let (viewer, _) = listener.accept().await?;
        viewer.set_nodelay(true)?;
        viewers.push(viewer);
    }
    let mut camera = Camera::new(role.shape);
    let mut ticks = interval(Duration::from_secs(1) / role.shape.rate.max(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    for number in 0.. {
        ticks.tick().await;
        if stopped.load(Ordering::Relaxed) {
            break;
        }
        let shot = tokio::task::block_in_place(|| camera.take(number))?;
        let length = u32::try_from(shot.payload.len())?.to_be_bytes();
        for viewer in &mut viewers {
            viewer.write_all(&[&length, shot.payload.as_ref()].concat()).await?;
        }
        pushed.store(number, Ordering::Relaxed);
    }
    Ok(())
}

type Seen = Arc<Mutex<Vec<Glimpse>>>;

impl PlainWatchRole {
    pub async fn play(self) -> Result<()> {
        let server: SocketAddr = self.server.parse()?;
        let mut viewers: Vec<Seen> = Vec::new();
        for kbps in &self.links_kbps {
            let address = match kbps {
                Some(kbps) => door(server, *kbps).await?,
                None => server,
            };
            let seen = Seen::default();
            tokio::spawn(look(TcpStream::connect(address).await?, Arc::clone(&seen)));
            viewers.push(seen);
        }
        let all = async {
            while viewers.iter().any(|seen| seen.lock().unwrap_or_else(PoisonError::into_inner).is_empty()) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, all).await?;
        say(&viewers.len())?;
        let mut orders = orders();
        while orders.next_line().await?.is_some() {
            let logs = viewers.iter().zip(0..).map(|(seen, viewer)| {
                let frames = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Log { viewer, frames, ..Log::default() }
            });
            say(&logs.collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

async fn look(mut stream: TcpStream, seen: Seen) -> Result<()> {
    let mut payload = Vec::new();
    loop {
        let length = stream.read_u32().await?;
        payload.resize(usize::try_from(length)?, 0);
        stream.read_exact(&mut payload).await?;
        let (number, captured) = stamp(&payload)?;
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(Glimpse(number, captured, now_us()));
    }
}
