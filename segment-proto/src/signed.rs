//! Signed things: kept, hashed and passed on as the exact bytes received, never encoded again.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use alloc::vec::Vec;
use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::de::DeserializeOwned;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{DeviceId, Hash, byte_id};
use crate::messages::Message;

byte_id!(
    /// A signature over a domain prefix and the exact bytes of what is signed.
    Signature,
    64
);

/// Something that is signed: its domain keeps a signature from being valid for anything else.
pub trait Content: Serialize + DeserializeOwned {
    /// The prefix of what is signed.
    const DOMAIN: &'static str;
}

/// A value with the signature of a device or of the tracker over its exact bytes.
pub struct Signed<T> {
    bytes: Bytes,
    signature: Signature,
    content: T,
}

impl<T: Content> Signed<T> {
    /// Signs `content`.
    #[must_use]
    pub fn new(content: T, identity: &Identity) -> Self {
        let bytes = Bytes::from(postcard::to_allocvec(&content).unwrap_or_default());
        let signature = identity.sign(&signed_bytes::<T>(&bytes));
        Self { bytes, signature, content }
    }

    /// Reads what was signed. The signature is not checked here.
    ///
    /// # Errors
    /// The bytes are not a `T`.
    pub fn from_parts(bytes: Bytes, signature: Signature) -> Result<Self, postcard::Error> {
        let content = postcard::from_bytes(&bytes)?;
        Ok(Self { bytes, signature, content })
    }

    /// Whether `signer` signed exactly these bytes, as a `T`.
    #[must_use]
    pub fn is_signed_by(&self, signer: &DeviceId, verifier: &Verifier) -> bool {
        verifier.verify(signer, &signed_bytes::<T>(&self.bytes), &self.signature)
    }
}

impl<T> Signed<T> {
    /// The exact bytes that are signed, without the domain prefix.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// BLAKE3 of the bytes and the signature.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.bytes);
        hasher.update(&self.signature.0);
        Hash(*hasher.finalize().as_bytes())
    }
}

fn signed_bytes<T: Content>(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(T::DOMAIN.len() + 1 + bytes.len());
    out.extend_from_slice(T::DOMAIN.as_bytes());
    out.push(0);
    out.extend_from_slice(bytes);
    out
}

impl<T> Deref for Signed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.content
    }
}

impl<T: Clone> Clone for Signed<T> {
    fn clone(&self) -> Self {
        Self { bytes: self.bytes.clone(), signature: self.signature, content: self.content.clone() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Signed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signed").field(&self.content).finish()
    }
}

impl<T> PartialEq for Signed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.signature == other.signature
    }
}

impl<T> Eq for Signed<T> {}

impl<T: Serialize> Serialize for Signed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let readable = serializer.is_human_readable();
        let mut fields = serializer.serialize_struct("Signed", 2)?;
        if readable {
            fields.serialize_field("content", &self.content)?;
        } else {
            fields.serialize_field("bytes", &self.bytes)?;
        }
        fields.serialize_field("signature", &self.signature)?;
        fields.end()
    }
}

impl<'de, T: Content> Deserialize<'de> for Signed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "Signed")]
        struct Parts {
            bytes: Bytes,
            signature: Signature,
        }
        let parts = Parts::deserialize(deserializer)?;
        Self::from_parts(parts.bytes, parts.signature).map_err(serde::de::Error::custom)
    }
}

/// A device's secret: signs envelopes, and, at a tracker, certificates, records and receipts.
#[derive(Clone)]
pub struct Identity {
    scheme: SecretScheme,
    device: DeviceId,
}

#[derive(Clone)]
enum SecretScheme {
    Ed25519(alloc::boxed::Box<SigningKey>),
    Keyed,
}

impl Identity {
    /// The identity of 32 secret bytes.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(secret);
        let device = DeviceId(key.verifying_key().to_bytes());
        Self { scheme: SecretScheme::Ed25519(alloc::boxed::Box::new(key)), device }
    }

    /// An identity for simulations only, whose signatures are cheap and forgeable: drivers never make one.
    #[must_use]
    pub fn simulated(device: DeviceId) -> Self {
        Self { scheme: SecretScheme::Keyed, device }
    }

    /// The public key.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.device
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        match &self.scheme {
            SecretScheme::Ed25519(key) => Signature(key.sign(bytes).to_bytes()),
            SecretScheme::Keyed => keyed_signature(&self.device, bytes),
        }
    }

    /// The verifier that understands this identity's signatures.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        match self.scheme {
            SecretScheme::Ed25519(_) => Verifier::ed25519(),
            SecretScheme::Keyed => Verifier::simulated(),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", self.device)
    }
}

fn keyed_signature(device: &DeviceId, bytes: &[u8]) -> Signature {
    let mut out = [0; 64];
    blake3::Hasher::new_keyed(&device.0).update(bytes).finalize_xof().fill(&mut out);
    Signature(out)
}

/// Checks signatures. Its two kinds cannot be mixed in one process: a driver has the real one only.
#[derive(Clone, Copy, Debug)]
pub struct Verifier {
    scheme: VerifyScheme,
}

#[derive(Clone, Copy, Debug)]
enum VerifyScheme {
    Ed25519,
    Keyed,
}

/// A signature in a message does not verify: the message is refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature of envelope {index} does not verify")]
pub struct BadSignature {
    /// Which envelope of the message, from 0.
    pub index: usize,
}

impl Verifier {
    /// ed25519, strict (RFC 8032 with the checks of `verify_strict`).
    #[must_use]
    pub const fn ed25519() -> Self {
        Self { scheme: VerifyScheme::Ed25519 }
    }

    /// For simulations only.
    #[must_use]
    pub const fn simulated() -> Self {
        Self { scheme: VerifyScheme::Keyed }
    }

    /// Whether `signer` signed `bytes`.
    #[must_use]
    pub fn verify(&self, signer: &DeviceId, bytes: &[u8], signature: &Signature) -> bool {
        match self.scheme {
            VerifyScheme::Ed25519 => VerifyingKey::from_bytes(&signer.0)
                .is_ok_and(|key| key.verify_strict(bytes, &ed25519_dalek::Signature::from_bytes(&signature.0)).is_ok()),
            VerifyScheme::Keyed => keyed_signature(signer, bytes) == *signature,
        }
    }

    /// Checks the author's signature of every envelope in `message`. What the tracker has signed is
    /// checked by the machines, which know the tracker's key.
    ///
    /// # Errors
    /// The first envelope that does not verify.
    pub fn check(&self, message: Message) -> Result<Verified<Message>, BadSignature> {
        for (index, envelope) in message.envelopes().enumerate() {
            if !envelope.is_signed_by(&envelope.key.device, self) {
                return Err(BadSignature { index });
            }
        }
        Ok(Verified { value: message, checked: PhantomData })
    }
}

/// A value whose authors' signatures were checked. Only a [`Verifier`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    checked: PhantomData<()>,
}

impl<T> Verified<T> {
    /// The value.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }

    /// A look at the value.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.value
    }
}
