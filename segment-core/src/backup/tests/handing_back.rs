//! The channel goes back to its host: sealed for the last page, damped where it flaps, and to whom it is designated.

use core::time::Duration;

use segment_proto::messages::Presence;
use segment_proto::{AccessChange, AccountId, EpochOwner, LinkId, Nonce, Position};

use super::rig::BackupRig;
use crate::backup::BackupNotice::{AccessChanged, HostDesignated, HostPresence};
use crate::rules::{Rule, Rules};
use crate::sync::tests::kit::{Author, device, who};

/// A copy that sequences in epoch 3, with one entry; its host comes with another nonce.
fn written() -> (BackupRig, Author) {
    let (mut rig, mut two) = (BackupRig::granted(), Author::new(2));
    rig.link_down(1);
    rig.submit(2, 2, &[]);
    rig.all_done();
    rig.submit(2, 3, &two.texts(1));
    rig.all_done();
    rig.notices();
    rig.nonce = Nonce([2; 16]);
    (rig, two)
}

fn designate(n: u8) -> AccessChange {
    AccessChange::designate(AccountId(u64::from(n)), "somebody".into(), device(n))
}

#[test]
fn submits_wait_while_the_host_takes_the_last_page_and_learn_its_epoch() {
    let (mut rig, mut two) = written();
    assert_eq!(rig.hello(), ["read: backup 1..1"]);
    assert_eq!(rig.submit(2, 3, &two.texts(1)), [""; 0]);
    assert_eq!(rig.done(), ["1= adopt 1..1 after 0 of 1"]);
    assert_eq!(rig.adopted(), ["write: put epoch, put nonce"]);
    assert_eq!(rig.done(), ["1= grant 1.4 behind 1", "2! fenced 1.4", "2= failure fenced"]);
    assert_eq!(rig.submit(2, 4, &[]), ["1? forward  in 1.4"]);
    rig.assert_idle();
}

#[test]
fn the_last_page_waits_for_what_is_under_way() {
    let (mut rig, mut two) = written();
    rig.submit(2, 3, &two.texts(1));
    assert_eq!(rig.hello(), [""; 0]);
    assert_eq!(rig.done(), ["2= submitted committed@2", "(sequenced 2..2)", "read: backup 1..2"]);
    assert_eq!(rig.done(), ["1= adopt 1..2 after 0 of 2"]);
    rig.adopted();
    assert_eq!(rig.done(), ["1= grant 1.4 behind 2"]);
}

#[test]
fn so_it_does_for_a_submit_that_is_being_judged() {
    let (mut rig, two) = written();
    rig.restart();
    let head = rig.backup.log.head();
    assert_eq!(rig.submit(2, 3, &[two.odd(1, 1, two.last)]), ["find: 1.1"]);
    assert_eq!(rig.hello_after(head), [""; 0]);
    assert_eq!(rig.done(), ["2= submitted fork 1.1", "1= adopt none after 1 of 1"]);
    rig.assert_idle();
}

#[test]
fn a_host_that_does_not_come_to_an_end_holds_nobody_up_for_long() {
    let (mut rig, mut two) = written();
    rig.hello();
    rig.all_done();
    let adopted = rig.backup.log.head();
    assert_eq!(rig.submit(2, 3, &two.texts(1)), [""; 0]);
    assert_eq!(rig.backup.poll_timeout().unwrap().at, rig.now.mono + Duration::from_secs(2));
    assert_eq!(rig.wait(Duration::from_secs(2)), ["write: put row, put receipt, append backup 2..2"]);
    rig.all_done();
    assert_eq!(rig.adopted_at(adopted), ["1= failure not_now"]);
    assert_eq!(rig.hello_after(adopted), ["read: backup 2..2"]);
    assert_eq!(rig.submit(2, 3, &two.texts(1)).len(), 1, "not again at once");
    rig.all_done();
    rig.wait(Duration::from_secs(10));
    rig.hello_after(adopted);
    assert_eq!(rig.submit(2, 3, &two.texts(1)), [""; 0], "but after a while");
}

#[test]
fn a_host_that_goes_away_meanwhile_lets_the_submits_go_on() {
    let (mut rig, mut two) = written();
    rig.hello();
    rig.submit(2, 3, &two.texts(1));
    assert_eq!(rig.link_down(1), ["write: put row, put receipt, append backup 2..2"]);
    assert_eq!(rig.backup.poll_timeout(), None);
}

#[test]
fn what_is_far_behind_is_adopted_while_the_tracker_goes_on() {
    let (mut rig, mut two) = written();
    rig.limits.batch_entries_max = 1;
    rig.submit(2, 3, &two.texts(1));
    rig.all_done();
    rig.hello();
    assert_eq!(rig.done(), ["1= adopt 1..1 after 0 of 2"]);
    assert_eq!(rig.submit(2, 3, &two.texts(1)), ["write: put row, put receipt, append backup 3..3"]);
}

#[test]
fn a_host_that_flaps_waits_longer_and_longer() {
    let mut rig = BackupRig::granted();
    let comes = |rig: &mut BackupRig| {
        rig.nonce.0[0] += 1;
        rig.hello();
        rig.all_done();
        let mut lines = rig.adopted();
        lines.extend(rig.all_done());
        lines
    };
    assert_eq!(comes(&mut rig).len(), 2);
    assert_eq!(comes(&mut rig).len(), 2);
    assert_eq!(comes(&mut rig), ["1= failure not_now 10000"]);
    assert_eq!(rig.submit(2, 7, &Author::new(2).texts(1)).len(), 1, "not sealed any more");
    rig.all_done();
    rig.wait(Duration::from_secs(4));
    assert_eq!(comes(&mut rig), ["1= failure not_now 6000"]);
    rig.wait(Duration::from_secs(6));
    assert_eq!(comes(&mut rig)[1], "1= grant 1.8 behind 1");
    rig.wait(Duration::from_secs(50));
    assert_eq!(comes(&mut rig), ["1= failure not_now 20000"]);
    rig.wait(Duration::from_secs(20));
    assert_eq!(comes(&mut rig)[1], "1= grant 1.10 behind 1");
    rig.wait(Duration::from_secs(60));
    assert_eq!(comes(&mut rig)[1], "1= grant 1.12 behind 1", "a calm minute");
}

#[test]
fn a_designation_fences_the_old_host_and_lets_the_new_one_in() {
    let mut rig = BackupRig::granted();
    let mut owner = Author::new(1);
    rig.replicate(&[owner.change(&designate(5))]);
    rig.replicate(&owner.texts(1));
    let lines = rig.done();
    assert_eq!(lines[0], "1! committed 1");
    assert!(lines.contains(&"write: put epoch".into()), "{lines:?}");
    assert_eq!(rig.notices(), [AccessChanged, HostDesignated { device: device(5) }]);
    rig.done();
    assert_eq!(rig.done(), ["1! fenced 1.3"]);
    assert_eq!(rig.notices(), [HostPresence { present: false }]);
    let record = rig.backup.epoch().unwrap().clone();
    assert_eq!((record.owner, record.base.pos), (EpochOwner::Tracker, 2));
    assert_eq!(rig.hello(), ["1= failure not_host"]);
    let (hello, head) = (rig.hello_message(Position::START), rig.backup.log.head());
    assert_eq!(rig.say(7, device(5), who(5), hello), ["read: backup 1..2"]);
    assert_eq!(rig.done(), ["7= adopt 1..2 after 0 of 2"]);
    let adopted = rig.adopted_message(head);
    rig.say(7, device(5), who(5), adopted);
    assert_eq!(rig.done(), ["7= grant 1.4 behind 2"]);
}

#[test]
fn who_was_about_to_take_over_is_not_the_host_any_more() {
    let (mut rig, _) = written();
    rig.submit(1, 3, &[Author::new(1).change(&designate(5))]);
    assert_eq!(rig.hello(), [""; 0], "until that is on disk");
    let lines = rig.done();
    assert!(lines.contains(&"1= failure not_host".into()), "{lines:?}");
    assert_eq!(rig.epoch(), 3, "it is the tracker's already");
    rig.assert_idle();
}

#[test]
fn a_crash_behind_the_designation_does_not_forget_it() {
    let mut rig = BackupRig::granted();
    rig.replicate(&[Author::new(1).change(&designate(5))]);
    rig.done();
    rig.restart();
    assert_eq!((rig.epoch(), rig.backup.host_device()), (2, device(5)));
    assert_eq!(rig.notices(), [HostDesignated { device: device(5) }]);
    assert_eq!(rig.hello(), ["1= failure not_host"]);
    let hello = rig.hello_message(Position::START);
    assert_eq!(rig.say(7, device(5), who(5), hello), ["write: put epoch"]);
}

#[test]
fn without_its_rule_the_old_host_goes_on_in_its_epoch() {
    let mut rig = BackupRig::granted();
    rig.rules = Rules::without(Rule::DesignationFences);
    let mut owner = Author::new(1);
    rig.replicate(&[owner.change(&designate(5))]);
    rig.all_done();
    rig.replicate(&owner.texts(1));
    rig.all_done();
    assert_eq!((rig.epoch(), rig.backup.log.committed()), (2, 2));
}

#[test]
fn the_old_hosts_word_does_not_keep_the_new_one_alive() {
    let mut rig = BackupRig::granted();
    rig.replicate(&[Author::new(1).change(&designate(5))]);
    rig.all_done();
    let (hello, head) = (rig.hello_message(Position::START), rig.backup.log.head());
    rig.say(7, device(5), who(5), hello);
    rig.all_done();
    let adopted = rig.adopted_message(head);
    rig.say(7, device(5), who(5), adopted);
    rig.all_done();
    assert_eq!(rig.backup.host(), Some(LinkId(7)));
    rig.now.mono = rig.now.mono + Duration::from_secs(1);
    let now = rig.now.mono;
    rig.backup.on_host_heard(LinkId(1), now);
    rig.wait(Duration::from_secs(1));
    assert_eq!(rig.backup.host(), None);
}

#[test]
fn a_host_that_is_there_has_what_it_sequenced_and_else_what_it_was_granted_behind() {
    assert_eq!(BackupRig::new().backup.covered_by_host(), 0);
    let (mut rig, mut two) = (BackupRig::granted(), Author::new(2));
    rig.replicate(&two.texts(2));
    rig.all_done();
    assert_eq!(rig.backup.covered_by_host(), 2);
    rig.link_down(1);
    assert_eq!(rig.backup.covered_by_host(), 0, "it may not have heard that these are committed");
    rig.submit(2, 2, &[]);
    rig.all_done();
    rig.submit(2, 3, &two.texts(3));
    rig.all_done();
    assert_eq!((rig.backup.log.committed(), rig.backup.covered_by_host()), (5, 0));
    rig.grant();
    assert_eq!((rig.backup.log.committed(), rig.backup.covered_by_host()), (5, 5));
    rig.link_down(1);
    assert_eq!(rig.backup.covered_by_host(), 5);
}

#[test]
fn who_hides_hosts_nothing() {
    let mut rig = BackupRig::granted();
    rig.presence = Presence::Invisible;
    rig.nonce = Nonce([2; 16]);
    assert_eq!(rig.hello(), ["1= failure owner_may_not_hide"]);
}
