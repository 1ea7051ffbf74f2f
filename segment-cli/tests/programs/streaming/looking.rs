//! Pictures in a terminal, and what ends them.

use std::fs;

use super::{CARD, at, frames_in, has_ffmpeg, run, town_of};
use crate::support::{Town, of_type, text, until};

fn has_picture(rows: &[String]) -> bool {
    rows.iter().filter(|row| row.matches('▀').count() >= 20).count() >= 8
}

#[test]
fn one_watches_in_the_terminal_and_another_into_a_file() {
    let town = Town::new();
    let mut ken = town.person("ken", 120);
    ken.type_line("/register ken");
    ken.wait_for("You are ken");
    ken.type_line("/create #general");
    ken.wait_for_last("#general ❯");
    let mut ben = town.member("ben", 100);
    ken.type_line("/stream start");
    ken.wait_for("Live in #general: 'card' 640x360, 30/s");
    ben.wait_for("@ken streams 'card' 640x360, 30/s · /stream watch");
    ben.type_line("/stream watch");
    ben.wait("a picture", has_picture);
    ben.wait("what it is", |rows| rows.iter().any(|row| row.starts_with("ken: card  640x360")));
    ken.type_line("can you see it?");
    ken.wait_for("'card': ben watches (direct");

    let file = at(&town, "card.mkv");
    let watching = format!("/stream watch #general @ken --out {} --seconds 4", file.display());
    town.done("ada", &["/register ada", "/join #general"]);
    let heard = town.done("ada", &[&watching]);
    let ended = of_type(&heard, "stream_ended")[0].clone();
    let taken = ended["frames"].as_u64().unwrap();
    assert!(taken >= 40, "{ended}");
    assert_eq!(ended["pictures"], taken, "it has no sound: {ended}");
    if has_ffmpeg() {
        assert_eq!(frames_in(&file), taken);
    }

    ken.type_line("/stream stats");
    ken.wait("who watches", |rows| rows.iter().any(|row| row.starts_with("  ben ") && row.contains(" direct ")));
    ben.resize(40);
    ben.wait("how it ends", |rows| rows.iter().any(|row| row.ends_with("  q ends")));
    ben.resize(60);
    ben.wait("the picture in the smaller window", |rows| {
        has_picture(rows) && rows.iter().all(|row| row.chars().count() <= 60)
    });
    assert!(!ben.rows().concat().contains("can you see it?"));
    ben.press("q");
    ben.wait_for("'card' of ken in #general: watched for");
    ben.wait("what was said meanwhile", |rows| rows.iter().any(|row| row.ends_with("can you see it?")));
    let rows = ben.wait_for_last("#general ❯");
    assert!(!rows.concat().contains('▀'), "{rows:#?}");
    assert!(!rows.concat().contains("of them pictures"), "all of them are: {rows:#?}");
    ben.type_line("I could");
    ken.wait("ben's text", |rows| rows.iter().any(|row| row.ends_with("I could")));

    ken.type_line("/stream stop");
    ken.wait_for("'card' in #general: sent for");
    ben.wait_for("ken stopped 'card'");
}

#[test]
fn a_picture_gives_the_terminal_back_whatever_ends_it() {
    let (town, mut ken, []) = town_of([]);
    let restored = "\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l";
    ken.done(CARD);
    let mut ben = town.member("ben", 100);
    ben.type_line("/stream watch");
    ben.wait("a picture", has_picture);
    // Ctrl-C
    ben.press("\u{3}");
    ben.wait_for_last("#general ❯");
    assert!(ben.raw().contains(restored));
    ben.press("half of a li");
    ben.wait_for_last("#general ❯ half of a li");
    ben.press("\u{15}");
    ben.type_line("/stream watch");
    ben.wait("a picture", has_picture);
    ken.done("/stream stop");
    ben.wait_for("it is over.");
    ben.wait_for_last("#general ❯");
    ken.done(CARD);
    ben.type_line("/stream watch");
    ben.wait("a picture", has_picture);
    let before = ben.raw().matches(restored).count();
    run("kill", &["-TERM", &ben.pid().to_string()]);
    ben.wait_for_end();
    until("the terminal as it was", || ben.raw().matches(restored).count() > before);
}

#[test]
fn a_script_without_a_terminal_says_what_to_do_instead() {
    let (town, mut ken, []) = town_of([]);
    ken.done(CARD);
    town.done("ben", &["/register ben", "/join #general"]);
    let refused = town.script("ben", &["/stream watch #general"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("use --out FILE"), "{}", text(&refused.stderr));
    let mut dumb = town.person_with("ada", 100, &[("TERM", "dumb")], &[]);
    dumb.type_line("/register ada");
    dumb.wait_for("You are ada");
    dumb.type_line("/join #general");
    dumb.wait_for("You are in #general");
    dumb.type_line("/stream watch");
    dumb.wait_for("use --out FILE");
}

#[test]
fn one_is_watched_in_the_terminal_while_another_goes_into_a_file() {
    let (town, mut ken, [mut ada]) = town_of(["ada"]);
    ken.done(CARD);
    ada.done("/stream start card --title second --size 160x120 --fps 10");
    let mut ben = town.member("ben", 100);
    let file = at(&town, "second.mkv");
    ben.type_line(&format!("/stream watch second --out {}", file.display()));
    ben.wait_for("'second' of ada is written to");
    ben.type_line("/stream watch @ken");
    ben.wait("a picture", has_picture);
    until("both come", || {
        let (ken, ada) = (ken.done("/stream stats"), ada.done("/stream stats"));
        let frames = |answer: &[serde_json::Value]| {
            of_type(answer, "stream_viewer").iter().map(|viewer| viewer["frames"].as_u64().unwrap()).min()
        };
        frames(&ken) >= Some(10) && frames(&ada) >= Some(10)
    });
    ben.press("q");
    ben.wait_for("'card' of ken in #general: watched for");
    ben.type_line("/stream stop");
    ben.wait_for("'second' of ada in #general: watched for");
    assert!(fs::metadata(&file).unwrap().len() > 10_000);
}
