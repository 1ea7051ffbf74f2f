//! A channel whose owner names another host, or hides.

use segment_proto::messages::*;
use segment_proto::{AccessChange, Message, Reason};

use super::{TestHost, changed, hosted};
use crate::tracker::bench::{Bench, Seen, User, create, status};
use crate::tracker::events::TrackerEvent;

fn designate(user: &User) -> AccessChange {
    AccessChange::designate(user.who.account, user.who.name.as_str().into(), user.device)
}

#[test]
fn the_record_is_signed_anew_and_everybody_told_once_it_is_on_disk() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let mut host = hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    let seen = host.change(&mut bench, &designate(&bob));
    assert!(seen.contains(&Seen::Event(TrackerEvent::HostMoved { channel: host.channel, to: bob.device })));
    let told = seen.iter().rev().find_map(|seen| match seen {
        Seen::Push(to, Message::ChannelChanged(changed)) => Some((to.len(), changed.row.record.clone())),
        _ => None,
    });
    let (count, record) = told.unwrap();
    assert_eq!((count, record.host, record.revision), (2, bob.device, 2));
    assert!(record.is_signed_by(&crate::tracker::bench::TRACKER, &bench.config.identity.verifier()));
    let fenced = |seen: &Seen| matches!(seen, Seen::Push(to, Message::Fenced(_)) if to[..] == [alice.link]);
    assert!(seen.iter().any(fenced), "{seen:?}");

    let hello = host.hello();
    let Message::Failure(failure) = bench.answer(alice.link, hello) else { panic!() };
    assert_eq!(failure.reason, Reason::NotHost);
    let mut heir = TestHost { owner: bob.clone(), nonce: segment_proto::Nonce([9; 16]), ..host };
    let seen = heir.come(&mut bench);
    assert!(seen.contains(&Seen::Event(TrackerEvent::HostPresence { channel: heir.channel, present: true })));
    bench.close();
}

#[test]
fn a_crash_before_the_record_was_written_makes_it_be_written_later() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let mut host = hosted(&mut bench, &alice, create("general"));
    bench.hold();
    host.change(&mut bench, &designate(&bob));
    bench.release();
    bench.restart();
    let bob = bench.resume(2, &bob);
    let Message::ChannelFound(found) = bench.answer(bob.link, JoinChannel { name: "general".into() }) else { panic!() };
    assert_eq!((found.row.record.host, found.row.record.revision), (bob.device, 2));
    bench.close();
}

#[test]
fn an_owner_who_hides_has_left_for_everybody_else() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let mut host = hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    let seen = bench.ask(alice.link, status(Presence::Invisible));
    let (_, row) = changed(&seen).unwrap();
    assert_eq!((row.host_present, row.host), (false, None));
    let hello = host.hello();
    let Message::Failure(failure) = bench.answer(alice.link, hello) else { panic!() };
    assert_eq!(failure.reason, Reason::OwnerMayNotHide);
    bench.ask(alice.link, status(Presence::Online));
    host.nonce = segment_proto::Nonce([3; 16]);
    let (_, row) = changed(&host.come(&mut bench)).unwrap();
    assert!(row.host_present);
    bench.close();
}
