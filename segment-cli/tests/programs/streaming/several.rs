//! Viewers that pass a stream on, and several streams at once.

use super::{CARD, at, event, frames, stats, town_of, viewers, watch};
use crate::support::{Program, of_type, until};

/// From the streamer's uplink one viewer is served.
#[test]
fn who_has_agreed_passes_it_on_and_the_tree_says_so() {
    let (town, mut ken, [mut ben, mut ada]) = town_of(["ben", "ada"]);
    ken.done(&format!("{CARD} --uplink 1kbit"));
    ben.done(&format!("/stream watch #general --relay 50mbit --out {}", at(&town, "ben.mkv").display()));
    frames(&mut ben, 5);
    watch(&mut ada, &at(&town, "ada.mkv"));
    frames(&mut ada, 5);
    let tree = |program: &mut Program| of_type(&program.done("/stream tree #general"), "stream_tree")[0].clone();
    until("ada has it through ben", || {
        let tree = tree(&mut ken);
        tree["viewers"][0]["name"] == "ben" && tree["viewers"][0]["viewers"][0]["name"] == "ada"
    });
    let answer = ada.done("/stream stats");
    let rows = of_type(&answer, "stream_viewer");
    let row = rows.iter().find(|row| row["name"] == "ada").unwrap();
    assert_eq!((&row["way"], &row["hops"]), (&"through ben".into(), &2.into()), "{row}");
    let before = stats(&mut ada)["frames"].as_u64().unwrap();
    ben.kill();
    frames(&mut ada, before + 20);
    until("ada has it from ken", || viewers(&mut ken) == ["ada"]);
}

/// The streamer's uplink is for one; ben has not agreed to pass it on.
#[test]
fn who_waits_for_an_uplink_is_told_so_and_the_streamer_too() {
    let (town, mut ken, [mut ben, mut ada]) = town_of(["ben", "ada"]);
    let mut dora = town.member("dora", 120);
    ken.done(&format!("{CARD} --uplink 1kbit"));
    watch(&mut ben, &at(&town, "ben.mkv"));
    frames(&mut ben, 5);
    watch(&mut ada, &at(&town, "ada.mkv"));
    let told = event(&ada, "stream_waits");
    assert_eq!(
        told["text"],
        "'card' of ken comes as soon as somebody has the uplink for it: whoever watches it with --relay RATE passes it on"
    );
    let of_ken = stats(&mut ken);
    assert_eq!((&of_ken["waiting"], &of_ken["served"]), (&serde_json::json!(["ada"]), &1.into()), "{of_ken}");
    dora.type_line("/stream watch");
    dora.wait("why there is no picture", |rows| {
        words(rows).contains("ken: card waits for a picture no uplink left for it")
    });
    ken.done("/send #general who is there?");
    dora.wait("that somebody writes", |rows| words(rows).contains("no uplink left for it 1 new in the chat q ends"));
    dora.press("q");
    dora.wait("the prompt", |rows| words(rows).contains("who is there?"));
    ben.done("/stream stop");
    frames(&mut ada, 5);
}

#[test]
fn two_streams_run_in_one_channel_and_two_are_watched_at_once() {
    let (town, mut ken, [mut ben, mut ada]) = town_of(["ben", "ada"]);
    ken.done(CARD);
    ada.done("/stream start card --title second --size 160x120 --fps 10");
    until("both", || of_type(&ben.done("/stream list #general"), "stream").len() == 2);
    let refused = ben.refused("/stream watch #general --out which.mkv");
    assert_eq!((&refused["reason"], &refused["exit"]), (&"which_stream".into(), &2.into()), "{refused}");
    ben.done(&format!("/stream watch #general @ken --out {}", at(&town, "ken.mkv").display()));
    ben.done(&format!("/stream watch #general second --out {}", at(&town, "ada.mkv").display()));
    until("both come", || {
        let answer = ben.done("/stream stats");
        let stats = of_type(&answer, "stream_stats");
        stats.len() == 2 && stats.iter().all(|stats| stats["frames"].as_u64().unwrap() >= 5)
    });
    assert_eq!(ben.refused("/stream stop")["reason"], "which_stream");
    let refused = ben.refused("/stream stop third");
    assert_eq!(refused["reason"], "no_own_stream");
    assert!(refused["text"].as_str().unwrap().ends_with("'card' of ken, 'second' of ada"), "{refused}");
    let ended = of_type(&ben.done("/stream stop second"), "stream_ended")[0].clone();
    assert_eq!(ended["by"], "ada");
    let ended = of_type(&ben.done("/stream stop"), "stream_ended")[0].clone();
    assert_eq!(ended["by"], "ken");
}

/// A window as a text, wherever its lines break.
fn words(rows: &[String]) -> String {
    rows.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a person reads of several streams fits the window, and what is offered to type means one of them.
#[test]
fn a_person_with_forty_columns_reads_whole_words_and_is_told_what_to_type() {
    let (town, mut ken, [mut ada]) = town_of(["ada"]);
    let mut ben = town.member("ben", 40);
    ken.done(CARD);
    ben.wait("the first", |rows| words(rows).ends_with("20/s · /stream watch #general ❯"));
    ada.done("/stream start card --title second --size 160x120 --fps 10");
    ben.wait("what to type", |rows| words(rows).ends_with("10/s · /stream watch @ada #general ❯"));
    let file = at(&town, "second.mkv");
    ben.type_line(&format!("/stream watch @ada --out {}", file.display()));
    ben.wait("that it is written", |rows| words(rows).ends_with("/stream stop ends it. #general ❯"));
    until("ben watches", || {
        let answer = ada.done("/stream stats");
        of_type(&answer, "stream_viewer").iter().any(|viewer| viewer["way"] == "direct")
    });
    ben.type_line("/stream stats");
    let row = format!("  {:<12} direct", "ben");
    ben.wait("the row of ben", |rows| rows.iter().any(|shown| shown.starts_with(&row)));
    ben.type_line("/stream stats @ken");
    ben.wait("what is not watched", |rows| {
        words(rows).contains("'card' of ken in #general, neither sent nor watched here: 0 viewers slow: nobody")
    });
    // What is sent from here is not what its streamer wants to watch.
    ken.done(&format!("/stream watch #general --out {}", at(&town, "ken.mkv").display()));
}
