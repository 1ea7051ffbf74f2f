use alloc::collections::VecDeque;
use core::time::Duration;

use segment_proto::Instant;
use segment_proto::limits::StreamLimits;

use crate::rules::{Rule, Rules};
use crate::stream::pacing::Window;

fn at(ms: u64) -> Instant {
    Instant(ms * 1_000)
}

/// Sends as much as may be under way and takes it all a while later, a few times.
fn after_rounds(rounds: u64, delay: impl Fn(u64) -> u64) -> usize {
    let limits = StreamLimits::default();
    let mut window = Window::new(&limits);
    let (mut now, mut total) = (0, 0);
    for round in 0..rounds {
        while window.has_room(8_192, Rules::all()) {
            window.on_sent(8_192, at(now));
            total += 8_192;
        }
        now += delay(round);
        window.on_taken(total, Duration::ZERO, at(now), &limits);
        assert_eq!(window.under_way(), 0);
    }
    window.size()
}

#[test]
fn a_fast_viewer_is_sent_more_and_more_up_to_the_limit() {
    let limits = StreamLimits::default();
    assert!(after_rounds(3, |_| 10) > 2 * limits.window_bytes_min * 4);
    assert_eq!(after_rounds(50, |_| 10), limits.window_bytes_max);
}

#[test]
fn a_viewer_whose_link_fills_is_sent_as_little_as_possible() {
    let limits = StreamLimits::default();
    assert_eq!(after_rounds(30, |round| if round == 0 { 10 } else { 200 }), limits.window_bytes_min);
}

#[test]
fn a_link_that_has_filled_once_is_filled_over_by_little() {
    // A link that takes 1,000 bytes a millisecond: what is under way beyond 10,000 waits.
    let limits = StreamLimits::default();
    let mut window = Window::new(&limits);
    let (mut now, mut total, mut most) = (0, 0, 0);
    for round in 0..200 {
        let before = total;
        while window.has_room(1_000, Rules::all()) && (round > 0 || total < 10_000) {
            window.on_sent(1_000, at(now));
            total += 1_000;
        }
        now += ((total - before) / 1_000).max(10);
        window.on_taken(total, Duration::ZERO, at(now), &limits);
        if round > 10 {
            most = most.max(window.size());
        }
    }
    assert!((20_000..45_000).contains(&most), "{most}");
}

/// A link of 260 bytes a millisecond to a viewer 24 ms away, and frames of a large chunk and a small one. What is taken is
/// said at a large chunk, and 50 ms after a small one that nothing follows. Bytes that are taken in four seconds.
fn carried() -> u64 {
    let limits = StreamLimits::default();
    let (mut window, mut sizes) = (Window::new(&limits), [8_192, 2_279].iter().cycle().copied().peekable());
    let (mut now, mut free, mut total, mut said) = (0, 0, 0, 0);
    let mut under_way = VecDeque::new();
    while now < 4_000 {
        while window.has_room(sizes.peek().copied().unwrap(), Rules::all()) {
            let size = sizes.next().unwrap();
            window.on_sent(size, at(now));
            total += size as u64;
            free = free.max(now) + size as u64 / 260;
            under_way.push_back((free + 24, total));
        }
        let (came, taken) = under_way.pop_front().unwrap();
        let next = under_way.front().map_or(u64::MAX, |(came, _)| *came);
        let held = if taken - said >= 8_192 { 0 } else { 50 };
        if came + held < next {
            said = taken;
            now = now.max(came + held + 24);
            window.on_taken(taken, Duration::from_millis(held), at(now), &limits);
        }
    }
    said
}

#[test]
fn a_link_on_which_a_chunk_takes_longer_than_the_delay_is_used_as_well() {
    // Of 1,040,000 bytes.
    assert_eq!(carried(), 764_383);
}

#[test]
fn a_viewer_far_away_is_no_slow_one() {
    assert_eq!(after_rounds(50, |_| 300), StreamLimits::default().window_bytes_max);
}

#[test]
fn nothing_more_goes_than_the_window_takes_but_one_chunk_always_does() {
    let limits = StreamLimits { window_bytes_min: 1_000, window_bytes_max: 1_000, ..StreamLimits::default() };
    let mut window = Window::new(&limits);
    assert!(window.has_room(9_000, Rules::all()));
    window.on_sent(600, at(0));
    assert!(!window.has_room(500, Rules::all()));
    assert!(window.has_room(400, Rules::all()));
    assert!(window.has_room(500, Rules::without(Rule::WindowBounds)));
}

#[test]
fn more_than_was_sent_cannot_be_taken() {
    let limits = StreamLimits::default();
    let mut window = Window::new(&limits);
    window.on_sent(100, at(0));
    window.on_taken(u64::MAX, Duration::MAX, at(1), &limits);
    assert_eq!(window.under_way(), 0);
    window.on_taken(1, Duration::ZERO, at(1), &limits);
    assert_eq!(window.under_way(), 0);
}
