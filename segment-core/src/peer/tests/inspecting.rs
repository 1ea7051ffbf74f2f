//! What can be seen of a peer by who looks for a fault.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::bench::{Bench, DEVICE, HOST, LINK, row};
use crate::contract::Machine;
use crate::peer::{Inspection, Timer, TrackerState};

fn soonest(seen: &Inspection) -> Option<Duration> {
    let of_channels = seen.channels.iter().flat_map(|channel| channel.timers.iter());
    let timers = seen.timers.iter().chain(of_channels).map(|timer: &Timer| timer.due_in);
    timers.chain(seen.requests.iter().map(|request| request.times_out_in)).min()
}

#[test]
fn whatever_the_machine_wakes_for_is_named() {
    let mut bench = Bench::logged_in(vec![row(1, HOST, None), row(2, DEVICE, None)]);
    bench.out();
    let mut woken = 0;
    // Nobody answers: pings, requests and at last the link are given up.
    while let Some(next) = bench.peer.poll_timeout() {
        let now = bench.now();
        let next = next.at.since(now.mono);
        assert_eq!(soonest(&bench.peer.inspect(now)), Some(next));
        bench.wait(next);
        bench.out();
        woken += 1;
    }
    let now = bench.now();
    assert_eq!((soonest(&bench.peer.inspect(now)), woken > 2), (None, true), "{woken}");
}

#[test]
fn requests_links_and_channels_are_seen_and_looking_changes_nothing() {
    let mut bench = Bench::logged_in(vec![row(1, HOST, None)]);
    bench.out();
    let now = bench.now();
    bench.peer.ping(now).unwrap();
    bench.out();
    let before = bench.peer.poll_timeout();
    let seen = bench.peer.inspect(now);
    assert_eq!((seen.tracker, seen.links.len(), seen.links[0].link), (TrackerState::LoggedIn, 1, LINK));
    let asked: Vec<&str> = seen.requests.iter().map(|request| request.what).collect();
    assert!(asked.contains(&"ping"), "{asked:?}");
    assert!(seen.requests.iter().all(|request| request.times_out_in > Duration::ZERO));
    let names: Vec<&str> = seen.channels.iter().map(|channel| channel.view.record.name.as_str()).collect();
    assert_eq!((names, seen.channels[0].host.is_none()), (vec!["c1"], true));
    assert_eq!(bench.peer.poll_timeout(), before);
    assert_eq!(bench.out(), [] as [&str; 0]);
}
