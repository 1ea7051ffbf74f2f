//! Who is let in, who is put out, and what members read.

use segment_proto::messages::{ReadOwn, ReadRange, ReadTail, Revoked, Sync, Unsubscribe};
use segment_proto::{AccountId, Evidence, LinkId, Position, Signed, View, Visitors, Who};

use super::rig::HostRig;
use crate::sync::tests::kit::{Author, allow, certificate, certificate_for, channel, device, identity, kick, who};
use segment_proto::{AccessChange, Rights};

fn revoked(n: u8) -> Revoked {
    Revoked { device: device(n), session: certificate(n).session }
}

#[test]
fn a_member_comes_by_certificate_and_learns_where_it_stands() {
    let mut rig = HostRig::owning();
    assert_eq!(rig.subscribe(4), ["user4 came", "4= subscribed 0/0 read+send+stream row 0.0"]);
    assert_eq!(rig.subscribe(4), ["4= subscribed 0/0 read+send+stream row 0.0"]);
    let visitor = Who { account: AccountId::NOBODY, ..who(5) };
    let mut subscription = rig.subscription(5);
    subscription.certificate = Some(certificate_for(5, visitor));
    assert_eq!(rig.say(5, subscription), ["~user5 came", "5= subscribed 0/0 read row none"]);
    assert_eq!(rig.say(5, Unsubscribe { channel: channel() }), ["~user5 went", "5= Done"]);
    assert_eq!(rig.say(5, Unsubscribe { channel: channel() }), ["5= Done"]);
}

#[test]
fn a_certificate_must_be_there_genuine_in_time_and_of_this_device() {
    let mut rig = HostRig::owning();
    let forged = Signed::new((*certificate(4)).clone(), &identity(4));
    for bad in [None, Some(forged), Some(certificate(3))] {
        let mut subscription = rig.subscription(4);
        subscription.certificate = bad;
        assert_eq!(rig.say(4, subscription), ["4= failure bad_certificate"]);
    }
    rig.host.on_revoked(&revoked(4), &mut rig.peer.cx());
    assert_eq!(rig.subscribe(4), ["4= failure bad_certificate"]);
    rig.peer.sleep(core::time::Duration::from_secs(3_600 + 299));
    assert_eq!(rig.subscribe(6)[0], "user6 came");
    rig.peer.sleep(core::time::Duration::from_secs(2));
    assert_eq!(rig.subscribe(7), ["7= failure bad_certificate"]);
}

#[test]
fn who_is_revoked_is_put_out_at_once() {
    let mut rig = HostRig::owning();
    rig.host.on_revoked(&revoked(3), &mut rig.peer.cx());
    assert_eq!(rig.peer.seen(), ["3! removed bad_certificate", "user3 went"]);
    rig.submit(2, &Author::new(2).texts(1));
    assert!(rig.done().contains(&"2! entries 1..1".into()));
}

#[test]
fn who_is_kicked_gets_nothing_of_the_batch_that_kicks() {
    let (mut rig, mut owner) = (HostRig::owning(), Author::new(1));
    rig.subscribe(1);
    rig.submit(1, &[owner.text("a"), owner.change(&kick(3)), owner.text("secret")]);
    let lines = rig.done();
    assert_eq!(lines[1..4], ["3! removed members_only", "user3 went", "1+2! entries 1..3"]);
    assert_eq!(rig.subscribe(3), ["3= failure members_only"]);
}

#[test]
fn visitors_go_when_visitors_may_nothing() {
    let (mut rig, mut owner) = (HostRig::owning(), Author::new(1));
    rig.subscribe(1);
    let mut subscription = rig.subscription(5);
    subscription.certificate = Some(certificate_for(5, Who { account: AccountId::NOBODY, ..who(5) }));
    rig.say(5, subscription.clone());
    rig.submit(1, &[owner.change(&AccessChange::set_visitors(Visitors::Nothing))]);
    assert!(rig.done().contains(&"5! removed no_visitors".into()));
    assert_eq!(rig.say(5, subscription), ["5= failure no_visitors"]);
}

#[test]
fn a_members_channel_opens_to_whom_it_is_allowed() {
    let mut rig = HostRig::of(crate::sync::tests::kit::record_with(View::Members));
    rig.take_office();
    let mut owner = Author::new(1);
    rig.subscribe(1);
    assert_eq!(rig.subscribe(2), ["2= failure members_only"]);
    rig.submit(1, &[owner.change(&allow(2, Rights::READ))]);
    rig.all_done();
    assert_eq!(rig.subscribe(2)[1], "2= subscribed 0/1 read row 0.0");
    rig.commit(1);
    rig.all_done();
    rig.submit(1, &[owner.change(&allow(2, Rights::ALL))]);
    rig.all_done();
    rig.commit(2);
    assert_eq!(rig.subscribe(2), ["2= subscribed 2/2 read+send+stream row 1.0"]);
}

#[test]
fn only_subscribers_read() {
    let mut rig = HostRig::owning();
    rig.submit(2, &Author::new(2).texts(3));
    rig.all_done();
    let (tail, range) = (ReadTail { channel: channel(), count: 2 }, ReadRange { channel: channel(), from: 1, to: 1 });
    let sync = |at| Sync { channel: channel(), at, generation: 1, evidence: Evidence::default() };
    assert_eq!(rig.say(4, tail.clone()), ["4= failure out_of_order"]);
    assert_eq!(rig.say(2, tail), ["2= page 1..3 of 0/3", "(fetched 1..3)"]);
    assert_eq!(rig.say(2, range), ["read: host 1..1"]);
    assert_eq!(rig.done(), ["2= page 1..1 of 0/3", "(fetched 1..1)"]);
    let second = rig.host.log.position_at(2).unwrap();
    assert_eq!(rig.say(2, sync(second)), ["2= sync page 3..3 of 0/3", "(fetched 3..3)"]);
    let elsewhere = Position { chain: Position::START.chain, ..second };
    assert_eq!(rig.say(2, sync(elsewhere)), ["2= sync page: diverged, head 3"]);
    assert_eq!(rig.say(2, segment_proto::messages::Ping {}), ["2= failure unsupported_kind"]);
}

#[test]
fn a_page_from_disk_is_for_who_is_still_there() {
    let mut rig = HostRig::owning();
    rig.submit(2, &Author::new(2).texts(3));
    rig.all_done();
    rig.commit(3);
    rig.all_done();
    rig.restart();
    rig.subscribe(2);
    rig.subscribe(3);
    let range = ReadRange { channel: channel(), from: 1, to: 3 };
    assert_eq!(rig.say(2, range.clone()), ["read: host 1..3"]);
    assert_eq!(rig.done(), ["2= page 1..3 of 3/3", "(fetched 1..3)"]);
    rig.say(3, range);
    rig.host.on_link_down(LinkId(3), &mut rig.peer.cx());
    assert_eq!(rig.peer.seen(), ["user3 went"]);
    assert_eq!(rig.done(), ["3= failure out_of_order"]);
    rig.assert_idle();
}

#[test]
fn an_author_who_is_put_out_still_sees_what_they_wrote() {
    let mut rig = HostRig::owning();
    rig.submit(2, &Author::new(2).texts(2));
    rig.done();
    rig.host.on_revoked(&revoked(2), &mut rig.peer.cx());
    rig.peer.seen();
    let own = ReadOwn { channel: channel(), from: 2 };
    assert_eq!(rig.say(2, own.clone()), ["read own: host 2..2"]);
    assert_eq!(rig.done(), ["2= own 2..2 of 2, searched 2"]);
    assert_eq!(rig.say(5, own), ["5= own none of 2, searched 2"]);
}
