#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write;
use std::io::Cursor;

use super::*;
use crate::Label;

const DEVICE: &str = "d1";

/// A member who wrote five messages: three acknowledged, one kept, one of unknown fate.
const LOG: &str = "device d1 .\n\
    sent m1/c1/1 .\nkept m1/c1/1 1:1 500 .\nacked m1/c1/1 1:1 1000 .\n\
    sent m1/c1/2 .\nkept m1/c1/2 1:2 500 .\nacked m1/c1/2 1:2 1500 .\n\
    sent m1/c1/3 .\nkept m1/c1/3 1:3 500 .\nacked m1/c1/3 1:3 4000 .\n\
    sent m1/c1/4 .\nkept m1/c1/4 1:4 500 .\n\
    sent m1/c1/5 .\nack";

/// An export that shows these numbers of messages, behind the entry that made the channel.
fn shown(numbers: &[u32]) -> String {
    let mut lines = String::from(
        "{\"type\":\"text\",\"text\":\"You are ken.\"}\n\
         {\"type\":\"message\",\"channel\":\"#c1\",\"pos\":1,\"key\":{\"channel\":\"x\",\"device\":\"d0\",\
         \"incarnation\":1,\"seq\":1},\"kind\":\"access\",\"access\":{},\"stage\":\"committed\"}\n",
    );
    for (pos, number) in (2..).zip(numbers) {
        line(&mut lines, pos, *number, "committed");
    }
    lines
}

fn line(lines: &mut String, pos: u64, number: u32, stage: &str) {
    writeln!(
        lines,
        "{{\"type\":\"message\",\"channel\":\"#c1\",\"pos\":{pos},\"key\":{{\"channel\":\"x\",\"device\":\"{DEVICE}\",\
         \"incarnation\":1,\"seq\":{number}}},\"author\":null,\"kind\":\"text\",\"text\":\"m1/c1/{number}\",\
         \"stage\":\"{stage}\",\"from\":\"self\"}}"
    )
    .unwrap();
}

fn evidence(log: &str, exports: &[&str]) -> Evidence {
    let mut evidence = Evidence::default();
    evidence.ledgers.insert(1, Ledger::parse(1, log).unwrap());
    for (name, export) in ["host", "m1", "tracker"].into_iter().zip(exports) {
        evidence.exports.insert(name.to_owned(), Export::parse(name, Cursor::new(export)).unwrap());
    }
    evidence
}

fn verdict_on(numbers: &[u32]) -> Verdict {
    judge(&evidence(LOG, &[&shown(numbers), &shown(numbers)]))
}

fn kinds(verdict: &Verdict) -> Vec<(Kind, u64)> {
    verdict.counts.iter().map(|(&kind, &count)| (kind, count)).collect()
}

#[test]
fn what_is_as_promised_is_clean_whatever_became_of_the_unknown() {
    let without = verdict_on(&[1, 2, 3, 4]);
    assert!(without.is_clean(), "{without:?}");
    assert_eq!((without.acked, without.kept, without.unknown_found, without.unknown_missing), (3, 1, 0, 1));
    assert_eq!((without.span_ms, without.gap_ms), (3000, 2500));
    let with = verdict_on(&[1, 2, 3, 4, 5]);
    assert!(with.is_clean(), "{with:?}");
    assert_eq!((with.unknown_found, with.unknown_missing), (1, 0));
}

#[test]
fn each_fault_is_named() {
    let both = |kind| vec![(kind, 2)];
    assert_eq!(kinds(&verdict_on(&[1, 3, 4])), both(Kind::Lost));
    assert_eq!(kinds(&verdict_on(&[1, 2, 3])), both(Kind::KeptLost));
    assert_eq!(kinds(&verdict_on(&[1, 2, 2, 3, 4])), both(Kind::Doubled));
    assert_eq!(kinds(&verdict_on(&[1, 3, 2, 4])), both(Kind::OutOfOrder));
    assert_eq!(kinds(&verdict_on(&[1, 2, 3, 5, 4])), both(Kind::OutOfOrder));
    assert_eq!(kinds(&verdict_on(&[1, 2, 3, 4, 6])), both(Kind::Invented));
}

#[test]
fn a_fault_of_one_export_is_found_there() {
    let (good, bad) = (shown(&[1, 2, 3, 4]), shown(&[1, 2, 4]));
    let verdict = judge(&evidence(LOG, &[&good, &good, &bad]));
    assert_eq!(kinds(&verdict), [(Kind::Lost, 1), (Kind::Differs, 2)]);
    assert!(verdict.violations.iter().all(|violation| violation.party == "tracker"), "{verdict:?}");
}

#[test]
fn a_hole_a_provisional_entry_and_a_contradiction_are_found() {
    let good = shown(&[1, 2, 3, 4]);
    let mut hole = shown(&[1, 2, 3]);
    line(&mut hole, 6, 4, "committed");
    assert_eq!(kinds(&judge(&evidence(LOG, &[&hole, &hole]))), [(Kind::Hole, 2)]);
    let mut provisional = shown(&[1, 2, 3]);
    line(&mut provisional, 5, 4, "stored");
    let verdict = judge(&evidence(LOG, &[&provisional, &provisional]));
    assert_eq!(kinds(&verdict), [(Kind::NotCommitted, 2)]);
    let mut twice = good.clone();
    line(&mut twice, 5, 4, "committed");
    assert!(judge(&evidence(LOG, &[&good, &twice])).is_clean(), "the same place twice is an overlap of pages");
    line(&mut twice, 5, 3, "committed");
    assert!(judge(&evidence(LOG, &[&good, &twice])).count(Kind::Differs) > 0);
}

#[test]
fn keys_and_devices_are_compared() {
    let good = shown(&[1, 2, 3, 4]);
    let other_key = LOG.replace("acked m1/c1/2 1:2", "acked m1/c1/2 2:2");
    assert_eq!(kinds(&judge(&evidence(&other_key, &[&good, &good]))), [(Kind::OtherKey, 2)]);
    let other_device = LOG.replace("device d1", "device d9");
    assert_eq!(kinds(&judge(&evidence(&other_device, &[&good, &good]))), [(Kind::OtherKey, 8)]);
}

#[test]
fn what_failed_must_not_be_there_and_nothing_is_refused() {
    let good = shown(&[1, 2, 3, 4]);
    let failed = format!("{LOG}\nsent m1/c1/6 .\nfailed m1/c1/6 .\n");
    assert!(judge(&evidence(&failed, &[&good, &good])).is_clean());
    let there = shown(&[1, 2, 3, 4, 6]);
    assert_eq!(kinds(&judge(&evidence(&failed, &[&there, &there]))), [(Kind::Invented, 2)]);
    let refused = format!("{LOG}\nrefused m1/c1/5 1:5 .\n");
    assert_eq!(kinds(&judge(&evidence(&refused, &[&good, &good]))), [(Kind::Refused, 1)]);
}

#[test]
fn torn_lines_are_counted_and_foreign_ones_are_errors() {
    assert_eq!(Ledger::parse(1, LOG).unwrap().torn, 1);
    for line in ["hello .", "sent m2/c1/1 .", "sent m1/c1/2 .", "kept m1/c1/1 1:1 500 .", "acked m1/c1/1 1 1 ."] {
        assert!(Ledger::parse(1, line).is_err(), "{line}");
    }
    assert!(Export::parse("host", Cursor::new("{\"type\":\"message\"}")).is_err());
    assert!(Export::parse("host", Cursor::new("{\"type\":\"message\",\"channel\"")).is_err());
}

#[test]
fn every_canary_is_found() {
    let good = shown(&[1, 2, 3, 4]);
    let found = canaries(&evidence(LOG, &[&good, &good]));
    assert_eq!(found.len(), 6);
    assert!(found.iter().all(|canary| canary.found), "{found:?}");
}

#[test]
fn labels_read_what_they_write() {
    let label = Label { member: 3, channel: 12, number: 4_000_000 };
    assert_eq!(label.to_string().parse(), Ok(label));
    for text in ["", "m1/c1", "m1/c1/1/1", "x1/c1/1", "m1/1/1", "m1/c1/-1", "hello"] {
        assert!(text.parse::<Label>().is_err(), "{text}");
    }
}
