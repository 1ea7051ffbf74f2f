//! Cuts a byte stream into frames and writes frames into one.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use segment_proto::frame::{Frame, HEADER_BYTES, Header, LENGTH_BYTES};
use thiserror::Error;
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};

/// One frame as it arrived: its header is read, its payload is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFrame {
    /// What the frame says of itself.
    pub header: Header,
    /// What stands behind the header.
    pub payload: Bytes,
}

/// The stream cannot be cut any further; close the link.
#[derive(Debug, Error)]
pub enum CodecError {
    /// A length over the limit, or under that of a header; nothing was allocated for it.
    #[error("a frame of impossible length was announced")]
    BadLength,
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[from] io::Error),
}

/// The codec of one direction of a link.
#[derive(Debug)]
pub struct FrameCodec {
    inner: LengthDelimitedCodec,
}

impl FrameCodec {
    /// A codec for frames of at most `frame_bytes_max`, their length field included.
    #[must_use]
    pub fn new(frame_bytes_max: usize) -> Self {
        let inner = LengthDelimitedCodec::builder()
            .length_field_length(LENGTH_BYTES)
            .max_frame_length(frame_bytes_max.saturating_sub(LENGTH_BYTES))
            .new_codec();
        Self { inner }
    }

    /// Changes the limit, from the next frame on.
    pub fn set_limit(&mut self, frame_bytes_max: usize) {
        self.inner.set_max_frame_length(frame_bytes_max.saturating_sub(LENGTH_BYTES));
    }
}

impl Decoder for FrameCodec {
    type Item = RawFrame;
    type Error = CodecError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<RawFrame>, CodecError> {
        let Some(body) = self.inner.decode(buffer).map_err(|_| CodecError::BadLength)? else {
            return Ok(None);
        };
        let header = Header::parse(&body).ok_or(CodecError::BadLength)?;
        let mut payload = body.freeze();
        payload.advance(HEADER_BYTES);
        Ok(Some(RawFrame { header, payload }))
    }
}

impl Encoder<Frame> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, frame: Frame, buffer: &mut BytesMut) -> Result<(), CodecError> {
        buffer.extend_from_slice(&frame.bytes());
        Ok(())
    }
}
