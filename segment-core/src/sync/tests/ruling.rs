extern crate std;

use alloc::collections::BTreeSet;
use std::path::Path;

use crate::rules::{Rule, Rules};

#[test]
fn every_rule_stands_in_the_file_that_it_names() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for rule in Rule::ALL {
        let text = std::fs::read_to_string(source.join(rule.stands_in())).unwrap();
        assert!(text.contains(&alloc::format!("Rule::{rule:?}")), "{rule:?} does not stand in {}", rule.stands_in());
    }
}

#[test]
fn a_removed_rule_is_the_only_one_that_is_missing() {
    assert!(Rule::ALL.iter().all(|rule| Rules::all().has(*rule)));
    for removed in Rule::ALL {
        let rules = Rules::without(*removed);
        let missing: BTreeSet<_> = Rule::ALL.iter().filter(|rule| !rules.has(**rule)).collect();
        assert_eq!(missing, BTreeSet::from([removed]));
    }
}
