//! The commit point: one transaction, then the receipt; and what is refused.

use segment_proto::messages::Replicate;
use segment_proto::{Hash, LinkId};

use super::rig::BackupRig;
use crate::backup::BackupNotice;
use crate::rules::{Rule, Rules};
use crate::sync::tests::kit::{Author, fence, kick};

#[test]
fn entries_rows_and_receipt_are_one_transaction_before_the_receipt_leaves() {
    let mut rig = BackupRig::granted();
    let mut two = Author::new(2);
    assert_eq!(rig.replicate(&two.texts(2)), ["write: put row, put receipt, append backup 1..2"]);
    assert_eq!(rig.replicate(&two.texts(1)), [""; 0], "with the next");
    assert_eq!(rig.done(), ["1! committed 2", "write: put row, put receipt, append backup 3..3", "(replicated 1..2)"]);
    assert_eq!(rig.done(), ["1! committed 3", "(replicated 3..3)"]);
    assert_eq!(rig.notices(), []);
    rig.assert_idle();
}

#[test]
fn without_its_rule_the_receipt_runs_ahead_of_the_disk() {
    let mut rig = BackupRig::granted();
    rig.rules = Rules::without(Rule::StoreBeforeReceipt);
    let lines = rig.replicate(&Author::new(2).texts(1));
    assert_eq!(lines, ["1! committed 1", "write: put row, put receipt, append backup 1..1"]);
}

#[test]
fn a_restart_has_all_that_was_receipted_and_its_rows() {
    let mut rig = BackupRig::granted();
    let (mut owner, mut two) = (Author::new(1), Author::new(2));
    rig.replicate(&two.texts(3));
    rig.replicate(&[owner.change(&kick(3))]);
    rig.all_done();
    let before = rig.backup.log.clone();
    rig.restart();
    let log = &rig.backup.log;
    assert_eq!((log.head(), log.durable(), log.committed()), (before.head(), 4, 4));
    assert_eq!((log.fold(), log.base()), (before.fold(), before.fold()));
    assert_eq!(log.receipt(), before.receipt());
    assert_eq!(log.epochs(), before.epochs());
}

#[test]
fn a_host_writes_under_no_other_account() {
    let mut rig = BackupRig::granted();
    let mut claims = Author::new(1);
    claims.account = 2;
    assert_eq!(rig.replicate(&claims.texts(1)), ["1! replicate refused, head 0"]);
    rig.log.clear();
    assert_eq!(rig.replicate(&Author::new(1).texts(1)), ["write: put row, put receipt, append backup 1..1"]);
    rig.all_done();
    rig.assert_idle();
}

#[test]
fn what_does_not_continue_is_refused_with_the_head() {
    let mut rig = BackupRig::granted();
    let mut two = Author::new(2);
    rig.replicate(&two.texts(2));
    rig.all_done();
    let good = rig.write(&two.texts(2));
    let mut gap = good.clone();
    gap.entries.remove(0);
    let elsewhere = Replicate { before: Hash([3; 32]), ..good.clone() };
    let mut again = good.clone();
    again.entries[1] = again.entries[0].clone();
    assert_eq!(rig.host(gap), ["1! replicate refused, head 2"]);
    assert_eq!(rig.host(elsewhere), ["1! replicate refused, head 2"]);
    assert_eq!(
        rig.host(again),
        ["1! replicate refused, head 3", "write: put row, put receipt, append backup 3..3"],
        "what fits is taken"
    );
    rig.all_done();
    rig.log.truncate(3);
    let double = rig.write(&[two.odd(1, 3, two.last), two.odd(2, 1, Hash::ZERO)]);
    assert_eq!(rig.host(double), ["1! replicate refused, head 3"], "not the author's next");
    rig.assert_idle();
}

#[test]
fn without_its_rule_another_chain_is_taken() {
    let mut rig = BackupRig::granted();
    let good = rig.write(&Author::new(2).texts(1));
    rig.rules = Rules::without(Rule::ReplicateChain);
    let lines = rig.host(Replicate { before: Hash([3; 32]), ..good });
    assert_eq!(lines, ["write: put row, put receipt, append backup 1..1"]);
}

#[test]
fn another_epoch_or_another_link_is_fenced() {
    let mut rig = BackupRig::granted();
    let good = rig.write(&Author::new(2).texts(1));
    let stale = Replicate { fence: fence(1), ..good.clone() };
    assert_eq!(rig.host(stale.clone()), ["1! fenced 1.2"]);
    rig.host_link = 3;
    assert_eq!(rig.host(good), ["3! fenced 1.2"]);
    rig.host_link = 1;
    rig.rules = Rules::without(Rule::Fencing);
    assert_eq!(rig.host(stale), ["write: put row, put receipt, append backup 1..1"]);
}

#[test]
fn a_host_that_is_faster_than_the_disk_sends_again() {
    let mut rig = BackupRig::granted();
    let mut two = Author::new(2);
    rig.replicate(&two.texts(1));
    for _ in 0..16 {
        assert_eq!(rig.replicate(&two.texts(256)), [""; 0]);
    }
    assert_eq!(rig.replicate(&two.texts(1)), ["1! replicate refused, head 4097"]);
    rig.all_done();
    assert_eq!(rig.backup.log.committed(), 4_097);
    rig.assert_idle();
}

#[test]
fn a_change_of_rights_is_noticed_once_it_is_committed() {
    let mut rig = BackupRig::granted();
    rig.replicate(&[Author::new(1).change(&kick(3))]);
    assert_eq!(rig.notices(), []);
    rig.done();
    assert_eq!(rig.notices(), [BackupNotice::AccessChanged]);
}

#[test]
fn who_lags_gets_nothing_of_what_is_committed() {
    let mut rig = BackupRig::granted();
    rig.subscribe(2);
    rig.with(|backup, cx| backup.on_writable(LinkId(2), 0, cx));
    rig.replicate(&Author::new(2).texts(1));
    assert_eq!(rig.done(), ["1! committed 1", "(replicated 1..1)"]);
}
