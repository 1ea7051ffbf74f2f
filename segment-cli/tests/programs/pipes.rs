//! `send` and `tail` in pipes, readers that go away, and what a script does without a tracker.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::support::{Town, interrupt, objects, of_type, text, texts};

fn town_with_general() -> Town {
    let town = Town::new();
    town.done("ken", &["/register ken", "/create #general"]);
    town
}

fn run(town: &Town, profile: &str, arguments: &[&str]) -> Output {
    town.command(profile).args(arguments).output().unwrap()
}

fn piped(town: &Town, arguments: &[&str]) -> Child {
    let mut command = town.command("ken");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn history(town: &Town) -> Vec<String> {
    texts(&town.done("ken", &["/history #general --last 10000"]))
}

#[test]
fn send_sends_its_words_and_says_nothing() {
    let town = town_with_general();
    let sent = run(&town, "ken", &["send", "#general", "hello", "--you", "-all"]);
    assert_eq!((sent.status.code(), sent.stdout, sent.stderr), (Some(0), Vec::new(), Vec::new()));
    let sent = run(&town, "ken", &["send", "--json", "--wait", "committed", "#general", "again"]);
    let sent = objects(&sent.stdout);
    assert_eq!(of_type(&sent, "sent")[0]["stage"], "committed");
    assert_eq!(history(&town), ["hello --you -all", "again"]);
    assert_eq!(run(&town, "ken", &["send", "general", "without #"]).status.code(), Some(0));
    assert_eq!(history(&town).last().unwrap(), "without #");
    assert_eq!(run(&town, "ken", &["send", "#a/b", "x"]).status.code(), Some(2));
    assert_eq!(run(&town, "ken", &["send", "#nowhere", "x"]).status.code(), Some(5));
    assert_eq!(run(&town, "ken", &["send", "#general", "x", "-c", "/quit"]).status.code(), Some(0), "it is text");
    assert_eq!(run(&town, "ken", &["-c", "/quit", "send", "#general", "x"]).status.code(), Some(2));
}

#[test]
fn lines_of_a_pipe_that_come_together_are_one_message() {
    let town = town_with_general();
    let mut child = piped(&town, &["send", "#general", "-"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"   Compiling one\n\n   Compiling two\n").unwrap();
    sleep(Duration::from_secs(2));
    input.write_all(b"error: \xff no\r\n").unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), text(&output.stdout), text(&output.stderr)),
        (Some(0), String::new(), String::new())
    );
    assert_eq!(history(&town), ["   Compiling one\n\n   Compiling two", "error: \u{fffd} no"]);
}

#[test]
fn a_long_output_goes_through_whole_and_in_order() {
    let town = town_with_general();
    let mut child = piped(&town, &["send", "#general"]);
    let lines: Vec<String> = (0..5_000).map(|number| format!("line {number} of a long build")).collect();
    let mut input = child.stdin.take().unwrap();
    input.write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
    drop(input);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    let sent = history(&town);
    assert_eq!(sent.join("\n"), lines.join("\n"));
    assert!(sent.len() < 60, "{} messages", sent.len());
}

#[test]
fn tail_shows_the_newest_and_follows() {
    let town = town_with_general();
    town.done("ben", &["/register ben", "/join #general"]);
    town.done("ken", &["/send #general one", "/send #general two", "/send --wait committed #general three"]);
    let shown = run(&town, "ken", &["tail", "#general", "--last", "2", "--json"]);
    assert_eq!(texts(&objects(&shown.stdout)), ["two", "three"]);
    assert_eq!(text(&run(&town, "ken", &["tail", "-n", "0", "#general"]).stdout), "");
    let mut child = piped(&town, &["tail", "-f", "-n", "1", "#general"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().ends_with("ken       three"));
    town.done("ben", &["/send --wait stored #general four", "/send #general five"]);
    assert!(next().ends_with("ben       four"));
    assert!(next().ends_with("ben       five"));
    interrupt(child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let town = town_with_general();
    town.done("ben", &["/register ben", "/join #general"]);
    town.done("ken", &["/send #general one", "/send --wait committed #general two"]);
    let mut child = piped(&town, &["tail", "-f", "#general"]);
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut [0; 8]).unwrap();
    drop(output);
    town.done("ben", &["/send --wait stored #general three"]);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(141), String::new()));
    for line in ["/history #general", "/help", "/version"] {
        let mut child = piped(&town, &["-"]);
        drop(child.stdout.take());
        child.stdin.take().unwrap().write_all(format!("{line}\n{line}\n").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(141), String::new()), "{line}");
    }
}

#[test]
fn without_a_tracker_a_message_is_kept_and_what_is_here_is_shown() {
    let mut town = town_with_general();
    town.done("ben", &["/register ben", "/join #general"]);
    town.done("ken", &["/send --wait committed #general before"]);
    town.done("ben", &["/history #general"]);
    town.stop_tracker();
    let id_of = |output: &Output| {
        assert_eq!(output.status.code(), Some(6), "{}", text(&output.stderr));
        let id = text(&output.stdout).trim().to_owned();
        assert_eq!(id.split('-').count(), 3, "{id}");
        assert!(text(&output.stderr).contains("wait") && text(&output.stderr).lines().count() == 1);
        id
    };
    let first = id_of(&town.script("ben", &["/send #general kept"]));
    let second = id_of(&run(&town, "ben", &["send", "#general", "kept, too"]));
    assert_ne!(first, second);
    let listed = town.script("ben", &["/outbox"]);
    assert!(listed.status.success() && text(&listed.stdout).contains(&first) && text(&listed.stdout).contains(&second));
    let here = town.script("ben", &["/history #general"]);
    assert!(text(&here.stdout).contains("before"), "{}", text(&here.stderr));
    for (line, exit, says) in [
        ("/ping", 3, "nobody answers"),
        ("/join #elsewhere", 3, "nobody answers"),
        ("/send #elsewhere hi", 5, "not joined #elsewhere"),
        ("/version", 0, ""),
    ] {
        let output = town.script("ben", &[line]);
        assert_eq!(output.status.code(), Some(exit), "{line}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(says), "{line}: {}", text(&output.stderr));
    }
    town.start_tracker();
    let after = town.done("ben", &["/send --wait committed #general after", "/history #general"]);
    assert_eq!(texts(&after), ["before", "kept", "kept, too", "after"]);
}
