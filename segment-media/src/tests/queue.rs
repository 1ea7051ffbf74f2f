use bytes::Bytes;

use crate::{Bounds, Frame, queue};

fn frame(track: u8, number: u64, key: bool, discardable: bool, bytes: usize) -> Frame {
    Frame { track, timestamp_us: number, key, discardable, payload: Bytes::from(vec![0; bytes]) }
}

fn left(frames: &[Frame], bounds: Bounds) -> (Vec<u64>, u64) {
    let (sender, mut receiver) = queue(bounds);
    frames.iter().for_each(|frame| sender.push(frame.clone()).unwrap());
    let dropped = sender.dropped();
    drop(sender);
    (std::iter::from_fn(|| receiver.next_blocking()).map(|frame| frame.timestamp_us).collect(), dropped)
}

#[test]
fn the_oldest_group_goes_as_a_whole() {
    let bounds = Bounds { frames: 4, bytes: 1_000 };
    let frames: Vec<_> = (0..6).map(|number| frame(0, number, number % 3 == 0, false, 10)).collect();
    assert_eq!(left(&frames, bounds), (vec![3, 4, 5], 3));
}

#[test]
fn no_delta_comes_without_its_keyframe() {
    let bounds = Bounds { frames: 3, bytes: 1_000 };
    let frames: Vec<_> = (0..9).map(|number| frame(0, number, number % 7 == 0, false, 10)).collect();
    assert_eq!(left(&frames, bounds), (vec![7, 8], 7));
}

#[test]
fn what_no_other_needs_goes_alone() {
    let bounds = Bounds { frames: 4, bytes: 1_000 };
    let frames: Vec<_> = (0..6).map(|number| frame(0, number, true, true, 10)).collect();
    assert_eq!(left(&frames, bounds), (vec![2, 3, 4, 5], 2));
}

#[test]
fn sound_stays_while_pictures_go() {
    let bounds = Bounds { frames: 100, bytes: 250 };
    let frames = [0, 1, 0, 1, 0, 1].into_iter().enumerate();
    let frames: Vec<_> =
        frames.map(|(at, track)| frame(track, at as u64, true, false, 100 - 90 * usize::from(track))).collect();
    assert_eq!(left(&frames, bounds), (vec![1, 2, 3, 4, 5], 1));
    let (kept, _) = left(&[frame(0, 0, true, false, 251)], bounds);
    assert!(kept.is_empty(), "a frame over the limit is not kept");
}

#[test]
fn whoever_is_gone_is_noticed_at_both_ends() {
    let (sender, receiver) = queue(Bounds { frames: 1, bytes: 1 });
    drop(receiver);
    assert!(sender.push(frame(0, 0, true, true, 1)).is_err());
}

#[tokio::test]
async fn a_waiting_task_gets_what_a_thread_pushes() {
    let (sender, mut receiver) = queue(Bounds { frames: 10, bytes: 100 });
    let pusher = std::thread::spawn(move || (0..5).try_for_each(|number| sender.push(frame(0, number, true, true, 1))));
    let mut seen = Vec::new();
    while let Some(frame) = receiver.next().await {
        seen.push(frame.timestamp_us);
    }
    pusher.join().unwrap().unwrap();
    assert_eq!(seen, [0, 1, 2, 3, 4]);
}
