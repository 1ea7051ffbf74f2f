//! What Matroska says of tracks, both ways.

use bytes::Bytes;

use super::ebml::{Children, Elements, float, unsigned};
use super::reader::MatroskaError;
use super::{codecs, id};
use crate::track::{CONFIG_BYTES_MAX, Shape};
use crate::{Format, Track, TrackKind};

const TYPE_VIDEO: u64 = 1;
const TYPE_AUDIO: u64 = 2;
/// What a decoder of Opus wants to hear before a place that it is to play.
const OPUS_PRE_ROLL_NS: u64 = 80_000_000;

/// A track as a file has it.
#[derive(Debug)]
pub(super) struct Entry {
    pub number: u64,
    pub delay_us: u64,
    pub track: Track,
}

/// The first video and the first audio of a file that can be carried.
pub(super) fn read(body: &[u8]) -> Result<Vec<Entry>, MatroskaError> {
    let bodies = Children(body).filter(|(id, _)| *id == id::TRACK_ENTRY).map(|(_, body)| body);
    let mut entries: Vec<Entry> = Vec::new();
    let mut left_out = None;
    for body in bodies {
        match read_entry(body) {
            Ok(entry) if entries.iter().any(|known| known.track.kind() == entry.track.kind()) => {}
            Ok(entry) => entries.push(entry),
            Err(Some(error)) => left_out = Some(error),
            Err(None) => {}
        }
    }
    entries.sort_by_key(|entry| entry.track.kind() == TrackKind::Audio);
    for (track, entry) in (0..).zip(&mut entries) {
        entry.track.track = track;
    }
    if entries.is_empty() { Err(left_out.unwrap_or(MatroskaError::NoTracks)) } else { Ok(entries) }
}

/// Subtitles and the like are no error.
fn read_entry(body: &[u8]) -> Result<Entry, Option<MatroskaError>> {
    let find = |wanted| Children(body).find(|(id, _)| *id == wanted).map(|(_, body)| body);
    let number = |wanted| find(wanted).map_or(0, unsigned);
    let shape = match number(id::TRACK_TYPE) {
        TYPE_VIDEO => video(find(id::VIDEO).unwrap_or_default()),
        TYPE_AUDIO => audio(find(id::AUDIO).unwrap_or_default()),
        _ => return Err(None),
    };
    let codec_id = String::from_utf8_lossy(find(id::CODEC_ID).unwrap_or_default()).into_owned();
    let config = Bytes::copy_from_slice(find(id::CODEC_PRIVATE).unwrap_or_default());
    let codec = codecs::name(&codec_id).filter(|_| config.len() <= CONFIG_BYTES_MAX);
    let codec = codec.filter(|_| find(id::CONTENT_ENCODINGS).is_none());
    let (Some(codec), Some(shape)) = (codec, shape) else { return Err(Some(MatroskaError::Codec(codec_id))) };
    let interval_us = u32::try_from(number(id::DEFAULT_DURATION) / 1_000).unwrap_or(0);
    let format = Format { shape, config };
    let track = Track { track: 0, codec: codec.into(), format, rate_bps: 0, interval_us };
    Ok(Entry { number: number(id::TRACK_NUMBER), delay_us: number(id::CODEC_DELAY) / 1_000, track })
}

fn video(body: &[u8]) -> Option<Shape> {
    let side = |wanted| Children(body).find(|(id, _)| *id == wanted).map(|(_, body)| unsigned(body));
    let side = |wanted| side(wanted).and_then(|side| u16::try_from(side).ok()).filter(|side| *side > 0);
    Some(Shape::Video { width: side(id::PIXEL_WIDTH)?, height: side(id::PIXEL_HEIGHT)? })
}

fn audio(body: &[u8]) -> Option<Shape> {
    let find = |wanted| Children(body).find(|(id, _)| *id == wanted).map(|(_, body)| body);
    let rate = find(id::SAMPLING_FREQUENCY).map_or(8_000.0, float);
    let channels = u8::try_from(find(id::CHANNELS).map_or(1, unsigned)).ok().filter(|channels| *channels > 0)?;
    (1.0..1e6).contains(&rate).then_some(Shape::Audio { rate: rate as u32, channels })
}

/// Adds a track; says by how much its times are to be later.
pub(super) fn write(track: &Track, out: &mut Elements) -> Result<u64, MatroskaError> {
    let codec = codecs::codec_id(&track.codec).ok_or_else(|| MatroskaError::Codec(track.codec.clone()))?;
    let number = u64::from(track.track) + 1;
    let is_opus = track.codec == "opus";
    let delay_us = if is_opus { codecs::opus_delay_us(&track.format.config) } else { 0 };
    out.master(id::TRACK_ENTRY, |out| {
        out.unsigned(id::TRACK_NUMBER, number).unsigned(id::TRACK_UID, number).unsigned(id::FLAG_LACING, 0);
        out.text(id::CODEC_ID, codec);
        if !track.format.config.is_empty() {
            out.bytes(id::CODEC_PRIVATE, &track.format.config);
        }
        if is_opus {
            out.unsigned(id::CODEC_DELAY, delay_us * 1_000).unsigned(id::SEEK_PRE_ROLL, OPUS_PRE_ROLL_NS);
        }
        if track.interval_us > 0 {
            out.unsigned(id::DEFAULT_DURATION, u64::from(track.interval_us) * 1_000);
        }
        write_shape(track.format.shape, out);
    });
    Ok(delay_us)
}

fn write_shape(shape: Shape, out: &mut Elements) {
    match shape {
        Shape::Video { width, height } => out.unsigned(id::TRACK_TYPE, TYPE_VIDEO).master(id::VIDEO, |out| {
            out.unsigned(id::PIXEL_WIDTH, width.into()).unsigned(id::PIXEL_HEIGHT, height.into());
        }),
        Shape::Audio { rate, channels } => out.unsigned(id::TRACK_TYPE, TYPE_AUDIO).master(id::AUDIO, |out| {
            out.float(id::SAMPLING_FREQUENCY, rate.into()).unsigned(id::CHANNELS, channels.into());
        }),
    };
}
