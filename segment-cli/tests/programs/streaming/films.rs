//! A film with sound, from file to file.

use std::path::{Path, PathBuf};

use super::{at, frames_in, has_ffmpeg, probe, run, town_of, watch};
use crate::support::Program;

fn duration_of(file: &Path) -> f64 {
    probe(file, &["-show_entries", "format=duration"])[0]
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
