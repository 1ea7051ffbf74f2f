//! The wire of Segment: ids, frames, messages, limits and signed things.
//!
//! Everything here is pure: no I/O, no clock, no randomness, no async. A transport moves
//! [`Frame`]s; [`frame::Parser`] cuts them out of a byte stream; [`Message::decode`] reads
//! them; [`Verifier`] checks every author's signature once, at the edge.
#![no_std]

extern crate alloc;

#[macro_use]
mod open_enum;

pub mod access;
pub mod envelope;
pub mod frame;
pub mod ids;
pub mod limits;
pub mod log;
pub mod messages;
pub mod names;
pub mod pending;
pub mod records;
pub mod signed;
pub mod status;
pub mod time;
pub mod untrusted;
pub mod version;

pub use access::{Access, AccessChange, Rights, View, Visitors};
pub use envelope::{Envelope, EnvelopeKind, MessageKey, SignedEnvelope};
pub use frame::{Frame, Header};
pub use ids::{AccountId, ChannelId, DeviceId, Hash, LinkId, Nonce, RequestId, SessionId, Token};
pub use limits::Limits;
pub use log::{Entry, EpochOwner, EpochRecord, Fence, Position, Receipt, Row};
pub use messages::{Kind, Message, Payload, Request};
pub use names::{ChannelName, UserName};
pub use pending::Pending;
pub use records::{Certificate, ChannelRecord, DeviceRecord, Who};
pub use signed::{Identity, Signature, Signed, Verified, Verifier};
pub use status::{Reason, Status};
pub use time::{Instant, Now, UnixMillis};
pub use untrusted::Untrusted;
pub use version::ProtocolVersion;

#[cfg(test)]
mod tests;
