//! The check of every author's signature, once, at the edge.

use core::marker::PhantomData;

use ed25519_dalek::VerifyingKey;

use crate::identity::keyed_signature;
use crate::ids::DeviceId;
use crate::messages::Message;
use crate::signed::Signature;

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
