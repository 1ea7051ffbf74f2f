//! What a machine and its embedder ask for: dials, deadlines, calls and passwords.

use std::net::SocketAddr;
use std::time::Duration;

use segment_core::contract::{Dial, DialFailure, Endpoint};
use segment_core::{Direction, Operation, Outcome, Output};
use segment_net::transport::{MemoryNetwork, TlsIdentity};
use segment_net::{DriverLimits, Happening};
use segment_proto::messages::{Ping, Secret};
use segment_proto::{DeviceId, Frame, Instant, LinkId, Reason, RequestId};

use crate::probe::{Seen, World, memory_device, tls_device};

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
