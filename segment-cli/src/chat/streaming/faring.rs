//! How a stream fares, and each of its viewers.

use segment_proto::messages::ViewerFigures;
use segment_proto::{DeviceId, StreamId};
use serde::Serialize;

use super::meter::Reading;
use super::running::Role;
use super::shape::{Shape, SlowPart, Way, is_slow};
use super::words::{counted, frames, millis, quoted, rate, seconds};
use crate::chat::answers::answer;
use crate::chat::output::Answer;
use crate::render::Style;

/// The role of somebody who neither sends nor watches it here.
pub(super) const LOOKS: &str = "looks";

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
    /// Those of them that are pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pictures: Option<u64>,
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
    /// For whom nobody has the uplink.
    pub waiting: Vec<String>,
    pub text: String,
}

impl StreamStats {
    pub fn fill(&mut self, reading: &Reading) {
        self.seconds = reading.since.as_secs_f64();
        (self.fps, self.rate_bps) = ((reading.fps * 10.0).round() / 10.0, reading.bps.round());
        (self.frames, self.pictures, self.dropped) = (reading.frames, Some(reading.pictures), reading.dropped);
    }
}
answer!(StreamStats, "stream_stats", |self, style| {
    let title = quoted(&self.title);
    let whose =
        if self.role == Role::Sends.as_str() { format!("your {title}") } else { format!("{title} of {}", self.by) };
    let viewers = counted(self.viewers as u64, "viewer");
    if self.role == LOOKS {
        let head = format!("{whose} in {}, neither sent nor watched here: {viewers}", self.channel);
        return style.answer(&format!("{head}\n{}", self.text));
    }
    let delay = match (self.delay_p50_us, self.delay_p95_us) {
        (Some(p50), Some(p95)) => format!(", delay p50 {} p95 {}", millis(p50), millis(p95)),
        _ => String::new(),
    };
    let served = if self.served == 0 { String::new() } else { format!(", {} served from here", self.served) };
    let head = format!(
        "{whose} in {}: {:.0}/s, {}{delay}, {} in {}, {} dropped, {viewers}{served}",
        self.channel,
        self.fps,
        rate(self.rate_bps),
        frames(self.frames, self.pictures),
        seconds(self.seconds),
        self.dropped,
    );
    style.answer(&format!("{head}\n{}", self.text))
});

/// Who is slow, and for whom there is no room.
pub(super) fn trouble_text(slow: &SlowPart, waiting: &[String]) -> String {
    match (slow, waiting) {
        (_, []) => slow_text(slow),
        (SlowPart::Nobody, waiting) => room_text(waiting),
        (_, waiting) => format!("{}\n{}", slow_text(slow), room_text(waiting)),
    }
}

/// `no uplink left for ada; whoever watches with --relay RATE passes it on`
fn room_text(waiting: &[String]) -> String {
    format!("no uplink left for {}; whoever watches with --relay RATE passes it on", waiting.join(", "))
}

/// `slow: ben (2 behind wait for it)`
fn slow_text(slow: &SlowPart) -> String {
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
        Way::None => "waits for room".to_owned(),
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
answer!(StreamViewer, "stream_viewer", |self, style| {
    let slow = if self.slow { "  SLOW" } else { "" };
    style.answer(&format!(
        "  {:<12} {:<14} p50 {:<7} p95 {:<7} {}, {} dropped{slow}",
        self.name,
        self.way,
        millis(self.delay_p50_us),
        millis(self.delay_p95_us),
        counted(self.frames, "frame"),
        self.dropped,
    ))
});
