//! The owner's policy at the copy: what goes, what never goes, and what is said of what is gone.

use alloc::string::ToString;

use segment_proto::limits::SNAPSHOT_ENTRIES;
use segment_proto::messages::{ReadRange, ReadSnapshot, ReadTail, Sync};
use segment_proto::{AccessChange, Evidence, LinkId, Measure, Message, Position, SignedEnvelope};

use super::rig::BackupRig;
use crate::rules::{Rule, Rules};
use crate::sync::snapshot::Folded;
use crate::sync::tests::kit::{Author, channel};

/// A copy with a policy, and more entries than a snapshot needs; the author of all but the first.
fn kept(measure: Measure, amount: u64, rules: Rules) -> (BackupRig, Author, SignedEnvelope) {
    let (mut rig, mut author) = (BackupRig::granted(), Author::new(2));
    rig.rules = rules;
    rig.replicate(&[Author::new(1).change(&AccessChange::retain(measure, amount))]);
    let old = author.text("old");
    rig.replicate(core::slice::from_ref(&old));
    rig.all_done();
    (rig, author, old)
}

fn fill(rig: &mut BackupRig, author: &mut Author, entries: u64) {
    while rig.head().pos < entries {
        let count = usize::try_from((entries - rig.head().pos).min(256)).unwrap();
        rig.replicate(&author.texts(count));
        rig.all_done();
    }
}

/// The host is there all the time.
fn hour_later(rig: &mut BackupRig) {
    rig.now.mono = rig.now.mono + core::time::Duration::from_secs(60 * 60);
    let now = rig.now.mono;
    rig.backup.on_host_heard(LinkId(rig.host_link), now);
    rig.wait(core::time::Duration::ZERO);
    rig.all_done();
}

fn places(rig: &BackupRig) -> (u64, u64) {
    let log = rig.tape.store.logs.values().find(|log| log.len() > 1).unwrap();
    (*log.keys().next().unwrap(), *log.keys().next_back().unwrap())
}

#[test]
fn nothing_goes_without_a_policy_or_before_there_is_a_snapshot() {
    let (mut rig, mut author) = (BackupRig::granted(), Author::new(2));
    fill(&mut rig, &mut author, SNAPSHOT_ENTRIES + 10);
    assert_eq!(places(&rig), (1, SNAPSHOT_ENTRIES + 10));
    let (mut rig, mut author, _) = kept(Measure::Count, 10, Rules::all());
    fill(&mut rig, &mut author, SNAPSHOT_ENTRIES - 1);
    assert_eq!(places(&rig), (1, SNAPSHOT_ENTRIES - 1));
}

#[test]
fn what_the_policy_lets_go_goes_and_everything_else_stays() {
    let (mut rig, mut author, _) = kept(Measure::Count, 100, Rules::all());
    fill(&mut rig, &mut author, SNAPSHOT_ENTRIES);
    assert_eq!(places(&rig), (SNAPSHOT_ENTRIES - 99, SNAPSHOT_ENTRIES));
    let before = (rig.backup.log.head(), rig.backup.log.below(), rig.backup.log.fold().clone());
    rig.restart();
    let log = &rig.backup.log;
    assert_eq!((log.head(), log.below(), log.fold().clone()), before);
    assert_eq!(log.below().pos, SNAPSHOT_ENTRIES - 100);
}

#[test]
fn a_policy_by_bytes_and_one_by_age() {
    let (mut rig, mut author, _) = kept(Measure::Bytes, 20_000, Rules::all());
    fill(&mut rig, &mut author, SNAPSHOT_ENTRIES);
    let bytes: usize = rig.log.iter().skip(places(&rig).0 as usize - 1).map(|stored| stored.entry.wire_bytes()).sum();
    let largest = rig.log.iter().map(|stored| stored.entry.wire_bytes()).max().unwrap();
    assert!((20_000 - largest..=20_000).contains(&bytes), "{bytes}");
    let (mut rig, mut author, _) = kept(Measure::Age, 60, Rules::all());
    fill(&mut rig, &mut author, SNAPSHOT_ENTRIES);
    assert_eq!(places(&rig).0, 1, "all of it is new");
    let snapshot = rig.backup.keeping.snapshot.clone().unwrap().at.pos;
    fill(&mut rig, &mut author, SNAPSHOT_ENTRIES + 20);
    rig.now.wall = rig.now.wall.plus(core::time::Duration::from_secs(61));
    hour_later(&mut rig);
    assert_eq!(places(&rig), (snapshot + 1, SNAPSHOT_ENTRIES + 20), "never above the snapshot");
}

#[test]
fn readers_are_told_where_the_channel_begins() {
    let (mut rig, mut author, _) = kept(Measure::Count, 5, Rules::all());
    fill(&mut rig, &mut author, SNAPSHOT_ENTRIES);
    rig.restart();
    rig.subscribe(3);
    let (at, evidence) = (Position::START, Evidence::default());
    rig.tape.messages.clear();
    rig.read(3, Sync { channel: channel(), at, generation: 1, evidence });
    let Some((_, Message::SyncPage(page))) = rig.tape.messages.last() else { panic!("no page") };
    assert_eq!((page.first, page.entries.len(), page.diverged.len()), (SNAPSHOT_ENTRIES - 4, 0, 0));
    assert_eq!(rig.read(3, ReadRange { channel: channel(), from: 1, to: 9 }), ["3= failure gone"]);
    rig.read(3, ReadTail { channel: channel(), count: 100 });
    let (first, head) = (SNAPSHOT_ENTRIES - 4, SNAPSHOT_ENTRIES);
    let page = alloc::format!("3= page {first}..{head} of {head}/{head}");
    assert_eq!(rig.done()[0], page, "the chain before the first is known");
    rig.read(3, ReadRange { channel: channel(), from: 9, to: u64::MAX });
    assert_eq!(rig.done()[0], page);
}

#[test]
fn a_key_below_what_is_kept_is_forgotten_and_never_written_again() {
    for rules in [Rules::all(), Rules::without(Rule::RowsForEver)] {
        let (mut rig, _, old) = kept(Measure::Count, 5, rules);
        fill(&mut rig, &mut Author::new(3), SNAPSHOT_ENTRIES);
        rig.link_down(1);
        let epoch = rig.epoch();
        rig.submit(2, epoch, core::slice::from_ref(&old));
        rig.all_done();
        rig.tape.messages.clear();
        let epoch = rig.epoch();
        rig.submit(2, epoch, core::slice::from_ref(&old));
        rig.all_done();
        let said = rig.tape.messages.iter().find_map(|(_, message)| match message {
            Message::Submitted(submitted) => Some(submitted.fates[0].code.to_string()),
            _ => None,
        });
        let expected = if rules == Rules::all() { "forgotten" } else { "committed" };
        assert_eq!(said.as_deref(), Some(expected), "{rules:?}");
    }
}

#[test]
fn what_the_host_may_lack_does_not_go() {
    for rules in [Rules::all(), Rules::without(Rule::TrimOnlyCovered)] {
        let (mut rig, mut author, _) = kept(Measure::Count, 5, rules);
        rig.limits.messages_burst = 1_000_000;
        rig.link_down(1);
        // What makes the tracker take over is brought again, in its epoch.
        let first = author.texts(1);
        for _ in 0..2 {
            let epoch = rig.epoch();
            rig.submit(2, epoch, &first);
            rig.all_done();
        }
        let epoch = rig.epoch();
        while rig.backup.log.head().pos < SNAPSHOT_ENTRIES + 10 {
            rig.submit(2, epoch, &author.texts(200));
            rig.all_done();
        }
        let expected = if rules == Rules::all() { 1 } else { places(&rig).1 - 4 };
        assert_eq!(places(&rig).0, expected, "{rules:?}: it was granted its epoch behind nothing");
    }
}

#[test]
fn the_host_is_given_the_snapshot_in_place_of_what_is_gone() {
    let (mut rig, mut author, _) = kept(Measure::Count, 5, Rules::all());
    fill(&mut rig, &mut author, SNAPSHOT_ENTRIES);
    rig.tape.messages.clear();
    rig.nonce = segment_proto::Nonce([9; 16]);
    rig.hello();
    rig.all_done();
    let adopt = rig.tape.messages.iter().rev().find_map(|(_, message)| match message {
        Message::Adopt(adopt) => Some(adopt.clone()),
        _ => None,
    });
    let snapshot = adopt.and_then(|adopt| adopt.snapshot).expect("no snapshot");
    let (channel, pos) = (channel(), snapshot.at.pos);
    rig.host(ReadSnapshot { channel, pos, offset: 0 });
    rig.done();
    let Some((_, Message::SnapshotPart(part))) = rig.tape.messages.last().cloned() else { panic!("no part") };
    let folded = Folded::open(&snapshot, &part.bytes).expect("not what was signed");
    assert_eq!(&folded.fold(), rig.backup.log.base());
    let mut wrong = part.bytes.to_vec();
    wrong[9] ^= 1;
    assert_eq!(Folded::open(&snapshot, &wrong), None);
    assert_eq!(rig.read(2, ReadSnapshot { channel, pos, offset: 0 }), ["2= failure gone"], "it is not theirs");
    rig.host(ReadSnapshot { channel, pos, offset: snapshot.size });
    rig.done();
    assert!(matches!(rig.tape.messages.last(), Some((_, Message::SnapshotPart(part))) if part.bytes.is_empty()));
}

#[test]
fn what_follows_the_snapshot_is_given_also_where_everything_before_is_gone() {
    let (mut rig, mut author, _) = kept(Measure::Count, 5, Rules::all());
    fill(&mut rig, &mut author, SNAPSHOT_ENTRIES + 20);
    hour_later(&mut rig);
    let at = rig.backup.keeping.snapshot.clone().unwrap().at;
    assert_eq!(rig.backup.log.below(), at, "up to the snapshot, and no further");
    rig.restart();
    rig.nonce = segment_proto::Nonce([9; 16]);
    rig.hello_after(at);
    rig.all_done();
    let adopt = rig.tape.messages.iter().rev().find_map(|(_, message)| match message {
        Message::Adopt(adopt) => Some(adopt.clone()),
        _ => None,
    });
    let adopt = adopt.expect("no answer");
    assert_eq!((adopt.snapshot, adopt.entries.len() as u64), (None, rig.head().pos - at.pos));
}

#[test]
fn no_deadline_stays_behind_when_the_policy_is_taken_back() {
    let (mut rig, mut owner) = (BackupRig::granted(), Author::new(1));
    rig.replicate(&[owner.change(&AccessChange::retain(Measure::Age, 60))]);
    rig.all_done();
    let hour = core::time::Duration::from_secs(60 * 60);
    let looks = |rig: &BackupRig| rig.backup.keeping.poll_timeout().map(|deadline| deadline.at);
    assert_eq!(looks(&rig), Some(rig.now.mono + hour));
    rig.wait(hour);
    assert_eq!(looks(&rig), Some(rig.now.mono + hour), "it is looked again");
    rig.replicate(&[owner.change(&AccessChange::retain(Measure::Age, 0))]);
    rig.all_done();
    rig.wait(hour);
    assert_eq!(looks(&rig), None);
}
