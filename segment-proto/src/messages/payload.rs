//! What every message has: a number, a layout version, a name.

use core::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::frame::Frame;
use crate::status::Reason;

/// The number of a message on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(pub u16);

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:04x}", self.0)
    }
}

/// The content of a frame.
pub trait Payload: Serialize + DeserializeOwned {
    /// Its number.
    const KIND: Kind;
    /// Its layout version.
    const VERSION: u8;
    /// Its name in logs and JSON.
    const NAME: &'static str;
}

/// A payload that asks; the answer is its `Response` or a [`Failure`](super::Failure).
pub trait Request: Payload {
    /// What a successful answer is.
    type Response: Payload;
}

/// Why a payload was not read. The frame's boundary is known: answer, and go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No message has this number here.
    #[error("kind {0} is not known here")]
    UnknownKind(Kind),
    /// The message exists, but not in this layout.
    #[error("version {version} of {name} is not known here")]
    UnknownVersion {
        /// The message.
        name: &'static str,
        /// As announced.
        version: u8,
    },
    /// The bytes are not this message, or a list or text in it is over its limit.
    #[error("the payload is not a valid {0}, or something in it is too long")]
    Malformed(&'static str),
}

impl DecodeError {
    /// What to answer.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::UnknownKind(_) => Reason::UnsupportedKind,
            Self::UnknownVersion { .. } => Reason::UnsupportedVersion,
            Self::Malformed(_) => Reason::Malformed,
        }
    }
}

/// Gives a payload its frame; see [`Message::encode`](super::Message::encode).
pub trait Encoder {
    /// Encodes it.
    fn encode<P: Payload>(self, payload: &P) -> Frame;
}

pub(super) fn decode<P: Payload>(version: u8, payload: &[u8]) -> Result<P, DecodeError> {
    if version != P::VERSION {
        return Err(DecodeError::UnknownVersion { name: P::NAME, version });
    }
    postcard::take_from_bytes(payload).map(|(value, _)| value).map_err(|_| DecodeError::Malformed(P::NAME))
}
