//! A host that begins from the tracker's snapshot, and what goes here by the owner's policy.

use segment_proto::limits::SNAPSHOT_ENTRIES;
use segment_proto::messages::{Adopt, SnapshotPart};
use segment_proto::{AccessChange, EpochOwner, Measure, Position, View};

use super::rig::HostRig;
use crate::rules::Rules;
use crate::store::StoredEntry;
use crate::sync::snapshot::Folded;
use crate::sync::tests::kit::{Author, TRACKER, channel, commit, entries, epoch, fence, identity, log_of};

#[test]
fn an_empty_host_begins_behind_the_snapshot() {
    let mut authors = Author::new(2);
    let stored = entries(Position::START, 1, &authors.texts(9));
    let mut log = log_of(View::Public, &[]);
    stored[..7].iter().for_each(|stored| log.append_stored(stored.clone(), Rules::all()));
    log.push_epoch(epoch(1, EpochOwner::Tracker, Position::START));
    commit(&mut log, 7);
    let (snapshot, bytes) = Folded::of(&log).unwrap().sign(fence(1), &identity(TRACKER));

    let mut rig = HostRig::new();
    assert_eq!(rig.tracker_up(), ["99? host hello after 0"]);
    rig.epochs.push(epoch(1, EpochOwner::Tracker, Position::START));
    rig.head = stored[8].position();
    rig.receipt = Some(crate::sync::tests::kit::receipt(1, rig.head));
    let gone = Adopt { common: Position::START, snapshot: Some(snapshot.clone()), ..rig.adopt() };
    assert_eq!(rig.answer(gone), ["99? read snapshot 7 from 0"]);
    let part = |from: usize, to: usize| {
        let bytes = bytes.slice(from..to);
        SnapshotPart { channel: channel(), pos: 7, offset: from as u64, bytes }
    };
    assert_eq!(rig.answer(part(0, 50)), ["99? read snapshot 7 from 50"]);
    let lines = rig.answer(part(50, bytes.len()));
    assert_eq!(lines[1..], ["older removed below 8"], "{lines:?}");
    assert_eq!(rig.all_done(), ["99? host hello after 7"], "once it is on disk");
    let rest = stored[7..].iter().map(|stored| stored.entry.clone()).collect();
    rig.answer(Adopt { common: stored[6].position(), entries: rest, ..rig.adopt() });
    rig.all_done();
    let grant = rig.grant();
    rig.answer(grant);
    rig.all_done();
    let report = rig.host.report();
    assert_eq!((report.stored, report.committed, rig.host.below().pos), (9, 9, 7));
    assert!(report.owns.is_some());
    rig.subscribe(2);
    rig.submit(2, &[authors.text("goes on")]);
    assert!(rig.all_done().iter().any(|line| line.contains("entries 10..10")));
    rig.restart();
    assert_eq!((rig.host.report().stored, rig.host.below().pos), (10, 7));
}

#[test]
fn a_snapshot_that_is_not_what_was_signed_is_not_taken() {
    let stored = entries(Position::START, 1, &Author::new(2).texts(3));
    let mut log = log_of(View::Public, &[]);
    stored.iter().for_each(|stored| log.append_stored(stored.clone(), Rules::all()));
    commit(&mut log, 3);
    let (snapshot, bytes) = Folded::of(&log).unwrap().sign(fence(1), &identity(TRACKER));
    let (forged, _) = Folded::of(&log).unwrap().sign(fence(1), &identity(2));
    let mut rig = HostRig::new();
    rig.tracker_up();
    rig.head = stored[2].position();
    let with = |rig: &HostRig, snapshot| Adopt { common: Position::START, snapshot: Some(snapshot), ..rig.adopt() };
    let gone = with(&rig, forged);
    assert_eq!(rig.answer(gone), ["suspicious: a snapshot that cannot be the tracker's"]);
    rig.peer.sleep(core::time::Duration::from_secs(1));
    rig.timeout();
    let gone = with(&rig, snapshot);
    rig.answer(gone);
    let mut wrong = bytes.to_vec();
    wrong[5] ^= 1;
    let part = SnapshotPart { channel: channel(), pos: 3, offset: 0, bytes: wrong.into() };
    assert_eq!(rig.answer(part), ["suspicious: a snapshot that is not what the tracker signed"]);
    assert_eq!((rig.host.report().stored, rig.host.below().pos), (0, 0));
}

#[test]
fn what_the_tracker_covers_goes_and_is_said_to_go() {
    let (mut rig, mut author) = (HostRig::owning(), Author::new(2));
    rig.peer.limits.messages_burst = 1_000_000;
    rig.peer.limits.tail_entries_max = 1_000;
    rig.subscribe(1);
    rig.submit(1, &[Author::new(1).change(&AccessChange::retain(Measure::Count, 10))]);
    rig.all_done();
    let mut said = alloc::vec::Vec::new();
    while rig.host.report().committed < 2 * SNAPSHOT_ENTRIES + 50 {
        rig.submit(2, &author.texts(200));
        rig.all_done();
        let stored = rig.host.report().stored;
        said.extend(rig.commit(stored));
        said.extend(rig.all_done());
    }
    rig.peer.sleep(core::time::Duration::from_secs(60 * 60));
    said.extend(rig.timeout());
    said.extend(rig.all_done());
    let below = rig.host.below().pos;
    assert_eq!(below, rig.host.report().committed - 2 * SNAPSHOT_ENTRIES);
    assert!(said.contains(&alloc::format!("older removed below {}", below + 1)), "{said:?}");
    let first = |rig: &HostRig| rig.peer.tape.store.logs.values().next().and_then(|log| log.values().next().cloned());
    assert_eq!(first(&rig).map(|stored: StoredEntry| stored.entry.pos), Some(below + 1));
}
