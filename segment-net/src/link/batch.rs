//! What goes out in one write: pieces that other links may share, never copied for it.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Which of the two lanes of a link something travels on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Messages: they go first.
    Messages,
    /// Pieces of streams: they go when nothing else waits.
    Media,
}

/// Pieces of one write.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) lane: Lane,
    pieces: VecDeque<Bytes>,
    bytes: usize,
}

impl Batch {
    pub(super) fn new(lane: Lane, pieces: impl IntoIterator<Item = Bytes>) -> Self {
        let pieces: VecDeque<Bytes> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        let bytes = pieces.iter().map(Bytes::len).sum();
        Self { lane, pieces, bytes }
    }
}

impl Buf for Batch {
    fn remaining(&self) -> usize {
        self.bytes
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map(AsRef::as_ref).unwrap_or_default()
    }

    fn advance(&mut self, mut count: usize) {
        self.bytes -= count.min(self.bytes);
        while let Some(piece) = self.pieces.front_mut().filter(|_| count > 0) {
            let step = count.min(piece.len());
            piece.advance(step);
            count -= step;
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let filled = slices.len().min(self.pieces.len());
        slices.iter_mut().zip(&self.pieces).for_each(|(slice, piece)| *slice = IoSlice::new(piece));
        filled
    }
}
