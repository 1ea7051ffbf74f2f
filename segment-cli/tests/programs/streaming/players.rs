//! Pictures for a player's standard input.

use std::fs::{self, File};
use std::io::BufReader;

use segment_media::matroska::Reader;

use super::{CARD, at, event, frames, pretend, town_of};
use crate::support::{Program, Town, of_type};

/// Ben, for whom `mpv` is what a script says.
fn ben_with_mpv(town: &Town, script: &str) -> Program {
    let path = pretend(town, "mpv", script);
    let mut ben = Program::start(town.command("ben").arg("--json").env("PATH", path));
    ben.done("/register ben");
    ben.done("/join #general");
    ben
}

#[test]
fn a_player_gets_every_frame_on_its_standard_input() {
    let (town, mut ken, []) = town_of([]);
    let (came, asked) = (at(&town, "came.mkv"), at(&town, "asked"));
    let script = format!("echo \"$*\" >{}; exec cat >{}", asked.display(), came.display());
    let mut ben = ben_with_mpv(&town, &script);
    ken.done(CARD);
    ben.done("/stream watch #general --play");
    frames(&mut ben, 20);
    let answer = ben.done("/stream stop");
    let ended = of_type(&answer, "stream_ended")[0];
    assert!(ended["frames"].as_u64().unwrap() >= 20, "{ended}");
    assert!(fs::read_to_string(asked).unwrap().trim().ends_with(" -"));
    let mut reader = Reader::open(BufReader::new(File::open(&came).unwrap())).unwrap();
    assert_eq!(reader.tracks()[0].codec, "mjpeg");
    let mut count = 0;
    while let Some(block) = reader.next_block().unwrap() {
        assert_eq!(segment_media::jpeg::size(&block.payload).unwrap(), (320, 180));
        count += 1;
    }
    assert_eq!(count, ended["frames"].as_u64().unwrap());
}

#[test]
fn a_player_whose_window_is_closed_ends_what_it_shows() {
    let (town, mut ken, []) = town_of([]);
    let mut ben = ben_with_mpv(&town, "head -c 30000 >/dev/null");
    ken.done(CARD);
    ben.done("/stream watch #general --play");
    let failed = event(&ben, "stream_failed");
    assert!(failed["text"].as_str().unwrap().contains("its window was closed"), "{failed}");
    ben.done(&format!("/stream watch #general --out {}", at(&town, "after.mkv").display()));
}

#[test]
fn who_has_no_player_is_told_which_to_install() {
    let (town, mut ken, []) = town_of([]);
    ken.done(CARD);
    let mut ben = Program::start(town.command("ben").arg("--json").env("PATH", at(&town, "nothing")));
    ben.done("/register ben");
    ben.done("/join #general");
    let refused = ben.refused("/stream watch #general --play");
    assert!(refused.to_string().contains("mpv"), "{refused}");
}
