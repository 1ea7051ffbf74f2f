//! Live streams between the real programs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use segment_media::card::Card;
use segment_media::jpeg;
use serde_json::Value;

use crate::support::{Program, Town, interrupt, of_type, text, until};

/// Whatever is not there must not be listed longer.
const LISTED_MAX: Duration = Duration::from_secs(35);
const CARD: &str = "/stream start card --size 320x180 --fps 20";

/// A town in which ken hosts #general, in a program; and others who are in it.
fn town_of<const COUNT: usize>(names: [&str; COUNT]) -> (Town, Program, [Program; COUNT]) {
    let town = Town::new();
    let mut ken = town.program("ken");
    ken.done("/register ken");
    ken.done("/create #general");
    let members = names.map(|name| member(&town, name));
    (town, ken, members)
}

fn member(town: &Town, name: &str) -> Program {
    let mut program = town.program(name);
    program.done(&format!("/register {name}"));
    program.done("/join #general");
    program
}

fn at(town: &Town, name: &str) -> PathBuf {
    town.dir.path().join(name)
}

fn watch(program: &mut Program, file: &Path) {
    program.done(&format!("/stream watch #general --out {}", file.display()));
}

fn event(program: &Program, name: &str) -> Value {
    program.hear(name, |value| value["event"] == name)
}

fn stats(program: &mut Program) -> Value {
    let answer = program.done("/stream stats");
    of_type(&answer, "stream_stats")[0].clone()
}

/// Waits until so many frames have come, or gone.
fn frames(program: &mut Program, least: u64) {
    until("frames", || stats(program)["frames"].as_u64().unwrap() >= least);
}

fn viewers(program: &mut Program) -> Vec<String> {
    let answer = program.done("/stream tree #general");
    let tree = of_type(&answer, "stream_tree")[0].clone();
    let names = tree["viewers"].as_array().unwrap().iter();
    names.map(|viewer| viewer["name"].as_str().unwrap().to_owned()).collect()
}

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", text(&output.stderr));
    text(&output.stdout) + &String::from_utf8_lossy(&output.stderr)
}

fn has_ffmpeg() -> bool {
    let is_there = Command::new("ffprobe").arg("-version").output().is_ok();
    if !is_there {
        eprintln!("SKIPPED: ffmpeg is not installed (apt install ffmpeg)");
    }
    is_there
}

fn probe(file: &Path, args: &[&str]) -> Vec<f64> {
    let all = [&["-v", "error", "-of", "default=nk=1:nw=1"], args, &[file.to_str().unwrap()]].concat();
    run("ffprobe", &all).lines().filter_map(|line| line.trim().parse().ok()).collect()
}

fn frames_in(file: &Path) -> u64 {
    probe(file, &["-select_streams", "v:0", "-count_frames", "-show_entries", "stream=nb_read_frames"])[0] as u64
}

fn duration_of(file: &Path) -> f64 {
    probe(file, &["-show_entries", "format=duration"])[0]
}

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
    if has_ffmpeg() {
        assert_eq!(frames_in(&file), taken);
    }

    ken.type_line("/stream stats");
    ken.wait("who watches", |rows| rows.iter().any(|row| row.starts_with("  ben ") && row.contains(" direct ")));
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
fn visitors_watch_where_the_channel_lets_them() {
    let (town, mut ken, []) = town_of([]);
    ken.done(CARD);
    let mut vera = town.program("vera");
    vera.done("/guest vera");
    vera.done("/join #general");
    watch(&mut vera, &at(&town, "vera.mkv"));
    frames(&mut vera, 5);
    assert_eq!(viewers(&mut ken), ["~vera"]);
    let refused = vera.refused("/stream start #general");
    assert_eq!((&refused["reason"], &refused["exit"]), (&"may_not_stream".into(), &4.into()), "{refused}");
    ken.done("/view #general --visitors none");
    event(&vera, "stream_lost");
    until("nobody watches", || viewers(&mut ken).is_empty());
    let refused = vera.refused("/stream watch #general --out again.mkv");
    assert_ne!(refused["exit"], 0, "{refused}");
    ken.done("/view #general --visitors read");
    let mut eve = town.program("eve");
    eve.done("/guest eve");
    eve.done("/join #general");
    watch(&mut eve, &at(&town, "eve.mkv"));
    frames(&mut eve, 5);
}

#[test]
fn who_may_not_stream_is_told_so_and_who_may_no_more_is_ended() {
    let (_town, mut ken, [mut ben]) = town_of(["ben"]);
    ken.done("/allow @ben --to #general --can read,send");
    until("ben may not stream", || ben.ask(CARD).last().unwrap()["reason"] == "may_not_stream");
    ken.done("/allow @ben --to #general --can read,send,stream");
    until("ben may stream", || ben.ask(CARD).last().unwrap()["type"] == "done");
    event(&ken, "stream_started");
    ken.done("/allow @ben --to #general --can read,send");
    event(&ben, "stream_stopped");
    assert!(of_type(&ken.done("/stream list #general"), "stream").is_empty());
}

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
    let ended = of_type(&ben.done("/stream stop second"), "stream_ended")[0].clone();
    assert_eq!(ended["by"], "ada");
    let ended = of_type(&ben.done("/stream stop"), "stream_ended")[0].clone();
    assert_eq!(ended["by"], "ken");
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
fn a_script_streams_what_comes_through_a_pipe_until_it_is_interrupted() {
    let town = Town::new();
    town.done("ken", &["/register ken", "/create #general"]);
    let mut ben = member(&town, "ben");
    assert_eq!(ben.refused("/stream start #general -")["reason"], "source");
    let mut ken = town.command("ken");
    ken.args(["-c", "/stream start #general - --fps 20"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut ken = ken.spawn().unwrap();
    let mut pipe = ken.stdin.take().unwrap();
    let picture = jpeg::encode(Card::new(160, 120).picture(), 70).unwrap();
    let piping = thread::spawn(move || {
        while pipe.write_all(&picture).is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    // He was in the channel before its host was.
    assert_eq!(event(&ben, "stream_started")["title"], "standard input");
    watch(&mut ben, &at(&town, "ben.mkv"));
    frames(&mut ben, 10);
    interrupt(ken.id());
    assert_eq!(ken.wait().unwrap().code(), Some(130));
    let ended = ben.hear("the end", |value| value["type"] == "stream_ended");
    assert_eq!((&ended["title"], &ended["why"]), (&"standard input".into(), &"it is over".into()), "{ended}");
    piping.join().unwrap();
}

/// Half black and silent, then white and loud, above a moving picture.
fn make_clip(file: &Path, seconds: u32) {
    let half = seconds / 2;
    let video = format!(
        "testsrc2=size=320x240:rate=25:duration={seconds},drawbox=h=120:color=black:t=fill:enable='lt(t,{half})',\
         drawbox=h=120:color=white:t=fill:enable='gte(t,{half})'"
    );
    let sound = format!("sine=frequency=1000:sample_rate=48000:duration={seconds},volume=0:enable='lt(t,{half})'");
    let inputs = ["-loglevel", "error", "-f", "lavfi", "-i", &video, "-f", "lavfi", "-i", &sound];
    run("ffmpeg", &[&inputs[..], &["-pix_fmt", "yuv420p", "-crf", "12", file.to_str().unwrap()]].concat());
}

fn number_behind(said: &str, name: &str) -> f64 {
    let rest = said.rsplit(name).next().unwrap();
    let digits = rest.trim_start().split(|c: char| !(c.is_ascii_digit() || c == '.')).next().unwrap();
    digits.parse().unwrap_or_else(|_| panic!("no number behind {name}: {said}"))
}

/// When its upper half becomes white, and when it becomes loud.
fn changes(file: &Path) -> (f64, f64) {
    let filters =
        ["-vf", "crop=iw:ih/2:0:0,blackdetect=d=0.2", "-af", "silencedetect=n=-30dB:d=0.2", "-f", "null", "-"];
    let said = run("ffmpeg", &[&["-i", file.to_str().unwrap()], &filters[..]].concat());
    (number_behind(&said, "black_end:"), number_behind(&said, "silence_end:"))
}

/// How alike the pictures are, frame by frame.
fn likeness(one: &Path, other: &Path) -> f64 {
    let frames = "[0:v]setpts=N/25/TB[a];[1:v]setpts=N/25/TB[b];[a][b]ssim";
    let (one, other) = (one.to_str().unwrap(), other.to_str().unwrap());
    number_behind(&run("ffmpeg", &["-i", one, "-i", other, "-lavfi", frames, "-f", "null", "-"]), "All:")
}

/// Streams a clip to somebody; where what came is as much as was sent.
fn watched_whole(ken: &mut Program, ben: &mut Program, clip: &Path, out: &Path) -> Option<PathBuf> {
    let title = out.file_stem().unwrap().to_str().unwrap();
    ken.done(&format!("/stream start #general {} --viewers 1 --title {title}", clip.display()));
    watch(ben, out);
    let ends = |program: &Program| program.hear("the end", |v| v["type"] == "stream_ended" && v["title"] == title);
    let (sent, came) = (ends(ken), ends(ben));
    eprintln!("sent {} frames, came {}", sent["frames"], came["frames"]);
    (sent["frames"] == came["frames"]).then(|| out.to_owned())
}

#[test]
fn a_film_with_sound_goes_through_whole() {
    const SECONDS: u32 = 6;
    const FRAME: f64 = 0.04;
    if !has_ffmpeg() {
        return;
    }
    let (town, mut ken, [mut ben]) = town_of(["ben"]);
    let clip = at(&town, "clip.mp4");
    make_clip(&clip, SECONDS);
    // On a machine that has other work to do, pictures may come too late to be sent: that is as it should be.
    let whole = (0..5).find_map(|round| watched_whole(&mut ken, &mut ben, &clip, &at(&town, &format!("{round}.mkv"))));
    let out = whole.expect("something was left out each time");
    let (sent, came) = (frames_in(&clip), frames_in(&out));
    assert_eq!(came, sent);
    let (long, was) = (duration_of(&out), duration_of(&clip));
    assert!((long - was).abs() <= FRAME, "{long} {was}");
    let (white, loud) = changes(&out);
    assert!((white - f64::from(SECONDS / 2)).abs() <= FRAME && (white - loud).abs() <= 0.05, "{white} {loud}");
    let likeness = likeness(&out, &clip);
    assert!(likeness >= 0.95, "{likeness}");
    eprintln!("{came} frames, {long:.3} s of {was:.3} s, white {white:.3} loud {loud:.3}, SSIM {likeness:.4}");
}
