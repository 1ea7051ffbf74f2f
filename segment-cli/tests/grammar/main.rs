//! What each line means, or why it means nothing: one table, `lines.txt`, written again with `SEGMENT_BLESS=1`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod lines;

use std::fs;
use std::path::PathBuf;

use segment_cli::commands::parse;
use segment_cli::grammar::Origin;

use lines::LINES;

/// One line of the table.
fn outcome(line: &str) -> String {
    let meant = match parse(line, Origin::Prompt) {
        Ok(None) => "nothing to do".to_owned(),
        Ok(Some(command)) => format!("{command:?}"),
        Err(error) => format!("! {}: {error}", error.reason()),
    };
    format!("{line:?}\n    {meant}\n")
}

#[test]
fn every_line_means_what_the_table_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/grammar/lines.txt");
    let table: String = LINES.iter().map(|line| outcome(line)).collect();
    if std::env::var_os("SEGMENT_BLESS").is_some() {
        fs::write(&path, &table).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    for (made, wanted) in table.lines().zip(committed.lines()) {
        assert_eq!(made, wanted, "run: SEGMENT_BLESS=1 cargo test -p segment-cli --test grammar");
    }
    assert_eq!(table.lines().count(), committed.lines().count());
}

#[test]
fn the_table_has_enough_lines_of_both_kinds() {
    let refused = LINES.iter().filter(|line| parse(line, Origin::Prompt).is_err()).count();
    assert!(refused >= 40 && LINES.len() - refused >= 40, "{refused} of {} are refused", LINES.len());
}
