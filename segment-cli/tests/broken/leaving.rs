//! The ninth way.
//!
//! Dead hosts and visitors stayed listed for ever; logout while watching a stream deadlocked; the server could not
//! restart on its port (no SO_REUSEADDR).

use std::time::Duration;

use segment_core::Endpoint;
use segment_core::peer::StreamOptions;
use segment_core::peer::events::{Reply, Stage};
use segment_media::Source;
use segment_media::card::{self, CardOptions};
use segment_net::{Broadcast, Peer, Seen, Watching};
use segment_proto::messages::{ChannelRow, Presence, UserRow};
use segment_proto::{FrameFlags, Track, TrackKind};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::harness::{
    PASSWORD, Proxy, Shape, Town, Wire, create, endpoint, eventually, hosting, soon, texts, texts_once,
};

async fn users(peer: &Peer) -> Vec<UserRow> {
    match soon(peer.request(|machine, now| machine.list_users(None, now))).await.unwrap() {
        Reply::Users(page) => page.rows,
        other => panic!("{other:?}"),
    }
}

async fn listed(peer: &Peer, name: &str) -> bool {
    users(peer).await.iter().any(|row| row.who.name.as_str() == name)
}

async fn channel(peer: &Peer, name: &'static str) -> ChannelRow {
    match soon(peer.request(move |machine, now| machine.find_channel(name, now))).await.unwrap() {
        Reply::Channel(row) => row,
        other => panic!("{other:?}"),
    }
}

/// Their links break, without a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_09a_a_host_and_a_visitor_whose_links_break_leave_the_list() {
    let town = Town::new();
    let tracker = town.tracker().await;
    let door = Proxy::start(tracker.address().unwrap(), Shape::Whole).await;
    let behind = Endpoint { address: door.address, key: Some(tracker.key()) };
    let ada = town.registered("ada", endpoint(&tracker)).await;
    let ken = town.registered("ken", behind).await;
    create(&ken, "#general").await;
    let mut eve = Wire::greeted("eve", door.address).await;
    eve.guest("eve").await;
    eventually(|| async { channel(&ada, "#general").await.host_present.then_some(()) }).await;
    assert!(listed(&ada, "ken").await && listed(&ada, "eve").await);

    // The server side sees an end; the peer itself is held off from coming back.
    door.set(Shape::Stalled);
    door.cut();
    eventually(|| async { (!listed(&ada, "ken").await && !listed(&ada, "eve").await).then_some(()) }).await;
    let row = channel(&ada, "#general").await;
    assert!(!row.host_present && row.host.is_none(), "{row:?}");
    door.set(Shape::Whole);
    eventually(|| async { channel(&ada, "#general").await.host_present.then_some(()) }).await;
    assert!(listed(&ada, "ken").await, "back by himself");
}

/// Their machines are gone without their links breaking: nothing comes any more, and nothing says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_09b_a_host_and_a_visitor_that_fall_silent_leave_the_list() {
    let town = Town::with(|limits| {
        limits.protocol.lease = Duration::from_millis(1_500);
        limits.protocol.ping = Duration::from_millis(400);
    });
    let tracker = town.tracker().await;
    let door = Proxy::start(tracker.address().unwrap(), Shape::Whole).await;
    let behind = Endpoint { address: door.address, key: Some(tracker.key()) };
    let ada = town.registered("ada", endpoint(&tracker)).await;
    let ken = town.registered("ken", behind).await;
    create(&ken, "#general").await;
    let mut eve = Wire::greeted("eve", tracker.address().unwrap()).await;
    eve.guest("eve").await;
    eventually(|| async { channel(&ada, "#general").await.host_present.then_some(()) }).await;
    assert!(listed(&ada, "ken").await && listed(&ada, "eve").await);

    door.set(Shape::Stalled);
    eventually(|| async { (!channel(&ada, "#general").await.host_present).then_some(()) }).await;
    eventually(|| async { (!listed(&ada, "ken").await && !listed(&ada, "eve").await).then_some(()) }).await;
    assert!(listed(&ada, "ada").await, "who is there stays listed");
}

/// Logging out, in the middle of being sent to, is answered; and those who send go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_09c_a_logout_while_messages_pour_in_is_answered() {
    const COUNT: usize = 200;
    let town = Town::brisk();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let here = create(&ken, "#general").await;
    let mut leaving = JoinSet::new();
    for name in ["ada", "ben", "cleo", "dora"] {
        let peer = town.registered(name, endpoint(&tracker)).await;
        let there = soon(peer.join("#general")).await.unwrap();
        let mut events = there.events();
        leaving.spawn(async move {
            for _ in 0..COUNT / 4 {
                events.next_message().await.unwrap();
            }
            peer.request(|machine, now| machine.logout(now)).await.unwrap();
            peer
        });
    }
    let mut receipts = Vec::new();
    for n in 0..COUNT {
        receipts.push(soon(here.send(&n.to_string())).await.unwrap());
    }
    let left = soon(leaving.join_all()).await;
    for receipt in receipts {
        soon(receipt.until(Stage::Committed)).await.unwrap();
    }
    assert_eq!(texts_once(&here, COUNT).await.len(), COUNT);
    for peer in &left {
        assert!(soon(peer.call(|machine, _| machine.whoami())).await.unwrap().is_none());
    }
    eventually(|| async { (users(&ken).await.len() == 1).then_some(()) }).await;
}

/// A viewer logs out while pictures come; the viewer, the streamer and the other viewers go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_09d_a_logout_while_watching_a_stream_is_answered() {
    let town = Town::new();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let here = create(&ken, "#general").await;
    let card = card::open(CardOptions { width: 160, height: 120, ..CardOptions::default() }).unwrap();
    let broadcast = soon(here.stream(of_card(&card))).await.unwrap();
    let sending = tokio::spawn(stream(card, broadcast.clone()));
    let ada = town.registered("ada", endpoint(&tracker)).await;
    let ben = town.registered("ben", endpoint(&tracker)).await;
    let (mut of_ada, mut of_ben) = (watching(&ada).await, watching(&ben).await);
    let first = pictures(&mut of_ben, 5).await[0];
    pictures(&mut of_ada, 5).await;

    // Between two pictures: it is answered, and nobody counts on her any more.
    soon(ada.request(|machine, now| machine.logout(now))).await.unwrap();
    eventually(|| async { (viewers(&broadcast).await == ["ben"]).then_some(()) }).await;
    eventually(|| async { (broadcast.followers().await.unwrap().0 == 1).then_some(()) }).await;
    let groups = pictures(&mut of_ben, 20).await;
    let left_out = broadcast.followers().await.unwrap().1;
    let missing: u64 = groups.windows(2).map(|pair| pair[1] - pair[0] - 1).sum();
    assert!(groups[0] > first && missing <= left_out, "more is missing than a slow viewer is spared: {groups:?}");
    soon(ada.login("ada", PASSWORD, Presence::Online)).await.unwrap();
    let mut of_ada = watching(&ada).await;
    pictures(&mut of_ada, 5).await;

    // The same with the streamer: both are told that it is over.
    soon(ken.request(|machine, now| machine.logout(now))).await.unwrap();
    for viewer in [&mut of_ada, &mut of_ben] {
        while !matches!(soon(viewer.next()).await, Some(Seen::Ended(_))) {}
    }
    assert!(soon(sending).await.unwrap() > 25);
}

fn of_card(card: &Source) -> StreamOptions {
    let track = &card.tracks()[0];
    let (codec, format) = (track.codec.clone(), track.format.to_string());
    let (rate_bps, interval_us) = (track.rate_bps, track.interval_us);
    let tracks = vec![Track { track: track.track, kind: TrackKind::Video, codec, format, rate_bps, interval_us }];
    StreamOptions { title: "card".into(), tracks, uplink_kbps: 20_000 }
}

/// Until nobody may stream here any more; how many pictures that were.
async fn stream(mut card: Source, broadcast: Broadcast) -> usize {
    let mut count = 0;
    while let Some(frame) = card.next().await.unwrap() {
        let flags = FrameFlags::KEY.with(FrameFlags::DISCARDABLE);
        if broadcast.push(frame.track, frame.timestamp_us, flags, frame.payload).await.is_err() {
            break;
        }
        count += 1;
    }
    count
}

/// Watches the only stream of the channel, once it can be asked for.
async fn watching(peer: &Peer) -> Watching {
    let there = soon(peer.join("#general")).await.unwrap();
    let rows = eventually(|| async { there.streams().await.ok().filter(|rows| !rows.is_empty()) }).await;
    soon(there.watch(&rows[0].description, 0)).await.unwrap()
}

/// The groups of so many pictures.
async fn pictures(watching: &mut Watching, count: usize) -> Vec<u64> {
    let mut groups = Vec::new();
    while groups.len() < count {
        match soon(watching.next()).await {
            Some(Seen::Frame(frame)) => groups.push(frame.place.group),
            other => panic!("{other:?}"),
        }
    }
    groups
}

async fn viewers(broadcast: &Broadcast) -> Vec<String> {
    soon(broadcast.viewers()).await.unwrap().iter().map(|row| row.who.to_string()).collect()
}

/// Stopped and started at once, with links open, several times: on the same port, and everybody is back by themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_09e_a_server_restarts_on_its_port() {
    let town = Town::new();
    let mut tracker = town.tracker().await;
    let address = tracker.address().unwrap();
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let here = create(&ken, "#general").await;
    let ada = town.registered("ada", endpoint(&tracker)).await;
    let there = soon(ada.join("#general")).await.unwrap();
    soon(soon(there.send("before")).await.unwrap().until(Stage::Committed)).await.unwrap();
    for round in 0..3 {
        soon(tracker.shutdown()).await.unwrap();
        // Its connections are in the state that forbids the port to whoever does not ask for it.
        tracker = town.tracker_at(address).await;
        assert_eq!(tracker.address().unwrap(), address);
        soon(soon(there.send(&round.to_string())).await.unwrap().until(Stage::Committed)).await.unwrap();
    }
    assert_eq!(texts_once(&here, 4).await, ["before", "0", "1", "2"]);

    // A host as well.
    let port = ken.address().unwrap();
    soon(ken.shutdown()).await.unwrap();
    let again = Peer::start(segment_net::Config { listen: Some(port), ..town.config("ken") }).await.unwrap();
    soon(again.connect(endpoint(&tracker))).await.unwrap();
    soon(again.login("ken", PASSWORD, Presence::Online)).await.unwrap();
    hosting(&again, &again.channel(here.id())).await;
    soon(soon(there.send("after")).await.unwrap().until(Stage::Committed)).await.unwrap();
    assert_eq!(texts(&again.channel(here.id())).await.len(), 5);
    // While it is there, nobody else gets the port.
    assert!(TcpListener::bind(address).await.is_err());
}
