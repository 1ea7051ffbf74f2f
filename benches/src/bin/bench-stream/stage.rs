//! What every measurement begins with: a tracker in this process, a streamer and viewers in others.

use std::time::Duration;

use anyhow::Result;
use segment_benches::party::CHANNEL;
use segment_net::{Peer, Tracker};
use segment_proto::{View, Visitors};
use tokio::time::sleep;

use crate::device::{Address, HOST, TRACKER, Tempo, address_of, config, member};
use crate::log::Log;
use crate::picture::Shape;
use crate::plain::{PlainSourceRole, PlainWatchRole};
use crate::process::{Part, Role};
use crate::source::{Begun, Place, SourceRole};
use crate::watch::{Render, ViewerRole, WatchRole};

/// An uplink that carries whatever there is.
pub const WIDE_KBPS: u32 = 4_000_000;
/// Frames of the beginning that are not counted.
pub const WARM_UP: Duration = Duration::from_secs(2);

/// A tracker and a stream.
pub struct Stage {
    tracker: Tracker,
    host: Option<Peer>,
    pub address: Address,
    pub source: Part,
    pub begun: Begun,
    pub tempo: Tempo,
}

impl Stage {
    /// A stream in a channel of the streamer.
    pub async fn open(shape: Shape, uplink_kbps: u32, tempo: Tempo) -> Result<Self> {
        Self::open_at(shape, uplink_kbps, tempo, Place::Own).await
    }

    pub async fn open_at(shape: Shape, uplink_kbps: u32, tempo: Tempo, place: Place) -> Result<Self> {
        let tracker = Tracker::start(config(TRACKER, tempo, None)?).await?;
        let address = address_of(&tracker)?;
        let host = match place {
            Place::Own => None,
            Place::Others => {
                let host = member(HOST, tempo, &address).await?;
                host.create(CHANNEL, View::Public, Visitors::Read).await?;
                Some(host)
            }
        };
        let role = SourceRole { tracker: address.clone(), shape, uplink_kbps, tempo, place };
        let mut source = Part::start(&Role::Source(role))?;
        let begun = source.hear().await?;
        Ok(Self { tracker, host, address, source, begun, tempo })
    }

    /// Viewers in a process of their own, as soon as each has seen something; and their devices.
    pub async fn watch(&self, viewers: Vec<ViewerRole>, render: Render) -> Result<(Part, Vec<String>)> {
        let role = WatchRole { tracker: self.address.clone(), tempo: self.tempo, viewers, render };
        let mut part = Part::start(&Role::Watch(role))?;
        let devices = part.hear().await?;
        Ok((part, devices))
    }

    /// The streamer stops; what these viewers have seen by then, and the number of its last frame.
    pub async fn finish(&mut self, viewers: &mut [Part]) -> Result<(Vec<Log>, u64)> {
        let last: u64 = self.source.ask("stop").await?;
        let mut logs = Vec::new();
        for part in viewers {
            logs.extend(part.ask::<Vec<Log>>(&format!("until {last}")).await?);
        }
        Ok((logs, last))
    }

    pub async fn close(self) -> Result<()> {
        self.source.end().await?;
        if let Some(host) = self.host {
            host.shutdown().await?;
        }
        self.tracker.shutdown().await?;
        Ok(())
    }
}

/// Viewers with usual links.
pub fn viewers(numbers: std::ops::Range<u16>) -> Vec<ViewerRole> {
    numbers.map(|number| ViewerRole { number, relay_kbps: 0, link_kbps: None }).collect()
}

/// The baseline: a server and viewers over plain TCP, watched for so long. What they have seen, and the last number.
pub async fn plainly(shape: Shape, links_kbps: Vec<Option<u32>>, time: Duration) -> Result<(Vec<Log>, u64, Memory)> {
    let role = PlainSourceRole { shape, viewers: links_kbps.len() };
    let mut source = Part::start(&Role::PlainSource(role))?;
    let server = source.hear().await?;
    let mut viewers = Part::start(&Role::PlainWatch(PlainWatchRole { server, links_kbps }))?;
    let _: usize = viewers.hear().await?;
    let memory = Memory::over(source.pid, time).await?;
    let last = source.ask("stop").await?;
    sleep(Duration::from_millis(500)).await;
    let logs = viewers.ask("now").await?;
    source.end().await?;
    viewers.end().await?;
    Ok((logs, last, memory))
}

/// A process's memory, once a second.
#[derive(Debug, Default)]
pub struct Memory(Vec<u64>);

impl Memory {
    pub async fn over(pid: u32, time: Duration) -> Result<Self> {
        let (until, mut samples) = (tokio::time::Instant::now() + time, Vec::new());
        while tokio::time::Instant::now() < until {
            sleep(Duration::from_secs(1).min(time)).await;
            samples.push(segment_benches::machine::resident(pid)? / 1024);
        }
        Ok(Self(samples))
    }

    /// The most of the first half, and of the second.
    pub fn halves(&self) -> (u64, u64) {
        let (first, second) = self.0.split_at(self.0.len() / 2);
        let most = |part: &[u64]| part.iter().copied().max().unwrap_or_default();
        (most(first), most(second))
    }

    /// The most of each tenth, in KiB.
    pub fn tenths(&self) -> Vec<u64> {
        let tenths = self.0.chunks(self.0.len().div_ceil(10).max(1));
        tenths.map(|part| part.iter().copied().max().unwrap_or_default()).collect()
    }
}
