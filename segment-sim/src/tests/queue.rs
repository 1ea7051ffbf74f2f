use core::time::Duration;

use segment_proto::Instant;

use crate::dice::Dice;
use crate::queue::Queue;

#[test]
fn things_happen_in_the_order_of_time_then_of_insertion() {
    let mut queue = Queue::default();
    queue.push(Instant(20), 'c');
    queue.push(Instant(10), 'a');
    queue.push(Instant(10), 'b');
    queue.push(Instant(30), 'd');
    let happened: String = core::iter::from_fn(|| queue.pop_until(Instant(25))).collect();
    assert_eq!(happened, "abc");
    assert_eq!(queue.now(), Instant(25));
    assert_eq!(queue.len(), 1);
}

#[test]
fn what_is_scheduled_in_the_past_happens_now() {
    let mut queue = Queue::default();
    assert_eq!(queue.pop_until(Instant(50)), None::<char>);
    queue.push(Instant(10), 'a');
    assert_eq!(queue.pop_until(Instant(50)), Some('a'));
    assert_eq!(queue.now(), Instant(50));
}

#[test]
fn generators_are_independent_of_each_other() {
    let root = Dice::new(7);
    let mut alone = root.child("node", 1);
    let (mut first, mut second) = (root.child("node", 1), root.child("node", 2));
    let drawn: Vec<u64> = (0..8).map(|_| alone.between(0, 1_000_000)).collect();
    let drawn_beside: Vec<u64> = (0..8)
        .map(|_| {
            second.chance(500);
            first.between(0, 1_000_000)
        })
        .collect();
    assert_eq!(drawn, drawn_beside);
    assert!(root.child("node", 3).duration(Duration::from_millis(5), Duration::from_millis(5)).as_millis() == 5);
}
