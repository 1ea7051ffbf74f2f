//! What a driver does for its machine, and what it withstands.

mod dialling;
mod ending;
mod patience;
mod queues;

use std::time::Duration;

use segment_core::{Direction, Haste, OpId, Operation, StoreOperation};
use segment_net::DriverLimits;
use segment_proto::frame::{HEADER_BYTES, LENGTH_BYTES};
use segment_proto::messages::{FindChannel, Goodbye, Ping, Submit, Unsubscribe};
use segment_proto::{
    AccountId, ChannelId, DeviceId, Envelope, EnvelopeKind, Fence, Frame, Hash, Identity, Limits, Message, MessageKey,
    Reason, RequestId, Signed, UnixMillis,
};
use tokio::time::{sleep, timeout};

use crate::probe::{Seen, World};

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

fn small_queues() -> DriverLimits {
    let protocol = Limits { send_queue_bytes_max: 32 * 1024, ..Limits::default() };
    DriverLimits { protocol, ..DriverLimits::default() }
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

async fn write(world: &World, haste: Haste) {
    let write = || Operation::Store(StoreOperation::Write(Vec::new()));
    world.handle.call(move |probe, _| probe.start(write(), haste)).await.unwrap();
}

async fn performed(world: &mut World) -> OpId {
    world.saw_that(|seen| if let Seen::Performed(op, _) = seen { Some(*op) } else { None }).await
}

#[tokio::test]
async fn what_nobody_waits_for_goes_with_the_next() {
    let mut world = World::new();
    // On a busy machine it may have gone by itself meanwhile.
    for round in 0..20 {
        write(&world, Haste::WithTheNext).await;
        sleep(Duration::from_millis(10)).await;
        write(&world, Haste::AtOnce).await;
        assert_eq!([performed(&mut world).await, performed(&mut world).await], [1, 2].map(|op| OpId(2 * round + op)));
        if world.gate.batches().last() == Some(&2) {
            return;
        }
    }
    panic!("{:?}", world.gate.batches());
}

#[tokio::test]
async fn what_nobody_waits_for_is_performed_where_nothing_comes() {
    let mut world = World::new();
    write(&world, Haste::WithTheNext).await;
    assert_eq!(performed(&mut world).await, OpId(1));
    assert_eq!(world.gate.batches(), [1]);
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
async fn who_goes_on_forging_is_hung_up_on_and_nobody_else() {
    let mut world = World::new();
    let (mut forger, mut other) = (world.client(2).await, world.client(3).await);
    for _ in 0..64 {
        forger.ask(&submit([envelope(1, 2)])).await;
        assert!(matches!(forger.hear().await, Some((_, Message::Failure(_)))));
    }
    let (_, last) = forger.hear().await.unwrap();
    assert!(matches!(last, Message::Goodbye(Goodbye { reason: Reason::BadSignature })), "{last:?}");
    assert!(forger.hear().await.is_none());
    world.saw_link_down().await;
    other.ping().await;
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
    stranger.send_bytes(&large.bytes()).await.unwrap();
    assert_eq!(reason_of(&stranger.hear().await.unwrap().1), Reason::TooLarge);
    world.saw_link_down().await;

    let mut known = world.client(3).await;
    let welcome = known.request(&Unsubscribe { channel: channel() }).await;
    assert!(matches!(welcome, Message::Subscribed(_)));
    known.send_bytes(&large.bytes()).await.unwrap();
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
        client.send_bytes(&[byte]).await.unwrap();
    }
    assert!(matches!(client.hear().await, Some((_, Message::Pong(_)))));
    client.send_bytes(&ping.bytes().repeat(50)).await.unwrap();
    for _ in 0..50 {
        assert!(matches!(client.hear().await, Some((_, Message::Pong(_)))));
    }
}
