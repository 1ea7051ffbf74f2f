//! The scenarios of synchronisation, judged by the connection logs: from where each item came.
//!
//! A is what the host writes, B what X writes; Y reads. Ken hosts, ben is X, cleo is Y.

use crate::support::{Program, Town, of_type};

struct Scene {
    town: Town,
    ken: Program,
    ben: Program,
    cleo: Program,
    ben_device: String,
}

fn scene() -> Scene {
    let town = Town::new();
    let mut ken = town.program("ken");
    ken.done("/register ken");
    ken.done("/create #general");
    let (ben, ben_device) = member(&town, "ben");
    let (cleo, _) = member(&town, "cleo");
    Scene { town, ken, ben, cleo, ben_device }
}

fn member(town: &Town, name: &str) -> (Program, String) {
    let mut program = town.program(name);
    program.done(&format!("/register {name}"));
    program.done("/join #general");
    let me = program.done("/whoami");
    let device = of_type(&me, "facts")[0]["device"].as_str().unwrap()[..8].to_owned();
    (program, device)
}

/// Records of a type from a source that name a place.
fn count(log: &[String], event: &str, source: &str, place: Option<u64>) -> usize {
    let head = format!("] {event} | Source: {source}");
    let place = place.map(|place| format!(" first={place} last="));
    log.iter().filter(|line| line.contains(&head) && place.as_ref().is_none_or(|place| line.contains(place))).count()
}

#[test]
fn live_period_everything_comes_from_the_host_and_goes_up_once() {
    let Scene { town, mut ken, mut ben, cleo, ben_device } = scene();
    ken.done("/send --wait committed #general A");
    for program in [&ben, &cleo] {
        program.hear_text("A");
    }
    ben.done("/send --wait committed #general B");
    for program in [&ken, &cleo] {
        program.hear_text("B");
    }
    for program in [cleo, ben, ken] {
        assert_eq!(program.quit(), 0);
    }
    for reader in ["ben", "cleo"] {
        let log = town.log(reader);
        for place in [1, 2] {
            assert_eq!(count(&log, "message_received", "host", Some(place)), 1, "{reader}: {log:#?}");
        }
        assert_eq!(count(&log, "message_received", "tracker", None), 0, "{reader}");
        assert_eq!(count(&log, "page_synced", "tracker", None), 0, "{reader}");
    }
    let host = town.log("ken");
    assert_eq!(count(&host, "message_received", &format!("peer {ben_device}"), None), 1, "{host:#?}");
    for place in [1, 2] {
        assert_eq!(count(&host, "entries_replicated", "tracker", Some(place)), 1, "{host:#?}");
    }
    let tracker = town.tracker_log();
    assert_eq!(count(&tracker, "entries_replicated", "host", None), 2, "{tracker:#?}");
    assert_eq!(count(&tracker, "page_served", "self", None), 0, "{tracker:#?}");
}

#[test]
fn x_goes_offline_and_nobody_else_is_affected() {
    let Scene { town, mut ken, ben, cleo, .. } = scene();
    assert_eq!(ben.quit(), 0);
    ken.done("/send --wait committed #general A");
    cleo.hear_text("A");
    // What X writes meanwhile stays on its disk: its host is not reached before the script is over.
    let log = town.log("ben");
    assert!(log.last().unwrap().contains("process_stopped"), "{log:#?}");
    assert_eq!(count(&log, "message_received", "host", None), 0, "{log:#?}");
    drop(ken);
    let output = town.script("ben", &["/send #general B"]);
    assert_eq!(output.status.code(), Some(6));
    let log = town.log("ben");
    assert_eq!(count(&log, "outbox_queued", "self", None), 1, "{log:#?}");
    assert_eq!(count(&log, "message_sent", "host", None), 0, "{log:#?}");
    let waiting = town.done("ben", &["/outbox"]);
    assert_eq!(of_type(&waiting, "waiting")[0]["text"], "B");
}

#[test]
fn x_returns_with_the_host_up_and_gets_a_from_it_and_gives_b_to_it() {
    let Scene { town, mut ken, ben, cleo, ben_device } = scene();
    assert_eq!(ken.ask("/whoami").last().unwrap()["type"], "done");
    ken.quit();
    assert_eq!(ben.quit(), 0);
    assert_eq!(town.script("ben", &["/send #general B"]).status.code(), Some(6));
    let mut ken = town.program("ken");
    ken.done("/send --wait committed #general A");
    let before = town.log("ben").len();
    let mut ben = town.program("ben");
    ben.hear_text("A");
    ken.hear_text("B");
    cleo.hear_text("B");
    ben.hear("B committed", |value| value["event"] == "message_stage" && value["stage"] == "committed");
    ben.done("/whoami");
    for program in [cleo, ben, ken] {
        assert_eq!(program.quit(), 0);
    }
    let log = town.log("ben")[before..].to_vec();
    assert_eq!(count(&log, "page_synced", "host", Some(1)), 1, "A from the host: {log:#?}");
    assert!(count(&log, "message_sent", "host", None) >= 1, "B to the host: {log:#?}");
    assert_eq!(count(&log, "page_synced", "tracker", None), 0, "{log:#?}");
    let host = town.log("ken");
    assert_eq!(count(&host, "message_received", &format!("peer {ben_device}"), None), 1, "{host:#?}");
    assert_eq!(count(&host, "entries_replicated", "tracker", Some(2)), 1, "passed up: {host:#?}");
    let reader = town.log("cleo");
    assert_eq!(count(&reader, "message_received", "host", Some(2)), 1, "{reader:#?}");
}

#[test]
fn host_offline_everything_is_read_from_the_tracker_and_b_waits() {
    let Scene { town, mut ken, mut ben, cleo, .. } = scene();
    ken.done("/send --wait committed #general A");
    cleo.hear_text("A");
    assert_eq!(ken.quit(), 0);
    ben.hear("the copy", |value| value["event"] == "served_from" && value["text"].as_str().unwrap().contains("copy"));
    ben.done("/send #general B");
    ben.hear("B waits", |value| value["event"] == "message_waits");
    let (dora, _) = member(&town, "dora");
    dora.hear_text("A");
    assert_eq!(dora.quit(), 0);
    let log = town.log("dora");
    assert_eq!(count(&log, "page_synced", "tracker", Some(1)), 1, "{log:#?}");
    assert_eq!(count(&log, "page_synced", "host", None), 0, "{log:#?}");
    assert_eq!(ben.quit(), 0);
    let log = town.log("ben");
    assert_eq!(count(&log, "outbox_queued", "self", None), 1, "{log:#?}");
    assert_eq!(count(&log, "message_sent", "host", None), 0, "{log:#?}");
    assert!(count(&town.tracker_log(), "page_served", "self", Some(1)) >= 1);
    drop(cleo);
}

#[test]
fn host_returns_and_takes_what_waited() {
    let Scene { town, mut ken, mut ben, cleo, ben_device } = scene();
    ken.done("/send --wait committed #general A");
    cleo.hear_text("A");
    assert_eq!(ken.quit(), 0);
    ben.hear("the copy", |value| value["event"] == "served_from" && value["text"].as_str().unwrap().contains("copy"));
    ben.done("/send #general B");
    ben.hear("B waits", |value| value["event"] == "message_waits");
    let before = town.log("ken").len();
    let ken = town.program("ken");
    ken.hear_text("B");
    cleo.hear_text("B");
    ben.hear("B committed", |value| value["event"] == "message_stage" && value["stage"] == "committed");
    for program in [cleo, ben, ken] {
        assert_eq!(program.quit(), 0);
    }
    let log = town.log("ben");
    assert!(count(&log, "message_sent", "host", None) >= 1, "{log:#?}");
    assert_eq!(count(&log, "message_committed", "tracker", None), 1, "{log:#?}");
    let reader = town.log("cleo");
    let (live, synced) =
        (count(&reader, "message_received", "host", Some(2)), count(&reader, "page_synced", "host", Some(2)));
    assert_eq!(live + synced, 1, "B from the host: {reader:#?}");
    let host = town.log("ken")[before..].to_vec();
    assert_eq!(count(&host, "message_received", &format!("peer {ben_device}"), None), 1, "{host:#?}");
    assert_eq!(count(&host, "entries_replicated", "tracker", Some(2)), 1, "{host:#?}");
}

#[test]
#[ignore = "issue 3"]
fn host_offline_the_tracker_takes_b_and_serves_it() {
    let Scene { town: _town, ken, mut ben, cleo, .. } = scene();
    assert_eq!(ken.quit(), 0);
    ben.done("/send --wait committed #general B");
    cleo.hear_text("B");
}
