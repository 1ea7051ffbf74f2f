//! What goes out: queues of links, slow readers and floods.

use std::time::Duration;

use segment_proto::frame::LENGTH_BYTES;
use segment_proto::messages::Ping;
use segment_proto::{Frame, RequestId};
use tokio::time::timeout;

use crate::driver::{big_frame, small_queues};
use crate::probe::{Seen, World};

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
