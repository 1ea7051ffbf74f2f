//! The scenarios of synchronisation, judged by the connection logs: from where each item came.
//!
//! A is what the host writes, B what X writes; Y reads. Ken hosts, ben is X, cleo is Y.

use crate::support::{Program, Town, of_type, texts};

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

/// Writes with neither host nor tracker to take it, and ends: the host is away already.
fn write_offline(ben: &mut Program, text: &str) {
    ben.done("/disconnect");
    ben.done(&format!("/send #general {text}"));
    ben.hear("it waits", |value| value["event"] == "message_waits");
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
    // What X writes meanwhile stays on its disk.
    let log = town.log("ben");
    assert!(log.last().unwrap().contains("process_stopped"), "{log:#?}");
    assert_eq!(count(&log, "message_received", "host", None), 0, "{log:#?}");
    drop(ken);
    let mut ben = town.program("ben");
    write_offline(&mut ben, "B");
    let waiting = ben.done("/outbox");
    assert_eq!(ben.quit(), 0);
    let log = town.log("ben");
    assert_eq!(count(&log, "outbox_queued", "self", None), 1, "{log:#?}");
    assert_eq!(count(&log, "message_sent", "host", None) + count(&log, "message_sent", "tracker", None), 0, "{log:#?}");
    assert_eq!(of_type(&waiting, "waiting")[0]["text"], "B");
}

#[test]
fn x_returns_with_the_host_up_and_gets_a_from_it_and_gives_b_to_it() {
    let Scene { town, mut ken, mut ben, cleo, ben_device } = scene();
    assert_eq!(ken.ask("/whoami").last().unwrap()["type"], "done");
    ken.quit();
    write_offline(&mut ben, "B");
    assert_eq!(ben.quit(), 0);
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
fn host_offline_the_tracker_takes_b_and_serves_everything() {
    let Scene { town, mut ken, mut ben, cleo, .. } = scene();
    ken.done("/send --wait committed #general A");
    cleo.hear_text("A");
    assert_eq!(ken.quit(), 0);
    for program in [&ben, &cleo] {
        program.hear("the copy", |value| value["event"] == "served_from" && says(value, "copy"));
    }
    ben.done("/send --wait committed #general B");
    cleo.hear_text("B");
    ben.hear("the takeover", |value| value["event"] == "takeover" && says(value, "writing goes to the tracker copy"));
    let (dora, _) = member(&town, "dora");
    for text in ["A", "B"] {
        dora.hear_text(text);
    }
    for program in [dora, cleo, ben] {
        assert_eq!(program.quit(), 0);
    }
    let log = town.log("dora");
    assert_eq!(count(&log, "page_synced", "tracker", Some(1)), 1, "A and B from the tracker: {log:#?}");
    assert_eq!(count(&log, "page_synced", "host", None), 0, "{log:#?}");
    let log = town.log("ben");
    assert!(count(&log, "message_sent", "tracker", None) >= 1, "B to the tracker: {log:#?}");
    assert_eq!(count(&log, "message_sent", "host", None), 0, "{log:#?}");
    let log = town.log("cleo");
    let (live, synced) =
        (count(&log, "message_received", "tracker", Some(2)), count(&log, "page_synced", "tracker", Some(2)));
    assert_eq!(live + synced, 1, "B from the tracker: {log:#?}");
}

#[test]
fn host_returns_and_takes_over_what_the_tracker_took_for_it() {
    let Scene { town, mut ken, mut ben, cleo, .. } = scene();
    ken.done("/send --wait committed #general A");
    cleo.hear_text("A");
    assert_eq!(ken.quit(), 0);
    for n in 1..=6 {
        ben.done(&format!("/send --wait committed #general B{n}"));
    }
    cleo.hear_text("B6");
    let before = town.log("ken").len();
    let mut ken = town.program("ken");
    ken.hear_text("B6");
    for program in [&ben, &cleo] {
        let back = program.hear("the handback", |value| value["event"] == "handback");
        assert_eq!((&back["taken"], &back["lost"], &back["doubled"]), (&6.into(), &0.into(), &0.into()), "{back}");
        assert!(says(&back, "host ken is back: 6 messages taken over, none lost, none doubled"), "{back}");
    }
    let own = ken.hear("its own channel", |value| value["event"] == "hosting");
    assert_eq!(own["taken"], 6, "{own}");
    ken.done("/send --wait committed #general A2");
    ben.hear_text("A2");
    ben.done("/send --wait committed #general B7");
    let texts = |history: &[serde_json::Value]| texts(history).join(" ");
    let wanted = "A B1 B2 B3 B4 B5 B6 A2 B7";
    assert_eq!(texts(&ken.history("#general")), wanted);
    assert_eq!(texts(&ben.history("#general")), wanted);
    for program in [cleo, ben, ken] {
        assert_eq!(program.quit(), 0);
    }
    let host = town.log("ken")[before..].to_vec();
    assert!(count(&host, "page_synced", "tracker", None) >= 1, "B from the tracker: {host:#?}");
    assert_eq!(count(&host, "entries_replicated", "tracker", Some(8)), 1, "A2 goes up: {host:#?}");
    let reader = town.log("cleo");
    assert_eq!(count(&reader, "message_received", "host", Some(9)), 1, "B7 from the host again: {reader:#?}");
}

/// The host dies and comes back while two members write all the time.
#[test]
fn members_write_on_while_the_host_dies_and_comes_back() {
    let Scene { town, mut ken, mut ben, mut cleo, .. } = scene();
    ken.done("/send --wait committed #general A");
    let mut wanted = 1;
    for round in 0..2 {
        for n in 0..10 {
            ben.say(&format!("/send --wait committed #general ben-{round}-{n}"));
            cleo.say(&format!("/send --wait committed #general cleo-{round}-{n}"));
        }
        ken.kill();
        for program in [&mut ben, &mut cleo] {
            for _ in 0..10 {
                let answer = program.answer();
                assert_eq!(answer.last().unwrap()["type"], "done", "{answer:#?}");
            }
        }
        wanted += 20;
        ken = town.program("ken");
        until_texts(&mut ken, wanted);
    }
    let everybody = [&mut ken, &mut ben, &mut cleo].map(|program| until_texts(program, wanted));
    assert_eq!(everybody[0], everybody[1]);
    assert_eq!(everybody[0], everybody[2]);
    for name in ["ben", "cleo"] {
        let own: Vec<&String> = everybody[0].iter().filter(|text| text.starts_with(name)).collect();
        let written: Vec<String> =
            (0..2).flat_map(|round| (0..10).map(move |n| format!("{name}-{round}-{n}"))).collect();
        assert_eq!(own, written.iter().collect::<Vec<_>>(), "each once, in its author's order");
    }
}

fn says(value: &serde_json::Value, text: &str) -> bool {
    value["text"].as_str().is_some_and(|said| said.contains(text))
}

/// The texts of a channel, once there are so many.
fn until_texts(program: &mut Program, wanted: usize) -> Vec<String> {
    let mut all = Vec::new();
    crate::support::until("all texts", || {
        all = texts(&program.history("#general"));
        all.len() >= wanted
    });
    all
}

/// The owner gives the channel to a member's machine while both members write.
#[test]
fn a_channel_moves_to_another_machine_while_members_write() {
    let Scene { town: _town, mut ken, mut ben, mut cleo, ben_device } = scene();
    ken.done("/send --wait committed #general A");
    for n in 0..10 {
        ben.say(&format!("/send --wait committed #general ben-{n}"));
        cleo.say(&format!("/send --wait committed #general cleo-{n}"));
    }
    ken.done("/host #general move @ben");
    for program in [&mut ben, &mut cleo] {
        for _ in 0..10 {
            let answer = program.answer();
            assert_eq!(answer.last().unwrap()["type"], "done", "{answer:#?}");
        }
    }
    crate::support::until("ben hosts", || of_type(&ben.done("/host #general"), "facts")[0]["hosted_here"] == true);
    let facts = ken.done("/host #general");
    let facts = of_type(&facts, "facts")[0];
    assert_eq!(facts["hosted_here"], false, "{facts}");
    assert!(facts["device"].as_str().unwrap().starts_with(&ben_device), "{facts}");
    for program in [&mut ken, &mut cleo] {
        program.done("/send --wait committed #general after");
    }
    let everybody = [&mut ken, &mut ben, &mut cleo].map(|program| until_texts(program, 23));
    assert_eq!(everybody[0], everybody[1]);
    assert_eq!(everybody[0], everybody[2]);
}
