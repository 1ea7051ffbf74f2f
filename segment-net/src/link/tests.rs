#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::{Buf, Bytes};
use segment_proto::messages::{Chunk, FindChannel};
use segment_proto::{Frame, FramePlace, StreamId};

use super::batch::{Batch, Lane};
use super::queue::{Level, SendQueue};
use crate::limits::{MEDIA_QUEUE_BYTES_MAX, MEDIA_WRITE_BYTES, OVERFLOW_FACTOR, WRITE_BYTES};

const LIMIT: usize = 256 * 1024;

fn push(queue: &SendQueue, frames: impl IntoIterator<Item = Frame>) -> Level {
    frames.into_iter().map(|frame| queue.push(frame)).max().unwrap_or_default()
}

fn frame(bytes: usize) -> Frame {
    let frame = Frame::push(&FindChannel { name: "x".repeat(bytes - 26) });
    assert!(frame.len().abs_diff(bytes) <= 2);
    frame
}

#[test]
fn what_waits_goes_out_in_one_write() {
    let queue = SendQueue::new(LIMIT);
    let frames = [frame(100), frame(200), frame(300)];
    assert_eq!(push(&queue, frames.clone()), Level::Calm);
    let expected: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes().to_vec()).collect();
    assert_eq!(queue.take_batch(MEDIA_WRITE_BYTES).unwrap().chunk(), expected);
    assert!(queue.take_batch(MEDIA_WRITE_BYTES).is_none());
}

#[test]
fn a_single_frame_is_not_copied() {
    let queue = SendQueue::new(LIMIT);
    let frame = frame(1_000);
    push(&queue, [frame.clone()]);
    assert_eq!(queue.take_batch(MEDIA_WRITE_BYTES).unwrap().chunk().as_ptr(), frame.bytes().as_ptr());
}

#[test]
fn a_write_holds_whole_frames_and_no_more_than_its_size() {
    let queue = SendQueue::new(LIMIT);
    push(&queue, (0..30).map(|_| frame(10_000)));
    let mut sizes = Vec::new();
    while let Some(batch) = queue.take_batch(MEDIA_WRITE_BYTES) {
        assert!(batch.remaining() <= WRITE_BYTES);
        sizes.push(batch.remaining() / 9_990);
    }
    assert_eq!(sizes, [6, 6, 6, 6, 6]);
}

#[test]
fn the_marks_are_told_once_each() {
    let queue = SendQueue::new(LIMIT);
    let one = frame(1_024);
    let count = LIMIT / one.len() + 1;
    assert_eq!(push(&queue, (0..count).map(|_| one.clone())), Level::Filled);
    assert_eq!(push(&queue, [one.clone()]), Level::Calm);
    let mut rooms = Vec::new();
    while let Some(batch) = queue.take_batch(MEDIA_WRITE_BYTES) {
        rooms.extend(queue.written(batch.lane, batch.remaining()));
    }
    assert_eq!(rooms.len(), 1);
    assert!(rooms[0] >= LIMIT / 2, "{rooms:?}");
    assert_eq!(push(&queue, (0..count).map(|_| one.clone())), Level::Filled);
}

#[test]
fn bytes_in_flight_still_count() {
    let queue = SendQueue::new(LIMIT);
    push(&queue, (0..OVERFLOW_FACTOR * 4).map(|_| frame(WRITE_BYTES - 2)));
    queue.take_batch(MEDIA_WRITE_BYTES).unwrap();
    assert_eq!(push(&queue, [frame(WRITE_BYTES - 2)]), Level::Overflow);
}

fn chunk(payload: &Bytes) -> Frame {
    let stream = StreamId::from_random([1; 16]);
    Chunk { stream, track: 1, place: FramePlace::default(), index: 1, header: None, payload: payload.clone() }
        .to_frame()
}

#[test]
fn a_message_overtakes_every_picture_that_waits() {
    let queue = SendQueue::new(LIMIT);
    let picture = Bytes::from(vec![7; 8_192]);
    push(&queue, (0..9).map(|_| chunk(&picture)));
    assert_eq!(queue.take_batch(MEDIA_WRITE_BYTES).unwrap().lane, Lane::Media);
    push(&queue, [frame(100)]);
    let next = queue.take_batch(MEDIA_WRITE_BYTES).unwrap();
    assert_eq!((next.lane, next.chunk()), (Lane::Messages, &frame(100).bytes()[..]));
    let mut left = 8;
    while let Some(batch) = queue.take_batch(MEDIA_WRITE_BYTES) {
        assert!(batch.remaining() <= MEDIA_WRITE_BYTES);
        left -= 1;
    }
    assert_eq!(left, 0);
}

#[test]
fn a_picture_is_never_copied_on_its_way_out() {
    let queue = SendQueue::new(LIMIT);
    let picture = Bytes::from(vec![7; 8_192]);
    push(&queue, [chunk(&picture)]);
    let mut batch = queue.take_batch(MEDIA_WRITE_BYTES).unwrap();
    let mut slices = [std::io::IoSlice::new(&[]), std::io::IoSlice::new(&[])];
    assert_eq!(batch.chunks_vectored(&mut slices), 2);
    assert_eq!(slices[1].as_ptr(), picture.as_ptr());
    let whole: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
    assert_eq!(whole, chunk(&picture).bytes());
    let mut read = Vec::new();
    while batch.has_remaining() {
        let step = batch.chunk().len().min(100);
        read.extend_from_slice(&batch.chunk()[..step]);
        batch.advance(step);
    }
    assert_eq!(read, whole);
}

#[test]
fn pictures_do_not_fill_the_lane_of_messages_and_are_bounded_by_themselves() {
    let queue = SendQueue::new(LIMIT);
    let picture = Bytes::from(vec![7; 8_192]);
    let fits = MEDIA_QUEUE_BYTES_MAX / chunk(&picture).len();
    assert_eq!(push(&queue, (0..fits).map(|_| chunk(&picture))), Level::Calm);
    assert_eq!(push(&queue, [frame(100)]), Level::Calm);
    let batch: Batch = queue.take_batch(MEDIA_WRITE_BYTES).unwrap();
    assert_eq!(queue.written(batch.lane, batch.remaining()), None);
    assert_eq!(push(&queue, [chunk(&picture), chunk(&picture)]), Level::Overflow);
}

#[test]
fn a_connection_that_takes_much_at_once_is_given_more_of_a_stream() {
    let queue = SendQueue::new(LIMIT);
    let picture = Bytes::from(vec![7; 8_192]);
    push(&queue, (0..9).map(|_| chunk(&picture)));
    let sizes: Vec<usize> = [MEDIA_WRITE_BYTES, WRITE_BYTES]
        .iter()
        .map(|bytes_max| queue.take_batch(*bytes_max).unwrap().remaining() / picture.len())
        .collect();
    assert_eq!(sizes, [1, 7]);
}

#[tokio::test]
async fn what_was_queued_before_the_end_still_goes_out() {
    let queue = SendQueue::new(LIMIT);
    push(&queue, [frame(100)]);
    queue.close();
    assert_eq!(queue.next_batch(MEDIA_WRITE_BYTES).await.unwrap().chunk(), frame(100).bytes());
    assert!(queue.next_batch(MEDIA_WRITE_BYTES).await.is_none());
}
