#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::thread;
use std::time::{Duration, Instant};

use super::queue::queue;

#[test]
fn all_that_was_sent_comes_out_in_order_before_the_end() {
    let (sender, receiver) = queue();
    let taken = thread::spawn(move || std::iter::from_fn(|| receiver.next(None)).collect::<Vec<u32>>());
    (0..1_000).for_each(|item| sender.send(item));
    drop(sender);
    assert_eq!(taken.join().unwrap(), (0..1_000).collect::<Vec<u32>>());
}

#[test]
fn a_sleeper_is_woken_by_each_item_and_gives_up_in_time() {
    let (sender, receiver) = queue();
    let sleeper = thread::spawn(move || (receiver.next(None), receiver.next(None), receiver.ready()));
    thread::sleep(Duration::from_millis(20));
    sender.send(1);
    thread::sleep(Duration::from_millis(20));
    sender.send(2);
    assert_eq!(sleeper.join().unwrap(), (Some(1), Some(2), None));
    let (_sender, receiver) = queue::<u32>();
    let begun = Instant::now();
    assert_eq!(receiver.next(Some(begun + Duration::from_millis(20))), None);
    assert!(begun.elapsed() >= Duration::from_millis(20));
}
