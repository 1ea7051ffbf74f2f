//! Frames: a fixed header of 24 bytes, parsed by hand, and a payload.
//!
//! ```text
//! 0        4      5      6       8                24
//! | length | ver. | flags | kind | correlation id | payload ...
//!   u32 BE   u8     u8     u16 BE   16 bytes
//! ```
//! `length` counts everything behind itself. The kind stands outside the payload, so a frame that
//! cannot be understood can still be answered.

use alloc::vec::Vec;
use bytes::{Buf, Bytes, BytesMut};
use uuid::Uuid;

use crate::ids::RequestId;
use crate::messages::{Failure, Kind, Payload};
use crate::status::Reason;

/// Bytes of the length field.
pub const LENGTH_BYTES: usize = 4;
/// Bytes of the header behind the length field.
pub const HEADER_BYTES: usize = 20;

/// Whether a frame asks, answers or tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nobody waits for an answer.
    Push,
    /// An answer with the same correlation id is awaited.
    Request,
    /// The answer to the request that the correlation id names.
    Response,
}

impl Role {
    const fn bits(self) -> u8 {
        match self {
            Self::Push => 0,
            Self::Request => 1,
            Self::Response => 2,
        }
    }

    const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            1 => Self::Request,
            2 => Self::Response,
            _ => Self::Push,
        }
    }
}

/// What stands before every payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The layout version of this kind.
    pub version: u8,
    /// Asks, answers or tells.
    pub role: Role,
    /// Which message the payload is.
    pub kind: Kind,
    /// Names the request; nil in pushes.
    pub correlation: RequestId,
}

/// Why a byte stream cannot be cut into frames any further. The boundary is lost: close the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length field is over the limit; nothing was allocated for it.
    #[error("a frame of {length} bytes is over the limit of {limit}")]
    TooLong {
        /// As announced.
        length: usize,
        /// As allowed now.
        limit: usize,
    },
    /// The length field is under the header's size.
    #[error("a frame of {length} bytes cannot hold a header")]
    TooShort {
        /// As announced.
        length: usize,
    },
}

impl Header {
    /// Reads the header behind the length field; `None` where bytes are missing.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let (fixed, id) = header.split_at(4);
        Some(Self {
            version: fixed[0],
            role: Role::from_bits(fixed[1]),
            kind: Kind(u16::from_be_bytes([fixed[2], fixed[3]])),
            correlation: RequestId(Uuid::from_slice(id).ok()?),
        })
    }

    fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0; LENGTH_BYTES]);
        out.extend_from_slice(&[self.version, self.role.bits()]);
        out.extend_from_slice(&self.kind.0.to_be_bytes());
        out.extend_from_slice(self.correlation.as_bytes());
    }
}

/// One encoded frame, length field included: encoded once, shared by all its recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame(Bytes);

impl Frame {
    /// A frame that nobody answers.
    #[must_use]
    pub fn push<P: Payload>(payload: &P) -> Self {
        Self::encode(Role::Push, RequestId::NONE, payload)
    }

    /// A frame that awaits an answer under `id`.
    #[must_use]
    pub fn request<P: Payload>(id: RequestId, payload: &P) -> Self {
        Self::encode(Role::Request, id, payload)
    }

    /// The answer to the request `id`.
    #[must_use]
    pub fn response<P: Payload>(id: RequestId, payload: &P) -> Self {
        Self::encode(Role::Response, id, payload)
    }

    fn encode<P: Payload>(role: Role, correlation: RequestId, payload: &P) -> Self {
        let header = Header { version: P::VERSION, role, kind: P::KIND, correlation };
        let mut out = Vec::with_capacity(128);
        header.write(&mut out);
        match postcard::to_extend(payload, out) {
            Ok(encoded) => Self::seal(encoded),
            Err(_) => Self::encode(role, correlation, &Failure::new(Reason::Malformed, "not encodable")),
        }
    }

    fn seal(mut encoded: Vec<u8>) -> Self {
        let length = u32::try_from(encoded.len() - LENGTH_BYTES).unwrap_or(u32::MAX);
        encoded[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        Self(encoded.into())
    }

    /// The frame whose bytes, without the length field, were cut out of a stream by somebody else's codec.
    #[must_use]
    pub fn from_body(body: &[u8]) -> Option<Self> {
        Header::parse(body)?;
        let mut out = Vec::with_capacity(LENGTH_BYTES + body.len());
        out.extend_from_slice(&[0; LENGTH_BYTES]);
        out.extend_from_slice(body);
        Some(Self::seal(out))
    }

    /// The bytes as they go over a link.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// Their number.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never: a frame has a header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The header; every frame has one.
    #[must_use]
    pub fn header(&self) -> Option<Header> {
        Header::parse(self.0.get(LENGTH_BYTES..)?)
    }

    /// What stands behind the header.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.0.get(LENGTH_BYTES + HEADER_BYTES..).unwrap_or_default()
    }
}

/// Cuts a byte stream into frames, however it was split or merged on its way.
#[derive(Debug, Default)]
pub struct Parser {
    buffer: BytesMut,
}

impl Parser {
    /// Takes bytes as they arrived.
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
        let length = usize::try_from(u32::from_be_bytes(*field)).unwrap_or(usize::MAX);
        if length > limit.saturating_sub(LENGTH_BYTES) {
            return Err(FrameError::TooLong { length, limit });
        }
        if length < HEADER_BYTES {
            return Err(FrameError::TooShort { length });
        }
        if self.buffer.remaining() < LENGTH_BYTES + length {
            return Ok(None);
        }
        Ok(Some(Frame(self.buffer.split_to(LENGTH_BYTES + length).freeze())))
    }
}
