//! Writing at the copy: handed on while the host is there, sequenced here while it is not.

use core::time::Duration;

use segment_proto::messages::{Failure, Fate, FateCode, Submit, Submitted};
use segment_proto::{DeviceRecord, EpochOwner, LinkId, Nonce, Reason, Signed, SignedEnvelope};

use super::rig::BackupRig;
use crate::backup::BackupNotice::HostPresence;
use crate::rules::{Rule, Rules};
use crate::sync::tests::kit::{Author, TRACKER, channel, device, fence, identity, kick, now, who};

/// A copy whose host, owner of epoch 2, has gone.
fn left() -> BackupRig {
    let mut rig = BackupRig::granted();
    rig.link_down(1);
    rig.notices();
    rig
}

/// A copy that sequences in epoch 3.
fn taken_over() -> BackupRig {
    let mut rig = left();
    rig.submit(9, 2, &[]);
    rig.all_done();
    assert_eq!(rig.epoch(), 3);
    rig
}

fn device_record(n: u8, by: u8) -> Signed<DeviceRecord> {
    let record = DeviceRecord { device: device(n), who: who(u64::from(n)), since: now().wall, revoked: None };
    Signed::new(record, &identity(by))
}

/// What device 9 carries of others.
fn carried(envelopes: &[SignedEnvelope], authors: &[Signed<DeviceRecord>]) -> Submit {
    Submit { authors: authors.to_vec(), ..Submit::new(channel(), fence(3), envelopes.to_vec()) }
}

#[test]
fn the_first_submit_takes_over_and_its_author_comes_again() {
    let mut rig = left();
    rig.subscribe(3);
    let texts = Author::new(2).texts(2);
    assert_eq!(rig.submit(2, 2, &texts), ["write: put epoch"]);
    assert_eq!(rig.submit(2, 2, &texts), [""; 0], "until it is on disk, nothing is shown");
    assert_eq!(
        rig.done(),
        ["(took over in 1.3)", "2! fenced 1.3", "2= failure fenced", "2! fenced 1.3", "2= failure fenced"]
    );
    let record = rig.backup.epoch().unwrap();
    assert_eq!((record.owner, record.base.pos), (EpochOwner::Tracker, 0));
    assert_eq!(rig.submit(2, 3, &texts), ["write: put row, put receipt, append backup 1..2"]);
    assert_eq!(
        rig.done(),
        ["2= submitted committed@1, committed@2", "3! entries 1..2", "3! watermarks 2/2", "(sequenced 1..2)"]
    );
    assert_eq!(rig.submit(2, 3, &texts), ["2= submitted committed@1, committed@2"], "again the old places");
    rig.assert_idle();
}

#[test]
fn a_channel_that_never_had_a_host_is_taken_over_too() {
    let mut rig = BackupRig::new();
    let submit = Submit::new(channel(), Default::default(), Author::new(2).texts(1));
    assert_eq!(rig.read(2, submit), ["write: put epoch"]);
    assert_eq!(rig.done(), ["(took over in 1.1)", "2! fenced 1.1", "2= failure fenced"]);
}

#[test]
fn an_epoch_that_nobody_here_knows_is_no_reason_to_take_over() {
    let mut rig = left();
    assert_eq!(rig.submit(2, 7, &Author::new(2).texts(1)), ["2! fenced 1.2", "2= failure fenced"]);
    rig.assert_idle();
}

#[test]
fn what_the_host_had_sent_stands_below_the_base_or_is_sent_again() {
    let mut rig = BackupRig::granted();
    let mut two = Author::new(2);
    rig.replicate(&two.texts(1));
    rig.replicate(&two.texts(1));
    rig.link_down(1);
    assert_eq!(rig.submit(3, 2, &[]), ["write: put epoch"]);
    assert_eq!(rig.done(), ["(replicated 1..1)"]);
    rig.done();
    assert_eq!(rig.backup.epoch().unwrap().base, rig.backup.log.durable_position());
    assert_eq!((rig.backup.log.head().pos, rig.backup.log.committed()), (1, 1));
    rig.assert_idle();
}

#[test]
fn without_its_rule_the_base_lies_below_what_was_handed_to_the_store() {
    let mut rig = BackupRig::granted();
    rig.replicate(&Author::new(2).texts(1));
    rig.link_down(1);
    rig.rules = Rules::without(Rule::EpochBase);
    rig.submit(3, 2, &[]);
    rig.all_done();
    assert_eq!((rig.backup.epoch().unwrap().base.pos, rig.backup.log.committed()), (0, 1));
}

#[test]
fn without_its_rule_an_epoch_is_shown_before_it_is_on_disk() {
    let mut rig = left();
    rig.rules = Rules::without(Rule::EpochBeforeShown);
    let lines = rig.submit(2, 2, &[]);
    assert_eq!(lines, ["write: put epoch", "(took over in 1.3)", "2! fenced 1.3", "2= failure fenced"]);
    assert_eq!(rig.done(), [""; 0]);
}

#[test]
fn a_fate_waits_for_the_disk_unless_its_rule_is_removed() {
    let mut rig = taken_over();
    rig.rules = Rules::without(Rule::StoreBeforeFate);
    let lines = rig.submit(2, 3, &Author::new(2).texts(1));
    assert_eq!(lines, ["write: put row, put receipt, append backup 1..1", "2= submitted stored@1"]);
}

#[test]
fn what_an_answer_shows_of_anothers_entry_waits_for_that_entrys_write() {
    let mut rig = taken_over();
    let mut owner = Author::new(1);
    rig.submit(1, 3, &[owner.change(&kick(2))]);
    assert_eq!(rig.submit(2, 3, &Author::new(2).texts(1)), [""; 0]);
    let lines = rig.done();
    assert_eq!(lines[..2], ["1= submitted committed@1", "2= submitted fork 1.0"]);
    let mut two = Author::new(2);
    two.begin_anew(2, owner.last);
    assert_eq!(rig.submit(2, 3, &two.texts(1)), ["2= submitted refused@1 may_not_send"]);
}

#[test]
fn a_silent_host_is_fenced_and_comes_for_another_epoch() {
    let mut rig = BackupRig::granted();
    rig.wait(Duration::from_secs(2));
    assert_eq!(rig.notices(), [HostPresence { present: false }]);
    rig.submit(2, 2, &[]);
    let heard = rig.now.mono;
    rig.backup.on_host_heard(LinkId(1), heard);
    assert_eq!(rig.notices(), [HostPresence { present: true }]);
    assert_eq!(rig.done(), ["(took over in 1.3)", "1! fenced 1.3", "2! fenced 1.3", "2= failure fenced"]);
    assert_eq!(rig.notices(), [HostPresence { present: false }]);
    let late = rig.write(&Author::new(2).texts(1));
    assert_eq!(rig.host(late), ["1! fenced 1.3"]);
    rig.log.clear();
    rig.nonce = Nonce([2; 16]);
    assert_eq!(rig.hello(), ["1= adopt none after 0 of 0"]);
    rig.adopted();
    assert_eq!(rig.done(), ["1= grant 1.4 behind 0"]);
}

#[test]
fn a_restart_in_its_own_epoch_goes_on_with_what_is_on_disk() {
    let mut rig = taken_over();
    let mut two = Author::new(2);
    let texts = two.texts(2);
    rig.submit(2, 3, &texts);
    rig.all_done();
    let lost = two.text("lost");
    rig.submit(2, 3, core::slice::from_ref(&lost));
    rig.restart();
    assert_eq!(rig.submit(2, 3, &texts), ["find: 1.1"]);
    rig.done();
    assert_eq!(rig.done(), ["2= submitted committed@1, committed@2"]);
    assert_eq!(rig.submit(2, 3, &[lost]), ["write: put row, put receipt, append backup 3..3"]);
    rig.all_done();
    rig.assert_idle();
}

#[test]
fn a_restart_before_the_record_was_on_disk_takes_over_again() {
    let mut rig = left();
    rig.submit(2, 2, &[]);
    rig.restart();
    assert_eq!(rig.epoch(), 2);
    rig.submit(2, 2, &[]);
    assert_eq!(rig.done(), ["(took over in 1.3)", "2! fenced 1.3", "2= failure fenced"]);
}

#[test]
fn another_epochs_submit_is_fenced_unless_its_rule_is_removed() {
    let mut rig = taken_over();
    let texts = Author::new(2).texts(1);
    assert_eq!(rig.submit(2, 2, &texts), ["2! fenced 1.3", "2= failure fenced"]);
    rig.rules = Rules::without(Rule::SubmitFence);
    assert_eq!(rig.submit(2, 2, &texts), ["write: put row, put receipt, append backup 1..1"]);
}

#[test]
fn visitors_do_not_write_and_too_many_wait() {
    let mut rig = left();
    let submit = Submit::new(channel(), fence(2), Author::new(2).texts(1));
    assert_eq!(rig.visit(2, submit), ["2= failure visitors_may_only_read"]);
    for n in 0..128 {
        assert_eq!(rig.submit(2, 2, &[]).len(), usize::from(n == 0));
    }
    assert_eq!(rig.submit(2, 2, &[]), ["2= failure slow_down 500"]);
    rig.link_down(2);
    assert_eq!(rig.done(), [""; 0], "nobody waits for it");
    assert_eq!(rig.epoch(), 3);
    rig.assert_idle();
}

#[test]
fn in_the_hosts_epoch_it_is_handed_on_and_the_answer_relayed() {
    let mut rig = BackupRig::granted();
    let texts = Author::new(2).texts(1);
    assert_eq!(rig.submit(2, 2, &texts), ["1? forward 1.1 in 1.2"]);
    let fates = alloc::vec![Fate { pos: 1, epoch: 2, ..Fate::new(texts[0].key, FateCode::Stored) }];
    let answer = Submitted { channel: channel(), fence: fence(2), fates };
    assert_eq!(rig.host_answers(answer), ["2= submitted stored@1"]);
    assert_eq!(rig.submit(2, 1, &texts), ["2! fenced 1.2", "2= failure fenced"]);
    rig.assert_idle();
}

#[test]
fn what_was_handed_on_is_never_sequenced_here() {
    let mut rig = BackupRig::granted();
    let texts = Author::new(2).texts(1);
    rig.submit(2, 2, &texts);
    assert_eq!(rig.host_answers(Failure::new(Reason::Fenced, "")), ["2= failure not_now 50"]);
    rig.submit(2, 2, &texts);
    assert_eq!(rig.host_answers(Failure::retry_after(Reason::SlowDown, 70)), ["2= failure slow_down 70"]);
    rig.submit(2, 2, &texts);
    assert_eq!(rig.link_down(1), ["2= failure not_now 50"]);
    let mut rig = BackupRig::granted();
    rig.submit(2, 2, &texts);
    assert_eq!(rig.wait(Duration::from_secs(2)), ["2= failure not_now 50"]);
    assert_eq!(rig.host_answers(Failure::new(Reason::Fenced, "")), [""; 0], "too late");
    assert_eq!((rig.epoch(), rig.backup.log.head().pos), (2, 0));
    rig.rules = Rules::without(Rule::HostEpochIsTheHosts);
    assert_eq!(rig.submit(2, 2, &texts), ["write: put row, put receipt, append backup 1..1"]);
}

#[test]
fn a_host_without_room_or_with_too_much_to_answer_is_not_asked() {
    let mut rig = BackupRig::granted();
    for _ in 0..256 {
        assert_eq!(rig.submit(2, 2, &[]), ["1? forward  in 1.2"]);
    }
    assert_eq!(rig.submit(2, 2, &[]), ["2= failure not_now 500"]);
    let mut rig = BackupRig::granted();
    rig.with(|backup, cx| backup.on_writable(LinkId(1), 0, cx));
    assert_eq!(rig.submit(2, 2, &[]), ["2= failure not_now 500"]);
}

#[test]
fn anybody_carries_what_others_have_written_once_its_author_is_known() {
    let mut rig = taken_over();
    let texts = Author::new(2).texts(2);
    assert_eq!(rig.read(9, carried(&texts, &[])), ["9= submitted expected 0.0, expected 0.0"]);
    let forged = device_record(2, 5);
    assert_eq!(rig.read(9, carried(&texts, &[forged])), ["9= submitted expected 0.0, expected 0.0"]);
    let known = device_record(2, TRACKER);
    rig.read(9, carried(&texts[..1], &[known]));
    assert_eq!(rig.done(), ["9= submitted committed@1", "(sequenced 1..1)"]);
    rig.read(9, carried(&texts[1..], &[]));
    assert_eq!(rig.done(), ["9= submitted committed@2", "(sequenced 2..2)"], "the log knows by now");
}

#[test]
fn who_claims_anothers_device_is_refused() {
    let mut rig = taken_over();
    let mut two = Author::new(2);
    two.account = 3;
    let texts = two.texts(1);
    let known = device_record(2, TRACKER);
    assert_eq!(rig.read(9, carried(&texts, &[known])), ["9= submitted refused@0 not_the_author"]);
    assert_eq!(rig.submit(2, 3, &texts), ["2= submitted refused@0 not_the_author"]);
    rig.rules = Rules::without(Rule::CarriedAuthor);
    assert_eq!(rig.read(9, carried(&texts, &[])), ["write: put row, put receipt, append backup 1..1"]);
}

#[test]
fn the_rights_are_the_authors_and_the_rate_is_the_carriers() {
    let mut rig = taken_over();
    rig.limits.messages_burst = 2;
    let mut owner = Author::new(1);
    rig.submit(1, 3, &[owner.change(&kick(9))]);
    rig.all_done();
    let texts = Author::new(2).texts(3);
    let known = device_record(2, TRACKER);
    rig.read(9, carried(&texts, &[known]));
    assert_eq!(
        rig.done(),
        ["9= submitted committed@2, committed@3, slow_down 100 slow_down", "(sequenced 2..3)"],
        "who is kicked still carries"
    );
}
