//! Scenarios that failed once, and pairs of worlds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::checkers::Finding;
use crate::paired::{Pair, compare};
use crate::plant::Plant;
use crate::planted::{Finder, Planted, Search};
use crate::run::live_scenario;
use crate::scenario::Scenario;
use crate::shrink::shrink;
use crate::trace::Printing;

/// Pairs of worlds that are compared; a thousand by `sim --invisible --seeds 1000`.
const PAIRS: u64 = 25;

#[test]
fn what_failed_once_fails_no_more() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        let scenario: Scenario = fs::read_to_string(&file).unwrap().parse().unwrap();
        let outcome = live_scenario(&scenario, Printing::Silent);
        let findings: Vec<String> = outcome.findings.iter().map(Finding::to_string).collect();
        assert!(findings.is_empty(), "{}: {findings:#?}", file.display());
    }
}

#[test]
fn a_failure_is_made_small_and_still_fails() {
    let plant = Plant::named("without-read-right").unwrap();
    let mut found = (1..).map(|seed| Scenario::draw(seed, crate::scenario::Focus::Rights, plant));
    let (scenario, check) = found
        .find_map(|scenario| {
            let check = live_scenario(&scenario, Printing::Silent).findings.first().map(|finding| finding.check)?;
            Some((scenario, check))
        })
        .unwrap();
    let small = shrink(&scenario, check, 150).scenario;
    assert!(small.happenings.len() * 10 < scenario.happenings.len(), "{} are left", small.happenings.len());
    let again: Scenario = small.to_string().parse().unwrap();
    assert_eq!(live_scenario(&again, Printing::Silent).findings.first().map(|finding| finding.check), Some(check));
}

#[test]
fn whoever_is_invisible_might_as_well_be_offline() {
    let pairs: Vec<Pair> = (1..=PAIRS).map(|seed| compare(seed, Plant::Nothing)).collect();
    let different: Vec<&Pair> = pairs.iter().filter(|pair| matches!(pair, Pair::Differs(_))).collect();
    assert!(different.is_empty(), "{different:#?}");
    let same = pairs.iter().filter(|pair| matches!(pair, Pair::Same(1..))).count();
    assert!(same * 2 > pairs.len(), "too few show anything: {pairs:?}");
}

#[test]
fn a_comparison_sees_who_is_shown_though_invisible() {
    let plant = Plant::named("without-hide-invisible").unwrap();
    assert!((1..=PAIRS).any(|seed| matches!(compare(seed, plant), Pair::Differs(_))));
}

#[test]
fn every_planted_fault_is_found() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("planted.txt");
    let table = Planted::table(&path).unwrap();
    let is_known = |plant: Plant| table.iter().any(|planted| planted.plant == plant);
    let unknown = Plant::all().into_iter().filter(|(_, plant)| !is_known(*plant));
    assert_eq!(unknown.map(|(name, _)| name).collect::<Vec<_>>(), ["impure"], "each has a line in the table");
    let missed = Mutex::new(Vec::new());
    // The last seed that was needed in each kind of world.
    let needed = Mutex::new(BTreeMap::<String, (Search, u64)>::new());
    in_two_threads(&table, |planted| {
        let Finder::Simulator(search) = &planted.finder else { return };
        let Some(found) = planted.find() else { return missed.lock().unwrap().push(planted.plant.name()) };
        let mut needed = needed.lock().unwrap();
        let last = &mut needed.entry(search.worlds.to_string()).or_insert((search.clone(), 0)).1;
        *last = found.seed.max(*last);
    });
    assert_eq!(missed.into_inner().unwrap(), Vec::<String>::new());
    let needed: Vec<(Search, u64)> = needed.into_inner().unwrap().into_values().collect();
    let broken = Mutex::new(Vec::new());
    in_two_threads(&needed, |(search, last)| {
        let finding = search.breaks_unplanted(*last).map(|finding| format!("{}: {finding}", search.worlds));
        broken.lock().unwrap().extend(finding);
    });
    assert_eq!(broken.into_inner().unwrap(), Vec::<String>::new(), "nothing was planted");
}

fn in_two_threads<T: Sync>(all: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(one);
        }
    };
    thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
}
