//! Hosts that come, go, move and fall silent.

use core::time::Duration;

use segment_proto::messages::*;
use segment_proto::{Message, Nonce, Reason};

use super::{TestHost, changed, hosted, row};
use crate::contract::Input;
use crate::tracker::bench::{Bench, PASSWORD, Seen, announce, create, find, login};
use crate::tracker::events::TrackerEvent;

#[test]
fn everybody_who_has_joined_is_told_when_the_host_comes_and_goes() {
    let mut bench = Bench::new();
    let users = [bench.register(1, "alice"), bench.register(2, "bob"), bench.register(3, "carol")];
    let vera = bench.guest(4, "vera");
    bench.guest(5, "vito");
    bench.answer(users[0].link, announce(22_237));
    let channel = bench.create(&users[0], "general").record.channel;
    bench.join(&users[1], "general");
    bench.join(&vera, "general");
    let mut host = TestHost::new(&users[0], channel);
    let seen = host.come(&mut bench);
    assert!(seen.contains(&Seen::Event(TrackerEvent::HostPresence { channel, present: true })));
    let (told, change) = changed(&seen).unwrap();
    assert_eq!(told, [users[0].link, users[1].link, vera.link]);
    assert_eq!((change.host_present, change.host), (true, Some("10.0.0.1:22237".parse().unwrap())));
    assert_eq!(row(&mut bench, &users[1], "general"), change);
    assert_eq!(row(&mut bench, &users[2], "general"), ChannelRow { joined: false, ..change });

    let seen = bench.cut(users[0].link);
    assert!(seen.contains(&Seen::Event(TrackerEvent::HostPresence { channel, present: false })));
    let (told, change) = changed(&seen).unwrap();
    assert_eq!(told, [users[1].link, vera.link]);
    assert_eq!((change.host_present, change.host), (false, None));
    bench.close();
}

#[test]
fn the_epoch_is_shown_with_the_channel() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let host = hosted(&mut bench, &alice, create("general"));
    let Message::ChannelFound(found) = bench.answer(alice.link, find("general")) else { panic!() };
    assert_eq!(found.epoch.unwrap().fence, host.fence);
    bench.close();
}

#[test]
fn a_host_that_moves_is_announced_and_one_that_stays_is_not() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    let (told, change) = changed(&bench.ask(alice.link, announce(5))).unwrap();
    assert_eq!((told, change.host), (alloc::vec![alice.link, bob.link], Some("10.0.0.1:5".parse().unwrap())));
    assert_eq!(changed(&bench.ask(alice.link, announce(5))), None);
    assert_eq!(changed(&bench.ask(bob.link, announce(6))), None);
    bench.close();
}

#[test]
fn a_silent_host_counts_as_away_until_it_is_heard_again() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    for _ in 0..5 {
        bench.wait(Duration::from_millis(1_900));
        assert_eq!(bench.ask(alice.link, Ping {}).len(), 1, "every sign of life counts");
    }
    let (_, change) = changed(&bench.wait(Duration::from_secs(2))).unwrap();
    assert!(!change.host_present);
    let (_, change) = changed(&bench.push(alice.link, Goodbye { reason: Reason::NotNow })).unwrap();
    assert!(change.host_present);
    bench.close();
}

#[test]
fn another_device_neither_hosts_nor_keeps_the_host_alive() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let host = hosted(&mut bench, &alice, create("general"));
    let refusal = bench.answer(bob.link, host.hello());
    assert!(matches!(refusal, Message::Failure(failure) if failure.reason == Reason::NotHost));
    bench.wait(Duration::from_secs(1));
    bench.ask(bob.link, Ping {});
    assert!(changed(&bench.wait(Duration::from_secs(1))).is_some());
    bench.close();
}

#[test]
fn a_host_that_logs_in_again_is_away_until_it_has_its_epoch() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let mut host = hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    let link = bench.greet(1);
    let seen = bench.ask(link, login("alice", PASSWORD));
    let (_, change) = changed(&seen).unwrap();
    assert!(!change.host_present);
    host.owner.link = link;
    host.nonce = Nonce([2; 16]);
    let (told, change) = changed(&host.come(&mut bench)).unwrap();
    assert_eq!((told, change.host_present), (alloc::vec![bob.link, link], true));
    bench.close();
}

#[test]
fn logging_out_ends_hosting_at_once() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    let (told, change) = changed(&bench.ask(alice.link, Logout {})).unwrap();
    assert_eq!((told, change.host_present), (alloc::vec![bob.link], false));
    bench.close();
}

#[test]
fn a_link_without_room_is_told_of_changes_once_it_has_some() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let channel = bench.create(&alice, "general").record.channel;
    bench.join(&bob, "general");
    bench.writable(bob.link, 0);
    let seen = TestHost::new(&alice, channel).come(&mut bench);
    assert_eq!(changed(&seen).unwrap().0, [alice.link]);
    assert!(row(&mut bench, &bob, "general").host_present);
    let (told, change) = changed(&bench.input(Input::Writable { link: bob.link, room: 1_000 })).unwrap();
    assert_eq!((told, change.host_present, change.joined), (alloc::vec![bob.link], true, true));
    bench.close();
}

#[test]
fn a_sign_of_life_costs_the_same_however_many_channels_are_hosted_on_a_link() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    for number in 0..100 {
        hosted(&mut bench, &alice, create(&alloc::format!("general{number}")));
    }
    let before = bench.tracker.backups.calls;
    bench.ask(alice.link, Ping {});
    assert_eq!(bench.tracker.backups.calls, before, "no copy is called");
    bench.wait(Duration::from_millis(1_900));
    bench.ask(alice.link, Ping {});
    assert_eq!(changed(&bench.wait(Duration::from_millis(1_900))), None, "each of them knows of it in time");
    let silent = bench.wait(Duration::from_millis(200));
    assert_eq!(silent.iter().filter(|seen| matches!(seen, Seen::Push(..))).count(), 100, "all are away");
    let heard = bench.ask(alice.link, Ping {});
    assert_eq!(heard.iter().filter(|seen| matches!(seen, Seen::Push(..))).count(), 100, "and all are back at once");
    bench.close();
}
