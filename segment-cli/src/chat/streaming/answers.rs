//! What is said of streams.

use std::path::PathBuf;

use segment_core::peer::StreamOptions;
use segment_proto::messages::{StreamRow, ViewerFigures};
use segment_proto::{DeviceId, StreamDescription, StreamId, Track, TrackKind, Untrusted};
use serde::Serialize;

use super::meter::Reading;
use super::running::Role;
use super::shape::{Shape, SlowPart, Way, is_slow};
use crate::chat::answers::answer;
use crate::chat::output::Answer;
use crate::render::Style;

impl Role {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sends => "sends",
            Self::Watches => "watches",
        }
    }
}

/// `'dry run'`
pub(super) fn quoted(title: &str) -> String {
    format!("'{}'", Untrusted(title))
}

/// `2.0 Mbit/s`
pub(super) fn rate(bps: f64) -> String {
    match bps {
        ..999_500.0 => format!("{:.0} kbit/s", bps / 1e3),
        _ => format!("{:.1} Mbit/s", bps / 1e6),
    }
}

/// `0.8 ms`
pub(super) fn millis(us: u32) -> String {
    match us {
        ..10_000 => format!("{:.1} ms", f64::from(us) / 1e3),
        _ => format!("{} ms", us / 1_000),
    }
}

/// `1 frame`, `2 frames`
pub(super) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// `640x360, 30/s, with sound`
pub(super) fn pictures(tracks: &[Track]) -> String {
    let of = |kind| tracks.iter().find(|track| track.kind == kind);
    let video = of(TrackKind::Video).map(|track| {
        let size = track.format.split(' ').next().unwrap_or_default().to_owned();
        let fps = 1_000_000_u32.checked_div(track.interval_us).map(|fps| format!(", {fps}/s")).unwrap_or_default();
        format!("{}{fps}", Untrusted(&size))
    });
    match (video, of(TrackKind::Audio)) {
        (Some(video), Some(_)) => format!("{video}, with sound"),
        (Some(video), None) => video,
        (None, Some(_)) => "sound".to_owned(),
        (None, None) => "nothing".to_owned(),
    }
}

fn bps(tracks: &[Track]) -> f64 {
    tracks.iter().map(|track| f64::from(track.rate_bps)).sum()
}

/// Seconds, as a person says them.
fn seconds(seconds: f64) -> String {
    match seconds {
        ..60.0 => format!("{seconds:.1} s"),
        _ => format!("{}:{:02} min", seconds as u64 / 60, seconds as u64 % 60),
    }
}

/// A stream has begun here.
#[derive(Debug, Serialize)]
pub(super) struct StreamBegun {
    pub channel: String,
    pub stream: StreamId,
    pub title: String,
    pub pictures: String,
    pub rate_bps: u64,
    pub direct: u64,
}

impl StreamBegun {
    pub fn new(channel: String, stream: StreamId, options: &StreamOptions) -> Self {
        let rate_bps = (bps(&options.tracks) as u64).max(1);
        Self {
            channel,
            stream,
            title: options.title.clone(),
            pictures: pictures(&options.tracks),
            rate_bps,
            direct: (u64::from(options.uplink_kbps) * 800 / rate_bps).max(1),
        }
    }
}
answer!(StreamBegun, "stream_begun", |self, style| {
    style.answer(&format!(
    "Live in {}: {} {}, {}. The first {} connect to you directly. /stream stats shows who is slow; /stream stop ends it.",
    self.channel,
    quoted(&self.title),
    self.pictures,
    rate(self.rate_bps as f64),
    counted(self.direct, "viewer"),
))
});

/// A stream is watched beside what is typed.
#[derive(Debug, Serialize)]
pub(super) struct WatchBegun {
    pub channel: String,
    pub stream: StreamId,
    pub title: String,
    pub by: String,
    pub file: Option<PathBuf>,
}
answer!(WatchBegun, "watch_begun", |self, style| {
    let to = match &self.file {
        Some(file) => format!("is written to {}", file.display()),
        None => "is shown by a player".to_owned(),
    };
    style.answer(&format!("{} of {} {to}; /stream stop ends it.", quoted(&self.title), self.by))
});

/// A stream is over here.
#[derive(Debug, Serialize)]
pub(super) struct StreamEnded {
    pub role: &'static str,
    pub channel: String,
    pub title: String,
    pub by: String,
    pub seconds: f64,
    pub frames: u64,
    pub dropped: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Why it is over where nobody here has ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
answer!(StreamEnded, "stream_ended", |self, style| {
    let title = quoted(&self.title);
    let whose = if self.role == Role::Sends.as_str() { title } else { format!("{title} of {}", self.by) };
    let verb = if self.role == Role::Sends.as_str() { "sent" } else { "watched" };
    let file = self.file.as_ref().map(|file| format!(", in {}", file.display())).unwrap_or_default();
    let why = self.why.as_ref().map(|why| format!("; {why}")).unwrap_or_default();
    let dropped = if self.dropped == 0 { String::new() } else { format!(", {} dropped", self.dropped) };
    let (frames, took) = (counted(self.frames, "frame"), seconds(self.seconds));
    style.answer(&format!("{whose} in {}: {verb} for {took}, {frames}{dropped}{file}{why}.", self.channel))
});

/// A stream in a list.
#[derive(Debug, Serialize)]
pub(super) struct StreamListed {
    number: usize,
    channel: String,
    stream: StreamId,
    device: DeviceId,
    title: String,
    by: String,
    pictures: String,
    rate_bps: u64,
    viewers: u32,
    present: bool,
    here: Option<&'static str>,
}

impl StreamListed {
    pub fn new(number: usize, channel: String, row: &StreamRow, here: Option<Role>) -> Self {
        let description = &row.description;
        Self {
            number,
            channel,
            stream: description.stream,
            device: description.device,
            title: description.title.clone(),
            by: description.who.to_string(),
            pictures: pictures(&description.tracks),
            rate_bps: bps(&description.tracks) as u64,
            viewers: row.viewers,
            present: row.present,
            here: here.map(Role::as_str),
        }
    }
}
answer!(StreamListed, "stream", |self, _style| {
    let here = match self.here {
        Some("sends") => ", sent from here",
        Some(_) => ", watched here",
        None => "",
    };
    let away = if self.present { "" } else { ", away for a moment" };
    format!(
        "{:>2}  {:<12} {}  {}, {}, {}{away}{here}",
        self.number,
        self.by,
        quoted(&self.title),
        self.pictures,
        rate(self.rate_bps as f64),
        counted(self.viewers.into(), "viewer"),
    )
});

/// How a stream fares that is sent or watched here.
#[derive(Debug, Serialize)]
pub(super) struct StreamStats {
    pub role: &'static str,
    pub channel: String,
    pub stream: StreamId,
    pub title: String,
    pub by: String,
    pub seconds: f64,
    pub fps: f64,
    pub rate_bps: f64,
    pub frames: u64,
    pub dropped: u64,
    pub viewers: usize,
    /// Who are served from here.
    pub served: u64,
    /// How it comes here, where it is watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_p50_us: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_p95_us: Option<u32>,
    pub slow: Vec<String>,
    pub text: String,
}

impl StreamStats {
    pub fn fill(&mut self, reading: &Reading) {
        self.seconds = reading.since.as_secs_f64();
        (self.fps, self.rate_bps) = ((reading.fps * 10.0).round() / 10.0, reading.bps.round());
        (self.frames, self.dropped) = (reading.frames, reading.dropped);
    }
}
answer!(StreamStats, "stream_stats", |self, style| {
    let whose = match self.delay_p50_us {
        Some(_) => format!("of {}", self.by),
        None => "of yours".to_owned(),
    };
    let delay = match (self.delay_p50_us, self.delay_p95_us) {
        (Some(p50), Some(p95)) => format!(", delay p50 {} p95 {}", millis(p50), millis(p95)),
        _ => String::new(),
    };
    let head = format!(
        "{} {whose} in {}: {:.0}/s, {}{delay}, {} in {}, {} dropped, {}, {} from here",
        quoted(&self.title),
        self.channel,
        self.fps,
        rate(self.rate_bps),
        counted(self.frames, "frame"),
        seconds(self.seconds),
        self.dropped,
        counted(self.viewers as u64, "viewer"),
        self.served,
    );
    style.answer(&format!("{head}\n{}", self.text))
});

/// `slow: ben (2 behind wait for it)`
pub(super) fn slow_text(slow: &SlowPart) -> String {
    match slow {
        SlowPart::Nobody => "slow: nobody".to_owned(),
        SlowPart::Streamer => "slow: everybody who has it from the streamer, so its uplink or its machine".to_owned(),
        SlowPart::Viewers(viewers) => {
            let words = viewers.iter().map(|(name, behind)| match behind {
                0 => name.clone(),
                behind => format!("{name} ({behind} behind wait for it)"),
            });
            format!("slow: {}", words.collect::<Vec<_>>().join(", "))
        }
    }
}

pub(super) fn slow_names(slow: &SlowPart) -> Vec<String> {
    match slow {
        SlowPart::Nobody => Vec::new(),
        SlowPart::Streamer => vec!["streamer".to_owned()],
        SlowPart::Viewers(viewers) => viewers.iter().map(|(name, _)| name.clone()).collect(),
    }
}

pub(super) fn way_text(way: &Way) -> String {
    match way {
        Way::None => "connecting".to_owned(),
        Way::Direct => "direct".to_owned(),
        Way::Relayed => "relayed".to_owned(),
        Way::Through(names) => format!("through {}", names.join(" > ")),
    }
}

/// A viewer of a stream.
#[derive(Debug, Serialize)]
pub(super) struct StreamViewer {
    stream: StreamId,
    name: String,
    device: DeviceId,
    way: String,
    hops: u8,
    relays: bool,
    children: u32,
    frames: u64,
    dropped: u64,
    delay_p50_us: u32,
    delay_p95_us: u32,
    slow: bool,
}

impl StreamViewer {
    pub fn of(stream: StreamId, shape: &Shape) -> Vec<Self> {
        let viewer = |row: &segment_proto::messages::ViewerRow| {
            let ViewerFigures { frames, dropped, delay_p50_us, delay_p95_us, hops, children, .. } = row.figures;
            Self {
                stream,
                name: shape.name(row),
                device: row.device,
                way: way_text(&shape.way(row)),
                hops,
                relays: row.relays,
                children,
                frames,
                dropped,
                delay_p50_us,
                delay_p95_us,
                slow: is_slow(&row.figures),
            }
        };
        shape.viewers().map(viewer).collect()
    }
}
answer!(StreamViewer, "stream_viewer", |self, _style| {
    let slow = if self.slow { "  SLOW" } else { "" };
    format!(
        "  {:<12} {:<20} p50 {:<8} p95 {:<8} {}, {} dropped{slow}",
        self.name,
        self.way,
        millis(self.delay_p50_us),
        millis(self.delay_p95_us),
        counted(self.frames, "frame"),
        self.dropped,
    )
});

/// Who has a stream from whom.
#[derive(Debug, Serialize)]
pub(super) struct StreamTree {
    channel: String,
    stream: StreamId,
    title: String,
    by: String,
    viewers: Vec<Branch>,
}

#[derive(Debug, Serialize)]
struct Branch {
    name: String,
    device: DeviceId,
    delay_p50_us: u32,
    relays: bool,
    #[serde(skip)]
    is_loose: bool,
    viewers: Vec<Branch>,
}

impl StreamTree {
    pub fn new(channel: String, description: &StreamDescription, shape: &Shape) -> Self {
        Self {
            channel,
            stream: description.stream,
            title: description.title.clone(),
            by: description.who.to_string(),
            viewers: branches(shape, shape.streamer()),
        }
    }
}

/// Ways of viewers never lead in a circle: whose way does is none.
fn branches(shape: &Shape, device: DeviceId) -> Vec<Branch> {
    let below = shape.below(device).into_iter().map(|row| Branch {
        name: shape.name(row),
        device: row.device,
        delay_p50_us: row.figures.delay_p50_us,
        relays: row.relays,
        is_loose: matches!(shape.way(row), Way::None | Way::Relayed),
        viewers: match shape.way(row) {
            Way::None | Way::Relayed => Vec::new(),
            _ => branches(shape, row.device),
        },
    });
    below.collect()
}
answer!(StreamTree, "stream_tree", |self, style| {
    let mut lines = vec![format!("{} {} in {}", self.by, quoted(&self.title), self.channel)];
    draw(&self.viewers, "", &mut lines);
    if self.viewers.is_empty() {
        lines.push("nobody watches".to_owned());
    }
    style.answer(&lines.join("\n"))
});

fn draw(branches: &[Branch], indent: &str, lines: &mut Vec<String>) {
    for (at, branch) in branches.iter().enumerate() {
        let is_last = at + 1 == branches.len();
        let (fork, below) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let way = if branch.is_loose { ", way unknown" } else { "" };
        let relays = if branch.relays { ", passes it on" } else { "" };
        lines.push(format!("{indent}{fork}{}  {}{relays}{way}", branch.name, millis(branch.delay_p50_us)));
        draw(&branch.viewers, &format!("{indent}{below}"), lines);
    }
}
