//! `/stream start` and `/stream stop`.

use std::fs::{self, File};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::{Duration, Instant};

use segment_core::peer::StreamOptions;
use segment_core::stream::{MediaFrame, PushError, stream_id};
use segment_media::card::CardOptions;
use segment_media::ffmpeg::{FfmpegOptions, Input, Tool};
use segment_media::{Frame, Source, Stop, TrackKind, card, ffmpeg, input};
use segment_net::{Broadcast, PushFrameError};
use segment_proto::{ChannelName, FrameFlags, Reason};
use tokio::sync::oneshot;

use super::answers::{StreamBegun, StreamEnded};
use super::meter::{Meter, Reading};
use super::picking::nobody_serves;
use super::running::{Ended, Role, Running, reached, told};
use super::{LINGER, telling};
use crate::chat::{Chat, Done, Target, unheard};
use crate::commands::{StreamRef, StreamSource, StreamStart};
use crate::errors::{LocalReason, Problem};

/// What a machine can send where nobody says more.
const UPLINK_KBPS: u32 = 20_000;
/// How often it is looked whether those are there who are waited for.
const LOOK: Duration = Duration::from_millis(50);
/// What a track is taken to need that does not say so.
const PICTURES_BPS: u32 = 2_000_000;
const SOUND_BPS: u32 = 96_000;

impl Chat {
    /// `/stream start`
    pub(super) async fn start_stream(&mut self, target: Target, start: StreamStart) -> Done {
        self.served(&target).await?;
        let title = start.title.clone().unwrap_or_else(|| title_of(&start.source));
        let stream = stream_id(&target.id, &self.peer().device(), &title);
        if self.streaming.has(Role::Sends, stream) {
            return Err(Problem::local(LocalReason::StreamsAlready).saying(format_args!(
                "you stream '{title}' in #{} already: nothing was started; --title TITLE makes it another stream",
                target.name
            )));
        }
        if start.source == StreamSource::StandardInput && !self.stdin_is_free {
            let text = "standard input is where commands come from: nothing is streamed; use -c or -f for them";
            return Err(Problem::local(LocalReason::Source).saying(text));
        }
        let source = open_elsewhere(start.clone()).await?;
        let waiting = start.viewers.map(|viewers| (viewers as usize, start.clone()));
        if waiting.is_some() && cannot_wait(&start.source) {
            let text = "what comes through a pipe cannot wait for viewers: nothing is streamed; leave --viewers out";
            return Err(Problem::local(LocalReason::Source).saying(text));
        }
        let uplink_kbps = start.uplink_kbps.unwrap_or(UPLINK_KBPS);
        let tracks = source.tracks().iter().map(|track| on_the_wire(track, &start)).collect();
        let options = StreamOptions { title: title.clone(), tracks, uplink_kbps };
        let said = StreamBegun::new(format!("#{}", target.name), stream, &options);
        let begun = self.peer().channel(target.id).stream(options).await;
        let broadcast = begun.map_err(|error| self.may_not(nobody_serves(error, &target), &target))?;
        let running = self.begin(&target, title, source, broadcast, (waiting, start.seconds));
        self.streaming.0.push(running);
        self.out.answer(&said).await.map_err(unheard)
    }

    fn may_not(&self, problem: Problem, target: &Target) -> Problem {
        if problem.reason != Reason::MayNotStream.as_str() {
            return problem;
        }
        let name = &target.name;
        match self.talk.known().me.as_ref().filter(|me| !me.is_visitor()) {
            Some(me) => problem.saying(format_args!(
                "Not started: in #{name} you may not stream. Its owner can run: /allow @{me} --to #{name} --can \
                 read,send,stream"
            )),
            None => problem.saying(format_args!(
                "Not started: visitors may not stream in #{name}. /register NAME makes you an account"
            )),
        }
    }

    fn begin(
        &self,
        target: &Target,
        title: String,
        source: Source,
        broadcast: Broadcast,
        (waiting, seconds): (Option<Waiting>, Option<u32>),
    ) -> Running {
        let (meter, stop) = (Meter::new(Instant::now()), Stop::default());
        let by = self.talk.known().me.as_ref().map(ToString::to_string).unwrap_or_default();
        let stream = broadcast.id();
        let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds.into()));
        let ended = StreamEnded {
            role: Role::Sends.as_str(),
            channel: format!("#{}", target.name),
            title: title.clone(),
            by: by.clone(),
            seconds: 0.0,
            frames: 0,
            pictures: 0,
            dropped: 0,
            file: None,
            why: None,
        };
        telling::viewers(&self.out, &broadcast, &ended, &stop);
        let sending = Sending { source, waiting, broadcast, meter: meter.clone(), stop: stop.clone(), until, ended };
        let task = tokio::spawn(told(self.out.clone(), stop.clone(), sending.run()));
        Running { role: Role::Sends, stream, target: target.clone(), title, by, meter, stop, task }
    }

    /// `/stream stop`
    pub(super) async fn stop_stream(&mut self, channel: Option<ChannelName>, which: Option<StreamRef>) -> Done {
        let target = match channel {
            Some(name) => Some(self.target(Some(name)).await?),
            None => None,
        };
        let running = self.only_meant(target.as_ref(), which.as_ref()).await?;
        let (role, stream) = (running.role, running.stream);
        let at = self.streaming.0.iter().position(|one| (one.role, one.stream) == (role, stream));
        let Some(at) = at else { return Err(Problem::local(LocalReason::NoOwnStream)) };
        let ended = self.streaming.0.remove(at).end().await?;
        self.out.answer(&ended).await.map_err(unheard)
    }
}

fn title_of(source: &StreamSource) -> String {
    match source {
        StreamSource::Card => "card".to_owned(),
        StreamSource::StandardInput => "standard input".to_owned(),
        StreamSource::Input(word) => {
            let name = Path::new(word).file_name().map_or_else(|| word.clone(), |name| name.to_string_lossy().into());
            name.chars().filter(|character| !character.is_control()).take(64).collect()
        }
    }
}

/// Opening may take a while, or for ever where a pipe has no other end.
async fn open_elsewhere(start: StreamStart) -> Result<Source, Problem> {
    let (opened, is_open) = oneshot::channel();
    let open = move || {
        // Whoever wanted it may have given up.
        let _ = opened.send(open(&start));
    };
    let no_thread = |error: std::io::Error| Problem::local(LocalReason::Source).saying(error);
    std::thread::Builder::new().name("opens a source".into()).spawn(open).map_err(no_thread)?;
    is_open.await.map_err(|_| Problem::local(LocalReason::Source))?
}

fn open(start: &StreamStart) -> Result<Source, Problem> {
    match &start.source {
        StreamSource::Card => Ok(card::open(card_options(start)?)?),
        StreamSource::StandardInput => Ok(input::open(std::io::stdin(), fps(start))?),
        StreamSource::Input(word) if is_pipe(word) => {
            let unreadable = |error| Problem::local(LocalReason::Source).saying(format_args!("{word}: {error}"));
            Ok(input::open(File::open(word).map_err(unreadable)?, fps(start))?)
        }
        StreamSource::Input(word) => {
            let wanted = Input::understand(word);
            wanted.check()?;
            let missing = |error| Problem::local(LocalReason::MissingProgram).saying(error);
            let tool = Tool::find("to stream a file or a camera").map_err(missing)?;
            Ok(ffmpeg::open(&tool, &wanted, &ffmpeg_options(start))?)
        }
    }
}

fn cannot_wait(source: &StreamSource) -> bool {
    match source {
        StreamSource::Card => false,
        StreamSource::StandardInput => true,
        StreamSource::Input(word) => is_pipe(word),
    }
}

fn is_pipe(word: &str) -> bool {
    fs::metadata(word).is_ok_and(|facts| facts.file_type().is_fifo())
}

fn fps(start: &StreamStart) -> u32 {
    start.fps.unwrap_or(CardOptions::default().rate)
}

fn card_options(start: &StreamStart) -> Result<CardOptions, Problem> {
    let mut options = CardOptions { rate: fps(start), ..CardOptions::default() };
    if let Some(size) = start.size {
        (options.width, options.height) = (size.width, size.height);
    }
    match start.rate_kbps {
        Some(kbps) => Ok(options.within(kbps)?),
        None => Ok(options),
    }
}

fn ffmpeg_options(start: &StreamStart) -> FfmpegOptions {
    let mut options = FfmpegOptions { rate: fps(start), ..FfmpegOptions::default() };
    if let Some(size) = start.size {
        (options.width_max, options.height_max) = (size.width, size.height);
    }
    options.video_kbps = start.rate_kbps.unwrap_or(options.video_kbps);
    options
}

/// A track as it is announced.
fn on_the_wire(track: &segment_media::Track, start: &StreamStart) -> segment_proto::Track {
    let (kind, unsaid_bps) = match track.kind() {
        TrackKind::Audio => (segment_proto::TrackKind::Audio, SOUND_BPS),
        TrackKind::Video => {
            let wanted = start.rate_kbps.map(|kbps| kbps.saturating_mul(1_000));
            (segment_proto::TrackKind::Video, wanted.unwrap_or(PICTURES_BPS))
        }
    };
    let rate_bps = if track.rate_bps == 0 { unsaid_bps } else { track.rate_bps };
    let (codec, format) = (track.codec.clone(), track.format.to_string());
    segment_proto::Track { track: track.track, kind, codec, format, rate_bps, interval_us: track.interval_us }
}

/// A frame as the other side of the wire has it.
pub(super) fn from_the_wire(frame: MediaFrame) -> Frame {
    let MediaFrame { track, timestamp_us, flags, payload, .. } = frame;
    let (key, discardable) = (flags.include(FrameFlags::KEY), flags.include(FrameFlags::DISCARDABLE));
    Frame { track, timestamp_us, key, discardable, payload }
}

/// Who are waited for, and how the source is opened again then.
type Waiting = (usize, StreamStart);

/// A stream on its way out.
struct Sending {
    source: Source,
    waiting: Option<Waiting>,
    broadcast: Broadcast,
    meter: Meter,
    stop: Stop,
    until: Option<Instant>,
    ended: StreamEnded,
}

/// Why no further frame is sent.
enum Over {
    Here,
    Source,
    Channel,
    Failed(Problem),
}

impl Sending {
    async fn run(mut self) -> Ended {
        let over = match self.wait_for_viewers().await {
            Ok(()) => self.send().await,
            Err(over) => over,
        };
        if matches!(over, Over::Source) {
            tokio::select! {
                () = tokio::time::sleep(LINGER) => {}
                () = self.stop.wait() => {}
            }
        }
        // Whoever coordinates it finds out by itself where it cannot be told.
        let _ = self.broadcast.stop().await;
        let reading = self.meter.read(Instant::now());
        let seconds = (reading.since.as_secs_f64() * 10.0).round() / 10.0;
        let why = match over {
            Over::Failed(problem) => return Err(problem),
            Over::Here => None,
            Over::Source => Some("its source has come to its end".to_owned()),
            Over::Channel => Some("it may not be sent any more".to_owned()),
        };
        let Reading { frames, pictures, dropped, .. } = reading;
        Ok(StreamEnded { seconds, frames, pictures, dropped, why, ..self.ended })
    }

    /// Opens the source anew, so that those who are there miss nothing of it.
    async fn wait_for_viewers(&mut self) -> Result<(), Over> {
        let Some((viewers, start)) = self.waiting.take() else { return Ok(()) };
        while self.broadcast.followers().await.map_err(|_| Over::Channel)?.0 < viewers {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.stop.wait() => return Err(Over::Here),
            }
        }
        self.source = open_elsewhere(start).await.map_err(Over::Failed)?;
        Ok(())
    }

    async fn send(&mut self) -> Over {
        let pictures: Vec<u8> =
            self.source.tracks().iter().filter(|t| t.kind() == TrackKind::Video).map(|t| t.track).collect();
        let mut refused = 0;
        let mut over = std::pin::pin!(reached(self.until));
        loop {
            let frame = tokio::select! {
                frame = self.source.next() => frame,
                () = self.stop.wait() => return Over::Here,
                () = &mut over => return Over::Here,
            };
            let frame = match frame {
                Ok(Some(frame)) => frame,
                Ok(None) => return Over::Source,
                Err(error) => return Over::Failed(error.into()),
            };
            let (bytes, is_picture) = (frame.payload.len(), pictures.contains(&frame.track));
            match self.push(frame).await {
                Ok(_) => self.meter.count(bytes, is_picture, Instant::now()),
                Err(PushFrameError::Push(PushError::NoSuchStream) | PushFrameError::Stopped(_)) => {
                    return Over::Channel;
                }
                Err(PushFrameError::Push(_)) => refused += 1,
            }
            self.meter.dropped(self.source.dropped() + refused);
        }
    }

    async fn push(&self, frame: Frame) -> Result<segment_proto::FramePlace, PushFrameError> {
        let key = if frame.key { FrameFlags::KEY } else { FrameFlags::NONE };
        let flags = if frame.discardable { key.with(FrameFlags::DISCARDABLE) } else { key };
        self.broadcast.push(frame.track, frame.timestamp_us, flags, frame.payload).await
    }
}
