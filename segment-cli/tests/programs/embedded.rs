//! The tracker that a peer brings along.

use crate::support::{Town, interrupt, of_type};

#[test]
fn a_peer_without_a_tracker_runs_its_own_and_says_so() {
    let town = Town::without_tracker();
    let mut ken = town.person("ken", 100);
    ken.wait_for("No tracker was running on this machine: this program runs yours now");
    ken.type_line("/register ken");
    ken.wait_for("You are ken");
    ken.type_line("/create #general");
    ken.wait_for("#general is made");
    let mut ben = town.person("ben", 100);
    assert!(!ben.rows().concat().contains("No tracker was running"));
    ben.type_line("/register ben");
    ben.wait_for("You are ben");
    ben.type_line("/join #general");
    ben.wait_for("You are in #general");
    ben.type_line("hi");
    ken.wait_for("ben       hi");
}

#[test]
fn another_peer_takes_the_tracker_over_with_key_port_and_data() {
    let town = Town::without_tracker();
    let mut ken = town.program("ken");
    ken.done("/register ken");
    let mut ben = town.program("ben");
    ben.done("/register ben");
    ben.done("/create #bens");
    let key = |answer: &[serde_json::Value]| of_type(answer, "facts")[0]["tracker_key"].clone();
    let before = key(&ben.done("/whoami"));
    ken.kill();
    ben.hear("the takeover", |value| value["event"] == "tracker_taken_over");
    ben.hear("the tracker again", |value| value["event"] == "tracker_connected");
    let mut cleo = town.program("cleo");
    cleo.done("/register cleo");
    assert_eq!(cleo.refused("/register ken")["type"], "error");
    cleo.done("/join #bens");
    assert_eq!(key(&cleo.done("/whoami")), before);
    interrupt(ben.pid());
    assert_eq!(ben.ended(), 130);
    cleo.hear("the takeover", |value| value["event"] == "tracker_taken_over");
}

#[test]
fn of_many_that_start_at_once_one_runs_the_tracker() {
    let town = Town::without_tracker();
    let names = ["ada", "ben", "cleo", "dora"];
    let mut programs: Vec<_> = names.iter().map(|name| town.program(name)).collect();
    for (program, name) in programs.iter_mut().zip(names) {
        program.done(&format!("/register {name}"));
    }
    let rows = programs[0].done("/peers");
    assert_eq!(of_type(&rows, "user").len(), names.len(), "{rows:#?}");
}
