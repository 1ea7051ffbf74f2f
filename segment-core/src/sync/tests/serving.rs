//! Pages of a log: from memory, from disk, and what is said where two logs part.

use segment_proto::messages::ReadOwn;
use segment_proto::{EpochOwner, Fence, Hash, Limits, Message, Position, View};

use super::kit::{Author, commit, device, entries, epoch, log_of};
use super::say;
use crate::rules::Rules;
use crate::store::Operation;
use crate::sync::serve::{begin, finish};
use crate::sync::{ChannelLog, PageRequest, Serve};

fn page(log: &ChannelLog, request: PageRequest, limits: &Limits) -> alloc::string::String {
    match begin(log, request, Fence::default(), limits) {
        Serve::Ready(message, (first, last)) => alloc::format!("{}; {first}..{last}", say::message(&message)),
        Serve::Read(Operation::Store(operation)) => say::operation(&operation),
        Serve::Read(other) => panic!("{other:?}"),
    }
}

/// Ten entries, of which seven are committed and five are on disk only.
fn log() -> ChannelLog {
    let mut log = log_of(View::Public, &[]).with_memory(5);
    for stored in entries(Position::START, 1, &Author::new(2).texts(10)) {
        log.append_stored(stored, Rules::all());
    }
    commit(&mut log, 7);
    log.push_epoch(epoch(1, EpochOwner::Host(device(1)), Position::START));
    log
}

#[test]
fn pages_of_any_kind() {
    let (log, limits) = (log(), Limits::default());
    let tip = log.head();
    let at = |pos| log.position_at(pos).unwrap();
    let cases = [
        (PageRequest::Tail { count: 1 }, "page 7..10 of 7/10; 7..10"),
        (PageRequest::Tail { count: 0 }, "page 8..10 of 7/10; 8..10"),
        (PageRequest::Tail { count: u64::from(u32::MAX) }, "read: host 1..10"),
        (PageRequest::Range { from: 7, to: 8 }, "read: host 7..8"),
        (PageRequest::Range { from: 9, to: u64::MAX }, "read: host 9..10"),
        (PageRequest::Range { from: 0, to: 3 }, "read: host 1..3"),
        (PageRequest::Range { from: 9, to: 8 }, "page none of 7/10; 0..0"),
        (PageRequest::Range { from: u64::MAX, to: u64::MAX }, "page none of 7/10; 0..0"),
        (PageRequest::After(at(7)), "sync page 8..10 of 7/10; 8..10"),
        (PageRequest::After(tip), "sync page none of 7/10; 0..0"),
        (PageRequest::After(Position::START), "read: host 1..10"),
    ];
    for (request, expected) in cases {
        assert_eq!(page(&log, request, &limits), expected, "{request:?}");
    }
}

#[test]
fn a_place_on_another_chain_or_beyond_the_head_has_parted() {
    let (log, limits) = (log(), Limits::default());
    let other = |pos| Position { pos, epoch: 1, chain: Hash([9; 32]) };
    for pos in [7, 9, 10, 11, u64::MAX] {
        let said = page(&log, PageRequest::After(other(pos)), &limits);
        assert_eq!(said, "sync page: diverged, head 10; 0..0", "{pos}");
    }
}

#[test]
fn what_is_not_on_disk_is_not_served() {
    let mut log = log();
    log.sequence(Author::new(3).text("unwritten"), 1, super::kit::now().wall, Rules::all());
    assert_eq!(page(&log, PageRequest::Tail { count: 0 }, &Limits::default()), "page 8..10 of 7/10; 8..10");
    assert_eq!(page(&log, PageRequest::Range { from: 10, to: 11 }, &Limits::default()), "read: host 10..10");
}

#[test]
fn a_page_holds_a_batch_and_a_frame_at_most_but_always_one() {
    let log = log();
    let limits = Limits { batch_entries_max: 2, ..Limits::default() };
    assert_eq!(page(&log, PageRequest::After(log.position_at(7).unwrap()), &limits), "sync page 8..9 of 7/10; 8..9");
    let limits = Limits { batch_bytes_max: 1, ..Limits::default() };
    assert_eq!(page(&log, PageRequest::After(log.position_at(7).unwrap()), &limits), "sync page 8..8 of 7/10; 8..8");
}

#[test]
fn what_was_read_before_a_cut_is_not_served_after_it() {
    let mut log = log();
    let stale = entries(log.position_at(7).unwrap(), 1, &Author::new(5).texts(3));
    let before = log.position_at(7).unwrap().chain;
    let request = PageRequest::Range { from: 8, to: 10 };
    let (message, served) = finish(&log, request, Fence::default(), before, stale, &Limits::default());
    assert_eq!((say::message(&message).as_str(), served), ("page none of 7/10", (0, 0)));
    let kept: alloc::vec::Vec<_> = log.slice(8, 10).unwrap().1.into_iter().cloned().collect();
    log.cut(8, Rules::all());
    let (message, served) = finish(&log, request, Fence::default(), before, kept, &Limits::default());
    assert_eq!((say::message(&message).as_str(), served), ("page 8..8 of 7/8", (8, 8)));
    assert!(matches!(message, Message::EntryPage(_)));
}

/// Who wrote nothing is answered at once; the others by the store, up to where they are told.
#[test]
fn own_entries_are_searched_window_by_window() {
    let (log, limits) = (log(), Limits::default());
    let asked = |n, from| {
        let message = ReadOwn { channel: super::kit::channel(), from }.into();
        PageRequest::from_message(&message, device(n), &log).unwrap()
    };
    assert_eq!(page(&log, asked(2, 0), &limits), "read own: host 1..10");
    assert_eq!(page(&log, asked(2, 4), &limits), "read own: host 4..10");
    assert_eq!(page(&log, asked(2, 11), &limits), "own none of 10, searched 10; 0..0");
    assert_eq!(page(&log, asked(3, 1), &limits), "own none of 10, searched 10; 0..0");
    let own: alloc::vec::Vec<_> = log.slice(7, 10).unwrap().1.into_iter().cloned().collect();
    let ended = |entries: &[crate::store::StoredEntry], limits: &Limits| {
        let request = PageRequest::Own { device: device(2), from: 1, to: 9 };
        say::message(&finish(&log, request, Fence::default(), Hash::ZERO, entries.to_vec(), limits).0)
    };
    assert_eq!(ended(&own[..3], &limits), "own 7..9 of 10, searched 9");
    assert_eq!(ended(&[], &limits), "own none of 10, searched 9");
    let few = Limits { batch_entries_max: 2, ..Limits::default() };
    assert_eq!(ended(&own[..2], &few), "own 7..8 of 10, searched 8", "there may be more behind a full page");
    let small = Limits { batch_bytes_max: 9_000, ..Limits::default() };
    assert_eq!(ended(&own[..2], &small), "own 7..8 of 10, searched 8");
}
