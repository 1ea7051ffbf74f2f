//! How links and drivers end.

use std::time::Duration;

use segment_net::transport::Expected;
use segment_net::{DriverError, DriverLimits, Stopped};
use segment_proto::messages::{Logout, Ping};
use segment_proto::{Limits, Message};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::driver::{big_frame, small_queues};
use crate::probe::{Client, PATIENCE, Seen, World, tls_device};

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
