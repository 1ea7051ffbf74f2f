//! These need `ffmpeg` and `ffprobe`, and say so where they are missing. `.ci/run` installs them.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::card::{self, CardOptions};
use crate::ffmpeg::{Decoder, FfmpegOptions, Input, Tool, open};
use crate::{FileSink, Frame, Outlet, Source, SourceError, Stop, Summary};

const CLIP_SECONDS: f64 = 3.0;
const FRAME_SECONDS: f64 = 0.04;

fn tool() -> Option<Tool> {
    let tool = Tool::find("to test it").ok();
    if tool.is_none() {
        eprintln!("SKIPPED: ffmpeg is not installed (apt install ffmpeg)");
    }
    tool
}

/// What a program has said, both ways.
fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{program} {args:?}: {said:?}");
    said.concat()
}

/// Black and silent up to the middle, then white and loud.
fn make_clip(path: &Path, seconds: f64) {
    let middle = seconds / 2.0;
    let video = format!(
        "color=c=black:size=320x240:rate=25:duration={seconds},drawbox=color=white:t=fill:enable='gte(t,{middle})'"
    );
    let audio = format!("sine=frequency=1000:sample_rate=48000:duration={seconds},volume=0:enable='lt(t,{middle})'");
    let path = path.to_str().unwrap();
    let inputs = ["-f", "lavfi", "-i", &video, "-f", "lavfi", "-i", &audio];
    run("ffmpeg", &[&["-loglevel", "error"], &inputs[..], &["-pix_fmt", "yuv420p", path]].concat());
}

fn probe(path: &Path, args: &[&str]) -> Vec<f64> {
    let all = [&["-v", "error", "-of", "default=nk=1:nw=1"], args, &[path.to_str().unwrap()]].concat();
    run("ffprobe", &all).lines().filter_map(|line| line.trim().parse().ok()).collect()
}

fn frames_in(path: &Path) -> f64 {
    probe(path, &["-select_streams", "v:0", "-count_frames", "-show_entries", "stream=nb_read_frames"])[0]
}

fn number_behind(text: &str, name: &str) -> f64 {
    let rest = text.split(name).nth(1).unwrap_or_else(|| panic!("{name} in {text}"));
    rest.split(|c: char| !(c.is_ascii_digit() || c == '.')).find(|word| !word.is_empty()).unwrap().parse().unwrap()
}

/// When it becomes white, and when loud.
fn changes(path: &Path) -> (f64, f64) {
    let filters = ["-vf", "blackdetect=d=0.2", "-af", "silencedetect=n=-30dB:d=0.2", "-f", "null", "-"];
    let said = run("ffmpeg", &[&["-i", path.to_str().unwrap()], &filters[..]].concat());
    (number_behind(&said, "black_end:"), number_behind(&said, "silence_end:"))
}

fn pour(source: &mut Source, path: &Path, wanted: impl Fn(u32) -> bool) -> Summary {
    let sink = FileSink::create(path, source.tracks()).unwrap();
    let outlet = Outlet::start(sink, &Stop::default()).unwrap();
    let mut count = 0;
    while wanted(count)
        && let Some(frame) = source.next_blocking().unwrap()
    {
        outlet.put(frame);
        count += 1;
    }
    outlet.finish().unwrap()
}

#[test]
fn a_file_of_the_card_has_as_many_frames_as_were_taken() {
    let Some(_) = tool() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.mkv");
    let options = CardOptions { width: 320, height: 240, rate: 50, ..CardOptions::default() };
    let summary = pour(&mut card::open(options).unwrap(), &path, |count| count < 60);
    assert_eq!(summary, Summary { taken: 60, dropped: 0 });
    assert_eq!(frames_in(&path), 60.0);
    let duration = probe(&path, &["-show_entries", "format=duration"])[0];
    assert!(duration >= 60.0 / 50.0 - 0.02, "{duration}");
}

#[test]
fn a_clip_comes_out_as_long_as_it_was_and_its_sound_with_its_pictures() {
    let Some(tool) = tool() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (clip, out) = (folder.path().join("clip.mp4"), folder.path().join("out.mkv"));
    make_clip(&clip, CLIP_SECONDS);
    let mut source = open(&tool, &Input::File(clip.clone()), &FfmpegOptions::default()).unwrap();
    assert_eq!(source.tracks().iter().map(crate::Track::name).collect::<Vec<_>>(), ["video", "audio"]);
    let summary = pour(&mut source, &out, |_| true);
    assert_eq!((summary.dropped, source.dropped()), (0, 0));
    assert_eq!(frames_in(&out), frames_in(&clip));
    let duration = |path| probe(path, &["-show_entries", "format=duration"])[0];
    assert!((duration(&out) - duration(&clip)).abs() <= FRAME_SECONDS, "{} {}", duration(&out), duration(&clip));
    let (white, loud) = changes(&out);
    assert!((white - CLIP_SECONDS / 2.0).abs() <= FRAME_SECONDS && (white - loud).abs() <= 0.05, "{white} {loud}");
}

#[test]
fn keyframes_come_every_second_and_times_go_on() {
    let Some(tool) = tool() else { return };
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("it's 1:2 %d.mp4");
    make_clip(&clip, CLIP_SECONDS);
    let before = crate::source::now_us();
    let mut source = open(&tool, &Input::File(clip), &FfmpegOptions::default()).unwrap();
    let frames: Vec<Frame> = std::iter::from_fn(|| source.next_blocking().unwrap()).collect();
    let times = |only_keys: bool| -> Vec<u64> {
        let video = frames.iter().filter(|frame| frame.track == 0 && (frame.key || !only_keys));
        video.map(|frame| frame.timestamp_us).collect()
    };
    assert!(times(false).is_sorted_by(|a, b| a < b) && times(false)[0] >= before);
    assert!(times(true).windows(2).all(|pair| pair[1] - pair[0] <= 1_001_000), "{:?}", times(true));
    assert!(times(true).len() >= 3);
    assert!(frames.iter().filter(|frame| frame.track == 1).all(|frame| frame.key));
}

#[test]
fn pictures_between_keyframes_are_decoded() {
    let Some(tool) = tool() else { return };
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("clip.mp4");
    make_clip(&clip, 1.0);
    let mut source = open(&tool, &Input::File(clip), &FfmpegOptions::default()).unwrap();
    let (mut decoder, mut pictures) = Decoder::start(&tool, &source.tracks()[0].clone(), 160).unwrap();
    let decoded = std::thread::spawn(move || {
        std::iter::from_fn(|| pictures.next_picture())
            .map(|picture| (picture.width(), picture.at(80, 60)[0] > 128))
            .collect::<Vec<_>>()
    });
    while let Some(frame) = source.next_blocking().unwrap() {
        if frame.track == 0 {
            decoder.put(&frame).unwrap();
        }
    }
    decoder.finish();
    let decoded = decoded.join().unwrap();
    assert_eq!(decoded.len(), 25);
    assert!(decoded.iter().all(|(width, _)| *width == 160));
    assert_eq!(decoded.iter().filter(|(_, is_white)| *is_white).count(), 12);
}

#[cfg(target_os = "linux")]
#[test]
fn ffmpeg_ends_with_its_source() {
    let Some(tool) = tool() else { return };
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("clip.mp4");
    make_clip(&clip, 10.0);
    let mut source = open(&tool, &Input::File(clip.clone()), &FfmpegOptions::default()).unwrap();
    source.next_blocking().unwrap();
    let name = clip.to_str().unwrap().to_owned();
    let runs = || {
        let lines = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("cmdline"));
        lines.filter_map(|file| std::fs::read(file).ok()).any(|line| String::from_utf8_lossy(&line).contains(&name))
    };
    assert!(runs());
    drop(source);
    let until = Instant::now() + Duration::from_secs(10);
    while runs() {
        assert!(Instant::now() < until, "it goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    let missing = Tool::find_in(env::temp_dir().join("nothing here").as_os_str(), "to stream a file").unwrap_err();
    assert!(
        missing.to_string().starts_with("ffmpeg is not installed: it is needed to stream a file. Install it"),
        "{missing}"
    );
    let Some(tool) = tool() else { return };
    let refused = |input: &Input| open(&tool, input, &FfmpegOptions::default()).unwrap_err();
    assert!(matches!(refused(&Input::File("no such file".into())), SourceError::NoFile(_)));
    assert!(matches!(refused(&Input::Camera("/dev/video987".into())), SourceError::NoCamera(_)));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "no film").unwrap();
    let error = refused(&Input::File(file.path().into()));
    assert!(error.to_string().contains("Invalid data found"), "{error}");
}

#[test]
fn inputs_are_understood_as_a_person_writes_them() {
    assert!(matches!(Input::understand("camera"), Input::Camera(_)));
    assert_eq!(Input::understand("/dev/video3"), Input::Camera("/dev/video3".into()));
    assert_eq!(Input::understand("rtsp://host/a"), Input::Url("rtsp://host/a".into()));
    assert_eq!(Input::understand("a: b.mp4"), Input::File("a: b.mp4".into()));
}
