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
use bytes::Bytes;
use uuid::Uuid;

use crate::ids::RequestId;
use crate::messages::{Failure, Kind, Payload};
use crate::status::Reason;

mod parser;

pub use parser::{FrameError, Parser};

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
        // The other six bits, and 3, are kept for later: nobody waits for an answer to those.
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

impl Header {
    /// Reads the header behind the length field; `None` where bytes are missing. Nobody waits for an answer to a push:
    /// an id in it, which no honest sender writes, is dropped.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let (fixed, id) = header.split_at(4);
        let role = Role::from_bits(fixed[1]);
        let id = RequestId(Uuid::from_slice(id).ok()?);
        Some(Self {
            version: fixed[0],
            role,
            kind: Kind(u16::from_be_bytes([fixed[2], fixed[3]])),
            correlation: if role == Role::Push { RequestId::NONE } else { id },
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
