//! The check of every author's signature, once, at the edge.

use core::marker::PhantomData;
use core::ops::Range;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::ed25519::{Claim, are_valid};
use crate::envelope::{Envelope, SignedEnvelope};
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
    /// ed25519 (RFC 8032; keys and signatures in one encoding only, neither of small order).
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
        self.verify_all(signer, &[Claim { message: [bytes, &[], &[]], signature }])
    }

    /// Whether `signer` signed all of it. Together they cost a fraction of what each of them costs alone.
    pub(crate) fn verify_all(&self, signer: &DeviceId, claims: &[Claim<'_>]) -> bool {
        match self.scheme {
            VerifyScheme::Ed25519 => are_valid(signer, claims),
            VerifyScheme::Keyed => {
                claims.iter().all(|claim| keyed_signature(signer, &claim.message) == *claim.signature)
            }
        }
    }

    /// Checks that every envelope in `message` is its author's. What the tracker has signed is checked by the machines,
    /// which know the tracker's key.
    ///
    /// Whoever is to keep envelopes for others (`Submit`, `Replicate`, ...) checks each signature. A reader of a log
    /// need not: but for the first of an incarnation, an envelope names the hash of the one that its device has signed
    /// before, signature included, so the last of an author in a page vouches for those before it that it is chained to.
    ///
    /// # Errors
    /// An envelope that is not its author's.
    pub fn check(&self, message: Message) -> Result<Verified<Message>, BadSignature> {
        let is_read = matches!(message, Message::Entries(_) | Message::EntryPage(_) | Message::SyncPage(_));
        let mut by_author: BTreeMap<DeviceId, Vec<(usize, &SignedEnvelope)>> = BTreeMap::new();
        for (index, envelope) in message.envelopes().enumerate() {
            let unvouched = by_author.entry(envelope.key.device).or_default();
            // It vouches for the one before it, which has vouched for those before itself.
            unvouched.pop_if(|(_, last)| is_read && vouches_for(envelope, last));
            unvouched.push((index, envelope));
        }
        match by_author.iter().filter_map(|(author, envelopes)| self.first_bad(author, envelopes)).min() {
            Some(index) => Err(BadSignature { index }),
            None => Ok(Verified { value: message, checked: PhantomData }),
        }
    }

    fn first_bad(&self, author: &DeviceId, envelopes: &[(usize, &SignedEnvelope)]) -> Option<usize> {
        let claims: Vec<Claim<'_>> = envelopes.iter().map(|(_, envelope)| envelope.claim()).collect();
        let place = first_bad(claims.len(), |part| self.verify_all(author, &claims[part]))?;
        envelopes.get(place).map(|(index, _)| *index)
    }
}

/// By halves: so to find it costs hardly more than to check all of them once more, however they were forged.
pub(crate) fn first_bad(count: usize, are_valid: impl Fn(Range<usize>) -> bool) -> Option<usize> {
    if are_valid(0..count) {
        return None;
    }
    let mut suspects = 0..count;
    while suspects.len() > 1 {
        let middle = suspects.start.midpoint(suspects.end);
        if are_valid(suspects.start..middle) {
            suspects.start = middle;
        } else {
            suspects.end = middle;
        }
    }
    Some(suspects.start)
}

/// Whether who has signed `next` has signed `before` too. The first of an incarnation builds on what a server says that
/// its author's row is: a server could name a forgery there.
fn vouches_for(next: &Envelope, before: &SignedEnvelope) -> bool {
    next.key.seq > 1 && next.prev == before.hash()
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
