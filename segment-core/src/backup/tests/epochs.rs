//! The epoch authority: hello, adopt, grant, resume; and nothing that is not on disk is shown.

use core::time::Duration;

use segment_proto::{EpochOwner, Evidence, LinkId, Nonce, Position};

use super::rig::{BackupRig, subscription};
use crate::backup::BackupNotice::HostPresence;
use crate::sync::tests::kit::{Author, device, who};

#[test]
fn a_new_channel_is_granted_in_two_steps_each_on_disk_before_it_is_told() {
    let mut rig = BackupRig::new();
    assert_eq!(rig.hello(), ["write: put epoch"]);
    assert_eq!(rig.epoch(), 0, "shown to nobody yet");
    assert_eq!(rig.done(), ["1= adopt none after 0 of 0"]);
    assert_eq!(rig.epoch(), 1);
    assert_eq!(rig.adopted(), ["write: put epoch, put nonce"]);
    assert_eq!((rig.epoch(), rig.backup.host()), (1, None));
    assert_eq!(rig.done(), ["1= grant 1.2 behind 0"]);
    assert_eq!(rig.notices(), [HostPresence { present: true }]);
    let record = rig.backup.epoch().unwrap();
    assert_eq!((record.owner, record.base), (EpochOwner::Host(device(1)), Position::START));
    rig.assert_idle();
}

#[test]
fn only_the_device_of_the_record_hosts() {
    let mut rig = BackupRig::new();
    let hello = segment_proto::messages::HostHello {
        channel: rig.record.channel,
        nonce: Nonce([2; 16]),
        max_fence: Default::default(),
        tip: Position::START,
        resubmit: 0,
        evidence: Evidence::default(),
        after: Position::START,
    };
    assert_eq!(rig.say(2, device(2), who(1), hello), ["2= failure not_host"]);
    assert_eq!(rig.notices(), []);
    rig.assert_idle();
}

#[test]
fn another_start_takes_the_epoch_back_first() {
    let mut rig = BackupRig::granted();
    rig.replicate(&Author::new(2).texts(2));
    rig.all_done();
    (rig.nonce, rig.host_link) = (Nonce([2; 16]), 7);
    assert_eq!(rig.hello(), ["write: put epoch"]);
    assert_eq!(rig.notices(), [HostPresence { present: false }]);
    assert_eq!(rig.done(), ["read: backup 1..2"]);
    assert_eq!(rig.done(), ["7= adopt 1..2 after 0 of 2"]);
    assert_eq!(rig.hello_after(rig.head()), ["7= adopt none after 2 of 2"]);
    rig.adopted();
    assert_eq!(rig.done(), ["7= grant 1.4 behind 2"]);
}

#[test]
fn what_came_during_the_change_of_epochs_is_not_taken() {
    let mut rig = BackupRig::granted();
    let mut two = Author::new(2);
    rig.replicate(&two.texts(1));
    rig.replicate(&two.texts(1));
    (rig.nonce, rig.host_link) = (Nonce([2; 16]), 7);
    assert_eq!(rig.hello(), ["write: put epoch"]);
    let late = rig.write(&two.texts(1));
    rig.host_link = 1;
    assert_eq!(rig.host(late.clone()), [""; 0], "nothing can be said that is on disk");
    assert_eq!(rig.done(), ["(replicated 1..1)"], "the new start learns it by adopting");
    assert_eq!(rig.done(), ["read: backup 1..1"]);
    assert_eq!(rig.host(late), ["1! fenced 1.3"]);
    assert_eq!(rig.done(), ["7= adopt 1..1 after 0 of 1"]);
    assert_eq!(rig.backup.epoch().unwrap().base.pos, 1);
}

#[test]
fn a_hello_during_a_write_waits_for_it() {
    let mut rig = BackupRig::new();
    rig.hello();
    (rig.nonce, rig.host_link) = (Nonce([2; 16]), 7);
    assert_eq!(rig.hello(), ["1= failure replaced"], "each is answered");
    assert_eq!(rig.done(), ["7= adopt none after 0 of 0"], "one epoch is enough");
    rig.adopted();
    (rig.nonce, rig.host_link) = (Nonce([3; 16]), 8);
    assert_eq!(rig.hello(), [""; 0]);
    assert_eq!(rig.done(), ["7= failure not_now", "write: put epoch"], "the grant is for nobody, and taken back");
    assert_eq!(rig.done(), ["8= adopt none after 0 of 0"]);
    assert_eq!(rig.epoch(), 3);
    rig.assert_idle();
}

#[test]
fn who_hides_while_their_hello_waits_is_told() {
    let mut rig = BackupRig::new();
    rig.hello();
    rig.with(|backup, cx| backup.on_host_left(LinkId(1), cx));
    assert_eq!(rig.seen(), ["1= failure owner_may_not_hide"]);
    rig.all_done();
    rig.hello();
    rig.link_down(1);
    assert_eq!(rig.seen(), [""; 0], "who is gone is told nothing");
}

#[test]
fn the_same_attempt_resumes_on_another_link_also_after_a_restart() {
    let mut rig = BackupRig::granted();
    rig.replicate(&Author::new(2).texts(1));
    rig.all_done();
    assert_eq!(rig.link_down(1), [""; 0]);
    assert_eq!(rig.notices(), [HostPresence { present: false }]);
    rig.host_link = 5;
    assert_eq!(rig.hello(), ["5= adopt none after 1 of 1"]);
    assert_eq!(rig.notices(), [HostPresence { present: true }]);
    rig.restart();
    rig.host_link = 6;
    assert_eq!(rig.hello(), ["6= adopt none after 1 of 1"]);
    assert_eq!((rig.epoch(), rig.backup.host().map(|link| link.0)), (2, Some(6)));
    let mut two = Author::new(2);
    two.text("0");
    assert_eq!(rig.replicate(&two.texts(1)).len(), 1);
    rig.all_done();
    assert_eq!(rig.backup.log.committed(), 2);
}

#[test]
fn adopted_counts_only_for_the_last_hello_at_the_head() {
    let mut rig = BackupRig::new();
    assert_eq!(rig.adopted(), ["1= failure not_now"]);
    rig.hello();
    assert_eq!(rig.adopted(), ["1= failure not_now"], "while the record is being written");
    rig.all_done();
    assert_eq!(rig.adopted_at(Position { pos: 1, ..Position::START }), ["1= failure not_now"]);
    rig.nonce = Nonce([9; 16]);
    assert_eq!(rig.adopted(), ["1= failure not_now"]);
    rig.nonce = Nonce([1; 16]);
    rig.host_link = 2;
    assert_eq!(rig.adopted(), ["2= failure not_now"]);
    rig.host_link = 1;
    rig.adopted();
    rig.all_done();
    assert_eq!(rig.adopted(), ["1= failure not_now"], "it owns the epoch already");
}

#[test]
fn a_grant_whose_link_is_gone_is_told_to_nobody() {
    let mut rig = BackupRig::new();
    rig.hello();
    rig.all_done();
    rig.adopted();
    rig.link_down(1);
    assert_eq!(rig.done(), ["1= failure not_now"]);
    assert_eq!((rig.epoch(), rig.backup.host()), (2, None));
    (rig.nonce, rig.host_link) = (Nonce([2; 16]), 3);
    rig.grant();
    assert_eq!(rig.epoch(), 4);
}

#[test]
fn a_crash_before_the_record_is_on_disk_leaves_the_old_epoch() {
    let mut rig = BackupRig::granted();
    rig.nonce = Nonce([2; 16]);
    rig.hello();
    rig.subscribe(4);
    rig.restart();
    assert_eq!(rig.epoch(), 2);
}

#[test]
fn silence_makes_a_host_suspect_and_a_word_makes_it_present() {
    let mut rig = BackupRig::granted();
    let due = rig.backup.poll_timeout().unwrap();
    assert_eq!(due.at, rig.now.mono + Duration::from_secs(2));
    rig.now.mono = rig.now.mono + Duration::from_secs(1);
    let now = rig.now.mono;
    rig.backup.on_host_heard(LinkId(1), now);
    rig.now.mono = due.at;
    rig.with(|backup, cx| backup.handle_timeout(cx));
    assert_eq!(rig.backup.poll_timeout().unwrap().at, now + Duration::from_secs(2));
    rig.now.mono = now + Duration::from_secs(2);
    rig.with(|backup, cx| backup.handle_timeout(cx));
    assert_eq!((rig.backup.poll_timeout(), rig.backup.host()), (None, None));
    assert_eq!(rig.notices(), [HostPresence { present: false }]);
    let now = rig.now.mono;
    rig.backup.on_host_heard(LinkId(1), now);
    assert_eq!(rig.notices(), [HostPresence { present: true }]);
    assert_eq!(rig.read(4, subscription()), ["4= subscribed 0/0 read+send+stream row 0.0"]);
}
