//! `segment-tracker` by itself.

use std::process::Command;

use crate::support::{TRACKER, Town, interrupt, text};

#[test]
fn a_data_directory_in_use_is_refused_by_name() {
    let town = Town::new();
    let output =
        Command::new(TRACKER).args(["--bind", "127.0.0.1:0", "--data"]).arg(town.tracker_dir()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.contains("is in use by pid") && error.contains("--data"), "{error}");
}

#[test]
fn a_port_in_use_is_refused_by_name() {
    let town = Town::new();
    let other = tempfile::tempdir().unwrap();
    let bind = format!("127.0.0.1:{}", town.port);
    let output = Command::new(TRACKER).args(["--bind", &bind, "--data"]).arg(other.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(&bind), "{}", text(&output.stderr));
}

#[test]
fn it_keeps_its_key_and_its_port_and_ends_in_order() {
    let mut town = Town::new();
    let before = town.url.clone();
    town.stop_tracker();
    let log = town.tracker_log();
    assert!(log.first().unwrap().contains("process_started"), "{log:#?}");
    assert!(log.last().unwrap().contains("process_stopped"), "{log:#?}");
    town.start_tracker();
    assert_eq!(town.url, before);
}

#[test]
fn a_tracker_with_another_key_is_not_talked_to() {
    let mut town = Town::new();
    town.done("ken", &["/register ken"]);
    town.stop_tracker();
    std::fs::remove_dir_all(town.tracker_dir()).unwrap();
    town.start_tracker();
    let address = format!("segment://127.0.0.1:{}", town.port);
    let output = Command::new(crate::support::PEER)
        .args(["--dir", town.dir.path().to_str().unwrap(), "-P", "ken", &address, "-c", "/whoami"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("HAS CHANGED"), "{}", text(&output.stderr));
}

#[test]
fn a_peer_is_told_goodbye() {
    let mut town = Town::new();
    let mut ken = town.program("ken");
    ken.done("/register ken");
    town.stop_tracker();
    ken.hear("the loss", |value| value["event"] == "tracker_lost");
    assert_eq!(ken.refused("/ping")["exit"], 3);
    town.start_tracker();
    ken.hear("the return", |value| value["event"] == "tracker_connected");
    interrupt(ken.pid());
    assert_eq!(ken.ended(), 130);
}
