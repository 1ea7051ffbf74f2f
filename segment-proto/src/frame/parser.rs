//! Cutting a byte stream into frames.

use bytes::{Buf, BytesMut};

use crate::frame::{Frame, HEADER_BYTES, LENGTH_BYTES};
use crate::status::Reason;

/// Why a byte stream cannot be cut into frames any further. The boundary is lost: close the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The announced frame is over the limit; nothing was allocated for it.
    #[error("a frame of {length} bytes is over the limit of {limit}")]
    TooLong {
        /// As announced, the length field included.
        length: usize,
        /// As allowed now.
        limit: usize,
    },
    /// The announced frame is shorter than a header.
    #[error("a frame of {length} bytes cannot hold a header")]
    TooShort {
        /// As announced, the length field included.
        length: usize,
    },
}

impl FrameError {
    /// What to say before the link is closed.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::TooLong { .. } => Reason::TooLarge,
            Self::TooShort { .. } => Reason::Malformed,
        }
    }
}

/// Cuts a byte stream into frames, however it was split or merged on its way.
#[derive(Debug, Default)]
pub struct Parser {
    buffer: BytesMut,
}

impl Parser {
    /// Takes bytes as they arrived. Take every whole frame out before the next bytes: then what waits
    /// here is less than one frame and these bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that wait for the rest of their frame.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The next whole frame, or `None` until more bytes arrive.
    ///
    /// # Errors
    /// [`FrameError`]: the stream cannot be cut any further.
    pub fn next_frame(&mut self, limit: usize) -> Result<Option<Frame>, FrameError> {
        let Some(field) = self.buffer.first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let announced = usize::try_from(u32::from_be_bytes(*field)).unwrap_or(usize::MAX);
        let length = announced.saturating_add(LENGTH_BYTES);
        if length > limit {
            return Err(FrameError::TooLong { length, limit });
        }
        if length < LENGTH_BYTES + HEADER_BYTES {
            return Err(FrameError::TooShort { length });
        }
        if self.buffer.remaining() < length {
            return Ok(None);
        }
        Ok(Some(Frame::whole(self.buffer.split_to(length).freeze())))
    }
}
