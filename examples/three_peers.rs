//! A tracker and three peers in one process, on a network in memory: they talk, the host goes away and comes back.
//!
//! ```text
//! cargo run -p segment-examples --bin three-peers
//! ```

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use segment_core::Endpoint;
use segment_core::peer::events::{PeerEvent, Serving, Stage};
use segment_net::transport::MemoryNetwork;
use segment_net::{Channel, ChannelEvents, Config, Happening, Peer, Tracker};
use segment_proto::messages::Presence;
use segment_proto::{View, Visitors};
use segment_store::SqliteStore;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

const PASSWORD: &str = "correct horse battery staple";

/// A network, and the disks of those who are on it.
struct Town {
    network: MemoryNetwork,
    disks: TempDir,
}

impl Town {
    /// Secret and store stay the same from start to start.
    fn config(&self, number: u8) -> Result<Config> {
        let store = SqliteStore::open(self.disks.path().join(format!("{number}.sqlite")))?;
        Ok(Config::in_memory([number; 32], store, &self.network))
    }

    async fn peer(&self, number: u8, tracker: Endpoint) -> Result<Peer> {
        let peer = Peer::start(self.config(number)?).await?;
        peer.connect(tracker).await?;
        Ok(peer)
    }

    async fn newcomer(&self, number: u8, name: &str, tracker: Endpoint) -> Result<Peer> {
        let peer = self.peer(number, tracker).await?;
        peer.register(name, PASSWORD, Presence::Online).await?;
        Ok(peer)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    timeout(Duration::from_secs(30), live()).await.context("it took too long")?
}

async fn live() -> Result<()> {
    let town = Town { network: MemoryNetwork::new(), disks: TempDir::new()? };
    let tracker = Tracker::start(town.config(1)?).await?;
    let endpoint = tracker.endpoint().context("a tracker listens")?;
    let ken = town.newcomer(2, "ken", endpoint).await?;
    let ada = town.newcomer(3, "ada", endpoint).await?;
    let bob = town.newcomer(4, "bob", endpoint).await?;

    let hosted = ken.create("#general", View::Public, Visitors::Read).await?;
    let (at_ada, at_bob) = (ada.join("#general").await?, bob.join("#general").await?);
    let (mut events, mut heard) = (at_ada.events(), at_bob.events());
    println!("ken hosts #general, ada and bob have joined");
    say(&hosted, "ken", "good morning").await?;
    hear(&mut heard, "good morning").await?;
    say(&at_ada, "ada", "hello ken, hello bob").await?;
    hear(&mut heard, "hello ken, hello bob").await?;

    ken.shutdown().await?;
    served(&mut events, Serving::Copy).await?;
    println!("ken is away; ada still reads and writes, at the tracker's copy");
    let (before, _) = at_ada.history(None, 10).await?;
    ensure!(before.len() == 2, "the copy has {} messages", before.len());
    say(&at_ada, "ada", "are you coming back?").await?;
    hear(&mut heard, "are you coming back?").await?;

    let ken = town.peer(2, endpoint).await?;
    ken.login("ken", PASSWORD, Presence::Online).await?;
    let at_ken = ken.channel(hosted.id());
    while at_ken.history(None, 10).await?.0.len() < 3 {
        sleep(Duration::from_millis(20)).await;
    }
    println!("ken is back, and has taken over what was written");
    compare(&[at_ken, at_ada, at_bob]).await?;

    for peer in [bob, ada, ken] {
        peer.shutdown().await?;
    }
    tracker.shutdown().await?;
    Ok(())
}

async fn say(channel: &Channel, name: &str, text: &str) -> Result<()> {
    println!("{name}: {text}");
    channel.send(text).await?.until(Stage::Committed).await?;
    Ok(())
}

async fn hear(events: &mut ChannelEvents, expected: &str) -> Result<()> {
    let message = events.next_message().await.context("the peer has stopped")?;
    let author = message.author.as_ref().map(ToString::to_string).unwrap_or_default();
    println!("  bob reads {:?} of {author}", message.text().unwrap_or_default());
    ensure!(message.text() == Some(expected), "bob should have read {expected:?}");
    Ok(())
}

async fn served(events: &mut ChannelEvents, from: Serving) -> Result<()> {
    loop {
        match events.next().await.context("the peer has stopped")? {
            Happening::Event(PeerEvent::ServedFrom { serving, .. }) if serving == from => return Ok(()),
            _ => {}
        }
    }
}

/// Everybody has the same history.
async fn compare(channels: &[Channel]) -> Result<()> {
    let mut histories = Vec::new();
    for channel in channels {
        let (messages, _) = channel.history(None, 10).await?;
        histories.push(messages.into_iter().map(|message| (message.pos, message.key)).collect::<Vec<_>>());
    }
    ensure!(histories.windows(2).all(|pair| pair[0] == pair[1]), "histories differ: {histories:?}");
    println!("ken, ada and bob have the same {} messages", histories[0].len());
    Ok(())
}
