//! What is acknowledged survives: a killed process, a lost page cache, a disk that fails.
//!
//! A child, this same program, writes numbered transactions and says which are acknowledged. (a) It is
//! killed. (b) It runs under `strace`, and from the trace the disk is rebuilt as it would have been
//! found had the power failed at some instant. (c) Its syncs and writes are made to fail. Each check
//! has to fail with syncing off.
//!
//! `SEGMENT_RUNS` multiplies the counts, `SEGMENT_SEED` repeats a failure.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod checks;
mod child;
mod disk;
mod random;
mod trace;
mod transactions;

use std::io::Write;
use std::process::{Command, Stdio};

use segment_store::Syncing;

use checks::Violation;
use child::Child;
use random::Random;
use trace::{Call, Traced};

const KILLS: u64 = 12;
const KILLS_PER_STORE: u64 = 6;
const TRANSACTIONS: u64 = 60;
const FAILURES: u64 = 10;
const RESTARTS: u64 = 4;

fn runs() -> u64 {
    std::env::var("SEGMENT_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(1)
}

/// Whether the tests that need strace can run. CI has to have it.
fn strace_is_there() -> bool {
    let found = Command::new("strace").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if found {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "strace is not installed: apt-get install strace");
    // Not eprintln: the test harness would keep that to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED a part of the crash suite: strace is not installed");
    false
}

fn store() -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("store");
    (directory, path)
}

#[test]
fn a_killed_process_keeps_what_it_acknowledged_whole() {
    let mut random = Random::new();
    let (mut directory, mut path) = store();
    let mut acknowledged_by_all = 0;
    for run in 0..KILLS * runs() {
        if run % KILLS_PER_STORE == 0 {
            (directory, path) = store();
        }
        let acknowledged = Child::new(&path, Syncing::Full, u64::MAX).killed_after(random.below(60));
        let there = transactions::verify_file(&path, acknowledged).unwrap_or_else(|lost| panic!("{lost}; {random}"));
        acknowledged_by_all += there;
    }
    drop(directory);
    assert!(acknowledged_by_all > KILLS, "the child got nowhere");
}

#[test]
fn power_may_fail_at_any_instant() {
    if !strace_is_there() {
        return;
    }
    let mut random = Random::new();
    let (_directory, path) = store();
    let calls = Traced::run(&Child::new(&path, Syncing::Full, TRANSACTIONS * runs()), None).calls;
    let checked =
        checks::survives_power_failure(&path, &calls, &mut random).unwrap_or_else(|v| panic!("{v}; {random}"));
    assert!(checked.acknowledgements >= TRANSACTIONS / 3, "{checked:?}");
    assert!(checked.images >= 4 * checked.acknowledgements, "{checked:?}");
    assert!(checked.checkpoints >= 3, "{checked:?}");
}

#[test]
fn power_may_fail_after_a_restart() {
    if !strace_is_there() {
        return;
    }
    let mut random = Random::new();
    for _ in 0..RESTARTS * runs() {
        let (_directory, path) = store();
        let mut calls =
            Traced::run_until_sync(&Child::new(&path, Syncing::Full, u64::MAX), 20 + random.below(40)).calls;
        let found = checks::acknowledged(&calls).unwrap();
        calls.extend(Traced::run(&Child::new(&path, Syncing::Full, found + 6), None).calls);
        checks::survives_power_failure(&path, &calls, &mut random).unwrap_or_else(|v| panic!("{v}; {random}"));
    }
}

#[test]
fn every_acknowledgement_follows_a_sync() {
    if !strace_is_there() {
        return;
    }
    let (_directory, path) = store();
    let calls = Traced::run(&Child::new(&path, Syncing::Full, TRANSACTIONS), None).calls;
    let acknowledgements = checks::syncs_before_acknowledging(&calls).unwrap_or_else(|violation| panic!("{violation}"));
    assert!(acknowledgements >= TRANSACTIONS / 3);
}

/// Makes one call fail, each time another one, and looks at what the child does then.
fn fails(calls: &str, error: &str, of_kind: fn(&Call) -> bool) {
    if !strace_is_there() {
        return;
    }
    let mut random = Random::new();
    let (_directory, path) = store();
    let healthy = Traced::run(&Child::new(&path, Syncing::Full, TRANSACTIONS), None).calls;
    let opened = healthy.iter().position(checks::is_opened).unwrap();
    let count = |calls: &[Call]| calls.iter().filter(|call| of_kind(call)).count() as u64;
    let (opening, running) = (count(&healthy[..opened]), count(&healthy[opened..]));
    let while_opening = (1..=opening).map(|when| (when, false));
    let while_running = (0..FAILURES * runs()).map(|_| (opening + 1 + random.below(running), true));
    for (when, must_stop) in while_opening.chain(while_running).collect::<Vec<_>>() {
        let inject = format!("inject={calls}:error={error}:when={when}");
        let (_directory, path) = store();
        let calls = Traced::run(&Child::new(&path, Syncing::Full, TRANSACTIONS), Some(&inject)).calls;
        let outcome = checks::stops_when_it_fails(&calls).unwrap_or_else(|v| panic!("{v}; {inject}; {random}"));
        assert!(!must_stop || outcome == checks::Outcome::Stopped, "{outcome:?}; {inject}; {random}");
        if let Some(acknowledged) = checks::acknowledged(&calls) {
            transactions::verify_file(&path, acknowledged).unwrap_or_else(|lost| panic!("{lost}; {inject}; {random}"));
        }
    }
}

#[test]
fn a_failed_sync_stops_the_store() {
    fails("fdatasync,fsync", "EIO", |call| matches!(call, Call::Sync { .. }));
}

#[test]
fn a_full_disk_stops_the_store() {
    fails("pwrite64", "ENOSPC", |call| matches!(call, Call::Write { .. }));
}

/// The canary: without syncing, each check has to find what is wrong.
#[test]
fn without_syncing_every_check_fails() {
    if !strace_is_there() {
        return;
    }
    let (_directory, path) = store();
    let unsynced = Child::new(&path, Syncing::Off, TRANSACTIONS);
    let calls = Traced::run(&unsynced, None).calls;
    assert!(checks::acknowledged(&calls) >= Some(TRANSACTIONS));
    let lost = checks::survives_power_failure(&path, &calls, &mut Random::new());
    assert!(matches!(lost, Err(Violation::Lost { .. })), "{lost:?}");
    let early = checks::syncs_before_acknowledging(&calls);
    assert!(matches!(early, Err(Violation::AcknowledgedUnsynced { .. })), "{early:?}");
    let (_directory, path) = store();
    let inject = "inject=fdatasync,fsync:error=EIO:when=4";
    let calls = Traced::run(&Child::new(&path, Syncing::Off, TRANSACTIONS), Some(inject)).calls;
    let unmoved = checks::stops_when_it_fails(&calls);
    assert!(matches!(unmoved, Err(Violation::NothingFailed)), "{unmoved:?}");
}
