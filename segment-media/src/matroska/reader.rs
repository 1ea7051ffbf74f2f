//! Reads Matroska as it comes. Levels are not followed: names are the same on no two of those that matter, and a live
//! stream does not know the sizes of its outer elements.

use std::io::{self, Read};

use bytes::{Buf, Bytes};

use super::ebml::{Children, Head, read_body, read_head, skip, split_number, unsigned};
use super::tracks::{self, Entry};
use super::{flag, id};
use crate::Track;
use crate::track::FRAME_BYTES_MAX;

/// Bytes of the descriptions of all tracks. Policy: refused.
const TRACKS_BYTES_MAX: usize = 256 * 1024;
const DEFAULT_SCALE_NS: u64 = 1_000_000;

/// Why something cannot be read or written as Matroska.
#[derive(Debug, thiserror::Error)]
pub enum MatroskaError {
    /// It is something else.
    #[error("this is no Matroska or WebM: nothing is streamed; make it one with `ffmpeg -i - -c copy -f matroska -`")]
    NotMatroska,
    /// No track of it can be carried.
    #[error("there is neither video nor audio in it: nothing is streamed; choose another source")]
    NoTracks,
    /// The only tracks are of a kind that cannot be carried.
    #[error(
        "frames of codec {0} cannot be carried (known: mjpeg, h264, h265, vp8, vp9, av1, opus, aac, flac); \
         encode it anew: `ffmpeg -i - -c:v libx264 -c:a libopus -f matroska -`"
    )]
    Codec(String),
    /// An element is larger than it may be.
    #[error("a frame or head is larger than it may be: the stream ends here; encode it with a lower rate")]
    TooLarge,
    /// Several frames are in one block.
    #[error("frames are laced: the stream ends here; unlace them with `ffmpeg -i - -c copy -f matroska -`")]
    Laced,
    /// It could not be read to its end, or not be written.
    #[error("it is damaged or cut off ({0}): the stream ends here")]
    Io(#[from] io::Error),
}

/// A frame as a file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its track.
    pub track: u8,
    /// When it is shown, in microseconds since the beginning.
    pub at_us: i64,
    /// Decodable by itself.
    pub key: bool,
    /// No other frame needs it.
    pub discardable: bool,
    /// Its bytes.
    pub payload: Bytes,
}

/// Reads blocks one by one.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    entries: Vec<Entry>,
    scale_ns: u64,
    cluster: u64,
}

impl<R: Read> Reader<R> {
    /// Reads up to the first block.
    ///
    /// # Errors
    /// [`MatroskaError`].
    pub fn open(mut input: R) -> Result<Self, MatroskaError> {
        let head = read_head(&mut input).map_err(|_| MatroskaError::NotMatroska)?;
        let Some(Head { id: id::EBML, size: Some(size) }) = head else { return Err(MatroskaError::NotMatroska) };
        skip(&mut input, size)?;
        let mut reader = Self { input, entries: Vec::new(), scale_ns: DEFAULT_SCALE_NS, cluster: 0 };
        while let Some(head) = read_head(&mut reader.input)? {
            match head.id {
                id::CLUSTER if reader.entries.is_empty() => return Err(MatroskaError::NoTracks),
                id::CLUSTER => return Ok(reader),
                id::SEGMENT => {}
                id::INFO => reader.read_info(head)?,
                id::TRACKS => reader.entries = tracks::read(&body(&mut reader.input, head, TRACKS_BYTES_MAX)?)?,
                _ => skip(&mut reader.input, head.size.ok_or(MatroskaError::NotMatroska)?)?,
            }
        }
        Err(MatroskaError::NoTracks)
    }

    fn read_info(&mut self, head: Head) -> Result<(), MatroskaError> {
        let info = body(&mut self.input, head, TRACKS_BYTES_MAX)?;
        let scale = Children(&info).find(|(id, _)| *id == id::TIMESTAMP_SCALE);
        self.scale_ns = scale.map_or(DEFAULT_SCALE_NS, |(_, body)| unsigned(body)).clamp(1, 1_000_000_000);
        Ok(())
    }

    /// The tracks that are read: the first video, then the first audio.
    #[must_use]
    pub fn tracks(&self) -> Vec<Track> {
        self.entries.iter().map(|entry| entry.track.clone()).collect()
    }

    /// The next block; none at the end.
    ///
    /// # Errors
    /// [`MatroskaError`].
    pub fn next_block(&mut self) -> Result<Option<Block>, MatroskaError> {
        while let Some(head) = read_head(&mut self.input)? {
            let block = match head.id {
                id::SEGMENT | id::CLUSTER => None,
                id::TIMESTAMP => {
                    self.cluster = unsigned(&body(&mut self.input, head, 8)?);
                    None
                }
                id::SIMPLE_BLOCK => {
                    let body = body(&mut self.input, head, FRAME_BYTES_MAX)?;
                    self.simple(body)?
                }
                id::BLOCK_GROUP => {
                    let body = body(&mut self.input, head, FRAME_BYTES_MAX)?;
                    self.group(&body)?
                }
                _ => {
                    skip(&mut self.input, head.size.ok_or(MatroskaError::TooLarge)?)?;
                    None
                }
            };
            if block.is_some() {
                return Ok(block);
            }
        }
        Ok(None)
    }

    fn group(&self, body: &Bytes) -> Result<Option<Block>, MatroskaError> {
        let Some((_, inside)) = Children(body).find(|(id, _)| *id == id::BLOCK) else { return Ok(None) };
        let key = !Children(body).any(|(id, _)| id == id::REFERENCE_BLOCK);
        Ok(self.simple(body.slice_ref(inside))?.map(|block| Block { key, ..block }))
    }

    /// None of a track that is not read.
    fn simple(&self, mut body: Bytes) -> Result<Option<Block>, MatroskaError> {
        let damaged = || MatroskaError::Io(io::ErrorKind::InvalidData.into());
        let (number, length) = split_number(&body).ok_or_else(damaged)?;
        let Some(entry) = self.entries.iter().find(|entry| entry.number == number) else { return Ok(None) };
        body.advance(length);
        let &[high, low, flags] = body.get(..3).and_then(|head| head.first_chunk()).ok_or_else(damaged)?;
        if flags & flag::LACING != 0 {
            return Err(MatroskaError::Laced);
        }
        body.advance(3);
        Ok(Some(Block {
            track: entry.track.track,
            at_us: self.time(i16::from_be_bytes([high, low])) - i64::try_from(entry.delay_us).unwrap_or(0),
            key: flags & flag::KEY != 0,
            discardable: flags & flag::DISCARDABLE != 0,
            payload: body,
        }))
    }

    fn time(&self, offset: i16) -> i64 {
        let ticks = i128::from(self.cluster) + i128::from(offset);
        i64::try_from(ticks * i128::from(self.scale_ns) / 1_000).unwrap_or(i64::MAX / 2)
    }
}

fn body(input: &mut impl Read, head: Head, max: usize) -> Result<Bytes, MatroskaError> {
    read_body(input, head.size.ok_or(MatroskaError::TooLarge)?, max)?.ok_or(MatroskaError::TooLarge)
}
