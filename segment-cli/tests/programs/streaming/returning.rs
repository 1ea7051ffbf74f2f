//! Who is killed comes back to its stream, or is not listed any more.

use std::time::{Duration, Instant};

use super::{CARD, at, event, frames, frames_in, has_ffmpeg, run, stats, town_of, viewers, watch};
use crate::support::{Program, of_type, until};

/// Whatever is not there must not be listed longer.
const LISTED_MAX: Duration = Duration::from_secs(35);

#[test]
fn a_streamer_that_is_killed_returns_to_its_viewers() {
    let (town, _ken, [mut ben, mut ada]) = town_of(["ben", "ada"]);
    ada.done(CARD);
    let file = at(&town, "ada.mkv");
    watch(&mut ben, &file);
    frames(&mut ben, 10);
    ada.kill();
    event(&ben, "stream_away");
    let before = stats(&mut ben)["frames"].as_u64().unwrap();
    let mut ada = town.program("ada");
    ada.done(CARD.replace("start", "start #general").as_str());
    event(&ben, "stream_back");
    frames(&mut ben, before + 10);
    until("ben is there still", || viewers(&mut ada) == ["ben"]);
    let ended = of_type(&ben.done("/stream stop"), "stream_ended")[0].clone();
    if has_ffmpeg() {
        assert_eq!(frames_in(&file), ended["frames"].as_u64().unwrap());
    }
}

#[test]
fn a_person_whose_program_was_killed_is_told_that_the_stream_can_go_on() {
    let (town, _ken, [mut ben, ada]) = town_of(["ben", "ada"]);
    ada.kill();
    let mut ada = town.person("ada", 120);
    ada.type_line("/switch #general");
    ada.type_line(CARD);
    ada.wait_for("Live in #general");
    watch(&mut ben, &at(&town, "ada.mkv"));
    frames(&mut ben, 5);
    run("kill", &["-KILL", &ada.pid().to_string()]);
    ada.wait_for_end();
    event(&ben, "stream_away");
    let mut ada = town.person("ada", 120);
    ada.wait_for("your 'card' broke off: the same /stream start");
    ada.type_line("/switch #general");
    ada.type_line(CARD);
    ada.wait_for("Live in #general");
    event(&ben, "stream_back");
    assert!(!ada.rows().concat().contains("ada is back"));
}

/// What it knew of its viewers is gone with it, and the tracker has never heard of the stream.
#[test]
fn a_host_that_streams_and_is_killed_returns_to_its_viewers() {
    let (town, ken, [mut ben]) = town_of(["ben"]);
    let mut ken = ken;
    ken.done(CARD);
    watch(&mut ben, &at(&town, "ken.mkv"));
    frames(&mut ben, 10);
    let before = ben_frames(&mut ben) + 20;
    ken.kill();
    ben.hear("the copy", |value| value["event"] == "served_from" || value["event"] == "epoch_changed");
    let mut ken = town.program("ken");
    until("ken streams again", || ken.ask(&CARD.replace("start", "start #general")).last().unwrap()["type"] == "done");
    until("more frames", || ben_frames(&mut ben) >= before);
    until("ben is listed again", || viewers(&mut ken) == ["ben"]);
    let ended = of_type(&ben.done("/stream stop"), "stream_ended")[0].clone();
    assert!(ended["frames"].as_u64().unwrap() >= before, "{ended}");
}

/// Of what has come, also while nobody knows of the stream.
fn ben_frames(ben: &mut Program) -> u64 {
    let answer = ben.ask("/stream stats");
    of_type(&answer, "stream_stats").first().map_or(0, |stats| stats["frames"].as_u64().unwrap())
}

#[test]
fn who_is_gone_is_not_listed() {
    let (town, mut ken, [mut ben, mut ada]) = town_of(["ben", "ada"]);
    ken.done(CARD);
    for (program, name) in [(&mut ben, "ben.mkv"), (&mut ada, "ada.mkv")] {
        watch(program, &at(&town, name));
        frames(program, 5);
    }
    let mut both = viewers(&mut ken);
    both.sort();
    assert_eq!(both, ["ada", "ben"]);

    // In the middle of the stream.
    let began = Instant::now();
    ben.done("/logout");
    until("ben is gone", || viewers(&mut ken) == ["ada"]);
    assert!(began.elapsed() < LISTED_MAX);
    let seen = stats(&mut ada)["frames"].as_u64().unwrap();
    frames(&mut ada, seen + 10);
    ben.done("/login ben");
    ben.done("/join #general");
    watch(&mut ben, &at(&town, "again.mkv"));
    frames(&mut ben, 5);

    let began = Instant::now();
    ada.kill();
    until("ada is gone", || viewers(&mut ken) == ["ben"]);
    assert!(began.elapsed() < LISTED_MAX);
    ken.done("/logout");
    event(&ben, "stream_stopped");
    let ended = ben.hear("the end", |value| value["type"] == "stream_ended");
    assert_eq!(ended["why"], "it is over", "{ended}");
}

#[test]
fn who_becomes_invisible_streams_no_more_and_the_viewers_know() {
    let (town, mut ken, [mut ben]) = town_of(["ben"]);
    ken.done(CARD);
    watch(&mut ben, &at(&town, "ben.mkv"));
    frames(&mut ben, 5);
    ken.done("/status invisible");
    event(&ben, "stream_stopped");
    let ended = ben.hear("the end", |value| value["type"] == "stream_ended");
    assert_eq!(ended["why"], "it is over", "{ended}");
    assert_eq!(ken.refused("/stream stop")["reason"], "no_own_stream");
}
