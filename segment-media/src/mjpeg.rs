//! JPEGs one behind the other, cut apart.

use bytes::{Bytes, BytesMut};

use crate::track::FRAME_BYTES_MAX;

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;

/// Cuts bytes into JPEGs, however they come. What is between two of them (the heads of a multipart stream) and what is
/// damaged is left out; so is one that is longer than a frame may be.
#[derive(Debug, Default)]
pub struct Splitter {
    buffer: BytesMut,
    /// Everything before it is looked at.
    at: usize,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Its beginning is looked for.
    #[default]
    Between,
    /// A marker is next.
    Marker,
    /// Coded data, up to the next marker.
    Scan,
}

/// What a step has come to.
enum Step {
    Further,
    Frame,
    Damaged,
    /// More bytes are needed.
    More,
}

impl Splitter {
    /// Takes bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next JPEG that is whole.
    pub fn next_frame(&mut self) -> Option<Bytes> {
        loop {
            let step = match self.stage {
                Stage::Between => self.between(),
                Stage::Marker => self.marker(),
                Stage::Scan => self.scan(),
            };
            match step {
                Step::Further => {}
                Step::Frame => {
                    self.stage = Stage::Between;
                    return Some(self.buffer.split_to(std::mem::take(&mut self.at)).freeze());
                }
                Step::Damaged => self.give_up(),
                Step::More if self.buffer.len() > FRAME_BYTES_MAX => self.give_up(),
                Step::More => return None,
            }
        }
    }

    /// Looks for the next beginning behind this one.
    fn give_up(&mut self) {
        let _ = self.buffer.split_to(2.min(self.buffer.len()));
        (self.stage, self.at) = (Stage::Between, 0);
    }

    fn between(&mut self) -> Step {
        match self.buffer.windows(2).position(|pair| pair == [0xff, SOI]) {
            Some(at) => {
                let _ = self.buffer.split_to(at);
                (self.stage, self.at) = (Stage::Marker, 2);
                Step::Further
            }
            None => {
                let kept = usize::from(self.buffer.last() == Some(&0xff));
                let _ = self.buffer.split_to(self.buffer.len() - kept);
                Step::More
            }
        }
    }

    fn marker(&mut self) -> Step {
        match self.buffer.get(self.at..).unwrap_or_default() {
            [0xff, 0xff, ..] => self.advance(1, Stage::Marker),
            [0xff, EOI, ..] => {
                self.at += 2;
                Step::Frame
            }
            [0xff, SOI, ..] => Step::Damaged,
            [0xff, 0x01 | 0xd0..=0xd7, ..] => self.advance(2, Stage::Marker),
            [0xff, kind, high, low, ..] => {
                let next = if *kind == SOS { Stage::Scan } else { Stage::Marker };
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                self.advance(2 + length, next)
            }
            [] | [0xff, ..] => Step::More,
            _ => Step::Damaged,
        }
    }

    fn scan(&mut self) -> Step {
        let coded = self.buffer.get(self.at..).unwrap_or_default();
        let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff);
        match coded.windows(2).position(is_marker) {
            Some(at) => self.advance(at, Stage::Marker),
            None => {
                self.at += coded.len().saturating_sub(1);
                Step::More
            }
        }
    }

    fn advance(&mut self, bytes: usize, next: Stage) -> Step {
        (self.at, self.stage) = (self.at + bytes, next);
        Step::Further
    }
}
