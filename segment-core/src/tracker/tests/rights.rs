//! What follows from a change of rights.

use alloc::string::ToString;
use alloc::vec::Vec;

use segment_proto::messages::*;
use segment_proto::{AccessChange, Evidence, Message, Reason, Rights, View, Visitors};

use super::{changed, hosted, members, row};
use crate::store::Table;
use crate::tracker::bench::{Bench, Seen, create, find, join};

#[test]
fn a_members_channel_is_closed_to_a_user_until_it_is_allowed() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let mut host = hosted(&mut bench, &alice, CreateChannel { view: View::Members, ..create("hidden") });
    assert_eq!(bench.reason(bob.link, join("hidden")), Reason::NoSuchChannel);
    let subscribe = Subscribe { channel: host.channel, certificate: None, device: None, evidence: Evidence::default() };
    assert!(matches!(bench.answer(bob.link, subscribe.clone()), Message::Failure(_)));
    host.change(&mut bench, &AccessChange::allow(bob.who.account, "bob".to_string(), Rights::READ));
    assert!(bench.join(&bob, "hidden").joined);
    assert!(matches!(bench.answer(bob.link, subscribe), Message::Subscribed(_)));
    bench.close();
}

#[test]
fn who_is_kicked_is_no_member_any_more_and_the_others_are_told() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let mut host = hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    assert_eq!(members(&mut bench, &alice, host.channel), ["alice", "bob"]);
    let seen = host.change(&mut bench, &AccessChange::kick(bob.who.account, "bob".to_string()));
    assert_eq!(changed(&seen).unwrap().0, [alice.link]);
    let told = seen.iter().rev().find_map(|seen| match seen {
        Seen::Push(to, Message::ChannelChanged(changed)) => Some((to.clone(), changed.row.joined)),
        _ => None,
    });
    assert_eq!(told, Some((alloc::vec![bob.link], false)), "who is subscribed nowhere hears of it, too");
    assert_eq!(members(&mut bench, &alice, host.channel), ["alice"]);
    assert_eq!(bench.store.count(Table::Member), 1);
    assert_eq!(bench.reason(bob.link, join("general")), Reason::MembersOnly);
    assert_eq!(bench.reason(bob.link, find("general")), Reason::MembersOnly);
    let mine = ListChannels { filter: ChannelFilter::Joined, after: "".to_string() };
    assert_eq!(bench.answer(bob.link, mine), ChannelPage { rows: Vec::new(), more: false }.into());
    bench.close();
}

#[test]
fn who_is_kicked_while_joining_does_not_get_in() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let mut host = hosted(&mut bench, &alice, create("general"));
    bench.hold();
    host.change(&mut bench, &AccessChange::deny(bob.who.account, "bob".to_string()));
    assert_eq!(bench.ask(bob.link, join("general")), []);
    bench.release();
    let seen = bench.release();
    assert!(
        matches!(&seen[0], Seen::Answer(to, Message::Failure(f)) if *to == bob.link && f.reason == Reason::MembersOnly)
    );
    bench.release();
    bench.held = None;
    assert_eq!(bench.store.count(Table::Member), 1);
    bench.close();
}

#[test]
fn visitors_who_may_not_read_any_more_are_not_told_any_more() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let mut host = hosted(&mut bench, &alice, create("general"));
    let vera = bench.guest(2, "vera");
    bench.join(&vera, "general");
    let seen = host.change(&mut bench, &AccessChange::set_visitors(Visitors::Nothing));
    let (told, change) = changed(&seen).unwrap();
    assert_eq!((told, change.visitors), (alloc::vec![alice.link], Visitors::Nothing));
    assert_eq!(bench.reason(vera.link, find("general")), Reason::NoVisitors);
    let seen = host.change(&mut bench, &AccessChange::set_visitors(Visitors::Read));
    assert_eq!(changed(&seen).unwrap().0, [alice.link]);
    assert!(!row(&mut bench, &vera, "general").joined);
    bench.close();
}

#[test]
fn a_kick_survives_a_crash_before_the_member_was_forgotten() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let mut host = hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    bench.hold();
    host.change(&mut bench, &AccessChange::kick(bob.who.account, "bob".to_string()));
    bench.release();
    assert_eq!((bench.store.count(Table::Member), bench.waiting()), (2, 1));
    bench.restart();
    assert_eq!(bench.store.count(Table::Member), 1);
    let alice = bench.resume(1, &alice);
    assert_eq!(members(&mut bench, &alice, host.channel), ["alice"]);
    bench.close();
}

#[test]
fn rights_survive_a_restart() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let mut host = hosted(&mut bench, &alice, create("general"));
    host.change(&mut bench, &AccessChange::set_view(View::Members));
    bench.restart();
    let bob = bench.resume(2, &bob);
    assert_eq!(bench.reason(bob.link, join("general")), Reason::NoSuchChannel);
    bench.close();
}
