//! Taking over more than a page: on disk as it comes, in the log at once, harmless wherever it ends.

use alloc::vec::Vec;

use core::time::Duration;

use segment_proto::messages::{Adopt, Failure, ReplicateRefused};
use segment_proto::{AccessChange, Entry, EpochOwner, Fence, LinkId, Position, Reason};

use super::rig::HostRig;
use crate::store::{LogId, LogRole, Store, StoreOperation, StoreOutcome};
use crate::sync::tests::kit::{Author, allow, channel, device, entries, kick, receipt};

const PAGE: usize = 10;
const PAGES: usize = 4;

/// A host whose disk is lost: all of it is at the tracker, an access entry in the middle.
fn lost_disk() -> (HostRig, Vec<Entry>, Author) {
    lost_disk_with(PAGE * 2 + 3, &allow(3, segment_proto::Rights::READ))
}

fn lost_disk_with(at: usize, change: &AccessChange) -> (HostRig, Vec<Entry>, Author) {
    let (mut rig, mut two, mut owner) = (HostRig::new(), Author::new(2), Author::new(1));
    let mut said = two.texts(PAGE * PAGES - 1);
    said.insert(at, owner.change(change));
    let all = entries(Position::START, 2, &said);
    rig.head = all[all.len() - 1].position();
    rig.receipt = Some(receipt(2, rig.head));
    rig.next_epoch(EpochOwner::Tracker);
    (rig, all.into_iter().map(|stored| stored.entry).collect(), two)
}

fn page(rig: &HostRig, all: &[Entry], number: usize) -> Adopt {
    Adopt { entries: all[number * PAGE..(number + 1) * PAGE].to_vec(), ..rig.adopt() }
}

fn on_disk(rig: &mut HostRig, role: LogRole) -> Vec<u64> {
    let log = LogId { channel: channel(), role };
    let read = StoreOperation::Read { log, from: 1, to: 1_000, entries_max: 1_000, bytes_max: usize::MAX };
    match rig.peer.tape.store.perform(&[read]).unwrap().pop() {
        Some(StoreOutcome::Entries { entries, .. }) => entries.iter().map(|stored| stored.entry.pos).collect(),
        other => panic!("{other:?}"),
    }
}

/// As many steps of a transfer as are wanted: a page comes, a write is done.
fn transfer(rig: &mut HostRig, all: &[Entry], steps: usize) {
    rig.tracker_up();
    let mut left = steps;
    for number in 0..PAGES {
        for step in 0..2 {
            if left == 0 {
                return;
            }
            left -= 1;
            match step {
                0 => drop(rig.answer(page(rig, all, number))),
                _ => drop(rig.done()),
            }
        }
    }
}

#[test]
fn pages_wait_on_disk_and_join_the_log_together() {
    let (mut rig, all, two) = lost_disk();
    transfer(&mut rig, &all, PAGES * 2 - 2);
    assert_eq!(on_disk(&mut rig, LogRole::Staging), (1..=30).collect::<Vec<_>>());
    assert_eq!((on_disk(&mut rig, LogRole::Host), rig.host.report().stored), (Vec::new(), 0));
    assert_eq!(
        rig.answer(page(&rig, &all, 3)),
        [
            "(adopted 1..40)",
            "write: cut host from 1, append staging 31..40, move staging to host, put rights, put row, put row, \
             put receipt, put epoch, put fence"
        ]
    );
    assert_eq!(rig.done(), ["99? adopted 40"]);
    assert_eq!(on_disk(&mut rig, LogRole::Host), (1..=40).collect::<Vec<_>>());
    assert_eq!(on_disk(&mut rig, LogRole::Staging), [0; 0]);
    assert_eq!(rig.host.log.base().row(device(2), segment_proto::AccountId(2)).hash, two.last);
    let grant = rig.grant();
    rig.answer(grant);
    rig.all_done();
    assert_eq!(rig.owns(), Some(2));
    rig.subscribe(2);
    let read = segment_proto::messages::ReadRange { channel: channel(), from: 5, to: 7 };
    assert_eq!(rig.say(2, read), ["read: host 5..7"], "what is not in memory is on disk");
    assert_eq!(rig.done()[0], "2= page 5..7 of 40/40");
}

#[test]
fn who_is_kicked_in_a_page_that_is_in_memory_no_more_gets_nothing() {
    let (mut rig, all, _) = lost_disk_with(3, &kick(3));
    rig.subscribe(3);
    transfer(&mut rig, &all, PAGES * 2 - 2);
    assert!(rig.host.member(LinkId(3)).is_some());
    rig.answer(page(&rig, &all, 3));
    assert!(rig.host.member(LinkId(3)).is_none());
}

#[test]
fn a_crash_after_any_step_is_harmless() {
    for steps in 0..=PAGES * 2 {
        let (mut rig, all, two) = lost_disk();
        transfer(&mut rig, &all, steps);
        rig.restart();
        if rig.host.report().stored == 0 {
            transfer(&mut rig, &all, PAGES * 2);
        } else {
            rig.tracker_up();
            rig.answer(rig.adopt());
            rig.all_done();
        }
        let grant = rig.grant();
        rig.answer(grant);
        rig.all_done();
        assert_eq!(rig.owns(), Some(2), "after {steps} steps");
        assert_eq!(on_disk(&mut rig, LogRole::Host), (1..=40).collect::<Vec<_>>(), "after {steps} steps");
        assert_eq!(rig.host.log.base().row(device(2), segment_proto::AccountId(2)).hash, two.last);
        rig.assert_idle();
    }
}

#[test]
fn a_link_that_breaks_costs_no_page_that_was_taken() {
    let (mut rig, all, _) = lost_disk();
    transfer(&mut rig, &all, 4);
    rig.tracker_down();
    assert_eq!(rig.tracker_up(), ["99? host hello after 20"]);
    rig.answer(page(&rig, &all, 2));
    rig.answer(page(&rig, &all, 3));
    rig.all_done();
    assert_eq!(on_disk(&mut rig, LogRole::Host), (1..=40).collect::<Vec<_>>());
}

#[test]
fn a_tracker_that_refuses_is_asked_less_and_less() {
    let (mut rig, all, _) = lost_disk();
    rig.tracker_up();
    let mut waits = Vec::new();
    for _ in 0..9 {
        rig.answer(Adopt { entries: all[20..30].to_vec(), ..rig.adopt() });
        let now = rig.peer.now.mono;
        let at = rig.host.poll_timeout().unwrap().at;
        waits.push(at.since(now).as_millis());
        rig.peer.sleep(at.since(now));
        assert_eq!(rig.timeout(), ["99? host hello after 0"]);
    }
    assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 32_000, 32_000]);
}

#[test]
fn a_lost_race_is_run_again_at_once_and_then_with_pauses() {
    let mut rig = HostRig::new();
    rig.tracker_up();
    rig.next_epoch(EpochOwner::Tracker);
    let mut lines = Vec::new();
    for _ in 0..2 {
        rig.answer(rig.adopt());
        rig.all_done();
        lines.extend(rig.answer(Failure::new(Reason::NotNow, "say hello again")));
    }
    assert_eq!(lines, ["99? host hello after 0"], "the second time it waits");
    rig.peer.sleep(Duration::from_secs(1));
    assert_eq!(rig.timeout(), ["99? host hello after 0"]);
}

#[test]
fn copies_that_are_refused_for_ever_are_sent_with_pauses() {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    rig.submit(2, &two.texts(1));
    rig.all_done();
    let refused =
        ReplicateRefused { channel: channel(), fence: Fence { generation: 1, epoch: 2 }, head: Position::START };
    assert_eq!(rig.push(refused.clone()), ["99! replicate 1..1", "(replicated 1..1)"]);
    let mut waits = Vec::new();
    for _ in 0..4 {
        assert_eq!(rig.push(refused.clone()), [""; 0]);
        let now = rig.peer.now.mono;
        let at = rig.host.poll_timeout().unwrap().at;
        waits.push(at.since(now).as_millis());
        rig.peer.sleep(at.since(now));
        assert_eq!(rig.timeout(), ["99! replicate 1..1", "(replicated 1..1)"]);
    }
    assert_eq!(waits, [500, 1_000, 2_000, 4_000]);
    rig.commit(1);
    rig.all_done();
    rig.assert_idle();
}
