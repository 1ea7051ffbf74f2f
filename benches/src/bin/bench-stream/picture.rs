//! Frames that say which they are and when they were captured.

use anyhow::{Context, Result};
use bytes::Bytes;
use segment_media::card::{Card, Stamp};
use segment_media::jpeg;
use segment_proto::{FrameFlags, Track, TrackKind};
use serde::{Deserialize, Serialize};

use crate::device::now_us;

/// The only track.
pub const VIDEO: u8 = 1;
/// Number and time of capture stand before what is shown.
pub const STAMP_BYTES: usize = 16;
/// JPEG quality of the card.
const QUALITY: u8 = 70;

/// What is shown.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Content {
    /// So many bytes.
    Bytes(usize),
    /// The test card, drawn and encoded for each frame.
    Card { width: u16, height: u16 },
}

/// What a stream is like.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Shape {
    pub content: Content,
    /// Frames a second.
    pub rate: u32,
    /// Every so many frames begin with a keyframe.
    pub group: u64,
}

impl Shape {
    /// Plain bytes, so many kilobits a second.
    pub fn of_rate(kbps: u32, rate: u32) -> Self {
        let bytes = usize::try_from(u64::from(kbps) * 125 / u64::from(rate.max(1))).unwrap_or_default();
        Self { content: Content::Bytes(bytes), rate, group: u64::from(rate) }
    }

    /// The test card; each frame stands for itself.
    pub fn card(width: u16, height: u16) -> Self {
        Self { content: Content::Card { width, height }, rate: 30, group: 1 }
    }

    /// Bytes of its first frame.
    pub fn bytes(&self) -> Result<usize> {
        Ok(Camera::new(*self).take(0)?.payload.len())
    }

    /// What it needs, in kilobits a second.
    pub fn kbps(&self) -> Result<u32> {
        Ok(u32::try_from(self.bytes()? * 8)?.saturating_mul(self.rate) / 1_000)
    }

    pub fn track(&self) -> Result<Track> {
        Ok(Track {
            track: VIDEO,
            kind: TrackKind::Video,
            codec: "measured".into(),
            format: String::new(),
            rate_bps: self.kbps()?.saturating_mul(1_000),
            interval_us: 1_000_000 / self.rate.max(1),
        })
    }
}

/// One frame.
pub struct Shot {
    pub captured_us: u64,
    pub flags: FrameFlags,
    pub payload: Bytes,
}

/// Takes pictures.
pub struct Camera {
    shape: Shape,
    card: Option<Card>,
}

impl Camera {
    pub fn new(shape: Shape) -> Self {
        let card = match shape.content {
            Content::Bytes(_) => None,
            Content::Card { width, height } => Some(Card::new(width, height)),
        };
        Self { shape, card }
    }

    pub fn take(&mut self, number: u64) -> Result<Shot> {
        let captured_us = now_us();
        let mut payload = Vec::new();
        payload.extend_from_slice(&number.to_be_bytes());
        payload.extend_from_slice(&captured_us.to_be_bytes());
        match (&mut self.card, self.shape.content) {
            (Some(card), _) => {
                card.show(Stamp { timestamp_us: captured_us, number: u32::try_from(number).unwrap_or_default() });
                payload.extend_from_slice(&jpeg::encode(card.picture(), QUALITY)?);
            }
            (None, Content::Bytes(bytes)) => payload.resize(bytes.max(STAMP_BYTES), 7),
            (None, Content::Card { .. }) => {}
        }
        let flags = if number.is_multiple_of(self.shape.group.max(1)) { FrameFlags::KEY } else { FrameFlags::NONE };
        Ok(Shot { captured_us, flags, payload: payload.into() })
    }
}

/// Number and time of capture.
pub fn stamp(payload: &[u8]) -> Result<(u64, u64)> {
    let number = payload.first_chunk().context("no number")?;
    let captured = payload.get(8..).and_then(<[u8]>::first_chunk).context("no time")?;
    Ok((u64::from_be_bytes(*number), u64::from_be_bytes(*captured)))
}
