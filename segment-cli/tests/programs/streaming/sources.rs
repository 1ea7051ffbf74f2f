//! Where pictures come from.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use segment_media::card::{self, Card, CardOptions};
use segment_media::{FileSink, Sink, jpeg};

use super::{at, event, frames, member, pretend, runs, town_of, watch};
use crate::support::{Program, Town, interrupt, of_type, until};

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

/// A film of so many pictures.
fn film(file: &std::path::Path, pictures: u32) {
    let mut source = card::open(CardOptions { width: 160, height: 120, rate: 20, ..CardOptions::default() }).unwrap();
    let mut sink = FileSink::create(file, source.tracks()).unwrap();
    for _ in 0..pictures {
        sink.take(&source.next_blocking().unwrap().unwrap()).unwrap();
    }
    sink.finish().unwrap();
}

/// No machine that tests has a camera: what is asked of ffmpeg is looked at, and what it gives is streamed.
#[test]
fn a_camera_is_read_through_ffmpeg() {
    let (town, _ken, [mut ben]) = town_of(["ben"]);
    let (given, asked, pid) = (at(&town, "camera.mkv"), at(&town, "asked"), at(&town, "pid"));
    film(&given, 60);
    let script = format!(
        "case \"$*\" in *-encoders*|*-version*) exit 0;; esac\n\
         echo \"$*\" >{}; echo $$ >{}; cat {}; exec sleep 60",
        asked.display(),
        pid.display(),
        given.display()
    );
    let path = pretend(&town, "ffmpeg", &script);
    let mut ada = Program::start(town.command("ada").arg("--json").env("PATH", path));
    ada.done("/register ada");
    ada.done("/join #general");
    let answer = ada.done("/stream start #general /dev/video0 --fps 25");
    let begun = of_type(&answer, "stream_begun")[0];
    assert_eq!((&begun["title"], &begun["pictures"]), (&"video0".into(), &"160x120, 20/s".into()), "{begun}");
    let asked = fs::read_to_string(&asked).unwrap();
    assert!(asked.contains("-f v4l2 -framerate 25 -i /dev/video0 "), "{asked}");
    watch(&mut ben, &at(&town, "ben.mkv"));
    frames(&mut ben, 10);
    let pid = fs::read_to_string(&pid).unwrap();
    assert!(runs(&pid));
    ada.done("/stream stop");
    until("the camera is let go", || !runs(&pid));
}

#[test]
fn a_camera_that_is_not_there_is_named() {
    let (town, _ken, []) = town_of([]);
    let path = pretend(&town, "ffmpeg", "case \"$*\" in *-i*) echo nothing there >&2; exit 1;; esac");
    let mut ada = Program::start(town.command("ada").arg("--json").env("PATH", path));
    ada.done("/register ada");
    ada.done("/join #general");
    let refused = ada.refused("/stream start #general /dev/video987");
    assert_eq!(refused["reason"], "no_source", "{refused}");
    assert!(refused.to_string().contains("there is no camera /dev/video987"), "{refused}");
}
