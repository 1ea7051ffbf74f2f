//! Generations: giving a tracker back what its disk has lost, and going over to a log that lacks what is committed here.

use alloc::vec::Vec;

use segment_proto::messages::{Failure, Fate, FateCode, Lost, Removed, Reseeded, SyncPage, Watermarks};
use segment_proto::{
    AccountId, EpochOwner, EpochRecord, Fence, LinkId, Message, MessageKey, Position, Reason, Receipt, Row, Signed,
};

use super::rig::{HOST_LINK, ReplicaRig, fate};
use crate::peer::events::Serving;
use crate::rules::{Rule, Rules};
use crate::store::{LogId, LogRole, Table};
use crate::sync::tests::kit::{Author, TRACKER, channel, device, identity};

/// At the tracker's copy, with an own message between others', all of it committed in generation 1.
fn committed() -> ReplicaRig {
    committed_with(2)
}

fn committed_with(others: usize) -> ReplicaRig {
    let mut rig = ReplicaRig::new();
    rig.owner = EpochOwner::Tracker;
    rig.write(&Author::new(3).texts(2));
    rig.committed = 2;
    rig.attach_to(HOST_LINK, Serving::Copy);
    rig.serve();
    let key = rig.send("own").unwrap();
    rig.all_done();
    rig.peer.seen();
    rig.all_done();
    rig.fates(&[fate(key, FateCode::Committed, 3)]);
    rig.write(&rig.submitted());
    rig.write(&Author::new(4).texts(others));
    let end = 3 + others as u64;
    rig.push(rig.entries(3, end));
    rig.commit(end);
    rig.all_done();
    assert_eq!((rig.replica.committed(), rig.stages().len()), (end, 0));
    rig.peer.tape.messages.clear();
    rig
}

fn second(base: Position) -> Signed<EpochRecord> {
    begins(2, base)
}

fn begins(generation: u32, base: Position) -> Signed<EpochRecord> {
    let fence = Fence { generation, epoch: 3 };
    Signed::new(EpochRecord { channel: channel(), fence, owner: EpochOwner::Tracker, base }, &identity(TRACKER))
}

fn lost(rig: &ReplicaRig, head: Position) -> Lost {
    Lost { channel: channel(), generation: 2, epochs: alloc::vec![rig.record(), second(head)], head }
}

/// The tracker's log of generation 2 parts from this replica's behind the second place.
fn other_log(rig: &ReplicaRig) -> SyncPage {
    another_log(rig, 2)
}

fn another_log(rig: &ReplicaRig, generation: u32) -> SyncPage {
    let head = rig.at(2);
    let (fence, diverged) = (Fence { generation, epoch: 3 }, alloc::vec![rig.record(), begins(generation, head)]);
    SyncPage { fence, head, receipt: None, diverged, ..rig.sync_page(1, 0) }
}

fn signed(fence: Fence, at: Position) -> Signed<Receipt> {
    Signed::new(Receipt { channel: channel(), fence, at }, &identity(TRACKER))
}

#[test]
fn what_the_tracker_has_lost_is_given_back_in_pages_from_the_last_common_place() {
    let mut rig = committed();
    rig.peer.limits.batch_entries_max = 2;
    let receipt = rig.receipt().unwrap();
    assert_eq!(rig.push(lost(&rig, rig.at(2))), ["read: cache 2..2"]);
    assert_eq!(rig.done(), ["read: cache 3..5"]);
    assert_eq!(rig.done(), ["1? Reseed"]);
    let Some((_, Message::Reseed(reseed))) = rig.peer.tape.messages.pop() else { panic!("no reseed") };
    let places: Vec<_> = reseed.entries.iter().map(|entry| entry.pos).collect();
    assert_eq!((reseed.generation, reseed.after, reseed.receipt, places), (2, rig.at(2), receipt, [3, 4].to_vec()));
    assert_eq!(rig.answer(Reseeded { channel: channel(), next: rig.at(4) }), ["read: cache 5..5"]);
    assert_eq!(rig.done(), ["1? Reseed"]);
    assert_eq!(rig.answer(Reseeded { channel: channel(), next: rig.at(5) }), ["1? Subscribe"]);
}

#[test]
fn what_is_being_given_back_is_not_begun_again() {
    let mut rig = committed();
    rig.peer.limits.batch_entries_max = 2;
    rig.push(lost(&rig, rig.at(2)));
    assert_eq!(rig.push(lost(&rig, rig.at(2))), [""; 0], "the common place is looked for");
    assert_eq!(rig.all_done(), ["read: cache 3..5", "1? Reseed"]);
    assert_eq!(rig.push(lost(&rig, rig.at(2))), [""; 0], "the first page is on its way");
    assert_eq!(rig.answer(Reseeded { channel: channel(), next: rig.at(4) }), ["read: cache 5..5"]);
    assert_eq!(rig.done(), ["1? Reseed"]);
    assert_eq!(rig.answer(Failure::new(Reason::NotNow, "")), [""; 0]);
    assert_eq!(rig.push(lost(&rig, rig.at(2))), ["read: cache 2..2"], "it is not on its way any more");
}

#[test]
fn a_head_on_another_branch_leads_back_to_the_start() {
    let mut rig = committed();
    let odd = Position { chain: rig.at(1).chain, ..rig.at(2) };
    assert_eq!(rig.push(lost(&rig, odd)), ["read: cache 2..2"]);
    assert_eq!(rig.done(), ["read: cache 2..2"], "the base of the newest epoch");
    assert_eq!(rig.done(), ["read: cache 1..5"], "both begin with nothing");
}

#[test]
fn a_tracker_that_wants_no_more_is_subscribed_to_again() {
    let mut rig = committed();
    rig.push(lost(&rig, rig.at(2)));
    rig.all_done();
    assert_eq!(rig.answer(Failure::new(Reason::NotNow, "")), [""; 0]);
    assert_eq!(rig.timeout(1_000), ["1? Subscribe"]);
    let mut rig = committed();
    rig.attach();
    assert_eq!(rig.push(lost(&rig, rig.at(2))), [""; 0], "a host cannot ask for it");
}

/// Has met a log of generation 2 without the last three entries, for long enough.
fn met() -> ReplicaRig {
    meets(committed())
}

/// Meets a log of generation 2 that has two entries only, for long enough.
fn meets(mut rig: ReplicaRig) -> ReplicaRig {
    let sync = alloc::format!("1? sync after {}", rig.log.len());
    let record = second(rig.at(2));
    rig.push(segment_proto::messages::Fenced { record: record.clone() });
    rig.attach_to(HOST_LINK, Serving::Copy);
    for _ in 0..2 {
        let subscribed = segment_proto::messages::Subscribed {
            epoch: Some(record.clone()),
            head: rig.at(2),
            receipt: None,
            ..rig.subscribed()
        };
        assert_eq!(rig.answer(subscribed), [sync.as_str()]);
        assert_eq!(rig.answer(other_log(&rig)), [""; 0], "the tracker may still ask for it");
        assert_eq!(rig.timeout(1_000), ["1? Subscribe"]);
    }
    let subscribed =
        segment_proto::messages::Subscribed { epoch: Some(record), head: rig.at(2), receipt: None, ..rig.subscribed() };
    rig.answer(subscribed);
    rig.all_done();
    rig
}

#[test]
fn what_the_new_generation_lacks_is_put_aside_and_submitted_to_it() {
    let mut rig = met();
    assert_eq!(rig.answer(other_log(&rig)), ["read: cache 2..2"]);
    assert_eq!(rig.done(), ["write: erase aside", "read: cache 3..5"]);
    rig.done();
    let lines = rig.done();
    assert_eq!(lines[..2], ["write: append aside 3..5", "write: delete receipt, cut cache from 3, put aside"]);
    assert_eq!(lines[2..], ["cut behind 2", "1? Subscribe"]);
    rig.all_done();
    assert_eq!((rig.replica.head(), rig.replica.committed()), (rig.at(2), 0));
    rig.restart();
    let tail: Vec<_> = rig.log[2..].iter().map(|stored| stored.entry.envelope.clone()).collect();
    rig.log.truncate(2);
    rig.committed = 0;
    rig.attach_to(HOST_LINK, Serving::Copy);
    let subscribed =
        segment_proto::messages::Subscribed { epoch: Some(second(rig.at(2))), receipt: None, ..rig.subscribed() };
    let lines = rig.answer(subscribed);
    assert_eq!(lines.last().unwrap(), "read: aside 3..5");
    let lines = rig.all_done();
    assert!(lines.contains(&"1? submit 1.1 1.1 1.2 in 2.3".into()), "{lines:?}");
    assert_eq!(rig.submitted(), tail, "own ones and others', in the order of the log");
    // Another own message has come before the own one: what it says is signed again.
    let row =
        Row { device: device(2), account: AccountId(2), incarnation: 1, seq: 1, hash: segment_proto::Hash([3; 32]) };
    let fork = Fate { row: Some(row), ..Fate::new(tail[0].key, FateCode::Fork) };
    let fates = [fork, fate(tail[1].key, FateCode::Committed, 3), fate(tail[2].key, FateCode::Committed, 4)];
    let lines = rig.fates(&fates);
    assert_eq!(lines, ["write: put outgoing 1", "write: delete resubmit 0", "write: delete aside, erase aside"]);
    assert_eq!(rig.all_done(), ["queued 1.1", "(submitted 0..0)", "1? submit 1.1 in 2.3"]);
    assert_eq!(rig.peer.tape.store.count(Table::Outgoing), 1);
    let aside = LogId { channel: channel(), role: LogRole::Aside };
    assert!(rig.peer.tape.store.logs.get(&aside).is_none_or(|log| log.is_empty()));
}

#[test]
fn it_is_level_in_the_older_generation_until_what_the_new_one_lacks_is_put_aside() {
    let mut rig = met();
    assert_eq!(rig.replica.level_in(), Some(1));
    rig.answer(other_log(&rig));
    let mut levels = Vec::new();
    while !rig.peer.tape.is_idle() {
        levels.push(rig.replica.level_in());
        rig.done();
    }
    let role = LogRole::Aside;
    assert_eq!(rig.peer.tape.store.logs[&LogId { channel: channel(), role }].len(), 3);
    assert_eq!(levels, [Some(1), Some(1), Some(1), None, None], "until the write that puts it aside is under way");
}

#[test]
fn a_second_generation_that_lacks_something_leaves_nothing_behind() {
    let mut rig = met();
    rig.answer(other_log(&rig));
    rig.all_done();
    let first: Vec<_> = rig.log[2..].iter().map(|stored| stored.entry.envelope.clone()).collect();
    // In generation 2 something else is committed, before what was put aside is read.
    rig.log.truncate(2);
    rig.committed = 0;
    let later = Author::new(6).texts(2);
    rig.write(&later);
    let fence = Fence { generation: 2, epoch: 3 };
    let subscribed = |rig: &ReplicaRig, generation, head| segment_proto::messages::Subscribed {
        epoch: Some(begins(generation, rig.at(2))),
        head,
        receipt: None,
        ..rig.subscribed()
    };
    rig.answer(subscribed(&rig, 2, rig.at(4)));
    let page = SyncPage { fence, receipt: Some(signed(fence, rig.at(4))), ..rig.sync_page(3, 4) };
    rig.answer(page);
    assert_eq!(rig.replica.committed(), 4);
    // It is gone in generation 3.
    rig.push(segment_proto::messages::Fenced { record: begins(3, rig.at(2)) });
    rig.attach_to(HOST_LINK, Serving::Copy);
    for _ in 0..2 {
        rig.answer(subscribed(&rig, 3, rig.at(2)));
        rig.answer(another_log(&rig, 3));
        rig.timeout(1_000);
    }
    rig.answer(subscribed(&rig, 3, rig.at(2)));
    rig.answer(another_log(&rig, 3));
    rig.all_done();
    rig.log.truncate(2);
    rig.restart();
    rig.attach_to(HOST_LINK, Serving::Copy);
    rig.answer(subscribed(&rig, 3, rig.at(2)));
    rig.all_done();
    assert_eq!(rig.submitted(), [first, later].concat());
}

#[test]
fn without_its_rule_it_is_lost() {
    let mut rig = met();
    rig.peer.rules = Rules::without(Rule::GenerationResubmits);
    rig.answer(other_log(&rig));
    assert_eq!(rig.done()[0], "write: delete receipt, cut cache from 3");
}

#[test]
fn receipts_of_an_older_generation_are_void() {
    let mut rig = committed();
    rig.push(segment_proto::messages::Fenced { record: second(rig.at(5)) });
    rig.write(&Author::new(5).texts(1));
    rig.push(rig.entries(6, 6));
    assert!(!rig.commit(6).contains(&"committed up to 6".into()));
}

/// Is removed, and asks the tracker on the same link whether that concerns what stands here.
fn removed(rules: Rules) -> (ReplicaRig, Vec<alloc::string::String>) {
    let mut rig = committed();
    rig.peer.rules = rules;
    let reason = Reason::MembersOnly;
    let lines = rig.push(Removed { channel: channel(), account: AccountId(2), reason });
    assert_eq!(lines, ["removed members_only"]);
    let lines = ask_where_parted(&mut rig, HOST_LINK);
    (rig, lines)
}

fn ask_where_parted(rig: &mut ReplicaRig, link: u64) -> Vec<alloc::string::String> {
    rig.replica.ask_where_parted(Some(LinkId(link)), &mut rig.peer.cx());
    rig.peer.seen()
}

#[test]
fn who_is_removed_by_a_newer_generation_has_what_that_lacks_waiting_again() {
    let (mut rig, lines) = removed(Rules::all());
    assert_eq!(lines, ["1? sync after 5"]);
    assert_eq!(ask_where_parted(&mut rig, HOST_LINK), [""; 0], "once");
    let lines = rig.answer(other_log(&rig));
    assert_eq!(lines, ["write: put epoch", "read: cache 2..2"]);
    assert_eq!(rig.done(), [""; 0]);
    assert_eq!(rig.done(), ["write: erase aside", "read: cache 3..5"]);
    rig.done();
    let lines = rig.done();
    assert_eq!(lines[..2], ["write: put outgoing 2", "write: append aside 3..5"]);
    assert_eq!(lines[2..], ["write: delete receipt, cut cache from 3, put aside", "cut behind 2"]);
    assert_eq!(rig.all_done(), ["queued 1.1"]);
    assert_eq!((rig.stages(), rig.replica.committed()), (["1.1 Queued".into()].to_vec(), 0));
    rig.restart();
    assert_eq!(rig.stages(), ["1.1 Queued"]);
    assert_eq!(ask_where_parted(&mut rig, 7), [""; 0], "nothing here is committed any more");
}

#[test]
fn without_its_rule_its_author_goes_on_believing_that_it_is_committed() {
    let (mut rig, lines) = removed(Rules::without(Rule::RemovedTakesBack));
    assert_eq!(lines, [""; 0]);
    assert_eq!(rig.all_done(), [""; 0]);
    assert_eq!((rig.stages().len(), rig.replica.committed()), (0, 5));
}

#[test]
fn who_is_removed_asks_once_more_where_that_is_not_decided_and_on_each_link() {
    let (mut rig, _) = removed(Rules::all());
    assert_eq!(rig.answer(Failure::new(Reason::NotNow, "")), [""; 0]);
    assert_eq!(rig.timeout(1_000), ["1? sync after 5"]);
    assert_eq!(rig.answer(Failure::new(Reason::OutOfOrder, "")), [""; 0], "everything stands there");
    rig.assert_idle();
    rig.replica.ask_where_parted(None, &mut rig.peer.cx());
    assert_eq!(ask_where_parted(&mut rig, 7), ["7? sync after 5"]);
}

#[test]
fn who_is_removed_gives_back_what_the_tracker_has_lost() {
    let (mut rig, _) = removed(Rules::all());
    assert_eq!(rig.push(lost(&rig, rig.at(2))), ["read: cache 2..2"]);
    assert_eq!(rig.answer(Failure::new(Reason::NotNow, "")), [""; 0]);
    assert_eq!(rig.all_done(), ["read: cache 3..5", "1? Reseed"]);
    assert_eq!(rig.answer(Reseeded { channel: channel(), next: rig.at(5) }), ["1? sync after 5"]);
}

/// Has put six hundred entries aside, of which it carries as many as it may.
fn carrying_as_much_as_it_may() -> ReplicaRig {
    let mut rig = meets(committed_with(600));
    rig.answer(other_log(&rig));
    rig.all_done();
    rig.log.truncate(2);
    rig.committed = 0;
    rig.answer(segment_proto::messages::Subscribed {
        epoch: Some(second(rig.at(2))),
        receipt: None,
        ..rig.subscribed()
    });
    rig
}

/// Answers what is carried as `fate_of` says, until nothing is left of what was put aside.
fn carried_to_the_end(rig: &mut ReplicaRig, fate_of: impl Fn(MessageKey) -> Fate) {
    let aside = LogId { channel: channel(), role: LogRole::Aside };
    for _ in 0..400 {
        rig.all_done();
        match rig.peer.tape.messages.pop() {
            Some((_, Message::Submit(submit))) => {
                let fates = submit.envelopes.iter().map(|envelope| fate_of(envelope.key));
                rig.fates(&fates.collect::<Vec<_>>());
            }
            _ if !rig.peer.tape.store.logs.contains_key(&aside) => return,
            _ => drop(rig.timeout(500)),
        }
    }
    panic!("{} are carried, and nothing moves", rig.peer.tape.store.count(Table::Resubmit));
}

#[test]
fn what_others_had_brought_before_makes_room_for_the_rest() {
    let mut rig = carrying_as_much_as_it_may();
    rig.write(&Author::new(3).texts(1));
    rig.push(rig.entries(3, 3));
    let (fence, at) = (Fence { generation: 2, epoch: 3 }, rig.at(3));
    rig.push(Watermarks { channel: channel(), fence, stored: 3, receipt: Some(signed(fence, at)) });
    assert_eq!(rig.replica.committed(), 3);
    carried_to_the_end(&mut rig, |key| fate(key, FateCode::Committed, 3));
    assert_eq!(rig.peer.tape.store.count(Table::Resubmit), 0);
}

#[test]
fn what_builds_on_nothing_makes_room_for_the_rest_in_the_end() {
    let mut rig = carrying_as_much_as_it_may();
    carried_to_the_end(&mut rig, |key| Fate::new(key, FateCode::Expected));
}
