//! A copy whose disk has lost something learns of it from what others show, and takes it back from them.

use alloc::string::String;
use alloc::vec::Vec;

use core::time::Duration;

use segment_proto::messages::{Reseed, Subscribe, Sync};
use segment_proto::{EpochOwner, EpochRecord, Evidence, Fence, Message, Position, Receipt, Signed};

use super::rig::BackupRig;
use crate::rules::{Rule, Rules};
use crate::store::{StoredEntry, Table};
use crate::sync::tests::kit::{Author, TRACKER, channel, entries, epoch, fence, identity, kick, receipt};

fn subscribe(receipt: Option<Signed<Receipt>>, epoch: Option<Signed<EpochRecord>>) -> Subscribe {
    let evidence = Evidence { receipt, epoch };
    Subscribe { channel: channel(), certificate: None, device: None, evidence }
}

/// A copy of which a backup was made at two messages; what was committed behind them is lost.
fn restored() -> (BackupRig, Vec<StoredEntry>) {
    let (mut rig, mut two) = (BackupRig::granted(), Author::new(2));
    rig.replicate(&two.texts(2));
    rig.all_done();
    let old = rig.tape.store.clone();
    rig.replicate(&two.texts(3));
    rig.all_done();
    let log = rig.log.clone();
    rig.tape.store = old;
    rig.restart();
    (rig, log)
}

fn reseed(log: &[StoredEntry], after: Position, to: usize, epoch: u32) -> Reseed {
    let from = usize::try_from(after.pos).unwrap();
    let entries = log[from..to].iter().map(|stored| stored.entry.clone()).collect();
    let receipt = receipt(epoch, log[log.len() - 1].position());
    Reseed { channel: channel(), generation: 2, after, entries, receipt }
}

fn said_lost(rig: &BackupRig) -> bool {
    rig.tape.messages.iter().any(|(_, message)| matches!(message, Message::Lost(_)))
}

#[test]
fn what_is_lost_is_asked_of_who_shows_it_and_taken_in_a_new_generation() {
    let (mut rig, log) = restored();
    let shown = receipt(2, log[4].position());
    let lines = rig.read(3, subscribe(Some(shown), None));
    assert_eq!(lines, ["3! Lost", "3= subscribed 2/2 read+send+stream row 0.0"]);
    assert_eq!(rig.submit(2, 2, &[]), [""; 0], "waits");
    let at = log[1].position();
    assert_eq!(
        rig.read(3, reseed(&log, at, 4, 2)),
        ["write: erase staging", "write: append staging 3..4", "3= Reseeded"]
    );
    assert_eq!(
        rig.read(3, reseed(&log, log[3].position(), 5, 2)),
        ["write: append staging 5..5", "3= Reseeded", "read: staging 3..5"]
    );
    let lines = rig.all_done();
    assert_eq!(
        lines,
        [
            "write: cut backup from 3, move staging to backup, put receipt, put rights, put epoch, put row",
            "3! fenced 2.3",
            "3! watermarks 5/5",
            "2! fenced 2.3",
            "2= failure fenced"
        ]
    );
    let record = rig.backup.epoch().unwrap();
    assert_eq!((record.owner, record.base), (EpochOwner::Tracker, log[4].position()));
    assert_eq!((rig.backup.log.committed(), rig.backup.log.receipt().unwrap().fence.generation), (5, 2));
    rig.restart();
    assert_eq!((rig.backup.log.head(), rig.backup.log.fence().generation), (log[4].position(), 2));
    rig.assert_idle();
}

#[test]
fn who_brings_it_and_shows_it_again_goes_on_where_they_are() {
    let (mut rig, log) = restored();
    let shown = || subscribe(Some(receipt(2, log[4].position())), None);
    rig.read(3, shown());
    assert_eq!(rig.read(3, reseed(&log, log[1].position(), 4, 2))[2], "3= Reseeded");
    assert_eq!(rig.read(3, shown())[0], "3! Lost");
    assert_eq!(
        rig.read(3, reseed(&log, log[3].position(), 5, 2)),
        ["write: append staging 5..5", "3= Reseeded", "read: staging 3..5"]
    );
    rig.all_done();
    assert_eq!((rig.backup.log.committed(), rig.backup.log.fence().generation), (5, 2));
}

/// Asks where the log with this receipt parts from the tracker's, without reading there.
fn compare(rig: &mut BackupRig, at: Position, receipt: Signed<Receipt>) -> Vec<String> {
    let evidence = Evidence { receipt: Some(receipt), epoch: None };
    let mut lines = rig.read(4, Sync { channel: channel(), at, generation: 1, evidence });
    lines.extend(rig.all_done());
    lines
}

#[test]
fn who_was_removed_is_told_where_a_newer_generation_parts_from_their_log_and_nothing_else() {
    let (mut rig, log) = restored();
    let (base, end) = (log[1].position(), log[4].position());
    rig.read(3, subscribe(Some(receipt(2, end)), None));
    let odd = Position { chain: base.chain, ..end };
    assert_eq!(compare(&mut rig, base, receipt(2, base)), ["4= failure not_now"], "it is being decided");
    rig.read(3, reseed(&log, base, 5, 2));
    rig.all_done();
    assert_eq!(compare(&mut rig, odd, receipt(2, odd)), ["4= sync page: diverged, head 5"]);
    let [read, refused] = ["read: backup 3..5", "4= failure out_of_order"];
    assert_eq!(compare(&mut rig, base, receipt(2, base)), [read, refused], "it stands there");
    assert_eq!(compare(&mut rig, odd, receipt(2, end)), [refused], "another place than the receipt's");
    let forged = Signed::new(Receipt::clone(&receipt(2, odd)), &identity(9));
    assert_eq!(compare(&mut rig, odd, forged), [refused], "of another tracker");
    let current = Receipt { fence: rig.backup.log.fence(), ..Receipt::clone(&receipt(2, end)) };
    assert_eq!(compare(&mut rig, end, Signed::new(current, &identity(TRACKER))), [refused], "of this generation");
    rig.assert_idle();
}

#[test]
fn its_own_branch_is_cut_and_sequenced_again_before_any_grant() {
    let (mut rig, log) = restored();
    let mut five = Author::new(5);
    let branch = five.texts(2);
    rig.submit(5, 2, &[]);
    rig.all_done();
    rig.submit(5, 3, &branch);
    rig.all_done();
    assert_eq!(rig.backup.log.head().pos, 4, "it does not know yet");
    rig.subscribe(6);
    assert_eq!(rig.read(3, subscribe(Some(receipt(2, log[4].position())), None))[0], "3! Lost");
    rig.read(3, reseed(&log, log[1].position(), 5, 2));
    let lines = rig.all_done();
    assert!(
        lines.contains(&"6+3! diverged behind 2".into()) || lines.contains(&"3+6! diverged behind 2".into()),
        "{lines:?}"
    );
    assert_eq!(rig.backup.log.head().pos, 7);
    assert_eq!(rig.backup.log.committed(), 7);
    let row = rig.backup.log.fold().row(branch[1].key.device, branch[1].account);
    assert_eq!((row.seq, row.hash), (2, five.last));
    assert_eq!(rig.tape.store.count(Table::Resubmit), 0);
    let rows = rig.tape.store.count(Table::Row);
    rig.restart();
    assert_eq!((rig.backup.log.head().pos, rows), (7, 2));
    rig.assert_idle();
}

#[test]
fn nothing_is_granted_until_its_own_branch_stands_again() {
    let (mut rig, log) = restored();
    let mut five = Author::new(5);
    rig.submit(5, 2, &[]);
    rig.all_done();
    rig.submit(5, 3, &five.texts(1));
    rig.all_done();
    rig.read(3, subscribe(Some(receipt(2, log[4].position())), None));
    rig.read(3, reseed(&log, log[1].position(), 5, 2));
    while !rig.done().iter().any(|line| line.starts_with("3! fenced")) {}
    rig.restart();
    assert_eq!(rig.tape.store.count(Table::Resubmit), 1);
    rig.nonce = segment_proto::Nonce([7; 16]);
    rig.hello_after(rig.backup.log.head());
    assert_eq!(rig.adopted(), ["write: put row, put receipt, append backup 6..6", "1= failure not_now"]);
    rig.all_done();
    assert_eq!(rig.tape.store.count(Table::Resubmit), 0);
    rig.hello_after(rig.backup.log.head());
    rig.adopted();
    assert_eq!(rig.all_done(), ["1= grant 2.5 behind 6"]);
}

#[test]
fn what_builds_on_what_is_not_in_the_log_any_more_leaves_the_queue() {
    let (mut rig, log) = restored();
    let mut two = Author::new(2);
    two.texts(2);
    rig.submit(2, 2, &[]);
    rig.all_done();
    rig.submit(2, 3, &two.texts(3));
    rig.all_done();
    rig.read(3, subscribe(Some(receipt(2, log[4].position())), None));
    rig.read(3, reseed(&log, log[1].position(), 5, 2));
    rig.all_done();
    assert_eq!((rig.backup.log.head().pos, rig.tape.store.count(Table::Resubmit)), (5, 0));
    rig.assert_idle();
}

#[test]
fn a_lost_epoch_alone_opens_a_generation_at_once() {
    let (mut rig, _) = restored();
    let newer = epoch(7, EpochOwner::Tracker, Position::START);
    assert_eq!(
        rig.read(3, subscribe(None, Some(newer))),
        ["write: put epoch", "3= subscribed 2/2 read+send+stream row 0.0"]
    );
    rig.all_done();
    assert_eq!(rig.backup.log.fence(), Fence { generation: 2, epoch: 8 });
    let (mut rig, log) = restored();
    rig.read(3, subscribe(Some(receipt(4, log[1].position())), None));
    rig.all_done();
    assert_eq!(rig.backup.log.fence(), Fence { generation: 2, epoch: 5 });
}

#[test]
fn patience_ends_and_the_channel_goes_on_with_what_is_here() {
    let (mut rig, log) = restored();
    rig.read(3, subscribe(Some(receipt(2, log[4].position())), None));
    assert_eq!(rig.submit(2, 2, &[]), [""; 0]);
    assert_eq!(rig.wait(Duration::from_secs(29)), [""; 0]);
    assert_eq!(rig.wait(Duration::from_secs(1)), ["write: put epoch"]);
    assert_eq!(rig.done(), ["(took over in 2.3)", "2! fenced 2.3", "2= failure fenced"]);
    assert_eq!(rig.read(3, subscribe(Some(receipt(2, log[4].position())), None)).len(), 1, "of an older generation");
    rig.assert_idle();
}

#[test]
fn the_next_who_shows_it_is_asked_where_the_first_is_gone() {
    let (mut rig, log) = restored();
    let shown = || subscribe(Some(receipt(2, log[4].position())), None);
    rig.read(3, shown());
    assert_eq!(rig.read(4, shown()).len(), 1, "one at a time");
    rig.read(3, reseed(&log, log[1].position(), 4, 2));
    rig.link_down(3);
    assert_eq!(rig.read(4, shown())[0], "4! Lost");
    assert_eq!(rig.read(3, reseed(&log, log[3].position(), 5, 2)), ["3= failure not_now"]);
    rig.read(4, reseed(&log, log[1].position(), 5, 2));
    rig.all_done();
    assert_eq!(rig.backup.log.head(), log[4].position());
}

#[test]
fn what_does_not_lead_to_the_receipt_is_not_taken() {
    let (mut rig, log) = restored();
    rig.read(3, subscribe(Some(receipt(2, log[4].position())), None));
    let other = entries(log[1].position(), 2, &Author::new(9).texts(3));
    let mut wrong = reseed(&log, log[1].position(), 5, 2);
    wrong.entries = other.iter().map(|stored| stored.entry.clone()).collect();
    let lines = rig.read(3, wrong);
    assert_eq!(lines, ["write: erase staging", "3= failure chain_mismatch"]);
    let holes = Reseed { entries: alloc::vec![log[3].entry.clone()], ..reseed(&log, log[1].position(), 5, 2) };
    assert!(rig.read(3, holes).contains(&"3= failure chain_mismatch".into()));
    let elsewhere = reseed(&log, other[0].position(), 5, 2);
    assert_eq!(rig.read(3, elsewhere), ["3= failure chain_mismatch"]);
    rig.all_done();
    assert_eq!(rig.backup.log.head(), log[1].position());
}

#[test]
fn what_is_known_forged_or_of_an_older_generation_is_no_loss() {
    let (mut rig, log) = restored();
    let above = Receipt { channel: channel(), fence: fence(2), at: log[4].position() };
    let forged = Signed::new(above.clone(), &identity(2));
    let older = Signed::new(Receipt { fence: Fence { generation: 0, epoch: 9 }, ..above }, &identity(TRACKER));
    let known = receipt(2, log[1].position());
    for evidence in [forged, older, known] {
        rig.read(3, subscribe(Some(evidence), None));
    }
    rig.rules = Rules::without(Rule::ShownLossOpens);
    rig.read(3, subscribe(Some(receipt(2, log[4].position())), None));
    assert!(!said_lost(&rig));
    rig.assert_idle();
}

#[test]
fn a_receipt_below_the_memory_is_compared_on_disk() {
    let (mut rig, mut two) = (BackupRig::granted(), Author::new(2));
    rig.replicate(&two.texts(4));
    rig.all_done();
    rig.restart();
    let own = receipt(2, rig.log[1].position());
    assert_eq!(rig.read(3, subscribe(Some(own), None))[0], "read: backup 2..2");
    assert_eq!(rig.done(), [""; 0]);
    let other = entries(Position::START, 2, &Author::new(9).texts(2))[1].position();
    rig.read(3, subscribe(Some(receipt(2, other)), None));
    assert_eq!(rig.done(), ["3! Lost"]);
}

#[test]
fn rights_that_were_lost_come_back_too() {
    let (mut rig, mut owner, mut two) = (BackupRig::granted(), Author::new(1), Author::new(2));
    rig.replicate(&two.texts(1));
    rig.all_done();
    let old = rig.tape.store.clone();
    rig.replicate(&[owner.change(&kick(2))]);
    rig.all_done();
    let log = rig.log.clone();
    rig.tape.store = old;
    rig.restart();
    rig.read(3, subscribe(Some(receipt(2, log[1].position())), None));
    rig.read(3, reseed(&log, log[0].position(), 2, 2));
    rig.all_done();
    assert_eq!(rig.backup.access().rights(segment_proto::AccountId(2)), segment_proto::Rights::NONE);
    let lines: Vec<String> = rig.submit(2, 3, &two.texts(1));
    assert!(lines.iter().any(|line| line.contains("fenced")), "{lines:?}");
}
