//! What `/stream` asks for.

use std::path::PathBuf;

use segment_proto::UserName;

/// Sides of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureSize {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

impl PictureSize {
    /// Reads `640x360`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let (width, height) = word.split_once('x')?;
        let side = |digits: &str| digits.parse().ok().filter(|side| (16..=4_096).contains(side));
        Some(Self { width: side(width)?, height: side(height)? })
    }
}

/// Reads `500kbit` or `2.5mbit`, as thousands of bits a second.
#[must_use]
pub fn parse_rate(word: &str) -> Option<u32> {
    const KBPS_MAX: f64 = 10_000_000.0;
    let word = word.to_ascii_lowercase();
    let scaled = [("kbit", 1.0), ("mbit", 1e3), ("gbit", 1e6)]
        .into_iter()
        .find_map(|(unit, scale)| Some((word.strip_suffix(unit)?, scale)));
    let (digits, scale) = scaled?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let kbps = digits.parse::<f64>().ok()? * scale;
    (1.0..=KBPS_MAX).contains(&kbps).then_some(kbps as u32)
}

/// What to do with streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamRequest {
    /// Send one.
    Start(StreamStart),
    /// End one that is sent or watched here. `None`: the only one.
    Stop(Option<StreamRef>),
    /// Show those of a channel.
    List,
    /// Watch one.
    Watch(StreamWatch),
    /// Show how those that are sent or watched here fare. `None`: all of them.
    Stats(Option<StreamRef>),
    /// Show who has it from whom. `None`: the only one.
    Tree(Option<StreamRef>),
}

/// Which stream of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamRef {
    /// As listed, from 1.
    Number(u32),
    /// The one of this user.
    Of(UserName),
    /// The one that is called so.
    Titled(String),
}

/// A stream to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamStart {
    /// What is streamed.
    pub source: StreamSource,
    /// What it is called. `None`: as its source.
    pub title: Option<String>,
    /// At most so large.
    pub size: Option<PictureSize>,
    /// Frames a second, at most.
    pub fps: Option<u32>,
    /// Thousands of bits a second, about.
    pub rate_kbps: Option<u32>,
    /// What this machine can send in all, in thousands of bits a second.
    pub uplink_kbps: Option<u32>,
    /// It begins when so many watch.
    pub viewers: Option<u32>,
    /// It ends after so many seconds.
    pub seconds: Option<u32>,
}

/// What is streamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamSource {
    /// The test card.
    Card,
    /// What comes through a pipe.
    StandardInput,
    /// A file, a device, an address, or `camera`.
    Input(String),
}

/// A stream to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamWatch {
    /// `None`: the only one.
    pub which: Option<StreamRef>,
    /// Where it is shown.
    pub to: WatchTo,
    /// Thousands of bits a second that are passed on to others; 0: nothing.
    pub relay_kbps: u32,
    /// It is left after so many seconds.
    pub seconds: Option<u32>,
}

/// Where a stream is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchTo {
    /// In this terminal.
    Terminal,
    /// In the window of a player.
    Player,
    /// Nowhere: it is kept in a file.
    File(PathBuf),
}
