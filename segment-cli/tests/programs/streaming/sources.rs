//! Where pictures come from.

use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use segment_media::card::Card;
use segment_media::jpeg;

use super::{at, event, frames, member, watch};
use crate::support::{Town, interrupt};

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
