//! Tracker and peers over TCP and TLS on 127.0.0.1, their stores in a temporary directory; a client made by hand; and
//! a proxy that tears, merges, mutes and stalls what passes.

#[cfg(target_os = "linux")]
mod counting;
pub mod programs;
mod proxy;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use segment_core::Endpoint;
use segment_core::peer::events::{ChannelMessage, Content, PeerEvent};
use segment_net::{Channel, Config, DriverLimits, Events, Happening, Peer, Tracker};
use segment_proto::messages::Presence;
use segment_proto::{Limits, View, Visitors};
use segment_store::SqliteStore;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

#[cfg(target_os = "linux")]
pub use counting::Counting;
pub use proxy::{Proxy, Shape};
pub use wire::{Author, Member, Wire, failed, greet_host, hello, register, subscription};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery staple";

/// By how much large counts are multiplied: `SEGMENT_RUNS`, or 1.
pub fn scale() -> usize {
    std::env::var("SEGMENT_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(1)
}

/// Nothing here takes nearly so long, unless it never happens.
pub fn patience() -> Duration {
    Duration::from_secs(30) * u32::try_from(scale()).unwrap()
}

/// Waits for something that has to happen.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(patience(), future).await.expect("it did not happen")
}

/// Asks again and again until there is an answer.
pub async fn eventually<T, F: Future<Output = Option<T>>>(mut ask: impl FnMut() -> F) -> T {
    soon(async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

/// The secret of a device, by its name.
pub fn secret(device: &str) -> [u8; 32] {
    let mut secret = [0x5e; 32];
    secret[..device.len()].copy_from_slice(device.as_bytes());
    secret
}

pub fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// How to reach a tracker.
pub fn endpoint(tracker: &Tracker) -> Endpoint {
    Endpoint { address: tracker.address().unwrap(), key: Some(tracker.key()) }
}

/// Devices whose stores survive them.
pub struct Town {
    disk: TempDir,
    /// Those of everybody who is started from now on.
    pub limits: DriverLimits,
}

impl Town {
    /// With the usual limits.
    pub fn new() -> Self {
        Self { disk: TempDir::new().unwrap(), limits: DriverLimits::default() }
    }

    /// With the limits that a test raises or lowers.
    pub fn with(change: impl FnOnce(&mut DriverLimits)) -> Self {
        let mut town = Self::new();
        change(&mut town.limits);
        town
    }

    /// A device may write as fast as it can.
    pub fn brisk() -> Self {
        Self::with(|limits| talk_fast(&mut limits.protocol))
    }

    pub fn path(&self) -> &std::path::Path {
        self.disk.path()
    }

    pub fn store(&self, device: &str) -> SqliteStore {
        SqliteStore::open(self.disk.path().join(format!("{device}.sqlite"))).unwrap()
    }

    pub fn config(&self, device: &str) -> Config {
        let limits = self.limits.clone();
        Config { listen: Some(loopback()), limits, ..Config::new(secret(device), self.store(device)) }
    }

    pub async fn tracker(&self) -> Tracker {
        self.tracker_at(loopback()).await
    }

    pub async fn tracker_at(&self, address: SocketAddr) -> Tracker {
        Tracker::start(Config { listen: Some(address), ..self.config("tracker") }).await.unwrap()
    }

    /// A peer that is connected, with nobody logged in.
    pub async fn peer(&self, device: &str, tracker: Endpoint) -> Peer {
        let peer = Peer::start(self.config(device)).await.unwrap();
        soon(peer.connect(tracker)).await.unwrap();
        peer
    }

    /// A new account on a device of the same name.
    pub async fn registered(&self, name: &str, tracker: Endpoint) -> Peer {
        let peer = self.peer(name, tracker).await;
        soon(peer.register(name, PASSWORD, Presence::Online)).await.unwrap();
        peer
    }

    /// An account that exists, on any device.
    pub async fn logged_in(&self, name: &str, device: &str, tracker: Endpoint) -> Peer {
        let peer = self.peer(device, tracker).await;
        soon(peer.login(name, PASSWORD, Presence::Online)).await.unwrap();
        peer
    }

    pub async fn visitor(&self, name: &str, device: &str, tracker: Endpoint) -> Peer {
        let peer = self.peer(device, tracker).await;
        soon(peer.guest(name)).await.unwrap();
        peer
    }
}

/// Raises the rate of every device out of the way.
pub fn talk_fast(limits: &mut Limits) {
    limits.messages_per_second = 100_000;
    limits.messages_burst = 100_000;
}

/// A public channel that visitors may read, once its host sequences.
pub async fn create(owner: &Peer, name: &str) -> Channel {
    let channel = soon(owner.create(name, View::Public, Visitors::Read)).await.unwrap();
    hosting(owner, &channel).await;
    channel
}

/// Waits until the owner's device sequences.
pub async fn hosting(owner: &Peer, channel: &Channel) {
    let id = channel.id();
    eventually(|| async {
        let report = owner.call(move |machine, _| machine.host_report(id)).await.unwrap();
        report.ok().and_then(|report| report.owns)
    })
    .await;
}

/// What a message says.
pub fn text(message: &ChannelMessage) -> &str {
    match &message.content {
        Content::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

/// All that a channel holds, oldest first, however many pages that takes.
pub async fn history(channel: &Channel) -> Vec<ChannelMessage> {
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let (mut page, more) = soon(channel.history(before, 256)).await.unwrap();
        before = page.first().map(|message| message.pos);
        page.append(&mut all);
        all = page;
        if !more || before.is_none() {
            return all;
        }
    }
}

/// The same, as texts.
pub async fn texts(channel: &Channel) -> Vec<String> {
    history(channel).await.iter().map(|message| text(message).to_owned()).collect()
}

/// Waits until a channel holds so many messages; their texts.
pub async fn texts_once(channel: &Channel, count: usize) -> Vec<String> {
    eventually(|| async { Some(texts(channel).await).filter(|texts| texts.len() >= count) }).await
}

/// Waits for an event that `wanted` likes; what that makes of it.
pub async fn event<T>(events: &mut Events<PeerEvent>, mut wanted: impl FnMut(PeerEvent) -> Option<T>) -> T {
    soon(async {
        loop {
            match events.next().await.expect("the peer has stopped") {
                Happening::Event(event) => {
                    if let Some(found) = wanted(event) {
                        return found;
                    }
                }
                Happening::Missed(count) => panic!("missed {count} events"),
            }
        }
    })
    .await
}
