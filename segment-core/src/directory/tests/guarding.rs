//! The guard by itself.

use core::net::IpAddr;
use core::time::Duration;

use segment_proto::{Instant, Limits};

use super::super::guard::{Guard, Network};

fn network(address: &str) -> Network {
    Network::of(address.parse::<IpAddr>().unwrap())
}

#[test]
fn a_network_is_an_ipv4_address_or_the_first_half_of_an_ipv6_one() {
    assert_eq!(network("10.0.0.1"), network("::ffff:10.0.0.1"));
    assert_ne!(network("10.0.0.1"), network("10.0.0.2"));
    assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
    assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
    let loopback = ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"];
    assert!(loopback.iter().all(|address| network(address).is_loopback()));
    assert!(!["10.0.0.1", "::2", "2001:db8::1"].iter().any(|address| network(address).is_loopback()));
}

#[test]
fn the_wait_doubles_up_to_the_window() {
    let (mut guard, limits) = (Guard::default(), Limits::default());
    let key = ("alice".into(), network("10.0.0.1"));
    let mut now = Instant(0);
    for _ in 0..limits.login_failures_max {
        assert_eq!(guard.try_login(&key, &limits, now), Ok(()));
    }
    let mut waits = alloc::vec::Vec::new();
    for _ in 0..11 {
        let wait = guard.try_login(&key, &limits, now).unwrap_err();
        waits.push(wait.as_secs());
        now = now + wait;
        assert_eq!(guard.try_login(&key, &limits, now), Ok(()));
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900]);
    assert_eq!(guard.try_login(&key, &limits, now), Ok(()), "a whole window without a failure: forgotten");
}

#[test]
fn what_is_watched_is_bounded() {
    let (mut guard, limits) = (Guard::default(), Limits::default());
    let key = |n: u32| (alloc::format!("user{n}"), Network::of(IpAddr::from(n.to_be_bytes())));
    for n in 0..17_000 {
        let (key, now) = (key(0x0a00_0000 + n), Instant(u64::from(n)));
        assert_eq!(guard.try_login(&key, &limits, now), Ok(()));
        assert_eq!(
            guard.try_register(key.1, &limits, now),
            if n < 16_384 { Ok(()) } else { Err(Duration::from_secs(1)) }
        );
    }
    assert_eq!(guard.watched(), (16_384, 16_384));
    let later = Instant(0) + Duration::from_secs(3_600);
    assert_eq!(guard.try_login(&key(7), &limits, later), Ok(()));
    assert_eq!(guard.try_register(key(7).1, &limits, later), Ok(()));
    assert_eq!(guard.watched(), (1, 1));
}
