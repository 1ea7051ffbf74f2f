//! The first frames of a file, held until it is known which is the earliest: who joins a stream is given its sound of now
//! before its pictures of a second ago.

use crate::Frame;

/// A track is waited for so long, by the times of the others.
const WAIT_US: u64 = 500_000;
/// Frames that are held. Policy: with one more nobody is waited for.
const HELD_MAX: usize = 256;

#[derive(Debug)]
pub(super) struct Opening {
    missing: Vec<u8>,
    held: Vec<Frame>,
}

impl Opening {
    /// Of a file of these tracks.
    pub fn of(tracks: impl Iterator<Item = u8>) -> Self {
        Self { missing: tracks.collect(), held: Vec::new() }
    }

    pub fn hold(&mut self, frame: &Frame) {
        self.missing.retain(|track| *track != frame.track);
        self.held.push(frame.clone());
    }

    pub fn is_over(&self) -> bool {
        let times = || self.held.iter().map(|frame| frame.timestamp_us);
        let spanned_us = times().max().unwrap_or_default() - times().min().unwrap_or_default();
        self.missing.is_empty() || self.held.len() >= HELD_MAX || spanned_us >= WAIT_US
    }

    /// What is held, the earliest first.
    pub fn take(&mut self) -> Vec<Frame> {
        let mut held = std::mem::take(&mut self.held);
        held.sort_by_key(|frame| frame.timestamp_us);
        held
    }
}
