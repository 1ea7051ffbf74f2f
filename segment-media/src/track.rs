//! Tracks, frames, and what a player has to know of them.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

/// Bytes of what a decoder is told before its first frame. Policy: the source is refused.
pub const CONFIG_BYTES_MAX: usize = 256;

/// Bytes of one frame. Policy: the source is refused, what is read or decoded ends.
pub const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// One track of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Its number within the stream.
    pub track: u8,
    /// How its frames are encoded: `mjpeg`, `h264`, `opus`, ...
    pub codec: String,
    /// What else a player needs to know.
    pub format: Format,
    /// About so many bits a second; 0 where nobody knows.
    pub rate_bps: u32,
    /// About so many microseconds from frame to frame; 0 where nobody knows.
    pub interval_us: u32,
}

impl Track {
    /// What it carries.
    #[must_use]
    pub fn kind(&self) -> TrackKind {
        match self.format.shape {
            Shape::Video { .. } => TrackKind::Video,
            Shape::Audio { .. } => TrackKind::Audio,
        }
    }

    /// `video` or `audio`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.kind() {
            TrackKind::Video => "video",
            TrackKind::Audio => "audio",
        }
    }
}

/// Dimensions of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Of pictures, in pixels.
    Video {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// Of sound.
    Audio {
        /// Samples a second.
        rate: u32,
        /// Channels.
        channels: u8,
    },
}

/// What a player needs to know besides the codec. As a text: `1280x720` or `48000/2`, and behind a space `config=` with
/// hexadecimal digits where the decoder wants to be told something before its first frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// Its dimensions.
    pub shape: Shape,
    /// What the decoder is told first, as Matroska keeps it (`CodecPrivate`); often nothing.
    pub config: Bytes,
}

impl Format {
    /// Pictures of a codec that needs no telling.
    #[must_use]
    pub fn video(width: u16, height: u16) -> Self {
        Self { shape: Shape::Video { width, height }, config: Bytes::new() }
    }

    /// Sound of a codec that needs no telling.
    #[must_use]
    pub fn audio(rate: u32, channels: u8) -> Self {
        Self { shape: Shape::Audio { rate, channels }, config: Bytes::new() }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape {
            Shape::Video { width, height } => write!(f, "{width}x{height}")?,
            Shape::Audio { rate, channels } => write!(f, "{rate}/{channels}")?,
        }
        if self.config.is_empty() {
            return Ok(());
        }
        f.write_str(" config=")?;
        self.config.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text is no format of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream describes a track in a way that is not understood here: it cannot be shown; update this program")]
pub struct BadFormat;

impl FromStr for Format {
    type Err = BadFormat;

    fn from_str(text: &str) -> Result<Self, BadFormat> {
        let (shape, rest) = text.split_once(' ').unwrap_or((text, ""));
        let config = match rest {
            "" => Bytes::new(),
            _ => from_hex(rest.strip_prefix("config=").ok_or(BadFormat)?)?,
        };
        Ok(Self { shape: shape.parse()?, config })
    }
}

impl FromStr for Shape {
    type Err = BadFormat;

    fn from_str(text: &str) -> Result<Self, BadFormat> {
        if let Some((width, height)) = text.split_once('x') {
            let (width, height) = (number(width)?, number(height)?);
            return Ok(Self::Video { width, height });
        }
        let (rate, channels) = text.split_once('/').ok_or(BadFormat)?;
        Ok(Self::Audio { rate: number(rate)?, channels: number(channels)? })
    }
}

fn number<N: FromStr + PartialEq + From<u8>>(text: &str) -> Result<N, BadFormat> {
    text.parse().ok().filter(|number| *number != N::from(0)).ok_or(BadFormat)
}

fn from_hex(text: &str) -> Result<Bytes, BadFormat> {
    if !text.len().is_multiple_of(2) || text.len() / 2 > CONFIG_BYTES_MAX || !text.is_ascii() {
        return Err(BadFormat);
    }
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| BadFormat);
    (0..text.len()).step_by(2).map(byte).collect()
}

/// One frame of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its track.
    pub track: u8,
    /// When it was captured, in microseconds since 1970 (UTC).
    pub timestamp_us: u64,
    /// Decodable by itself.
    pub key: bool,
    /// No other frame needs it.
    pub discardable: bool,
    /// Its bytes.
    pub payload: Bytes,
}
