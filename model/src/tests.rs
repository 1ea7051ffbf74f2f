//! The configurations hold, and every rule is needed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accept;
mod explorer;

use crate::config::Config;
use crate::configurations;
use crate::explore::{Report, Verdict};
use crate::needed::{NEEDED, OUTSIDE, SPARE};
use crate::report;
use crate::rules::{Rule, Rules};
use crate::steps::Model;

/// How far each configuration is explored here; the program goes further.
const STATES: usize = 20_000;

/// The document that tells what each removal does.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/model.md");

fn explore(config: &Config, without: &[Rule], states: usize) -> Report {
    Model { config: *config, rules: Rules::without(without) }.explore(states)
}

#[test]
fn every_configuration_holds() {
    let mut states = 0;
    for config in configurations::ALL {
        let report = explore(config, &[], STATES);
        let schedule = report::numbered(report::schedule(&report.verdict));
        assert!(!report.verdict.is_violation(), "{}:\n{schedule}", report::row(config, &report));
        states += report.states;
    }
    assert!(states >= 100_000, "only {states} states");
}

#[test]
fn small_configurations_are_exhausted() {
    for name in ["author-crashes", "kick-for-good", "second-channel", "host-restored", "author-restored-host-lost"] {
        let report = explore(configurations::named(name).unwrap(), &[], STATES);
        assert!(matches!(report.verdict, Verdict::Holds { converged } if converged > 0), "{name}: {report:?}");
    }
}

#[test]
fn every_rule_is_needed() {
    let found = report::find_needed();
    for (need, report) in &found {
        assert!(report.verdict.is_violation(), "without {:?} nothing is found in {}", need.removed(), need.config);
    }
    check_document(&report::needed(&found));
}

/// Fails unless the document holds exactly this between its marks; `SEGMENT_BLESS=1` writes it.
fn check_document(generated: &str) {
    let whole = std::fs::read_to_string(DOCUMENT).unwrap();
    let (head, rest) = whole.split_once("<!-- begin needed -->\n").unwrap();
    let (committed, tail) = rest.split_once("<!-- end needed -->").unwrap();
    if std::env::var_os("SEGMENT_BLESS").is_some() {
        let blessed = format!("{head}<!-- begin needed -->\n{generated}<!-- end needed -->{tail}");
        return std::fs::write(DOCUMENT, blessed).unwrap();
    }
    let differing = committed.lines().zip(generated.lines()).find(|(old, new)| old != new);
    assert_eq!(committed, generated, "docs/model.md differs, first at {differing:#?}; SEGMENT_BLESS=1 writes it anew");
}

#[test]
fn every_rule_has_its_line() {
    for rule in Rule::ALL {
        let needed = NEEDED.iter().filter(|need| need.rule == *rule).count();
        let spare = SPARE.iter().filter(|spare| spare.rule == *rule).count();
        assert_eq!(needed + spare, 1, "{rule:?}");
        assert!(OUTSIDE.iter().all(|outside| outside.rule != rule.name()), "{rule:?}");
    }
}

/// What stands in for a rule does so: removed alone, in the same configuration, it is not missed.
#[test]
fn stand_ins_are_not_needed_where_they_stand_in() {
    for need in NEEDED {
        let Some(stand_in) = need.stand_in else { continue };
        let both = need.explore().unwrap();
        for rule in [need.rule, stand_in] {
            let report = explore(need.config().unwrap(), &[rule], both.states);
            assert!(!report.verdict.is_violation(), "{rule:?} alone is missed in {}", need.config);
        }
    }
}

#[test]
fn spare_rules_are_not_missed() {
    let config = configurations::named("author-crashes").unwrap();
    for spare in SPARE {
        assert!(matches!(explore(config, &[spare.rule], STATES).verdict, Verdict::Holds { .. }), "{:?}", spare.rule);
    }
    let both = explore(config, &[Rule::GrantOnBase, Rule::GrantAtHead], STATES);
    assert!(matches!(both.verdict, Verdict::Holds { .. }), "{both:?}");
}

#[test]
fn names_are_found() {
    assert_eq!(Rule::named("cut-resubmits"), Some(Rule::CutResubmits));
    assert_eq!(Rule::named("CutResubmits"), Some(Rule::CutResubmits));
    assert_eq!(Rule::named("cut"), None);
    let mut names: Vec<_> = configurations::ALL.iter().map(|config| config.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), configurations::ALL.len());
}
