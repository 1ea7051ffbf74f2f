//! The wire of Segment: ids, frames, messages, limits and signed things.
//!
//! Everything here is pure: no I/O, no clock, no randomness, no async. A transport moves
//! [`Frame`]s; [`frame::Parser`] cuts them out of a byte stream; [`Message::decode`] reads
//! them; [`Verifier`] checks every author's signature once, at the edge.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[macro_use]
mod open_enum;
mod bounded;

pub mod access;
mod ed25519;
pub mod envelope;
pub mod epoch;
pub mod frame;
#[doc(hidden)]
pub mod fuzzing;
pub mod identity;
pub mod ids;
pub mod limits;
pub mod log;
pub mod messages;
pub mod names;
pub mod pages;
pub mod pending;
mod readable;
pub mod records;
pub mod secrets;
pub mod signed;
pub mod snapshot;
pub mod status;
pub mod stream;
pub mod time;
pub mod untrusted;
pub mod verify;
pub mod version;

pub use access::{Access, AccessChange, AccessOp, Measure, Retention, Rights, View, Visitors};
pub use envelope::{Envelope, EnvelopeKind, MessageKey, SignedEnvelope};
pub use epoch::{EpochOwner, EpochRecord, Evidence, Fence, Receipt};
pub use frame::{Frame, Header};
pub use identity::Identity;
pub use ids::{AccountId, ChannelId, DeviceId, Hash, LinkId, Nonce, RequestId, SessionId, StreamId};
pub use limits::Limits;
pub use log::{Entry, Position, Row};
pub use messages::{Kind, Message, Payload, Request};
pub use names::{ChannelName, UserName};
pub use pages::Page;
pub use pending::Pending;
pub use readable::without_deceptive;
pub use records::{Certificate, ChannelRecord, DeviceRecord, Who};
pub use secrets::{Secret, Token};
pub use signed::{Signature, Signed};
pub use snapshot::Snapshot;
pub use status::{Reason, Status};
pub use stream::{FrameFlags, FrameHeader, FramePlace, StreamDescription, Ticket, Track, TrackKind};
pub use time::{Instant, Now, UnixMillis};
pub use untrusted::Untrusted;
pub use verify::{BadSignature, Verified, Verifier};
pub use version::ProtocolVersion;

#[cfg(test)]
mod tests;
