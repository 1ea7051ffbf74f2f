//! Tracker, host, member and visitor as an embedder sees them.

use std::time::Duration;

use segment_core::Endpoint;
use segment_core::peer::CommandError;
use segment_core::peer::events::{ChannelMessage, PeerEvent, Serving, Stage};
use segment_net::transport::MemoryNetwork;
use segment_net::{Config, Happening, NotDelivered, Peer, RequestError, SendError, Tracker};
use segment_proto::messages::Presence;
use segment_proto::{Reason, View, Visitors};
use segment_store::SqliteStore;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::probe::{PATIENCE, loopback};

/// Every test once in memory, once over TLS.
#[derive(Clone)]
enum Over {
    Memory(MemoryNetwork),
    Tls,
}

/// Devices whose stores survive them.
struct Town {
    over: Over,
    disk: TempDir,
}

impl Town {
    fn new(over: Over) -> Self {
        Self { over, disk: TempDir::new().unwrap() }
    }

    fn config(&self, number: u8) -> Config {
        let secret = [number; 32];
        let store = SqliteStore::open(self.disk.path().join(format!("{number}.sqlite"))).unwrap();
        match &self.over {
            Over::Tls => Config { listen: Some(loopback()), ..Config::new(secret, store) },
            Over::Memory(network) => Config::in_memory(secret, store, network),
        }
    }

    async fn tracker(&self) -> Tracker {
        Tracker::start(self.config(1)).await.unwrap()
    }

    async fn peer(&self, number: u8, tracker: &Tracker) -> Peer {
        let peer = Peer::start(self.config(number)).await.unwrap();
        peer.connect(endpoint(tracker)).await.unwrap();
        peer
    }

    async fn registered(&self, number: u8, name: &str, tracker: &Tracker) -> Peer {
        let peer = self.peer(number, tracker).await;
        peer.register(name, "a long password", Presence::Online).await.unwrap();
        peer
    }
}

fn endpoint(tracker: &Tracker) -> Endpoint {
    tracker.endpoint().unwrap()
}

fn text(message: &ChannelMessage) -> &str {
    message.text().unwrap()
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it did not happen")
}

macro_rules! both {
    ($($case:ident)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(super::Town::new(super::Over::Memory(Default::default()))).await;
            })*
        }
        mod tls {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(super::Town::new(super::Over::Tls)).await;
            })*
        }
    };
}

both! {
    two_people_talk_and_a_visitor_reads
    a_message_written_without_a_host_is_committed_by_the_tracker
    everything_survives_a_restart_of_everybody
    refusals_are_typed
}

async fn two_people_talk_and_a_visitor_reads(town: Town) {
    let tracker = town.tracker().await;
    let ken = town.registered(2, "ken", &tracker).await;
    let ada = town.registered(3, "ada", &tracker).await;
    let visitor = town.peer(4, &tracker).await;
    visitor.guest("eve").await.unwrap();

    let here = ken.create("#general", View::Public, Visitors::Read).await.unwrap();
    let there = ada.join("#general").await.unwrap();
    let watched = visitor.join("#general").await.unwrap();
    let (mut at_ken, mut at_ada, mut at_eve) = (here.events(), there.events(), watched.events());

    let receipt = soon(here.send("hello")).await.unwrap();
    assert_eq!(text(&soon(at_ada.next_message()).await.unwrap()), "hello");
    assert_eq!(text(&soon(at_eve.next_message()).await.unwrap()), "hello");
    soon(receipt.until(Stage::Committed)).await.unwrap();
    assert_eq!(receipt.stage(), Some(Stage::Committed));

    let receipt = soon(there.send("hello yourself")).await.unwrap();
    soon(receipt.until(Stage::Committed)).await.unwrap();
    let heard = loop {
        let message = soon(at_ken.next_message()).await.unwrap();
        if text(&message) != "hello" {
            break message;
        }
    };
    assert_eq!(text(&heard), "hello yourself");
    assert_eq!(heard.author.unwrap().name.as_str(), "ada");

    let refused = soon(watched.send("me too")).await;
    assert!(matches!(refused, Err(SendError::Command(CommandError::Send(_)))), "{refused:?}");
    for peer in [visitor, ada, ken] {
        soon(peer.shutdown()).await.unwrap();
    }
    soon(tracker.shutdown()).await.unwrap();
}

async fn a_message_written_without_a_host_is_committed_by_the_tracker(town: Town) {
    let tracker = town.tracker().await;
    let ken = town.registered(2, "ken", &tracker).await;
    let ada = town.registered(3, "ada", &tracker).await;
    let channel = ken.create("#general", View::Public, Visitors::Read).await.unwrap().id();
    let there = ada.join("general").await.unwrap();
    soon(there.send("with host")).await.unwrap().until(Stage::Committed).await.unwrap();

    let mut events = there.events();
    soon(ken.shutdown()).await.unwrap();
    loop {
        let event = soon(events.next()).await.unwrap();
        if matches!(event, Happening::Event(PeerEvent::ServedFrom { serving: Serving::Copy, .. })) {
            break;
        }
    }
    let receipt = soon(there.send("without host")).await.unwrap();
    soon(receipt.until(Stage::Committed)).await.unwrap();

    let ken = town.peer(2, &tracker).await;
    ken.login("ken", "a long password", Presence::Online).await.unwrap();
    let taken_over = async {
        loop {
            let (messages, _) = ken.channel(channel).history(None, 10).await.unwrap();
            if messages.len() > 1 {
                break messages;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert_eq!(soon(taken_over).await.iter().map(text).collect::<Vec<_>>(), ["with host", "without host"]);
}

async fn everything_survives_a_restart_of_everybody(town: Town) {
    let tracker = town.tracker().await;
    let ken = town.registered(2, "ken", &tracker).await;
    let ada = town.registered(3, "ada", &tracker).await;
    let channel = ken.create("#general", View::Public, Visitors::Read).await.unwrap().id();
    let there = ada.join("#general").await.unwrap();
    for n in 0..20 {
        let receipt = soon(there.send(&n.to_string())).await.unwrap();
        if n == 19 {
            soon(receipt.until(Stage::Committed)).await.unwrap();
        }
    }
    for peer in [ken, ada] {
        soon(peer.shutdown()).await.unwrap();
    }
    drop(there);
    soon(tracker.shutdown()).await.unwrap();

    let tracker = town.tracker().await;
    for (number, name) in [(3, "ada"), (2, "ken")] {
        let peer = town.peer(number, &tracker).await;
        peer.login(name, "a long password", Presence::Online).await.unwrap();
        let (messages, _) = soon(peer.channel(channel).history(None, 100)).await.unwrap();
        let expected: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        assert_eq!(messages.iter().map(text).collect::<Vec<_>>(), expected, "at {name}");
        assert!(messages.iter().all(|message| message.stage == Stage::Committed));
        soon(peer.shutdown()).await.unwrap();
    }
}

async fn refusals_are_typed(town: Town) {
    let tracker = town.tracker().await;
    let peer = Peer::start(town.config(2)).await.unwrap();
    assert_eq!(peer.join("#general").await.unwrap_err(), RequestError::Command(CommandError::NotConnected));
    peer.connect(endpoint(&tracker)).await.unwrap();
    assert_eq!(peer.join("#general").await.unwrap_err(), RequestError::Command(CommandError::NotLoggedIn));
    let refused = peer.login("ken", "a long password", Presence::Online).await.unwrap_err();
    assert!(matches!(&refused, RequestError::Refused(failure) if failure.reason == Reason::WrongCredentials));
    peer.register("ken", "a long password", Presence::Online).await.unwrap();
    let refused = peer.join("#nowhere").await.unwrap_err();
    assert!(matches!(&refused, RequestError::Refused(failure) if failure.reason == Reason::NoSuchChannel));

    let channel = peer.create("#general", View::Public, Visitors::Read).await.unwrap();
    soon(tracker.shutdown()).await.unwrap();
    let receipt = soon(channel.send("kept")).await.unwrap();
    soon(peer.shutdown()).await.unwrap();
    assert_eq!(soon(receipt.until(Stage::Committed)).await, Err(NotDelivered::Stopped));
    assert!(matches!(channel.send("too late").await, Err(SendError::Stopped(_))));
    let mut events = channel.events();
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn what_goes_over_the_links_is_counted_and_all_of_a_peer_can_be_looked_at() {
    let town = Town::new(Over::Memory(MemoryNetwork::default()));
    let tracker = town.tracker().await;
    let peer = Peer::start(town.config(2)).await.unwrap();
    assert_eq!(peer.traffic(), segment_net::Traffic::default());
    peer.connect(endpoint(&tracker)).await.unwrap();
    peer.register("ken", "a long password", Presence::Online).await.unwrap();
    let before = peer.traffic();
    assert!(before.frames_in >= 2 && before.frames_out >= 2 && before.bytes_in >= before.frames_in * 24, "{before:?}");
    let channel = peer.create("#general", View::Public, Visitors::Read).await.unwrap();
    let text = "x".repeat(1_000);
    soon(channel.send(&text).await.unwrap().until(Stage::Committed)).await.unwrap();
    let after = peer.traffic();
    assert!(after.bytes_out > before.bytes_out + 1_000 && after.frames_out > before.frames_out, "{after:?}");
    let seen = peer.inspect().await.unwrap();
    assert_eq!((seen.links.len(), seen.channels.len()), (1, 1));
    assert!(seen.channels[0].host.is_some() && !seen.timers.is_empty());
}
