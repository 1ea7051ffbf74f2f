//! Streamers that come back to a host that knows nothing of them, and those that do not.

use std::time::Duration;

use bytes::Bytes;
use segment_core::peer::StreamOptions;
use segment_net::{Broadcast, Config, Peer, Seen, Tracker, Watching};
use segment_proto::messages::Presence;
use segment_proto::{FrameFlags, Reason, Track, TrackKind, View, Visitors};
use segment_store::MemoryStore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::probe::{PATIENCE, loopback};

const TRACK: u8 = 0;
/// Longer than a host needs to start again on a busy machine.
const RETURN_WITHIN: Duration = Duration::from_secs(8);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it did not happen")
}

fn config(number: u8) -> Config {
    let mut config = Config { listen: Some(loopback()), ..Config::new([number; 32], MemoryStore::default()) };
    config.limits.protocol.streams.return_within = RETURN_WITHIN;
    config
}

async fn connected(number: u8, tracker: &Tracker) -> Peer {
    let peer = soon(Peer::start(config(number))).await.unwrap();
    soon(peer.connect(tracker.endpoint().unwrap())).await.unwrap();
    peer
}

async fn person(number: u8, name: &str, tracker: &Tracker) -> Peer {
    let peer = connected(number, tracker).await;
    soon(peer.register(name, "a long password", Presence::Online)).await.unwrap();
    peer
}

fn options() -> StreamOptions {
    let (codec, format) = ("test".into(), String::new());
    let track = Track { track: TRACK, kind: TrackKind::Video, codec, format, rate_bps: 100_000, interval_us: 20_000 };
    StreamOptions { title: "test".into(), tracks: vec![track], uplink_kbps: 10_000 }
}

/// Pushes pictures until nobody takes them any more.
fn feed(broadcast: Broadcast) -> JoinHandle<()> {
    tokio::spawn(async move {
        while broadcast.push(TRACK, 1, FrameFlags::KEY, Bytes::from_static(b"picture")).await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    })
}

async fn watched(peer: &Peer) -> Watching {
    let channel = soon(peer.join("#live")).await.unwrap();
    loop {
        match soon(channel.streams()).await {
            Ok(rows) if !rows.is_empty() => return soon(channel.watch(&rows[0].description, 0)).await.unwrap(),
            _ => sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn frames(watching: &mut Watching, count: usize) {
    for _ in 0..count {
        assert!(matches!(soon(watching.next()).await, Some(Seen::Frame(_))));
    }
}

async fn end(watching: &mut Watching) -> Reason {
    loop {
        match soon(watching.next()).await {
            Some(Seen::Ended(reason)) => return reason,
            Some(_) => {}
            None => panic!("the peer has stopped"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_streams_comes_back_to_its_viewers_and_once_it_does_not() {
    let tracker = Tracker::start(config(31)).await.unwrap();

    let ken = connected(32, &tracker).await;
    soon(ken.register("ken", "a long password", Presence::Online)).await.unwrap();
    let here = soon(ken.create("#live", View::Public, Visitors::Read)).await.unwrap();
    feed(soon(here.stream(options())).await.unwrap());
    let ada = person(33, "ada", &tracker).await;
    let mut of_ada = watched(&ada).await;
    frames(&mut of_ada, 5).await;

    // What it knew goes with it, its disk too.
    soon(ken.shutdown()).await.unwrap();
    let ken = connected(32, &tracker).await;
    soon(ken.login("ken", "a long password", Presence::Online)).await.unwrap();
    let here = ken.channel(here.id());
    let broadcast = soon(async {
        loop {
            match here.stream(options()).await {
                Ok(broadcast) => return broadcast,
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    })
    .await;
    feed(broadcast.clone());
    frames(&mut of_ada, 20).await;
    soon(async {
        while broadcast.viewers().await.unwrap().len() != 1 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;

    soon(ken.shutdown()).await.unwrap();
    assert_eq!(end(&mut of_ada).await, Reason::StreamerGone);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_logs_out_watches_and_streams_no_more() {
    let tracker = Tracker::start(config(41)).await.unwrap();
    let ken = person(42, "ken", &tracker).await;
    let here = soon(ken.create("#live", View::Public, Visitors::Read)).await.unwrap();
    let fed = feed(soon(here.stream(options())).await.unwrap());
    let (ada, eve) = (person(43, "ada", &tracker).await, person(44, "eve", &tracker).await);
    let (mut of_ada, mut of_eve) = (watched(&ada).await, watched(&eve).await);
    frames(&mut of_ada, 5).await;
    frames(&mut of_eve, 5).await;
    soon(ada.request(|machine, now| machine.logout(now))).await.unwrap();
    assert_eq!(end(&mut of_ada).await, Reason::LoginRequired);
    frames(&mut of_eve, 5).await;
    soon(ken.request(|machine, now| machine.logout(now))).await.unwrap();
    assert_eq!(end(&mut of_eve).await, Reason::ShuttingDown);
    soon(fed).await.unwrap();
}
