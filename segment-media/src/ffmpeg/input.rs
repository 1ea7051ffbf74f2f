//! Anything that `ffmpeg` can read, as a source.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::child::Child;
use super::tool::Tool;
use crate::matroska::Reader;
use crate::paced::play;
use crate::source::{SourceEnd, SourceError, thread_error};
use crate::{Sender, Source, Track};

/// A source that has not begun by then is given up.
const BEGIN_MAX: Duration = Duration::from_secs(30);
const EXIT_MAX: Duration = Duration::from_secs(2);

/// What `ffmpeg` is to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file, at the pace at which it plays.
    File(PathBuf),
    /// A camera: a v4l2 device.
    Camera(PathBuf),
    /// An address that it understands.
    Url(String),
}

impl Input {
    /// `camera`, a device, an address or a file, as a person writes it.
    #[must_use]
    pub fn understand(text: &str) -> Self {
        match text {
            "camera" => Self::Camera(first_camera()),
            _ if text.starts_with("/dev/video") => Self::Camera(text.into()),
            _ if text.contains("://") => Self::Url(text.into()),
            _ => Self::File(text.into()),
        }
    }

    /// Whether a file is there. Everything else `ffmpeg` has to find.
    ///
    /// # Errors
    /// [`SourceError::NoFile`].
    pub fn check(&self) -> Result<(), SourceError> {
        match self {
            Self::File(path) if !path.exists() => Err(SourceError::NoFile(path.display().to_string())),
            _ => Ok(()),
        }
    }

    /// Why `ffmpeg` gave nothing.
    fn explain(&self, child: &Child) -> SourceError {
        match self {
            Self::Camera(path) if !path.exists() => SourceError::NoCamera(path.display().to_string()),
            _ => failed(child),
        }
    }

    fn add_to(&self, command: &mut Command, options: &FfmpegOptions) {
        match self {
            Self::File(path) => {
                let mut file = std::ffi::OsString::from("file:");
                file.push(path);
                command.arg("-re").arg("-i").arg(file);
            }
            Self::Camera(path) => {
                command.args(["-f", "v4l2", "-framerate", &options.rate.to_string(), "-i"]).arg(path);
            }
            Self::Url(url) => {
                command.args(["-i", url]);
            }
        }
    }
}

/// The first that there is.
fn first_camera() -> PathBuf {
    let devices = (0..64).map(|number| PathBuf::from(format!("/dev/video{number}")));
    devices.into_iter().find(|path| path.exists()).unwrap_or_else(|| Path::new("/dev/video0").into())
}

/// What the stream may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FfmpegOptions {
    /// Columns of pixels.
    pub width_max: u16,
    /// Rows of pixels.
    pub height_max: u16,
    /// Frames a second.
    pub rate: u32,
    /// Of pictures, in thousands of bits a second.
    pub video_kbps: u32,
    /// Of sound, in thousands of bits a second.
    pub audio_kbps: u32,
}

impl Default for FfmpegOptions {
    fn default() -> Self {
        Self { width_max: 1280, height_max: 720, rate: 30, video_kbps: 3_000, audio_kbps: 96 }
    }
}

/// Streams what `ffmpeg` reads, encoded anew with a keyframe every second. Waits until it has begun.
///
/// # Errors
/// [`SourceError`]: the input is not there, or `ffmpeg` cannot read it.
pub fn open(tool: &Tool, input: &Input, options: &FfmpegOptions) -> Result<Source, SourceError> {
    input.check()?;
    let child = Arc::new(start(tool, input, options)?);
    let stdout = child.stdout().ok_or_else(|| input.explain(&child))?;
    let (begun, begins) = mpsc::sync_channel(1);
    let work = move || {
        let _ = begun.send(Reader::open(std::io::BufReader::new(stdout)));
    };
    thread::Builder::new().name("ffmpeg begins".into()).spawn(work).map_err(|error| thread_error(&error))?;
    let reader = begins.recv_timeout(BEGIN_MAX).ok().and_then(Result::ok).ok_or_else(|| input.explain(&child))?;
    let tracks = rated(reader.tracks(), options);
    let kept = Arc::clone(&child);
    let source = Source::start("ffmpeg", tracks, move |frames| run(reader, &child, frames))?;
    Ok(source.ending_with(move || kept.kill()))
}

fn start(tool: &Tool, input: &Input, options: &FfmpegOptions) -> Result<Child, SourceError> {
    let mut command = tool.command();
    input.add_to(&mut command, options);
    command.args(["-map", "0:v:0?", "-map", "0:a:0?", "-sn", "-dn"]);
    command.args(video(tool, options)).args(audio(tool, options));
    // A cluster is written when it ends: short ones do not hold frames back.
    command.args(["-f", "matroska", "-cluster_time_limit", "1", "-flush_packets", "1", "pipe:1"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    Child::start(&mut command).map_err(|error| SourceError::Ffmpeg(error.to_string()))
}

fn run(mut reader: Reader<impl std::io::Read>, child: &Child, frames: &Sender) -> Result<(), SourceError> {
    let outcome = match play(&mut reader, frames) {
        Err(SourceEnd::NotWanted) => return Ok(()),
        outcome => outcome.map_or_else(SourceEnd::outcome, Ok),
    };
    match child.wait(EXIT_MAX) {
        Some(status) if status.success() => outcome,
        _ => Err(failed(child)),
    }
}

fn failed(child: &Child) -> SourceError {
    let _ = child.wait(EXIT_MAX);
    match child.said() {
        said if said.is_empty() => SourceError::Ffmpeg("it gave no frames".into()),
        said => SourceError::Ffmpeg(said),
    }
}

fn rated(mut tracks: Vec<Track>, options: &FfmpegOptions) -> Vec<Track> {
    for track in &mut tracks {
        let kbps = if track.name() == "video" { options.video_kbps } else { options.audio_kbps };
        track.rate_bps = kbps.saturating_mul(1_000);
    }
    tracks
}

fn video(tool: &Tool, options: &FfmpegOptions) -> Vec<String> {
    let FfmpegOptions { width_max: width, height_max: height, rate, video_kbps: kbps, .. } = options;
    let mut args = words(&format!(
        "-vf scale='min({width},iw)':'min({height},ih)':force_original_aspect_ratio=decrease:force_divisible_by=2 \
         -fpsmax {rate} -pix_fmt yuv420p"
    ));
    let encoder = if tool.can("libx264") {
        format!(
            "-c:v libx264 -preset veryfast -tune zerolatency -crf 20 -maxrate {kbps}k -bufsize {kbps}k \
             -g {rate} -force_key_frames expr:gte(t,n_forced)"
        )
    } else if tool.can("libvpx") {
        format!(
            "-c:v libvpx -deadline realtime -cpu-used 6 -lag-in-frames 0 -auto-alt-ref 0 -error-resilient 1 \
             -b:v {kbps}k -g {rate} -force_key_frames expr:gte(t,n_forced)"
        )
    } else {
        "-pix_fmt yuvj420p -c:v mjpeg -q:v 5".into()
    };
    args.extend(words(&encoder));
    args
}

fn audio(tool: &Tool, options: &FfmpegOptions) -> Vec<String> {
    let encoder = if tool.can("libopus") { "libopus -ar 48000" } else { "aac" };
    words(&format!("-c:a {encoder} -ac 2 -b:a {}k", options.audio_kbps))
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
