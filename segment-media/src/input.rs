//! Standard input, or anything else that gives bytes, as a source.

use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::matroska::Reader;
use crate::mjpeg::Splitter;
use crate::paced::play;
use crate::source::{SourceEnd, SourceError, now_us};
use crate::{Format, Frame, Sender, Source, Track, jpeg};

const JPEG_MAGIC: [u8; 2] = [0xff, 0xd8];
const MATROSKA_MAGIC: [u8; 2] = [0x1a, 0x45];
const READ_BYTES: usize = 64 * 1024;

/// Streams JPEGs one behind the other, or Matroska (WebM) with any codec that it can carry. JPEGs have no times: they are
/// taken as they come, at most `rate` a second. Waits for the first frame or head.
///
/// # Errors
/// [`SourceError`]: it is neither of them.
pub fn open(input: impl Read + Send + 'static, rate: u32) -> Result<Source, SourceError> {
    let mut input = BufReader::with_capacity(READ_BYTES, input);
    let magic = peek(&mut input)?;
    match magic {
        JPEG_MAGIC => open_mjpeg(Cursor::new(magic).chain(input), rate.clamp(1, 120)),
        MATROSKA_MAGIC => open_matroska(Cursor::new(magic).chain(input)),
        _ => Err(SourceError::Unknown),
    }
}

/// Takes the first two bytes.
fn peek(input: &mut impl Read) -> Result<[u8; 2], SourceError> {
    let mut magic = [0; 2];
    input.read_exact(&mut magic).map_err(|_| SourceError::Unknown)?;
    Ok(magic)
}

fn open_matroska(input: impl BufRead + Send + 'static) -> Result<Source, SourceError> {
    let mut reader = Reader::open(input).map_err(|error| SourceError::Container(error.to_string()))?;
    Source::start("standard input", reader.tracks(), move |frames| {
        play(&mut reader, frames).map_or_else(SourceEnd::outcome, Ok)
    })
}

fn open_mjpeg(input: impl Read + Send + 'static, rate: u32) -> Result<Source, SourceError> {
    let mut jpegs = Jpegs { input, splitter: Splitter::default(), buffer: vec![0; READ_BYTES] };
    let first = jpegs.next_jpeg()?.ok_or(SourceError::Unknown)?;
    let (width, height) = jpeg::size(&first).map_err(|_| SourceError::Unknown)?;
    let bits = u32::try_from(first.len() * 8).unwrap_or(u32::MAX);
    let track = Track {
        track: 0,
        codec: "mjpeg".into(),
        format: Format::video(width, height),
        rate_bps: bits.saturating_mul(rate),
        interval_us: 1_000_000 / rate,
    };
    Source::start("standard input", vec![track], move |frames| {
        run_mjpeg(first, &mut jpegs, rate, frames).map_or_else(SourceEnd::outcome, Ok)
    })
}

fn run_mjpeg<R: Read>(first: Bytes, jpegs: &mut Jpegs<R>, rate: u32, frames: &Sender) -> Result<(), SourceEnd> {
    let mut next = Some(first);
    let mut due = Instant::now();
    while let Some(payload) = next {
        sleep(due.saturating_duration_since(Instant::now()));
        due = due.max(Instant::now()) + Duration::from_secs(1) / rate;
        let timestamp_us = now_us();
        frames.push(Frame { track: 0, timestamp_us, key: true, discardable: true, payload })?;
        next = jpegs.next_jpeg().map_err(SourceEnd::Failed)?;
    }
    Ok(())
}

struct Jpegs<R> {
    input: R,
    splitter: Splitter,
    buffer: Vec<u8>,
}

impl<R: Read> Jpegs<R> {
    fn next_jpeg(&mut self) -> Result<Option<Bytes>, SourceError> {
        loop {
            if let Some(frame) = self.splitter.next_frame() {
                return Ok(Some(frame));
            }
            match self.input.read(&mut self.buffer) {
                Ok(0) => return Ok(None),
                Ok(count) => self.splitter.push(&self.buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(SourceError::Container(error.to_string())),
            }
        }
    }
}
