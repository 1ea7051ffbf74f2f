//! What is said of hosts that were away, and of channels that have moved.

use std::process::Command;

use serde_json::Value;

use crate::support::pty::Pty;
use crate::support::{Program, Town, texts, until};

/// Ken hosts #general, in which ben and cleo are.
fn ken_ben_and_cleo() -> (Town, Program, Program, Program) {
    let town = Town::new();
    let mut ken = town.program("ken");
    ken.done("/register ken");
    ken.done("/create #general");
    let [ben, cleo] = ["ben", "cleo"].map(|name| {
        let mut program = town.program(name);
        program.done(&format!("/register {name}"));
        program.done("/join #general");
        program
    });
    (town, ken, ben, cleo)
}

fn says(program: &mut Program, said: &str) {
    program.done(&format!("/send #general --wait committed -- {said}"));
}

fn event(program: &Program, event: &str, text: &str) -> Value {
    let is_it =
        |value: &Value| value["event"] == event && value["text"].as_str().is_some_and(|said| said.starts_with(text));
    program.hear(text, is_it)
}

#[test]
fn a_channel_that_only_moves_has_taken_over_nothing() {
    let (_town, mut ken, mut ben, cleo) = ken_ben_and_cleo();
    (1..=3).for_each(|number| says(&mut ben, &format!("message {number}")));
    let here = "#general is hosted by this machine from now on (epoch ";
    ken.done("/host #general move @ben");
    assert_eq!(event(&ben, "hosting", here)["taken"], 0);
    event(&cleo, "served_from", "#general: its host ben is there");
    says(&mut ben, "at ben's");
    ken.done("/host #general move @ken");
    assert_eq!(event(&ken, "hosting", here)["taken"], 0);
    event(&cleo, "received", "at ben's");
    let told = cleo.heard().into_iter().filter(|value| value["event"] == "handback");
    told.for_each(|back| assert_eq!(back["taken"], 0, "{back}"));
}

#[test]
fn everybody_counts_the_texts_that_the_tracker_has_sequenced() {
    let (town, ken, mut ben, cleo) = ken_ben_and_cleo();
    (1..=5).for_each(|number| says(&mut ben, &format!("before {number}")));
    ken.kill();
    let mut other = town.program("other");
    other.done("/login ken");
    other.done("/join #general");
    (1..=3).for_each(|number| says(&mut ben, &format!("meanwhile {number}")));
    other.done("/allow @cleo --to #general --can read");
    other.done("/host #general move @ken");
    let said = "from now on: 3 messages taken over, none lost, none doubled (epoch ";
    let own = event(&other, "hosting", &format!("#general is hosted by this machine {said}"));
    assert_eq!(own["taken"], 3, "{own}");
    for program in [&ben, &cleo] {
        let moved = event(program, "handback", &format!("#general is hosted by ken {said}"));
        assert_eq!(moved["taken"], 3, "{moved}");
    }
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

/// The texts of one letter and a number, as they stand on the screen.
fn on_screen(pty: &Pty) -> Vec<String> {
    let last = |row: &String| row.split_whitespace().last().map(str::to_owned);
    let is_text = |word: &String| word.len() == 2 && word.starts_with(['u', 'v']);
    pty.rows().iter().filter_map(last).filter(is_text).collect()
}

#[test]
fn a_host_that_was_cut_off_counts_like_everybody_and_says_that_its_screen_has_another_order() {
    let mut town = Town::new();
    let mut ken = town.person("ken", 120);
    ken.type_line("/register ken");
    ken.wait_for("You are ken");
    ken.type_line("/create #general");
    ken.wait_for("#general is made");
    town.done("ben", &["/register ben", "/join #general"]);
    let mut cleo = town.program("cleo");
    cleo.done("/register cleo");
    cleo.done("/join #general");
    says(&mut cleo, "hello");
    town.kill_tracker();
    cleo.say("/send #general v1");
    ken.wait("it is shown before it is committed", |_| on_screen(&ken) == ["v1"]);
    [ken.pid(), cleo.pid()].into_iter().for_each(|pid| signal(pid, "-STOP"));
    town.start_tracker();
    let mut ben = town.program("ben");
    (1..=2).for_each(|number| says(&mut ben, &format!("u{number}")));
    signal(cleo.pid(), "-CONT");
    until("that all are written", || texts(&ben.history("#general")) == ["hello", "u1", "u2", "v1"]);
    signal(ken.pid(), "-CONT");
    let said = "3 messages taken over, none lost, none doubled (epoch ";
    event(&ben, "handback", &format!("#general: host ken is back: {said}"));
    ken.wait_for(&format!("#general is hosted by this machine again: {said}"));
    ken.wait_for("some messages of #general stand here in another order than in the channel; /history has its order");
    assert_eq!(on_screen(&ken), ["v1", "u1", "u2"]);
}
