#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::check::Ledger;

fn trouble(place: &str, how: &str, member: Option<u16>, from: u64, until: u64) -> Trouble {
    Trouble { place: place.to_owned(), how: how.to_owned(), member, from, until }
}

/// Two members: the second waits long for one message, and everybody for nine seconds.
fn evidence() -> Evidence {
    let mut evidence = Evidence::default();
    let one = "device d1 .\n\
        sent m1/c1/1 .\nkept m1/c1/1 1:1 900 .\nacked m1/c1/1 1:1 1000 .\n\
        sent m1/c1/2 .\nkept m1/c1/2 1:2 9900 .\nacked m1/c1/2 1:2 10000 .\n\
        sent m1/c1/3 .\nkept m1/c1/3 1:3 9950 .\n";
    let two = "device d2 .\n\
        sent m2/c1/1 .\nkept m2/c1/1 1:1 500 .\nacked m2/c1/1 1:1 12500 .\n\
        sent m2/c1/2 .\nkept m2/c1/2 1:2 600 .\nacked m2/c1/2 1:2 12500 .\n";
    evidence.ledgers.insert(1, Ledger::parse(1, one).unwrap());
    evidence.ledgers.insert(2, Ledger::parse(2, two).unwrap());
    evidence
}

fn shown(troubles: &[Trouble]) -> Vec<String> {
    longest(&evidence(), troubles).iter().map(ToString::to_string).collect()
}

#[test]
fn the_silence_comes_first_and_then_each_time_once() {
    let shown = shown(&[]);
    assert_eq!(
        shown,
        [
            "     0.5      9.0          9.0  everybody: nothing was wrong",
            "     0.0     12.0         12.0  m2/c1/1: nothing was wrong",
        ]
    );
}

#[test]
fn what_was_wrong_is_added_up_and_what_others_suffered_is_left_out() {
    let troubles = [
        trouble("host", "away", None, 2_000, 4_000),
        trouble("host", "away", None, 8_000, 11_000),
        trouble("host to tracker", "cut", None, 5_000, 5_000),
        trouble("m1", "frozen", Some(1), 2_000, 3_000),
        trouble("m2", "starting", Some(2), 0, 700),
        trouble("tracker", "away", None, 20_000, 21_000),
    ];
    let shown = shown(&troubles);
    assert_eq!(shown[0], "     0.5      9.0          3.0  everybody: host away 4.0 s in 2, host to tracker cut 1 x");
    assert_eq!(
        shown[1],
        "     0.0     12.0          3.0  m2/c1/1: host away 5.0 s in 2, host to tracker cut 1 x, m2 starting 0.2 s in 1"
    );
}
