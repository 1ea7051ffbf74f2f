//! What is said of streams that begin, end and are listed.

use std::path::PathBuf;

use segment_core::peer::StreamOptions;
use segment_proto::messages::StreamRow;
use segment_proto::{DeviceId, StreamId};
use serde::Serialize;

use super::running::Role;
use super::words::{bps, counted, frames, pictures, quoted, rate, seconds};
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

/// A stream has begun here.
#[derive(Debug, Serialize)]
pub(super) struct StreamBegun {
    pub channel: String,
    pub stream: StreamId,
    pub title: String,
    pub pictures: String,
    pub rate_bps: u64,
    pub direct: usize,
}

impl StreamBegun {
    pub fn new(channel: String, stream: StreamId, options: &StreamOptions) -> Self {
        Self {
            channel,
            stream,
            title: options.title.clone(),
            pictures: pictures(&options.tracks),
            rate_bps: (bps(&options.tracks) as u64).max(1),
            direct: options.direct_viewers(),
        }
    }
}
answer!(StreamBegun, "stream_begun", |self, style| {
    style.answer(&format!(
        "Live in {}: {} {}, at most {}. The first {} to you directly. /stream stats shows who is slow; /stream stop ends it.",
        self.channel,
        quoted(&self.title),
        self.pictures,
        rate(self.rate_bps as f64),
        match self.direct {
            1 => "viewer connects".to_owned(),
            direct => format!("{direct} viewers connect"),
        },
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
        Some(file) => format!("is written to {} (Matroska)", file.display()),
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
    /// Those of them that are pictures.
    pub pictures: u64,
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
    let (frames, took) = (frames(self.frames, Some(self.pictures)), seconds(self.seconds));
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
answer!(StreamListed, "stream", |self, style| {
    let here = match self.here {
        Some("sends") => ", sent from here",
        Some(_) => ", watched here",
        None => "",
    };
    let away = if self.present { "" } else { ", away for a moment" };
    style.answer(&format!(
        "{:>2}  {:<12} {}  {}, at most {}, {}{away}{here}",
        self.number,
        self.by,
        quoted(&self.title),
        self.pictures,
        rate(self.rate_bps as f64),
        counted(self.viewers.into(), "viewer"),
    ))
});
