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
        outbox history search peers ping log clear help version set alias unread notify stats debug";
    for name in expected.split_whitespace() {
        assert!(find(name).is_some(), "/{name} is missing");
    }
}

#[test]
fn aliases_stand_for_beginnings_of_commands_and_nothing_else() {
    let mut aliases = Aliases::default();
    aliases.keep("hi", "/send #general hi").unwrap();
    aliases.keep("search-later", "/history --last 5").unwrap();
    let cases = [
        ("/hi there", "/send #general hi there"),
        ("/hi", "/send #general hi"),
        ("  /hi  there", "/send #general hi  there"),
        ("/hix there", "/hix there"),
        ("hi there", "hi there"),
        ("//hi there", "//hi there"),
        ("/join #hi", "/join #hi"),
        ("/", "/"),
    ];
    for (typed, meant) in cases {
        assert_eq!(aliases.expand(typed), meant, "{typed}");
    }
    assert_eq!(parse_typed("/hi there", &aliases), parse("/send #general hi there", Origin::Prompt));
    let error = parse_typed("/search-latr", &aliases).unwrap_err().to_string();
    assert!(error.contains("did you mean /search-later?"), "{error}");
}

#[test]
fn an_alias_never_hides_a_command_and_never_stands_for_an_alias() {
    let mut aliases = Aliases::default();
    // From a file of a time at which there was no such command.
    aliases.keep("join", "/quit").unwrap();
    assert_eq!(aliases.expand("/join #a"), "/join #a");
    aliases.keep("one", "/send one").unwrap();
    assert_eq!(aliases.keep("two", "/one two"), Err(AliasError::NotACommand));
    assert_eq!(aliases.keep("two", "//one"), Err(AliasError::NotACommand));
    assert_eq!(aliases.keep("two", "/send a\nb"), Err(AliasError::BadText));
    assert_eq!(aliases.keep("two", &format!("/send {}", "x".repeat(ALIAS_TEXT_BYTES_MAX))), Err(AliasError::BadText));
    for name in ["", "-x", "A", "a b", "a/b", &"x".repeat(ALIAS_NAME_BYTES_MAX + 1)] {
        assert!(matches!(aliases.keep(name, "/help"), Err(AliasError::BadName(_))), "{name}");
    }
    for number in aliases.iter().count()..ALIASES_MAX {
        aliases.keep(&format!("a{number}"), "/help").unwrap();
    }
    assert_eq!(aliases.keep("more", "/help"), Err(AliasError::TooMany));
    aliases.keep("one", "/help").unwrap();
    let longest = format!("/one {}", "x".repeat(crate::grammar::LINE_BYTES_MAX));
    assert!(parse_typed(&longest, &aliases).is_err(), "an expanded line is as long as any line at most");
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
