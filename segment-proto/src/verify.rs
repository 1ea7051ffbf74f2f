//! The check of every author's signature, once, at the edge.

use core::marker::PhantomData;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use ed25519_dalek::VerifyingKey;

use crate::envelope::SignedEnvelope;
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

    /// Checks that every envelope in `message` is its author's. What the tracker has signed is checked by the machines,
    /// which know the tracker's key.
    ///
    /// Whoever is to keep envelopes for others (`Submit`, `Replicate`, ...) checks each signature. A reader of a log
    /// need not: an envelope names the hash of its author's previous one, signature included, so the last of an author
    /// in a page vouches for those before it that it is chained to.
    ///
    /// # Errors
    /// An envelope that is not its author's.
    pub fn check(&self, message: Message) -> Result<Verified<Message>, BadSignature> {
        let is_read = matches!(message, Message::Entries(_) | Message::EntryPage(_) | Message::SyncPage(_));
        let envelopes: Vec<&SignedEnvelope> = message.envelopes().collect();
        let mut vouched = BTreeMap::new();
        for (index, envelope) in envelopes.into_iter().enumerate().rev() {
            let author = envelope.key.device;
            let is_vouched = is_read && vouched.get(&author).is_some_and(|prev| *prev == envelope.hash());
            if !is_vouched && !envelope.is_signed_by(&author, self) {
                return Err(BadSignature { index });
            }
            vouched.insert(author, envelope.prev);
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
