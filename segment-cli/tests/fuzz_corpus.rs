//! The committed corpus of the REPL's parser. `SEGMENT_BLESS=1` adds the examples of the command table to it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "grammar/lines.rs"]
mod lines;

use std::fs;
use std::path::PathBuf;

use segment_cli::commands::table;
use segment_cli::fuzzing::repl_parser;

const ODD: [&str; 14] = [
    "",
    "/",
    "//not a command",
    "# a comment",
    "/nosuch",
    "/send",
    "/send #general \"not closed",
    "/send #general \\q",
    "/join \u{202e}lareneg",
    "/join #a #b #c",
    "/history --nosuch 3",
    "/history #general -1",
    "hello, мир 👋",
    "/send #general \u{1b}[2J",
];

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/repl_parser")
}

fn seeds() -> Vec<(String, &'static str)> {
    let odd = ODD.iter().enumerate().map(|(index, line)| (format!("odd_{index}"), *line));
    let examples = table().map(|spec| (spec.name.to_string(), spec.examples[0].line));
    let told = lines::LINES.iter().enumerate().map(|(index, line)| (format!("line_{index}"), *line));
    odd.chain(examples).chain(told).collect()
}

#[test]
fn the_corpus_of_repl_parser_is_replayed() {
    if std::env::var_os("SEGMENT_BLESS").is_some() {
        fs::create_dir_all(corpus()).unwrap();
        seeds().into_iter().for_each(|(name, line)| fs::write(corpus().join(name), line).unwrap());
    }
    let files = fs::read_dir(corpus()).unwrap();
    let replayed = files.map(|file| repl_parser(&fs::read(file.unwrap().path()).unwrap())).count();
    assert!(replayed >= seeds().len(), "seeds are missing; run with SEGMENT_BLESS=1");
}

#[test]
fn lines_around_the_limit_are_refused_for_their_length_alone() {
    let limit = segment_cli::grammar::LINE_BYTES_MAX;
    for length in [limit - 1, limit, limit + 1] {
        repl_parser("x".repeat(length).as_bytes());
        repl_parser(format!("/send #general {}", "x".repeat(length)).as_bytes());
    }
}
