//! Cursors: the highest of each account, told at most once a second, written now and then.

use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::{AccountId, Instant};

use super::kit::log_id;
use crate::store::{Record, Table, Write};
use crate::sync::deliveries::Cursors;
use crate::sync::persist::Loaded;

const START: Instant = Instant(1_000_000);

fn after(millis: u64) -> Instant {
    START + Duration::from_millis(millis)
}

fn told(cursors: &mut Cursors, now: Instant) -> Option<(u32, Vec<(u64, u32)>)> {
    let told = cursors.tell(log_id(), now)?;
    Some((told.of, told.steps.iter().map(|step| (step.pos, step.accounts)).collect()))
}

fn note(cursors: &mut Cursors, account: u64, pos: u64, now: Instant) {
    cursors.note(AccountId(account), pos, now, 3);
}

#[test]
fn what_has_changed_is_told_once_a_second() {
    let mut cursors = Cursors::default();
    assert_eq!((told(&mut cursors, START), cursors.poll_timeout()), (None, None));
    note(&mut cursors, 1, 5, START);
    note(&mut cursors, 2, 7, START);
    assert_eq!(told(&mut cursors, after(10)), Some((2, [(7, 1), (5, 2)].to_vec())));
    note(&mut cursors, 1, 4, START);
    assert_eq!(told(&mut cursors, after(2_000)), None, "the highest counts");
    note(&mut cursors, 1, 7, after(300));
    assert_eq!(cursors.poll_timeout().unwrap().at, after(1_010));
    assert_eq!(told(&mut cursors, after(1_009)), None);
    assert_eq!(told(&mut cursors, after(1_010)), Some((2, [(7, 2)].to_vec())));
}

#[test]
fn a_newcomer_is_told_what_the_others_know() {
    let mut cursors = Cursors::default();
    cursors.on_newcomer(START);
    assert_eq!(cursors.poll_timeout(), None, "there is nothing to tell");
    note(&mut cursors, 1, 5, START);
    told(&mut cursors, after(10));
    cursors.on_newcomer(after(5_000));
    assert_eq!(told(&mut cursors, after(5_010)), Some((1, [(5, 1)].to_vec())));
}

#[test]
fn who_is_gone_does_not_count_and_what_is_cut_nobody_has() {
    let mut cursors = Cursors::default();
    for account in 1..=4 {
        note(&mut cursors, account, 10 * account, START);
    }
    cursors.cut(15);
    assert_eq!(told(&mut cursors, after(10)), Some((3, [(15, 2), (10, 3)].to_vec())), "a fourth is too many");
    let writes = cursors.retain(log_id(), |account| account != AccountId(2));
    assert!(matches!(writes[..], [Write::Delete { table: Table::Cursor, .. }]));
    note(&mut cursors, 1, 11, START);
    assert_eq!(told(&mut cursors, after(1_010)), Some((2, [(15, 1), (11, 2)].to_vec())));
}

#[test]
fn they_are_written_lazily_and_come_back() {
    let mut cursors = Cursors::default();
    note(&mut cursors, 1, 5, START);
    note(&mut cursors, 2, 6, after(9_000));
    assert!(cursors.write(log_id(), after(9_999)).is_empty());
    let records = cursors.write(log_id(), after(10_000)).into_iter().map(|write| match write {
        Write::Put { table, key, value } => Record { table, key, value },
        other => panic!("{other:?}"),
    });
    let mut restored = Cursors::restore(&Loaded::new(records.collect()));
    assert!(cursors.write(log_id(), after(99_000)).is_empty(), "nothing new");
    restored.on_newcomer(START);
    assert_eq!(told(&mut restored, after(10)), Some((2, [(6, 1), (5, 2)].to_vec())));
}

#[test]
fn many_steps_are_told_coarsely_and_never_too_high() {
    let mut cursors = Cursors::default();
    for account in 1..=200 {
        cursors.note(AccountId(account), account, START, 1_000);
    }
    let (of, steps) = told(&mut cursors, after(10)).unwrap();
    assert_eq!((of, steps.len(), steps[0], steps[49]), (200, 50, (197, 4), (1, 200)));
    assert!(steps.iter().all(|(pos, accounts)| u64::from(*accounts) == 201 - pos));
}
