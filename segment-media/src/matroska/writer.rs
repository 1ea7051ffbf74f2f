//! Writes Matroska as frames come: as a stream, or as a file that is given its length and its index at the end and can be
//! read without them. Neither says how many bytes its outer elements have.

use std::io::{self, Seek, SeekFrom, Write};

use super::ebml::Elements;
use super::opening::Opening;
use super::reader::MatroskaError;
use super::{flag, id, tracks};
use crate::{Frame, Track, TrackKind};

/// A cluster ends with the first keyframe behind this.
const CLUSTER_MS: i64 = 1_000;
/// And without one behind this: offsets within it are 16 bits.
const CLUSTER_MS_MAX: i64 = 5_000;
/// Entries of an index. Policy: every second one is left out.
const CUES_MAX: usize = 4_096;
/// Where the index is, or room to say it.
const SEEK_HEAD_BYTES: usize = 12 + 10 + 14 + 18;

/// Writes a stream.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    tracks: Vec<(Track, u64)>,
    opening: Opening,
    /// The time of the earliest frame, once it is known.
    base_us: Option<u64>,
    cluster_ms: Option<i64>,
    end_ms: i64,
    written: u64,
    begun: Vec<(i64, u64)>,
    head: Places,
}

/// Where things are that are written again.
#[derive(Clone, Copy, Debug, Default)]
struct Places {
    segment: u64,
    duration: u64,
}

impl<W: Write> Writer<W> {
    /// Writes the head.
    ///
    /// # Errors
    /// [`MatroskaError::Codec`], [`MatroskaError::Io`].
    pub fn new(out: W, tracks: &[Track]) -> Result<Self, MatroskaError> {
        let (head, places, tracks) = head(tracks)?;
        let mut writer = Self {
            out,
            opening: Opening::of(tracks.iter().map(|(track, _)| track.track)),
            tracks,
            base_us: None,
            cluster_ms: None,
            end_ms: 0,
            written: 0,
            begun: Vec::new(),
            head: places,
        };
        writer.put(&head)?;
        writer.out.flush()?;
        Ok(writer)
    }

    /// Writes a frame, and flushes. One of an unknown track is left out. The first are held until every track has begun,
    /// at most for half a second of them, so that times begin with the earliest.
    ///
    /// # Errors
    /// [`MatroskaError::Io`].
    pub fn write(&mut self, frame: &Frame) -> Result<(), MatroskaError> {
        let Some(base_us) = self.base_us else {
            self.opening.hold(frame);
            return if self.opening.is_over() { self.open() } else { Ok(()) };
        };
        self.place(frame, base_us)
    }

    /// Writes what is held.
    fn open(&mut self) -> Result<(), MatroskaError> {
        let held = self.opening.take();
        let Some(base_us) = held.first().map(|frame| frame.timestamp_us) else { return Ok(()) };
        self.base_us = Some(base_us);
        held.iter().try_for_each(|frame| self.place(frame, base_us))
    }

    fn place(&mut self, frame: &Frame, base_us: u64) -> Result<(), MatroskaError> {
        let Some((track, delay_us)) = self.tracks.iter().find(|(track, _)| track.track == frame.track) else {
            return Ok(());
        };
        let begins = frame.key && (track.kind() == TrackKind::Video || self.tracks.len() == 1);
        let (length_ms, delay_us) = (i64::from(track.interval_us / 1_000), *delay_us);
        let since = i128::from(frame.timestamp_us) - i128::from(base_us);
        let at = i64::try_from((since + i128::from(delay_us) + 500).div_euclid(1_000)).unwrap_or(0).max(0);
        let cluster = self.cluster_for(at, begins)?;
        let offset = i16::try_from(at - cluster).unwrap_or(0).to_be_bytes();
        let flags = if frame.key { flag::KEY } else { 0 } | if frame.discardable { flag::DISCARDABLE } else { 0 };
        let mut head = Elements::default();
        head.head(id::SIMPLE_BLOCK, Some(frame.payload.len() as u64 + 4));
        head.0.extend_from_slice(&[0x80 | (frame.track + 1), offset[0], offset[1], flags]);
        self.put(&head.0)?;
        self.put(&frame.payload)?;
        self.end_ms = self.end_ms.max(at + length_ms);
        Ok(self.out.flush()?)
    }

    fn cluster_for(&mut self, at: i64, begins: bool) -> io::Result<i64> {
        let length_max = if begins { CLUSTER_MS } else { CLUSTER_MS_MAX };
        if let Some(cluster) =
            self.cluster_ms.filter(|cluster| (1 - CLUSTER_MS_MAX..length_max).contains(&(at - cluster)))
        {
            return Ok(cluster);
        }
        self.note_cue(at);
        let mut head = Elements::default();
        head.head(id::CLUSTER, None).unsigned(id::TIMESTAMP, at.unsigned_abs());
        self.put(&head.0)?;
        self.cluster_ms = Some(at);
        Ok(at)
    }

    fn note_cue(&mut self, at: i64) {
        if self.begun.len() >= CUES_MAX {
            let mut count = 0;
            self.begun.retain(|_| {
                count += 1;
                count % 2 == 1
            });
        }
        self.begun.push((at, self.written - self.head.segment));
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// No further frame comes: gives back where it is written to.
    ///
    /// # Errors
    /// [`MatroskaError::Io`].
    pub fn finish(mut self) -> Result<W, MatroskaError> {
        self.open()?;
        Ok(self.out)
    }
}

type Head = (Vec<u8>, Places, Vec<(Track, u64)>);

fn head(tracks: &[Track]) -> Result<Head, MatroskaError> {
    let mut out = Elements::default();
    out.master(id::EBML, |out| {
        out.unsigned(id::EBML_VERSION, 1).unsigned(id::EBML_READ_VERSION, 1);
        out.unsigned(id::EBML_MAX_ID_LENGTH, 4).unsigned(id::EBML_MAX_SIZE_LENGTH, 8);
        out.text(id::DOC_TYPE, "matroska").unsigned(id::DOC_TYPE_VERSION, 4).unsigned(id::DOC_TYPE_READ_VERSION, 2);
    });
    out.head(id::SEGMENT, None);
    let segment = out.0.len() as u64;
    out.bytes(id::VOID, &[0; SEEK_HEAD_BYTES - 9]);
    out.master(id::INFO, |out| {
        out.unsigned(id::TIMESTAMP_SCALE, 1_000_000);
        out.text(id::MUXING_APP, "segment").text(id::WRITING_APP, "segment").float(id::DURATION, 0.0);
    });
    let duration = out.0.len() as u64 - 8;
    let mut delays = Vec::new();
    let mut entries = Elements::default();
    for track in tracks {
        delays.push((track.clone(), tracks::write(track, &mut entries)?));
    }
    out.bytes(id::TRACKS, &entries.0);
    Ok((out.0, Places { segment, duration }, delays))
}

/// Writes a file.
#[derive(Debug)]
pub struct FileWriter<W>(Writer<W>);

impl<W: Write + Seek> FileWriter<W> {
    /// Writes the head.
    ///
    /// # Errors
    /// [`MatroskaError`].
    pub fn new(out: W, tracks: &[Track]) -> Result<Self, MatroskaError> {
        Writer::new(out, tracks).map(Self)
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// [`MatroskaError::Io`].
    pub fn write(&mut self, frame: &Frame) -> Result<(), MatroskaError> {
        self.0.write(frame)
    }

    /// Writes the index, and into the head how long it has become and where the index is.
    ///
    /// # Errors
    /// [`MatroskaError::Io`].
    pub fn finish(mut self) -> Result<W, MatroskaError> {
        self.0.open()?;
        let (segment, cues) = (self.0.head.segment, self.0.written - self.0.head.segment);
        let index = self.index();
        self.0.put(&index)?;
        let (end, duration) = (self.0.written, self.0.head.duration);
        let mut out = self.0.out;
        put_at(&mut out, segment, &seek_head(cues))?;
        put_at(&mut out, duration, &(self.0.end_ms as f64).to_be_bytes())?;
        out.seek(SeekFrom::Start(end))?;
        out.flush()?;
        Ok(out)
    }

    fn index(&self) -> Vec<u8> {
        let track = self.0.tracks.first().map_or(1, |(track, _)| u64::from(track.track) + 1);
        let mut out = Elements::default();
        out.master(id::CUES, |out| {
            for (at, position) in &self.0.begun {
                out.master(id::CUE_POINT, |out| {
                    out.unsigned(id::CUE_TIME, at.unsigned_abs()).master(id::CUE_TRACK_POSITIONS, |out| {
                        out.unsigned(id::CUE_TRACK, track).unsigned(id::CUE_CLUSTER_POSITION, *position);
                    });
                });
            }
        });
        out.0
    }
}

fn seek_head(cues: u64) -> Vec<u8> {
    let mut out = Elements::default();
    out.master(id::SEEK_HEAD, |out| {
        out.master(id::SEEK, |out| {
            out.bytes(id::SEEK_ID, &id::CUES.to_be_bytes()).unsigned(id::SEEK_POSITION, cues);
        });
    });
    out.0
}

fn put_at(out: &mut (impl Write + Seek), at: u64, bytes: &[u8]) -> io::Result<()> {
    out.seek(SeekFrom::Start(at))?;
    out.write_all(bytes)
}
