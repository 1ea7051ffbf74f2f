use core::time::Duration;

use crate::pending::{Pending, TooManyPending};
use crate::{Instant, LinkId, RequestId};

const A: LinkId = LinkId(1);
const B: LinkId = LinkId(2);

fn id(number: u8) -> RequestId {
    RequestId::from_random([number; 16])
}

fn at(micros: u64) -> Instant {
    Instant(micros)
}

/// Nothing waits, and nothing will ever expire.
fn assert_empty(pending: &mut Pending<u8>) {
    assert!(pending.is_empty());
    assert_eq!(pending.len(), 0);
    assert_eq!(pending.next_deadline(), None);
    assert_eq!(pending.expire(at(u64::MAX)), None);
}

#[test]
fn an_answer_completes_its_request_once() {
    let mut pending = Pending::new(4);
    pending.insert(id(1), A, at(10), 7).unwrap();
    assert_eq!(pending.complete(id(1), A), Some(7));
    assert_eq!(pending.complete(id(1), A), None);
    assert_eq!(pending.stray_answers(), 1);
    assert_empty(&mut pending);
}

#[test]
fn an_answer_over_another_link_is_counted_and_changes_nothing() {
    let mut pending = Pending::new(4);
    pending.insert(id(1), A, at(10), 7).unwrap();
    assert_eq!(pending.complete(id(1), B), None);
    assert_eq!(pending.complete(id(2), A), None);
    assert_eq!((pending.stray_answers(), pending.len()), (2, 1));
    assert_eq!(pending.complete(id(1), A), Some(7));
    assert_empty(&mut pending);
}

#[test]
fn requests_expire_in_the_order_of_their_deadlines() {
    let mut pending = Pending::new(4);
    for (number, deadline) in [(1, 30), (2, 10), (3, 20)] {
        pending.insert(id(number), A, at(deadline), number).unwrap();
    }
    assert_eq!(pending.next_deadline(), Some(at(10)));
    assert_eq!(pending.expire(at(9)), None);
    assert_eq!(pending.expire(at(20)), Some((id(2), 2)));
    assert_eq!(pending.expire(at(20)), Some((id(3), 3)));
    assert_eq!(pending.expire(at(20)), None);
    assert_eq!(pending.next_deadline(), Some(at(30)));
    assert_eq!(pending.expire(at(30)), Some((id(1), 1)));
    assert_empty(&mut pending);
}

#[test]
fn an_answer_that_comes_too_late_is_counted() {
    let mut pending = Pending::new(4);
    pending.insert(id(1), A, at(10), 7).unwrap();
    assert!(pending.expire(at(10)).is_some());
    assert_eq!(pending.complete(id(1), A), None);
    assert_eq!(pending.stray_answers(), 1);
}

#[test]
fn a_lost_link_takes_its_own_requests_with_it() {
    let mut pending = Pending::new(4);
    for (number, link) in [(1, A), (2, B), (3, A)] {
        pending.insert(id(number), link, at(10), number).unwrap();
    }
    assert_eq!(pending.fail_link(A), [(id(1), 1), (id(3), 3)]);
    assert!(pending.fail_link(A).is_empty());
    assert_eq!(pending.complete(id(2), B), Some(2));
    assert_empty(&mut pending);
}

#[test]
fn a_full_table_refuses_and_keeps_what_it_has() {
    let mut pending = Pending::new(2);
    pending.insert(id(1), A, at(10), 1).unwrap();
    pending.insert(id(2), A, at(10), 2).unwrap();
    assert_eq!(pending.insert(id(3), A, at(10), 3), Err(TooManyPending));
    assert_eq!(pending.complete(id(1), A), Some(1));
    assert_eq!(pending.insert(id(3), A, at(10), 3), Ok(()));
    assert_eq!(pending.len(), 2);
}

#[test]
fn an_id_used_again_starts_anew_and_blocks_nobody() {
    let mut pending = Pending::new(4);
    pending.insert(id(1), A, at(10), 1).unwrap();
    pending.insert(id(1), B, at(20), 2).unwrap();
    pending.insert(id(2), A, at(30), 3).unwrap();
    assert_eq!(pending.expire(at(10)), None);
    assert_eq!(pending.expire(at(30)), Some((id(1), 2)));
    assert_eq!(pending.expire(at(30)), Some((id(2), 3)));
    assert_empty(&mut pending);
}

#[test]
fn a_request_given_up_leaves_nothing_behind() {
    let mut pending = Pending::new(4);
    pending.insert(id(1), A, at(10), 1).unwrap();
    assert_eq!(pending.remove(id(1)), Some(1));
    assert_eq!(pending.remove(id(1)), None);
    assert_empty(&mut pending);
}

#[test]
fn deadlines_do_not_wrap_around() {
    assert_eq!(at(u64::MAX) + Duration::from_secs(1), at(u64::MAX));
    assert_eq!(at(1).since(at(5)), Duration::ZERO);
}
