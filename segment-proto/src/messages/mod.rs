//! Every message, one struct each, and the one table that gives them their numbers.
//!
//! A kind selects a struct; postcard never sees an enumeration of messages. Fields are only ever
//! appended within a (kind, version): what an older peer does not know stands behind what it does.

use alloc::string::String;
use core::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::envelope::SignedEnvelope;
use crate::frame::Header;
use crate::log::Entry;

mod channel;
mod directory;
mod replication;
mod session;

pub use channel::*;
pub use directory::*;
pub use replication::*;
pub use session::*;

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

/// A payload that asks; the answer is its `Response` or a [`Failure`].
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
    /// The bytes are not this message.
    #[error("the payload is not a valid {0}")]
    Malformed(&'static str),
}

macro_rules! messages {
    ($( $code:literal $name:ident $(=> $response:ident)? ;)+) => {
        /// Any message, after decoding.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs, clippy::large_enum_variant)]
        pub enum Message {
            $( $name($name), )+
        }

        $(
            impl Payload for $name {
                const KIND: Kind = Kind($code);
                const VERSION: u8 = 1;
                const NAME: &'static str = stringify!($name);
            }

            impl From<$name> for Message {
                fn from(payload: $name) -> Self {
                    Self::$name(payload)
                }
            }

            $( impl Request for $name { type Response = $response; } )?
        )+

        impl Message {
            /// Number and name of every message.
            pub const TABLE: &'static [(Kind, &'static str)] = &[$( (Kind($code), stringify!($name)), )+];

            /// Reads the payload that `header` announces. Trailing bytes are what a newer minor version appended.
            ///
            /// # Errors
            /// [`DecodeError`] says what to answer.
            pub fn decode(header: &Header, payload: &[u8]) -> Result<Self, DecodeError> {
                match header.kind.0 {
                    $( $code => decode_payload::<$name>(header.version, payload).map(Self::$name), )+
                    _ => Err(DecodeError::UnknownKind(header.kind)),
                }
            }

            /// The name in logs and JSON.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $( Self::$name(_) => stringify!($name), )+
                }
            }

            /// The number on the wire.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self {
                    $( Self::$name(_) => Kind($code), )+
                }
            }

            /// The same message in a frame, as a push, a request or a response.
            #[must_use]
            pub fn encode(&self, encoder: impl Encoder) -> crate::frame::Frame {
                match self {
                    $( Self::$name(payload) => encoder.encode(payload), )+
                }
            }

            /// A self-describing rendering: `{"message":"Ping", ...}` with hexadecimal ids and readable bodies.
            #[must_use]
            pub fn to_json(&self) -> String {
                match self {
                    $( Self::$name(payload) => json(stringify!($name), payload), )+
                }
            }
        }
    };
}

/// Gives a payload its frame; see [`Message::encode`].
pub trait Encoder {
    /// Encodes it.
    fn encode<P: Payload>(self, payload: &P) -> crate::frame::Frame;
}

fn decode_payload<P: Payload>(version: u8, payload: &[u8]) -> Result<P, DecodeError> {
    if version != P::VERSION {
        return Err(DecodeError::UnknownVersion { name: P::NAME, version });
    }
    postcard::take_from_bytes(payload).map(|(value, _)| value).map_err(|_| DecodeError::Malformed(P::NAME))
}

fn json<P: Payload>(name: &'static str, payload: &P) -> String {
    #[derive(Serialize)]
    struct Described<'a, P> {
        message: &'static str,
        #[serde(flatten)]
        payload: &'a P,
    }
    serde_json::to_string(&Described { message: name, payload })
        .unwrap_or_else(|_| alloc::format!("{{\"message\":\"{name}\"}}"))
}

messages! {
    0x0101 Hello => Welcome;
    0x0102 Welcome;
    0x0103 Register => LoggedIn;
    0x0104 Login => LoggedIn;
    0x0105 Guest => LoggedIn;
    0x0106 ResumeSession => LoggedIn;
    0x0107 LoggedIn;
    0x0108 Logout => Done;
    0x0109 Announce => Announced;
    0x010a Announced;
    0x010b SetStatus => Done;
    0x010c Ping => Pong;
    0x010d Pong;
    0x010e Goodbye;
    0x010f Failure;
    0x0110 Done;
    0x0111 RenewCertificate => CertificateRenewed;
    0x0112 CertificateRenewed;
    0x0113 Revoked;

    0x0201 ListUsers => UserPage;
    0x0202 UserPage;
    0x0203 UserCame;
    0x0204 UserGone;
    0x0205 CreateChannel => ChannelFound;
    0x0206 ChannelFound;
    0x0207 ListChannels => ChannelPage;
    0x0208 ChannelPage;
    0x0209 FindChannel => ChannelFound;
    0x020a JoinChannel => ChannelFound;
    0x020b LeaveChannel => Done;
    0x020c ListMembers => MemberPage;
    0x020d MemberPage;
    0x020e ChannelChanged;
    0x020f FindDevices => DevicePage;
    0x0210 DevicePage;
    0x0211 FindUser => UserFound;
    0x0212 UserFound;

    0x0301 Subscribe => Subscribed;
    0x0302 Subscribed;
    0x0303 Unsubscribe => Done;
    0x0304 Submit => Submitted;
    0x0305 Submitted;
    0x0306 Entries;
    0x0307 Watermarks;
    0x0308 ReadTail => EntryPage;
    0x0309 ReadRange => EntryPage;
    0x030a EntryPage;
    0x030b Sync => SyncPage;
    0x030c SyncPage;
    0x030d Diverged;
    0x030e Removed;

    0x0401 HostHello => Adopt;
    0x0402 Adopt;
    0x0403 Adopted => Grant;
    0x0404 Grant;
    0x0405 Replicate;
    0x0406 Committed;
    0x0407 Fenced;
    0x0408 ReplicateRefused;
    0x0409 Seal;
    0x040a ShowSnapshot;
}

impl Message {
    /// Every envelope in it: their signatures are checked before a machine sees the message.
    pub fn envelopes(&self) -> impl Iterator<Item = &SignedEnvelope> {
        let (entries, envelopes): (&[Entry], &[SignedEnvelope]) = match self {
            Self::Entries(m) => (&m.entries, &[]),
            Self::EntryPage(m) => (&m.entries, &[]),
            Self::SyncPage(m) => (&m.entries, &[]),
            Self::Adopt(m) => (&m.entries, &[]),
            Self::Replicate(m) => (&m.entries, &[]),
            Self::Submit(m) => (&[], &m.envelopes),
            _ => (&[], &[]),
        };
        entries.iter().map(|entry| &entry.envelope).chain(envelopes)
    }
}
