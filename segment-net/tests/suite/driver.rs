//! What a driver does for its machine, and what it withstands.

use std::net::SocketAddr;
use std::time::Duration;

use segment_core::contract::{Dial, DialFailure, Endpoint};
use segment_core::{Direction, Operation, Outcome, Output};
use segment_net::transport::{Expected, MemoryNetwork, TlsIdentity};
use segment_net::{DriverError, DriverLimits, Happening, Stopped};
use segment_proto::frame::{HEADER_BYTES, LENGTH_BYTES};
use segment_proto::messages::{FindChannel, Goodbye, Logout, Ping, Secret, Submit, Unsubscribe};
use segment_proto::{
    AccountId, ChannelId, DeviceId, Envelope, EnvelopeKind, Fence, Frame, Hash, Identity, Instant, Limits, LinkId,
    Message, MessageKey, Reason, RequestId, Signed, UnixMillis,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::probe::{Client, PATIENCE, Seen, World, memory_device, tls_device};

fn channel() -> ChannelId {
    ChannelId::from_random([3; 16])
}

/// A valid push of about so many bytes.
fn big_frame(bytes: usize) -> Frame {
    Frame::push(&submit([envelope(1, bytes)]))
}

fn envelope(seq: u64, bytes: usize) -> Envelope {
    let author = Identity::from_secret(&[5; 32]).device();
    let key = MessageKey { channel: channel(), device: author, incarnation: 1, seq };
    let (account, prev, sent) = (AccountId(1), Hash::ZERO, UnixMillis(1));
    Envelope { key, account, prev, sent, kind: EnvelopeKind::Text, body: vec![b'x'; bytes].into() }
}

/// Signed by somebody else than their author.
fn submit(envelopes: impl IntoIterator<Item = Envelope>) -> Submit {
    let forger = Identity::from_secret(&[6; 32]);
    let envelopes = envelopes.into_iter().map(|envelope| Signed::new(envelope, &forger)).collect();
    Submit::new(channel(), Fence::default(), envelopes)
}

fn reason_of(message: &Message) -> Reason {
    match message {
        Message::Failure(failure) => failure.reason,
        Message::Goodbye(goodbye) => goodbye.reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_is_answered_once_its_write_is_durable() {
    let mut world = World::new();
    world.gate.hold();
    let mut client = world.client(2).await;
    client.ask(&Ping {}).await;
    let link = world.saw_link_up().await;
    assert_eq!(world.saw().await, Seen::Got(link, "Ping"));
    assert!(timeout(Duration::from_millis(100), client.hear()).await.is_err(), "answered before it was written");
    world.gate.open();
    assert!(matches!(client.hear().await, Some((_, Message::Pong(_)))));
}

#[tokio::test]
async fn writes_that_wait_together_are_one_batch() {
    const ASKED: usize = 100;
    let mut world = World::new();
    world.gate.hold();
    let mut client = world.client(2).await;
    for _ in 0..ASKED {
        client.ask(&Ping {}).await;
    }
    let mut got = 0;
    while got < ASKED {
        got += usize::from(matches!(world.saw().await, Seen::Got(..)));
    }
    world.gate.open();
    for _ in 0..ASKED {
        client.hear().await.unwrap();
    }
    let batches = world.gate.batches();
    assert_eq!(batches.iter().sum::<usize>(), ASKED);
    assert!(batches.len() <= 2, "{batches:?}");
}

#[tokio::test]
async fn the_machine_learns_who_came_and_that_they_left() {
    let mut world = World::new();
    let client = world.client(2).await;
    let Seen::Up(link, direction, peer) = world.saw().await else { panic!("no link") };
    assert_eq!((direction, peer), (Direction::Inbound, DeviceId([2; 32])));
    assert!(link.0 >= 1 << 63);
    drop(client);
    assert_eq!(world.saw().await, Seen::Down(link));
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_and_the_link_lives_on() {
    let mut world = World::new();
    let mut client = world.client(2).await;
    let good = Frame::request(RequestId::from_random([9; 16]), &FindChannel { name: "general".to_owned() });
    let changed = |at: usize, value: u8| {
        let mut bytes = good.bytes().to_vec();
        bytes[at] = value;
        bytes
    };
    let cases = [
        (changed(LENGTH_BYTES + 2, 0x7f), Reason::UnsupportedKind),
        (changed(LENGTH_BYTES, 200), Reason::UnsupportedVersion),
        (changed(LENGTH_BYTES + HEADER_BYTES, 0xff), Reason::Malformed),
    ];
    for (bytes, reason) in cases {
        client.send_bytes(&bytes).await.unwrap();
        let (header, message) = client.hear().await.unwrap();
        assert_eq!(header.correlation, RequestId::from_random([9; 16]));
        assert_eq!(reason_of(&message), reason);
    }
    client.ping().await;
    let link = world.saw_link_up().await;
    assert_eq!(world.saw().await, Seen::Got(link, "Ping"), "the machine saw what it cannot understand");
}

#[tokio::test]
async fn a_forged_signature_never_reaches_the_machine() {
    let mut world = World::new();
    let mut client = world.client(2).await;
    client.ask(&submit([envelope(1, 2)])).await;
    assert_eq!(reason_of(&client.hear().await.unwrap().1), Reason::BadSignature);
    let signed = Signed::new(envelope(1, 2), &Identity::from_secret(&[5; 32]));
    client.ask(&Submit::new(channel(), Fence::default(), vec![signed])).await;
    let link = world.saw_link_up().await;
    assert_eq!(world.saw().await, Seen::Got(link, "Submit"));
    assert!(timeout(Duration::from_millis(50), world.saw()).await.is_err(), "the forged one came through");
}

#[tokio::test]
async fn a_frame_over_the_limit_is_told_so_and_closed() {
    let mut world = World::new();
    let mut client = world.client(2).await;
    let mut announced = vec![0xff; LENGTH_BYTES];
    announced.extend([0; 64]);
    client.send_bytes(&announced).await.unwrap();
    let (_, message) = client.hear().await.unwrap();
    assert!(matches!(message, Message::Goodbye(Goodbye { reason: Reason::TooLarge })), "{message:?}");
    assert!(client.hear().await.is_none());
    world.saw_link_down().await;
}

#[tokio::test]
async fn a_frame_shorter_than_a_header_is_closed() {
    let mut world = World::new();
    let mut client = world.client(2).await;
    client.send_bytes(&[0, 0, 0, 3, 1, 2, 3]).await.unwrap();
    assert!(matches!(client.hear().await, Some((_, Message::Goodbye(_)))));
    assert!(client.hear().await.is_none());
    world.saw_link_down().await;
}

#[tokio::test]
async fn a_stranger_may_send_small_frames_only_until_let_in() {
    let mut world = World::new();
    let large = submit((1..=4).map(|seq| envelope(seq, 6_000)));
    let large = Frame::request(RequestId::from_random([1; 16]), &large);
    assert!(large.len() > Limits::default().frame_before_login_bytes_max);

    let mut stranger = world.client(2).await;
    stranger.send_bytes(large.bytes()).await.unwrap();
    assert_eq!(reason_of(&stranger.hear().await.unwrap().1), Reason::TooLarge);
    world.saw_link_down().await;

    let mut known = world.client(3).await;
    let welcome = known.request(&Unsubscribe { channel: channel() }).await;
    assert!(matches!(welcome, Message::Subscribed(_)));
    known.send_bytes(large.bytes()).await.unwrap();
    // It is read as a whole, and then refused for its signatures.
    assert_eq!(reason_of(&known.hear().await.unwrap().1), Reason::BadSignature);
}

#[tokio::test]
async fn a_frame_that_is_never_finished_closes_its_link() {
    let frame_complete = Duration::from_millis(200);
    let mut world = World::with(DriverLimits { frame_complete, ..DriverLimits::default() });
    let ping = Frame::request(RequestId::from_random([1; 16]), &Ping {});
    let mut slow = world.client(2).await;
    slow.send_bytes(&ping.bytes()[..LENGTH_BYTES]).await.unwrap();
    let mut idle = world.client(3).await;
    let slow_link = world.saw_link_up().await;
    assert!(slow.hear().await.is_none());
    assert_eq!(world.saw_link_down().await, slow_link);
    // Whoever says nothing at all is not in the middle of anything.
    idle.ping().await;
}

#[tokio::test]
async fn frames_may_come_byte_by_byte_or_all_at_once() {
    let world = World::new();
    let mut client = world.client(2).await;
    let ping = Frame::request(RequestId::from_random([1; 16]), &Ping {});
    for byte in ping.bytes() {
        client.send_bytes(&[*byte]).await.unwrap();
    }
    assert!(matches!(client.hear().await, Some((_, Message::Pong(_)))));
    client.send_bytes(&ping.bytes().repeat(50)).await.unwrap();
    for _ in 0..50 {
        assert!(matches!(client.hear().await, Some((_, Message::Pong(_)))));
    }
}

fn small_queues() -> DriverLimits {
    let protocol = Limits { send_queue_bytes_max: 32 * 1024, ..Limits::default() };
    DriverLimits { protocol, ..DriverLimits::default() }
}

#[tokio::test]
async fn a_slow_reader_is_marked_and_harms_nobody_else() {
    let mut world = World::with(small_queues());
    let mut slow = world.client(2).await;
    let link = world.saw_link_up().await;
    let mut other = world.client(3).await;
    world.saw_link_up().await;
    world.handle.call(move |probe, _| (0..10).for_each(|_| probe.transmit(link, big_frame(8_000)))).await.unwrap();
    assert_eq!(world.saw().await, Seen::Room(link, 0));
    other.ping().await;
    for _ in 0..10 {
        slow.hear().await.unwrap();
    }
    let room = world.saw_that(|seen| if let Seen::Room(_, room) = seen { Some(*room) } else { None }).await;
    assert!(room >= 16 * 1024, "{room}");
    slow.ping().await;
}

#[tokio::test]
async fn a_reader_that_never_reads_is_closed() {
    let mut limits = small_queues();
    limits.protocol.no_progress = Duration::from_millis(200);
    let mut world = World::with(limits);
    let _stuck = world.client(2).await;
    let link = world.saw_link_up().await;
    world.handle.call(move |probe, _| (0..3).for_each(|_| probe.transmit(link, big_frame(8_000)))).await.unwrap();
    assert_eq!(world.saw_link_down().await, link);
}

#[tokio::test]
async fn a_queue_that_is_flooded_gives_its_link_up() {
    let mut world = World::with(small_queues());
    let mut client = world.client(2).await;
    let link = world.saw_link_up().await;
    let flood = move |probe: &mut crate::probe::Probe, _| {
        (0..100).for_each(|_| probe.transmit(link, big_frame(8_000)));
    };
    world.handle.call(flood).await.unwrap();
    assert_eq!(world.saw().await, Seen::Down(link));
    world.client(3).await.ping().await;
    while client.hear().await.is_some() {}
}

#[tokio::test]
async fn a_flood_of_malformed_requests_is_bounded_too() {
    let mut world = World::with(small_queues());
    let mut client = world.client(2).await;
    let unknown = {
        let mut bytes = Frame::request(RequestId::from_random([1; 16]), &Ping {}).bytes().to_vec();
        bytes[LENGTH_BYTES + 2] = 0x7f;
        bytes.repeat(100)
    };
    // It asks on and on and never reads: at some point nobody listens any more.
    while let Ok(Ok(())) = timeout(Duration::from_millis(500), client.send_bytes(&unknown)).await {}
    world.saw_link_down().await;
    world.client(3).await.ping().await;
}

#[tokio::test]
async fn what_came_before_the_end_of_the_stream_is_handled() {
    let mut world = World::new();
    let mut client = world.client(2).await;
    client.ask(&Ping {}).await;
    client.ask(&Ping {}).await;
    client.connection.writer.shutdown().await.unwrap();
    let link = world.saw_link_up().await;
    let mut seen = Vec::new();
    while !matches!(seen.last(), Some(Seen::Down(_))) {
        seen.push(world.saw().await);
    }
    seen.retain(|seen| !matches!(seen, Seen::Performed(..)));
    assert_eq!(seen, [Seen::Got(link, "Ping"), Seen::Got(link, "Ping"), Seen::Down(link)]);
    // Both ends are closed then, not just one.
    while client.hear().await.is_some() {}
}

#[tokio::test]
async fn the_last_words_before_a_hangup_arrive() {
    let mut world = World::new();
    let mut client = world.client(2).await;
    assert!(matches!(client.request(&Logout {}).await, Message::Done(_)));
    assert!(client.hear().await.is_none());
    let link = world.saw_link_up().await;
    assert_eq!(world.saw().await, Seen::Got(link, "Logout"));
    assert_eq!(world.saw().await, Seen::Down(link));
}

#[tokio::test]
async fn links_over_the_limit_are_closed() {
    let protocol = Limits { links_max: 1, ..Limits::default() };
    let world = World::with(DriverLimits { protocol, ..DriverLimits::default() });
    let mut first = world.client(2).await;
    first.ping().await;
    assert!(world.client(3).await.hear().await.is_none());
    first.ping().await;
}

#[tokio::test]
async fn a_shutdown_finishes_what_was_begun() {
    let mut world = World::new();
    world.gate.hold();
    let mut client = world.client(2).await;
    client.ask(&Ping {}).await;
    world.saw_that(|seen| matches!(seen, Seen::Got(..)).then_some(())).await;
    let (gate, mut events, handle) = (world.gate.clone(), world.handle.events(), world.handle.clone());
    let running = world.stop();
    sleep(Duration::from_millis(50)).await;
    assert!(!running.is_finished());
    gate.open();
    assert!(matches!(client.hear().await, Some((_, Message::Pong(_)))), "an answer was lost");
    assert!(client.hear().await.is_none());
    running.await.unwrap().unwrap();
    assert_eq!(handle.call(|_, _| ()).await, Err(Stopped));
    while timeout(PATIENCE, events.next()).await.expect("the events never end").is_some() {}
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let limits = DriverLimits { shutdown: Duration::from_millis(200), ..small_queues() };
    let mut world = World::with(limits);
    let _stuck = world.client(2).await;
    let link = world.saw_link_up().await;
    world.handle.call(move |probe, _| probe.transmit(link, big_frame(8_000))).await.unwrap();
    let running = world.stop();
    timeout(Duration::from_secs(3), running).await.expect("hangs").unwrap().unwrap();
}

#[tokio::test]
async fn the_port_is_free_as_soon_as_the_driver_has_stopped() {
    let world = World::over_tls(DriverLimits::default());
    let address = world.address;
    let mut client = Client::new(tls_device(2).dial(address, Expected::Anyone).await.unwrap());
    client.ping().await;
    world.stop().await.unwrap().unwrap();
    for _ in 0..3 {
        let again = tls_device(1).bind(address).expect("the port is not free");
        again.close().await;
    }
}

#[tokio::test]
async fn a_failing_store_stops_everything_and_acknowledges_nothing() {
    let world = World::new();
    let mut client = world.client(2).await;
    client.ping().await;
    world.gate.break_down();
    client.ask(&Ping {}).await;
    assert!(client.hear().await.is_none(), "acknowledged what was not written");
    let handle = world.handle.clone();
    let failed = world.result().await;
    assert!(matches!(failed, Err(DriverError::Store(_))), "{failed:?}");
    assert_eq!(handle.call(|_, _| ()).await, Err(Stopped));
}

#[tokio::test]
async fn many_silent_connections_harm_nobody() {
    let mut world = World::over_tls(DriverLimits::default());
    let address = world.address;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let mut idle = Vec::new();
    for number in 10..30 {
        idle.push(tls_device(number).dial(address, Expected::Anyone).await.unwrap());
        world.saw_link_up().await;
    }
    let mut client = Client::new(tls_device(2).dial(address, Expected::Anyone).await.unwrap());
    client.ping().await;
}

fn endpoint(address: SocketAddr, key: Option<DeviceId>) -> Endpoint {
    Endpoint { address, key }
}

async fn dial(world: &World, link: u64, endpoint: Endpoint) {
    let dial = Dial { link: LinkId(link), endpoint };
    world.handle.call(move |probe, _| probe.push(Output::Dial(dial))).await.unwrap();
}

#[tokio::test]
async fn a_dial_ends_in_a_link_or_in_a_reason() {
    let mut world = World::over_tls(DriverLimits::default());
    let key = |number: u8| DeviceId(TlsIdentity::from_secret(&[number; 32]).unwrap().key());
    let mut other = tls_device(7).bind(crate::probe::loopback()).unwrap();
    let there = other.address();

    dial(&world, 1, endpoint(there, Some(key(7)))).await;
    assert_eq!(world.saw().await, Seen::Up(LinkId(1), Direction::Outbound, key(7)));
    other.accept().await.unwrap();
    assert_eq!(world.saw().await, Seen::Down(LinkId(1)));

    dial(&world, 2, endpoint(there, None)).await;
    assert_eq!(world.saw().await, Seen::Up(LinkId(2), Direction::Outbound, key(7)));

    dial(&world, 3, endpoint(there, Some(key(8)))).await;
    assert_eq!(world.saw().await, Seen::DialFailed(LinkId(3), DialFailure::WrongKey(key(7))));

    drop(other.accept().await);
    assert_eq!(world.saw().await, Seen::Down(LinkId(2)));
    other.close().await;
    dial(&world, 4, endpoint(there, Some(key(7)))).await;
    assert_eq!(world.saw().await, Seen::DialFailed(LinkId(4), DialFailure::Unreachable));
}

#[tokio::test]
async fn a_dial_can_be_hung_up_before_it_stands() {
    let mut world = World::over_tls(DriverLimits::default());
    let silent = tokio::net::TcpListener::bind(crate::probe::loopback()).await.unwrap();
    dial(&world, 1, endpoint(silent.local_addr().unwrap(), None)).await;
    let hangup = Output::Hangup { link: LinkId(1), reason: Reason::NotNow };
    world.handle.call(move |probe, _| probe.push(hangup)).await.unwrap();
    assert_eq!(world.saw().await, Seen::DialFailed(LinkId(1), DialFailure::Unreachable));
}

#[tokio::test]
async fn a_deadline_wakes_the_machine() {
    let mut world = World::new();
    world.handle.call(|probe, now| probe.deadline = Some(now.mono + Duration::from_millis(50))).await.unwrap();
    assert_eq!(world.saw().await, Seen::Due);
    world.handle.call(|probe, _| probe.deadline = Some(Instant(u64::MAX))).await.unwrap();
    world.handle.call(|probe, _| probe.deadline = Some(Instant(0))).await.unwrap();
    assert_eq!(world.saw().await, Seen::Due);
}

#[tokio::test]
async fn a_consumer_that_lags_is_told_what_it_missed() {
    let world = World::with(DriverLimits { events_max: 5, ..DriverLimits::default() });
    let mut events = world.handle.events();
    let tell = |probe: &mut crate::probe::Probe, _| {
        (0..12).for_each(|n| probe.push(Output::Event(Seen::Room(LinkId(n), 0))));
    };
    world.handle.call(tell).await.unwrap();
    assert_eq!(events.next().await, Some(Happening::Missed(7)));
    for n in 7..12 {
        assert_eq!(events.next().await, Some(Happening::Event(Seen::Room(LinkId(n), 0))));
    }
    assert_eq!(events.try_next(), None);
}

#[tokio::test]
async fn a_call_is_made_although_its_caller_is_gone() {
    let mut world = World::new();
    let handle = world.handle.clone();
    let caller = tokio::spawn(async move {
        let calling = handle.call(|probe, _| probe.push(Output::Event(Seen::Due)));
        tokio::select! {
            biased;
            _ = calling => {}
            () = std::future::ready(()) => {}
        }
    });
    caller.await.unwrap();
    assert_eq!(world.saw().await, Seen::Due);
}

#[tokio::test]
async fn passwords_are_hashed_and_told_apart() {
    let mut world = World::new();
    let secret = Secret("correct horse".to_owned());
    let hashing = Operation::HashPassword { secret: secret.clone(), salt: [7; 16] };
    world.handle.call(|probe, _| probe.perform(hashing)).await.unwrap();
    let Seen::Performed(_, Outcome::PasswordHashed(hash)) = world.saw().await else { panic!("no hash") };
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    let wrong = Secret("correct house".to_owned());
    for (secret, hash, right) in
        [(secret.clone(), hash.clone(), true), (wrong, hash, false), (secret, "x".into(), false)]
    {
        let checking = Operation::VerifyPassword { secret, hash };
        world.handle.call(|probe, _| probe.perform(checking)).await.unwrap();
        let Seen::Performed(_, outcome) = world.saw().await else { panic!("no answer") };
        assert_eq!(outcome, Outcome::PasswordVerified(right));
    }
}

#[tokio::test]
async fn two_drivers_talk_over_the_same_network() {
    let network = MemoryNetwork::new();
    let here = World::on(memory_device(&network, 1), network.clone(), DriverLimits::default());
    let mut there = World::on(memory_device(&network, 2), network, DriverLimits::default());
    dial(&there, 1, endpoint(here.address, Some(DeviceId([1; 32])))).await;
    assert_eq!(there.saw().await, Seen::Up(LinkId(1), Direction::Outbound, DeviceId([1; 32])));
    let ping = Frame::request(RequestId::from_random([4; 16]), &Ping {});
    there.handle.call(move |probe, _| probe.transmit(LinkId(1), ping)).await.unwrap();
    assert_eq!(there.saw().await, Seen::Got(LinkId(1), "Pong"));
}
