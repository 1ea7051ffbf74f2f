//! Readers of the copy: who they are, what they get, when they go.

use core::time::Duration;

use segment_proto::messages::{Delivered, Ping, Presence, ReadOwn, ReadRange, ReadTail, Sync, Unsubscribe};
use segment_proto::{Evidence, LinkId, View, Visitors};

use super::rig::{BackupRig, subscription};
use crate::sync::tests::kit::{Author, channel, kick, record_with};
use segment_proto::AccessChange;

#[test]
fn readers_get_what_is_committed_with_its_receipt() {
    let mut rig = BackupRig::granted();
    assert_eq!(rig.subscribe(2), ["2= subscribed 0/0 read+send+stream row 0.0"]);
    assert_eq!(rig.visit(3, subscription()), ["3= subscribed 0/0 read row none"]);
    rig.replicate(&Author::new(2).texts(2));
    assert_eq!(rig.done(), ["1! committed 2", "2+3! entries 1..2", "2+3! watermarks 2/2", "(replicated 1..2)"]);
    assert_eq!(rig.subscribe(2), ["2= subscribed 2/2 read+send+stream row 1.2"]);
    assert_eq!(rig.read(2, Unsubscribe { channel: channel() }), ["2= Done"]);
    rig.link_down(3);
    rig.log.clear();
    rig.assert_idle();
}

#[test]
fn pages_come_from_memory_or_disk() {
    let mut rig = BackupRig::granted();
    rig.replicate(&Author::new(2).texts(3));
    rig.all_done();
    rig.subscribe(4);
    let (tail, range) = (ReadTail { channel: channel(), count: 2 }, ReadRange { channel: channel(), from: 1, to: 2 });
    assert_eq!(rig.read(4, tail.clone()), ["4= page 2..3 of 3/3", "(served 2..3)"]);
    rig.restart();
    assert_eq!(rig.read(4, tail), ["4= failure out_of_order"]);
    rig.subscribe(4);
    assert_eq!(rig.read(4, range.clone()), ["read: backup 1..2"]);
    assert_eq!(rig.done(), ["4= page 1..2 of 3/3", "(served 1..2)"]);
    let head = rig.head();
    assert_eq!(
        rig.read(4, Sync { channel: channel(), at: head, generation: 1, evidence: Evidence::default() }),
        ["4= sync page none of 3/3"]
    );
    rig.read(4, range);
    rig.link_down(4);
    assert_eq!(rig.done(), ["4= failure out_of_order"]);
    assert_eq!(rig.read(4, Ping {}), ["4= failure unsupported_kind"]);
    rig.assert_idle();
}

#[test]
fn a_range_is_what_the_disk_has_whatever_memory_says() {
    let mut rig = BackupRig::granted();
    rig.replicate(&Author::new(2).texts(3));
    rig.all_done();
    rig.subscribe(4);
    let id = crate::store::LogId { channel: channel(), role: crate::store::LogRole::Backup };
    rig.tape.store.logs.get_mut(&id).unwrap().get_mut(&2).unwrap().chain.0[0] ^= 1;
    rig.read(4, ReadRange { channel: channel(), from: 1, to: 3 });
    assert_eq!(rig.done(), ["4= page 1..1 of 3/3", "(served 1..1)"]);
    rig.read(4, ReadRange { channel: channel(), from: 2, to: 3 });
    assert_eq!(rig.done(), ["4= failure storage_failed", "(damage found)"]);
}

#[test]
fn an_author_may_see_what_they_wrote_without_reading_the_channel() {
    let mut rig = BackupRig::granted();
    let (mut one, mut other) = (Author::new(2), Author::new(3));
    rig.replicate(&[one.text("a"), other.text("b"), other.text("c"), one.text("d")]);
    rig.all_done();
    let own = ReadOwn { channel: channel(), from: 1 };
    assert_eq!(rig.read(2, own.clone()), ["read own: backup 1..4"]);
    assert_eq!(rig.done(), ["2= own 1..4 of 4, searched 4"]);
    assert_eq!(rig.read(3, ReadOwn { from: 3, ..own.clone() }), ["read own: backup 3..4"]);
    assert_eq!(rig.done(), ["3= own 3..3 of 4, searched 4"]);
    assert_eq!(rig.visit(4, own), ["4= own none of 4, searched 4"]);
    rig.assert_idle();
}

#[test]
fn a_full_copy_takes_nobody_more_but_those_who_are_in_it_again() {
    let mut rig = BackupRig::new();
    rig.limits.members_per_channel_max = 1;
    rig.subscribe(2);
    assert_eq!(rig.subscribe(3), ["3= failure limit_reached"]);
    assert_eq!(rig.subscribe(2), ["2= subscribed 0/0 read+send+stream row 0.0"]);
}

#[test]
fn who_may_not_read_is_not_let_in_and_gets_nothing_of_what_puts_them_out() {
    let mut rig = BackupRig::of(record_with(View::Members));
    assert_eq!(rig.subscribe(2), ["2= failure members_only"]);
    assert_eq!(rig.visit(2, subscription()), ["2= failure members_only"]);
    let mut rig = BackupRig::granted();
    let mut owner = Author::new(1);
    for n in [2, 3] {
        rig.subscribe(n);
    }
    rig.visit(4, subscription());
    rig.replicate(&[
        owner.change(&kick(3)),
        owner.change(&AccessChange::set_visitors(Visitors::Nothing)),
        owner.text("x"),
    ]);
    assert_eq!(
        rig.done(),
        [
            "1! committed 3",
            "3! removed members_only",
            "4! removed no_visitors",
            "2! entries 1..3",
            "2! watermarks 3/3",
            "(replicated 1..3)"
        ]
    );
    assert_eq!(rig.visit(4, subscription()), ["4= failure no_visitors"]);
}

#[test]
fn who_lags_is_told_the_marks_once_there_is_room() {
    let mut rig = BackupRig::granted();
    rig.subscribe(2);
    rig.with(|backup, cx| backup.on_writable(LinkId(2), 0, cx));
    rig.subscribe(2);
    rig.replicate(&Author::new(3).texts(1));
    assert_eq!(rig.done().len(), 2);
    rig.with(|backup, cx| backup.on_writable(LinkId(2), 100, cx));
    assert_eq!(rig.seen(), ["2! watermarks 1/1"]);
    rig.with(|backup, cx| backup.on_writable(LinkId(2), 200, cx));
    assert_eq!(rig.seen(), [""; 0]);
}

#[test]
fn what_readers_have_on_disk_is_told_to_all_of_them() {
    let mut rig = BackupRig::granted();
    let delivered = |pos| Delivered { channel: channel(), pos };
    rig.replicate(&Author::new(2).texts(3));
    rig.all_done();
    assert_eq!(rig.read(2, delivered(3)), [""; 0], "no reader");
    for n in [2, 4] {
        rig.subscribe(n);
    }
    rig.visit(5, subscription());
    rig.visit(5, delivered(3));
    rig.read(2, delivered(2));
    rig.read(4, delivered(9));
    rig.presence = Presence::Invisible;
    rig.subscribe(3);
    rig.read(3, delivered(1));
    assert_eq!(rig.wait(Duration::from_millis(10)), ["2+3+4+5! delivered to 1@3 2@2 of 2"]);
    assert_eq!(rig.wait(Duration::from_secs(1)), [""; 0]);
    assert_eq!(rig.wait(Duration::from_secs(9)), ["write: put cursor, put cursor"]);
    rig.all_done();
    rig.replicate(&[Author::new(1).change(&kick(4))]);
    let lines = rig.all_done();
    assert!(lines.contains(&"write: delete cursor".into()), "{lines:?}");
    rig.restart();
    rig.presence = Presence::Online;
    rig.subscribe(2);
    assert_eq!(rig.wait(Duration::from_millis(10)), ["2! delivered to 1@2 of 1"]);
}
