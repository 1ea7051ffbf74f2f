//! A streamer and its viewers over real TLS on loopback.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use segment_core::peer::StreamOptions;
use segment_core::stream::MediaFrame;
use segment_net::transport::{
    BindError, Connection, Dialling, Expected, Listener, TlsIdentity, TlsTransport, Transport, TransportLimits,
};
use segment_net::{Config, Peer, RequestError, Seen, Tracker, Watching};
use segment_proto::messages::Presence;
use segment_proto::{AccessChange, FrameFlags, Reason, Rights, Track, TrackKind, View, Visitors};
use segment_store::MemoryStore;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::probe::{PATIENCE, loopback};

const VIDEO: u8 = 1;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it did not happen")
}

fn config(number: u8) -> Config {
    let mut config = Config { listen: Some(loopback()), ..Config::new([number; 32], MemoryStore::default()) };
    // Slower than in life: the machine that runs this may be busy with other things for a while.
    let streams = &mut config.limits.protocol.streams;
    (streams.behind, streams.group_past) = (Duration::from_secs(10), Duration::from_secs(10));
    (streams.ring, streams.silence) = (Duration::from_secs(10), Duration::from_secs(2));
    config
}

async fn person(config: Config, name: &str, tracker: &Tracker) -> Peer {
    let peer = Peer::start(config).await.unwrap();
    peer.connect(tracker.endpoint().unwrap()).await.unwrap();
    peer.register(name, "a long password", Presence::Online).await.unwrap();
    peer
}

fn options(uplink_kbps: u32) -> StreamOptions {
    let track = Track {
        track: VIDEO,
        kind: TrackKind::Video,
        codec: "test".into(),
        format: String::new(),
        rate_bps: 1_000_000,
        interval_us: 10_000,
    };
    StreamOptions { title: "test".into(), tracks: vec![track], uplink_kbps }
}

fn now_us() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

/// The number of a frame in its payload; every tenth is a keyframe.
fn picture(number: u64) -> (FrameFlags, Bytes) {
    let flags = if number.is_multiple_of(10) { FrameFlags::KEY } else { FrameFlags::NONE };
    let mut payload = vec![7; 20_000];
    payload[..8].copy_from_slice(&number.to_be_bytes());
    (flags, payload.into())
}

fn number_of(frame: &MediaFrame) -> u64 {
    u64::from_be_bytes(*frame.payload.first_chunk().unwrap())
}

async fn next_frame(watching: &mut Watching) -> MediaFrame {
    match soon(watching.next()).await.unwrap() {
        Seen::Frame(frame) => frame,
        Seen::Missed(count) => panic!("{count} were missed"),
        Seen::Ended(reason) => panic!("ended: {reason}"),
    }
}

/// TLS whose connections stop reading while they are told to.
struct Stalling {
    inner: TlsTransport,
    stalled: watch::Receiver<bool>,
}

struct StallingReader {
    inner: segment_net::transport::Reader,
    stalled: watch::Receiver<bool>,
    wait: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl AsyncRead for StallingReader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        loop {
            if let Some(wait) = &mut self.wait {
                std::task::ready!(wait.as_mut().poll(cx));
                self.wait = None;
            }
            if !*self.stalled.borrow() {
                return Pin::new(&mut self.inner).poll_read(cx, buf);
            }
            let mut stalled = self.stalled.clone();
            self.wait = Some(Box::pin(async move {
                let _ = stalled.wait_for(|stalled| !stalled).await;
            }));
        }
    }
}

impl Transport for Stalling {
    fn bind(&self, address: SocketAddr) -> Result<Listener, BindError> {
        self.inner.bind(address)
    }

    fn dial(&self, address: SocketAddr, expected: Expected) -> Dialling {
        let (dialling, stalled) = (self.inner.dial(address, expected), self.stalled.clone());
        Box::pin(async move {
            let connection = dialling.await?;
            let reader = StallingReader { inner: connection.reader, stalled, wait: None };
            Ok(Connection { reader: Box::new(reader), ..connection })
        })
    }
}

fn stalling(number: u8) -> (Config, watch::Sender<bool>) {
    let (stall, stalled) = watch::channel(false);
    let identity = TlsIdentity::from_secret(&[number; 32]).unwrap();
    let inner = TlsTransport::new(identity, TransportLimits::default()).unwrap();
    (Config { transport: Some(Arc::new(Stalling { inner, stalled })), ..config(number) }, stall)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stalled_viewer_costs_the_others_nothing() {
    let tracker = Tracker::start(config(1)).await.unwrap();
    let ken = person(config(2), "ken", &tracker).await;
    let here = ken.create("#live", View::Public, Visitors::Read).await.unwrap();
    let broadcast = soon(here.stream(options(100_000))).await.unwrap();

    let (slow, stall) = stalling(5);
    let mut watching = Vec::new();
    let mut channels = Vec::new();
    for (config, name) in [(config(3), "ada"), (config(4), "eve"), (slow, "zoe")] {
        let peer = person(config, name, &tracker).await;
        let channel = peer.join("#live").await.unwrap();
        let rows = loop {
            match soon(channel.streams()).await {
                Ok(rows) if !rows.is_empty() => break rows,
                _ => sleep(Duration::from_millis(20)).await,
            }
        };
        watching.push(soon(channel.watch(&rows[0].description, 0)).await.unwrap());
        channels.push(channel);
    }
    while broadcast.followers().await.unwrap().0 < 3 {
        sleep(Duration::from_millis(10)).await;
    }

    let mut zoe = watching.pop().unwrap();
    let push = |number: u64| {
        let (flags, payload) = picture(number);
        broadcast.push(VIDEO, now_us(), flags, payload)
    };
    for number in 0..20 {
        push(number).await.unwrap();
    }
    assert_eq!(number_of(&next_frame(&mut zoe).await), 0);
    stall.send(true).unwrap();

    // The healthy ones get everything, and messages come through, while one takes nothing.
    let mut talk = channels[0].events();
    let receivers = watching.into_iter().map(|mut watching| {
        tokio::spawn(async move {
            for expected in 0..220 {
                assert_eq!(number_of(&next_frame(&mut watching).await), expected);
            }
            watching
        })
    });
    let receivers: Vec<_> = receivers.collect();
    for number in 20..220 {
        push(number).await.unwrap();
        sleep(Duration::from_millis(10)).await;
        if number == 120 {
            here.send("still here").await.unwrap();
        }
    }
    assert_eq!(soon(talk.next_message()).await.unwrap().text(), Some("still here"));
    let mut healthy = Vec::new();
    for receiver in receivers {
        healthy.push(soon(receiver).await.unwrap());
    }

    // The stalled one goes on with the present, at a keyframe.
    stall.send(false).unwrap();
    let (mut number, mut last) = (220, 0);
    while last < 221 {
        push(number).await.unwrap();
        number += 1;
        if let Ok(Some(Seen::Frame(frame))) = timeout(Duration::from_millis(30), zoe.next()).await {
            let seen = number_of(&frame);
            assert!(seen == last + 1 || seen.is_multiple_of(10), "{seen} was shown behind {last}");
            last = seen;
        }
        assert!(number < 1_000, "the stalled viewer never came back");
    }
    assert_eq!(soon(broadcast.viewers()).await.unwrap().len(), 3);
    soon(broadcast.stop()).await.unwrap();
    loop {
        match soon(healthy[0].next()).await.unwrap() {
            Seen::Frame(_) => {}
            other => break assert_eq!(other, Seen::Ended(Reason::ShuttingDown)),
        }
    }
    assert!(soon(here.streams()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_carry_a_stream_on_and_rights_are_kept() {
    let tracker = Tracker::start(config(11)).await.unwrap();
    let ken = person(config(12), "ken", &tracker).await;
    let here = ken.create("#live", View::Members, Visitors::Nothing).await.unwrap();
    let mut people = Vec::new();
    for (number, name) in [(13, "ada"), (14, "eve"), (15, "zoe")] {
        let peer = person(config(number), name, &tracker).await;
        let found = soon(here.peer().request({
            let name = name.to_owned();
            move |machine, now| machine.find_user(&name, now)
        }))
        .await
        .unwrap();
        let segment_core::peer::events::Reply::User(found) = found else { panic!() };
        let rights = if name == "zoe" { Rights::READ } else { Rights::ALL };
        let change = AccessChange::allow(found.account, name.to_owned(), rights);
        soon(here.change_access(change).await.unwrap().until(segment_core::peer::events::Stage::Committed))
            .await
            .unwrap();
        people.push(peer.join("#live").await.unwrap());
    }
    // Only who may stream does.
    let refused = loop {
        match soon(people[2].stream(options(1_000))).await {
            Err(RequestError::Refused(failure)) if failure.reason == Reason::MayNotStream => break failure,
            Err(_) => sleep(Duration::from_millis(20)).await,
            Ok(_) => panic!("zoe streams"),
        }
    };
    assert_eq!(refused.reason, Reason::MayNotStream);

    // ada streams, with an uplink for one: eve carries it on to the others.
    let broadcast = soon(people[0].stream(options(1_300))).await.unwrap();
    let row = soon(here.streams()).await.unwrap().remove(0);
    let mut eve = soon(people[1].watch(&row.description, 100_000)).await.unwrap();
    let mut zoe = soon(people[2].watch(&row.description, 0)).await.unwrap();
    let feeding = tokio::spawn({
        let broadcast = broadcast.clone();
        async move {
            for number in 0.. {
                let (flags, payload) = picture(number);
                if broadcast.push(VIDEO, now_us(), flags, payload).await.is_err() {
                    return;
                }
                sleep(Duration::from_millis(10)).await;
            }
        }
    });
    let mut last = number_of(&next_frame(&mut zoe).await);
    for _ in 0..50 {
        let number = number_of(&next_frame(&mut zoe).await);
        assert_eq!(number, last + 1);
        last = number;
    }
    next_frame(&mut eve).await;
    // The one that was there before goes when the other one flows.
    soon(async {
        while broadcast.followers().await.unwrap().0 != 1 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(zoe.figures().await.unwrap().hops, 2);

    // eve leaves: zoe goes on without losing a frame.
    soon(eve.stop()).await.unwrap();
    for _ in 0..50 {
        let number = number_of(&next_frame(&mut zoe).await);
        assert_eq!(number, last + 1);
        last = number;
    }
    soon(broadcast.stop()).await.unwrap();
    soon(feeding).await.unwrap();
}
