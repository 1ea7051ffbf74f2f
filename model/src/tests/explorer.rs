//! The explorer itself: the same every time, the shortest schedule, and a limit that is kept.

use super::explore;
use crate::configurations;
use crate::explore::Verdict;
use crate::fingerprint::fingerprint;
use crate::report;
use crate::rules::{Rule, Rules};
use crate::steps::Model;

#[test]
fn exploring_twice_gives_the_same() {
    let config = configurations::named("author-crashes").unwrap();
    let reports = [0, 1].map(|_| explore(config, &[Rule::Fencing], 20_000));
    assert_eq!(reports[0].states, reports[1].states);
    assert_eq!(report::schedule(&reports[0].verdict), report::schedule(&reports[1].verdict));
}

#[test]
fn a_schedule_is_the_shortest_one() {
    let config = configurations::named("torn-writes").unwrap();
    let report = explore(config, &[Rule::StoreBeforeReceipt], 20_000);
    let steps: Vec<String> = report::schedule(&report.verdict).iter().map(ToString::to_string).collect();
    let expected = [
        "A writes A.1.1 m1",
        "H0 appends A.1.1 m1",
        "H0 syncs and says HostStored",
        "the tracker takes A.1.1 m1 from the host",
        "A gets a receipt",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn the_limit_is_kept() {
    let config = configurations::named("takeover").unwrap();
    let report = explore(config, &[], 1_000);
    assert!(matches!(report.verdict, Verdict::CutOff));
    assert!((1_000..1_100).contains(&report.states), "{}", report.states);
}

#[test]
fn different_worlds_have_different_fingerprints() {
    let model = Model { config: *configurations::named("takeover").unwrap(), rules: Rules::all() };
    let mut worlds = vec![model.first()];
    let mut seen = std::collections::HashMap::from([(fingerprint(&worlds[0]), worlds[0].clone())]);
    while let Some(world) = worlds.pop().filter(|_| seen.len() < 5_000) {
        for next in model.next(&world) {
            let same = seen.entry(fingerprint(&next.world)).or_insert_with(|| {
                worlds.push(next.world.clone());
                next.world.clone()
            });
            assert_eq!(*same, next.world);
        }
    }
}

#[test]
fn numbers_are_grouped() {
    assert_eq!(
        ["1", "12", "1 234", "1 234 567"],
        [1, 12, 1_234, 1_234_567].map(report::grouped).map(|s| s.leak() as &str)
    );
}

/// A model in which something cannot happen would prove nothing about it.
#[test]
fn every_step_happens_somewhere() {
    let mut happened = std::collections::BTreeSet::new();
    let deep = configurations::named("tracker-restored-reader").unwrap();
    collect_steps(&Model { config: *deep, rules: Rules::all() }, 60_000, &mut happened);
    for config in configurations::ALL {
        for removed in [&[][..], &[Rule::OutboxBeforeSubmit], &[Rule::ForwardOnly]] {
            collect_steps(&Model { config: *config, rules: Rules::without(removed) }, 4_000, &mut happened);
        }
    }
    let all = include_str!("../step.rs").split_once("pub enum Step {").unwrap().1.split_once("\n}").unwrap().0;
    let names =
        all.lines().filter_map(|line| line.trim().split([' ', '(', ',']).next()).filter(|name| !name.is_empty());
    let missing: Vec<_> = names.filter(|name| !happened.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?} never happen");
}

/// The names of the steps in the first worlds of a configuration.
fn collect_steps(model: &Model, limit: usize, happened: &mut std::collections::BTreeSet<String>) {
    let mut queue = std::collections::VecDeque::from([model.first()]);
    let mut seen = std::collections::HashSet::from([fingerprint(&queue[0])]);
    while let Some(world) = queue.pop_front().filter(|_| seen.len() < limit) {
        for next in model.next(&world) {
            let name = format!("{:?}", next.step);
            happened.insert(name.split([' ', '(']).next().unwrap().to_owned());
            if seen.insert(fingerprint(&next.world)) {
                queue.push_back(next.world);
            }
        }
    }
}
