#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use super::*;

#[test]
fn names_and_aliases_are_unique() {
    let mut seen = BTreeSet::new();
    for name in names() {
        assert!(seen.insert(name), "/{name} stands there twice");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase()), "/{name}");
    }
}

#[test]
fn every_row_is_filled_in_and_its_examples_are_understood() {
    for spec in table() {
        assert!(!spec.help.is_empty() && !spec.examples.is_empty(), "{spec:?}");
        assert!(spec.help.len() <= 65, "{spec:?}: {}", spec.help);
        for example in spec.examples {
            let parsed = parse(example.line, Origin::Prompt);
            assert!(matches!(parsed, Ok(Some(_))), "{}: {parsed:?}", example.line);
            assert!(example.line.starts_with(&format!("/{}", spec.name)), "{}", example.line);
        }
    }
}

#[test]
fn optional_arguments_come_before_required_ones_only_where_a_sigil_tells_them_apart() {
    for spec in table() {
        let optional_word = spec.args.iter().position(|slot| !slot.is_required() && slot.kind != Kind::Channel);
        let last_required = spec.args.iter().rposition(Slot::is_required);
        assert!(optional_word.is_none_or(|at| last_required.is_none_or(|last| at > last)), "{spec:?}");
    }
}

#[test]
fn every_command_of_the_first_version_is_there() {
    let expected = "connect disconnect register signup login signin guest visitor logout whoami status invisible \
        quit channels list create join j leave switch members info allow authorize deny kick view host verify retain send s \
        outbox history peers ping log clear help version";
    for name in expected.split_whitespace() {
        assert!(find(name).is_some(), "/{name} is missing");
    }
}

#[test]
fn the_committed_reference_is_the_one_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/commands.md");
    let made = reference();
    if env::var_os("SEGMENT_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "docs/commands.md is old: run SEGMENT_BLESS=1 cargo test -p segment-cli reference");
}
