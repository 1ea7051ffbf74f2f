//! Signed things: kept, hashed and passed on as the exact bytes received, never encoded again.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ed25519::Claim;
use crate::identity::Identity;
use crate::ids::{DeviceId, Hash, byte_id};
use crate::verify::Verifier;

byte_id!(
    /// A signature over a domain prefix and the exact bytes of what is signed.
    Signature,
    64
);

/// Something that is signed: its domain keeps a signature from being valid for anything else.
pub trait Content: Serialize + DeserializeOwned {
    /// The prefix of what is signed.
    const DOMAIN: &'static str;

    /// Reads it out of its exact bytes; long parts may stay where they are in them.
    ///
    /// # Errors
    /// The bytes are something else.
    fn read(bytes: &Bytes) -> Result<Self, postcard::Error> {
        postcard::from_bytes(bytes)
    }
}

/// A value with the signature of a device or of the tracker over its exact bytes. It never changes, so copies
/// share it.
pub struct Signed<T>(Arc<Parts<T>>);

struct Parts<T> {
    bytes: Bytes,
    signature: Signature,
    hash: Hash,
    content: T,
}

impl<T: Content> Signed<T> {
    /// Signs `content`.
    #[must_use]
    pub fn new(content: T, identity: &Identity) -> Self {
        let bytes = Bytes::from(postcard::to_allocvec(&content).unwrap_or_default());
        let signature = identity.sign(&signed_parts::<T>(&bytes).concat());
        Self::whole(bytes, signature, content)
    }

    /// Reads what was signed. The signature is not checked here.
    ///
    /// # Errors
    /// The bytes are not a `T`.
    pub fn from_parts(bytes: Bytes, signature: Signature) -> Result<Self, postcard::Error> {
        let content = T::read(&bytes)?;
        Ok(Self::whole(bytes, signature, content))
    }

    fn whole(bytes: Bytes, signature: Signature, content: T) -> Self {
        Self(Arc::new(Parts { hash: hash_of(&bytes, &signature), bytes, signature, content }))
    }

    /// Whether `signer` signed exactly these bytes, as a `T`.
    #[must_use]
    pub fn is_signed_by(&self, signer: &DeviceId, verifier: &Verifier) -> bool {
        verifier.verify_all(signer, &[self.claim()])
    }

    /// What its signer is said to have signed.
    pub(crate) fn claim(&self) -> Claim<'_> {
        Claim { message: signed_parts::<T>(&self.0.bytes), signature: &self.0.signature }
    }
}

impl<T> Signed<T> {
    /// The exact bytes that are signed, without the domain prefix.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.0.bytes
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.0.signature
    }

    /// BLAKE3 of the bytes and the signature: computed once, where they came from.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.0.hash
    }
}

fn hash_of(bytes: &[u8], signature: &Signature) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(bytes);
    hasher.update(&signature.0);
    Hash(*hasher.finalize().as_bytes())
}

fn signed_parts<T: Content>(bytes: &[u8]) -> [&[u8]; 3] {
    [T::DOMAIN.as_bytes(), &[0], bytes]
}

impl<T> Deref for Signed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.content
    }
}

impl<T> Clone for Signed<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for Signed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signed").field(&self.0.content).finish()
    }
}

impl<T> PartialEq for Signed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.bytes == other.0.bytes && self.0.signature == other.0.signature
    }
}

impl<T> Eq for Signed<T> {}

impl<T: Content> Serialize for Signed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let readable = serializer.is_human_readable();
        let mut fields = serializer.serialize_struct(T::DOMAIN, 2)?;
        if readable {
            fields.serialize_field("content", &self.0.content)?;
        } else {
            fields.serialize_field("bytes", &self.0.bytes)?;
        }
        fields.serialize_field("signature", &self.0.signature)?;
        fields.end()
    }
}

impl<'de, T: Content> Deserialize<'de> for Signed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "Signed")]
        struct Received {
            bytes: Bytes,
            signature: Signature,
        }
        let received = Received::deserialize(deserializer)?;
        Self::from_parts(received.bytes, received.signature).map_err(serde::de::Error::custom)
    }
}
