use core::time::Duration;

use segment_proto::Instant;

use super::Gcra;

const START: Instant = Instant(5_000_000);

fn after(millis: u64) -> Instant {
    START + Duration::from_millis(millis)
}

#[test]
fn a_burst_passes_and_then_one_for_each_interval() {
    let mut bucket = Gcra::new(10, 3);
    assert_eq!([(); 3].map(|()| bucket.check(START)), [Ok(()); 3]);
    assert_eq!(bucket.check(START), Err(Duration::from_millis(100)));
    assert_eq!(bucket.check(after(60)), Err(Duration::from_millis(40)));
    assert_eq!(bucket.check(after(100)), Ok(()));
    assert_eq!(bucket.check(after(100)), Err(Duration::from_millis(100)));
}

#[test]
fn what_is_refused_costs_nothing() {
    let mut bucket = Gcra::new(1, 1);
    assert_eq!(bucket.check(START), Ok(()));
    for _ in 0..100 {
        assert_eq!(bucket.check(START), Err(Duration::from_secs(1)));
    }
    assert_eq!(bucket.check(after(1_000)), Ok(()));
}

#[test]
fn a_pause_fills_the_bucket_but_no_further() {
    let mut bucket = Gcra::new(10, 2);
    assert_eq!((bucket.check(START), bucket.check(START)), (Ok(()), Ok(())));
    assert!(!bucket.is_full(after(199)));
    assert!(bucket.is_full(after(200)));
    assert_eq!([(); 3].map(|()| bucket.check(after(60_000)).is_ok()), [true, true, false]);
}

#[test]
fn zero_counts_as_one() {
    let mut bucket = Gcra::new(0, 0);
    assert_eq!(bucket.check(START), Ok(()));
    assert_eq!(bucket.check(START), Err(Duration::from_secs(1)));
}

#[test]
fn long_intervals_do_not_overflow() {
    let mut bucket = Gcra::every(Duration::MAX, u32::MAX);
    assert_eq!(bucket.check(START), Ok(()));
    assert_eq!(bucket.check(START), Ok(()));
}
