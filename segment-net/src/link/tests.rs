#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use segment_proto::Frame;
use segment_proto::messages::FindChannel;

use super::queue::{Level, SendQueue};
use crate::limits::{OVERFLOW_FACTOR, WRITE_BYTES};

const LIMIT: usize = 256 * 1024;

fn frame(bytes: usize) -> Frame {
    let frame = Frame::push(&FindChannel { name: "x".repeat(bytes - 26) });
    assert!(frame.len().abs_diff(bytes) <= 2);
    frame
}

#[test]
fn what_waits_goes_out_in_one_write() {
    let queue = SendQueue::new(LIMIT);
    let frames = [frame(100), frame(200), frame(300)];
    assert_eq!(queue.push(frames.clone()), Level::Calm);
    let expected: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes().to_vec()).collect();
    assert_eq!(queue.take_batch().unwrap(), expected);
    assert_eq!(queue.take_batch(), None);
}

#[test]
fn a_single_frame_is_not_copied() {
    let queue = SendQueue::new(LIMIT);
    let frame = frame(1_000);
    queue.push([frame.clone()]);
    assert_eq!(queue.take_batch().unwrap().as_ptr(), frame.bytes().as_ptr());
}

#[test]
fn a_write_holds_whole_frames_and_no_more_than_its_size() {
    let queue = SendQueue::new(LIMIT);
    queue.push((0..30).map(|_| frame(10_000)));
    let mut sizes = Vec::new();
    while let Some(batch) = queue.take_batch() {
        assert!(batch.len() <= WRITE_BYTES);
        sizes.push(batch.len() / 9_990);
    }
    assert_eq!(sizes, [6, 6, 6, 6, 6]);
}

#[test]
fn the_marks_are_told_once_each() {
    let queue = SendQueue::new(LIMIT);
    let one = frame(1_024);
    let count = LIMIT / one.len() + 1;
    assert_eq!(queue.push((0..count).map(|_| one.clone())), Level::Filled);
    assert_eq!(queue.push([one.clone()]), Level::Calm);
    let mut rooms = Vec::new();
    while let Some(batch) = queue.take_batch() {
        rooms.extend(queue.written(batch.len()));
    }
    assert_eq!(rooms.len(), 1);
    assert!(rooms[0] >= LIMIT / 2, "{rooms:?}");
    assert_eq!(queue.push((0..count).map(|_| one.clone())), Level::Filled);
}

#[test]
fn bytes_in_flight_still_count() {
    let queue = SendQueue::new(LIMIT);
    queue.push((0..OVERFLOW_FACTOR * 4).map(|_| frame(WRITE_BYTES - 2)));
    queue.take_batch().unwrap();
    assert_eq!(queue.push([frame(WRITE_BYTES - 2)]), Level::Overflow);
}
