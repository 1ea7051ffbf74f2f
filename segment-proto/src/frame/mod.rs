//! Frames: a fixed header of 24 bytes, parsed by hand, and a payload.
//!
//! ```text
//! 0        4      5      6       8                24
//! | length | ver. | flags | kind | correlation id | payload ...
//!   u32 BE   u8     u8     u16 BE   16 bytes
//! ```
//! `length` counts everything behind itself. The kind stands outside the payload, so a frame that
//! cannot be understood can still be answered.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use bytes::Bytes;
use serde::Serialize;
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
///
/// A frame of a stream has two parts: what stands before the picture, and the picture as its source gave it.
#[derive(Clone, Debug)]
pub struct Frame {
    head: Bytes,
    tail: Bytes,
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Frame {}

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
        // To grow while it is written would cost more than to look at it twice.
        let size = postcard::experimental::serialized_size(payload).unwrap_or_default();
        let mut out = Vec::with_capacity(LENGTH_BYTES + HEADER_BYTES + size);
        header.write(&mut out);
        match postcard::to_extend(payload, out) {
            Ok(encoded) => Self::seal(encoded),
            Err(_) => Self::encode(role, correlation, &Failure::new(Reason::Malformed, "not encodable")),
        }
    }

    /// A frame in one piece.
    fn whole(head: Bytes) -> Self {
        Self { head, tail: Bytes::new() }
    }

    /// A push of `head`, and behind it `tail` with its length, shared.
    pub(crate) fn push_with_tail(kind: Kind, version: u8, head: &impl Serialize, tail: &Bytes) -> Self {
        let header = Header { version, role: Role::Push, kind, correlation: RequestId::NONE };
        let mut out = Vec::with_capacity(256);
        header.write(&mut out);
        match postcard::to_extend(&(head, tail.len()), out) {
            Ok(encoded) => Self { tail: tail.clone(), ..Self::seal_before(encoded, tail.len()) },
            Err(_) => Self::push(&Failure::new(Reason::Malformed, "not encodable")),
        }
    }

    fn seal(encoded: Vec<u8>) -> Self {
        Self::seal_before(encoded, 0)
    }

    fn seal_before(mut encoded: Vec<u8>, behind: usize) -> Self {
        let length = u32::try_from(encoded.len() - LENGTH_BYTES + behind).unwrap_or(u32::MAX);
        encoded[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        Self::whole(encoded.into())
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

    /// The bytes as they go over a link, in one piece: copied where they are not.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.clone().into_bytes()
    }

    /// As [`Frame::bytes`], for who needs the frame no more.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        if self.tail.is_empty() {
            return self.head;
        }
        [&self.head[..], &self.tail].concat().into()
    }

    /// The bytes as they go over a link, as they are: the second part may be empty.
    #[must_use]
    pub fn parts(&self) -> [&Bytes; 2] {
        [&self.head, &self.tail]
    }

    /// Their number.
    #[must_use]
    pub fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// Never: a frame has a header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    /// The header; every frame has one.
    #[must_use]
    pub fn header(&self) -> Option<Header> {
        Header::parse(self.head.get(LENGTH_BYTES..)?)
    }

    /// What stands behind the header.
    #[must_use]
    pub fn payload(&self) -> Cow<'_, [u8]> {
        let head = self.head.get(LENGTH_BYTES + HEADER_BYTES..).unwrap_or_default();
        if self.tail.is_empty() {
            return Cow::Borrowed(head);
        }
        Cow::Owned([head, &self.tail].concat())
    }
}
