//! A channel hosted here, and its owner's own replica in the same process.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use segment_proto::messages::{ChannelFound, Done};
use segment_proto::{AccessChange, AccountId, Limits, LinkId, View, Visitors};

use super::bench::{Bench, DEVICE, HOST, LINK, channel, row};
use crate::contract::{Input, Machine, Output, Recipients};
use crate::peer::context::LOCAL;
use crate::peer::events::Serving;
use crate::peer::local::Stripped;
use crate::peer::{CommandError, Unsent};

pub(super) fn hosting() -> Bench {
    let mut bench = Bench::logged_in(Vec::new());
    let now = bench.now();
    bench.peer.create_channel("#c1", View::Public, Visitors::Read, now).unwrap();
    bench.answer(LINK, "CreateChannel", ChannelFound { row: row(1, DEVICE, Some(4_000)), epoch: None });
    bench
}

#[test]
fn a_created_channel_asks_for_its_epoch_and_is_served_here_at_once() {
    let mut bench = hosting();
    let out = bench.out();
    assert!(out.contains(&"to 1: ask HostHello".into()), "{out:?}");
    assert!(out.contains(&"served from Here".into()), "{out:?}");
    assert!(out.contains(&"MemberLink".into()), "{out:?}");
    assert!(out.contains(&"replied Channel".into()), "{out:?}");
    let view = bench.peer.channel(channel(1)).unwrap();
    assert_eq!((view.hosted, view.serving), (true, Serving::Here));
    assert_eq!(bench.peer.host_report(channel(1)).unwrap().members, [LOCAL]);
}

#[test]
fn nothing_for_the_local_link_ever_reaches_the_driver() {
    let mut bench = hosting();
    let now = bench.now();
    bench.peer.send(channel(1), "hello", now).unwrap();
    bench.wait(Limits::default().host_ping);
    bench.input(Input::LinkDown { link: LINK });
    for output in bench.take() {
        let recipients: Vec<LinkId> = match &output {
            Output::Transmit { to: Recipients::One(link), .. } | Output::Hangup { link, .. } => vec![*link],
            Output::Transmit { to: Recipients::Many(links), .. } => links.to_vec(),
            _ => Vec::new(),
        };
        assert!(!recipients.contains(&LOCAL), "{output:?}");
    }
}

#[test]
fn a_hosted_channel_is_served_here_after_a_restart_without_a_tracker() {
    let mut bench = hosting().restarted();
    let now = bench.now();
    bench.peer.handle_timeout(now);
    let out = bench.out();
    assert!(out.contains(&"served from Here".into()), "{out:?}");
    assert!(!out.iter().any(|line| line.starts_with("to ") || line.starts_with("dial")), "{out:?}");
}

#[test]
fn hosts_ping_often() {
    let mut bench = hosting();
    bench.out();
    let limits = Limits::default();
    bench.wait(limits.host_ping * 4);
    let pings = bench.out().iter().filter(|line| *line == "to 1: ask Ping").count();
    assert_eq!(pings, 4);
    bench.wait(limits.silence_min);
    assert!(bench.out().contains(&"hang up 1: not_now".into()), "a silent tracker is given up after five seconds");
}

#[test]
fn what_an_owner_may_not_do_is_refused_here() {
    let mut bench = hosting();
    bench.out();
    let now = bench.now();
    assert_eq!(bench.peer.leave(channel(1), Unsent::Drop, now), Err(CommandError::HostedHere));
    assert_eq!(bench.out(), [] as [&str; 0]);
}

#[test]
fn only_the_owner_changes_access() {
    let mut bench = Bench::logged_in(vec![row(1, HOST, None)]);
    let now = bench.now();
    let change = AccessChange::deny(AccountId(9), String::new());
    assert_eq!(bench.peer.change_access(channel(1), &change, now), Err(CommandError::OwnerOnly));
    let mut bench = hosting();
    assert!(bench.peer.change_access(channel(1), &change, now).is_ok());
}

#[test]
fn who_logs_out_hosts_no_more() {
    let mut bench = hosting();
    let now = bench.now();
    bench.peer.logout(now).unwrap();
    bench.answer(LINK, "Logout", Done {});
    let out = bench.out();
    assert!(out.contains(&"served from Nowhere".into()), "{out:?}");
    assert_eq!(bench.peer.host_report(channel(1)).unwrap().members, []);
}

#[test]
fn only_a_hosted_channel_has_a_report() {
    let bench = Bench::logged_in(vec![row(1, HOST, None)]);
    assert_eq!(bench.peer.host_report(channel(1)).err(), Some(CommandError::NotHosted));
}

#[test]
fn a_shared_list_of_links_is_stripped_once() {
    let mut stripped = Stripped::default();
    let all: Arc<[LinkId]> = Arc::new([LOCAL, LinkId(4), LinkId(5)]);
    let first = stripped.strip(&all);
    assert_eq!(*first, [LinkId(4), LinkId(5)]);
    assert!(Arc::ptr_eq(&first, &stripped.strip(&all)), "copied again");
    let other: Arc<[LinkId]> = Arc::new([LinkId(6)]);
    assert_eq!(*stripped.strip(&other), [LinkId(6)]);
}
