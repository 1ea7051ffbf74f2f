//! What an author signs: immutable, carried by anybody, in the log at most once.

use bytes::Bytes;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::access::AccessChange;
use crate::ids::{AccountId, ChannelId, DeviceId, Hash};
use crate::limits::{ENVELOPE_BYTES_MAX, Limits};
use crate::readable::Hex;
use crate::signed::{Content, Signed};
use crate::time::UnixMillis;

/// The name of an envelope, never reused. Both counters are per channel and device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageKey {
    /// The channel.
    pub channel: ChannelId,
    /// Who signed.
    pub device: DeviceId,
    /// Counts up when an author has to sign again what another log refused; from 1.
    pub incarnation: u32,
    /// Dense within the incarnation; from 1.
    pub seq: u64,
}

open_enum! {
    /// What the body of an envelope is.
    pub enum EnvelopeKind {
        /// UTF-8 text.
        Text = 1 => "text",
        /// An [`AccessChange`].
        Access = 2 => "access",
    }
}

/// One message of a channel, as its author wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Envelope {
    /// Its name.
    pub key: MessageKey,
    /// The author's account, as claimed; the sequencer checks it against the author's certificate,
    /// readers against the author's device record.
    pub account: AccountId,
    /// The hash in the author's row when this was signed; zero where there was none. It fixes the author's whole past.
    pub prev: Hash,
    /// When the author says that it was written: a label.
    pub sent: UnixMillis,
    /// What the body is.
    pub kind: EnvelopeKind,
    /// At most [`crate::limits::BODY_BYTES_MAX`] bytes.
    pub body: Bytes,
}

/// An envelope with its author's signature.
pub type SignedEnvelope = Signed<Envelope>;

impl Content for Envelope {
    const DOMAIN: &'static str = "segment/envelope/1";

    /// The body stays where it is.
    fn read(bytes: &Bytes) -> Result<Self, postcard::Error> {
        let Parts { key, account, prev, sent, kind, body } = postcard::from_bytes(bytes)?;
        Ok(Self { key, account, prev, sent, kind, body: bytes.slice_ref(body) })
    }
}

/// An [`Envelope`] whose body is still among its bytes.
#[derive(Deserialize)]
#[serde(rename = "Envelope")]
struct Parts<'a> {
    key: MessageKey,
    account: AccountId,
    prev: Hash,
    sent: UnixMillis,
    kind: EnvelopeKind,
    body: &'a [u8],
}

impl SignedEnvelope {
    /// Whether body and whole are within their limits. A sequencer refuses what does not fit, for good.
    #[must_use]
    pub fn fits(&self, limits: &Limits) -> bool {
        self.body.len() <= limits.body_bytes_max && self.bytes().len() <= ENVELOPE_BYTES_MAX
    }
}

impl Envelope {
    /// The text, where this is valid text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if self.kind != EnvelopeKind::Text {
            return None;
        }
        core::str::from_utf8(&self.body).ok()
    }

    /// The change of access, where this is one that can be read.
    #[must_use]
    pub fn access(&self) -> Option<AccessChange> {
        if self.kind != EnvelopeKind::Access {
            return None;
        }
        postcard::from_bytes(&self.body).ok()
    }
}

impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let readable = serializer.is_human_readable();
        let mut fields = serializer.serialize_struct("Envelope", 6)?;
        fields.serialize_field("key", &self.key)?;
        fields.serialize_field("account", &self.account)?;
        fields.serialize_field("prev", &self.prev)?;
        fields.serialize_field("sent", &self.sent)?;
        fields.serialize_field("kind", &self.kind)?;
        if readable {
            fields.serialize_field("body", &ReadableBody(self))?;
        } else {
            fields.serialize_field("body", &self.body)?;
        }
        fields.end()
    }
}

/// A body as text or as a change of access, whichever it is; in hexadecimal where it is neither.
struct ReadableBody<'a>(&'a Envelope);

impl Serialize for ReadableBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(text) = self.0.text() {
            return serializer.serialize_str(text);
        }
        match self.0.access() {
            Some(change) => change.serialize(serializer),
            None => Hex(&self.0.body).serialize(serializer),
        }
    }
}
