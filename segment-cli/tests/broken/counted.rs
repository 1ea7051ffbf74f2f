//! That each of the ten ways has its tests, and what still waits for a later issue.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Tests that wait, and for what.
const WAITING: [(&str, &str); 0] = [];

/// Every test with the reason for which it is ignored, in the order of their names.
fn tests() -> Vec<(String, Option<String>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let mut tests = Vec::new();
    for file in files {
        let mut ignored = None;
        for line in fs::read_to_string(file).unwrap().lines() {
            if let Some(reason) = line.strip_prefix("#[ignore = \"") {
                ignored = Some(reason.trim_end_matches("\"]").to_owned());
            }
            let name = line.split("fn ").nth(1).filter(|name| name.starts_with("broken_"));
            if let Some(name) = name.filter(|_| !line.starts_with(' ')) {
                tests.push((name[.."broken_00a".len()].to_owned(), ignored.take()));
            }
        }
    }
    tests.sort();
    tests
}

#[test]
fn each_of_the_ten_ways_is_covered_and_what_waits_is_counted() {
    let tests = tests();
    let ways: BTreeSet<&str> = tests.iter().map(|(name, _)| &name["broken_".len().."broken_00".len()]).collect();
    let wanted: Vec<String> = (1..=10).map(|way| format!("{way:02}")).collect();
    assert_eq!(ways.into_iter().collect::<Vec<_>>(), wanted);
    let names: BTreeSet<&String> = tests.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), tests.len(), "two tests have one letter");
    let waiting: Vec<_> = tests.iter().filter_map(|(name, reason)| Some((name.as_str(), reason.as_deref()?))).collect();
    assert_eq!(waiting, WAITING);
}
