//! The one rule by which a signature is valid, whether it is checked alone or together with others of its signer.
//!
//! Key and `R` are canonical and not of small order, `s` is below the order of the group, and `8(R + kA - sB) = 0`
//! ("Taming the many EdDSAs", algorithm 2). What `verify_strict` of ed25519-dalek accepts is accepted. The cofactor 8 is
//! what makes a sum of such equations hold if each of them does, and only then: without it, what a signer adds of small
//! order would vanish from some sums and not from others, and one reader would keep what another refuses.
//!
//! Scalars and equations are ed25519-zebra's, whose rule (ZIP 215) is this one without the two conditions on the points.
//! Those can be read off the bytes, before. The `batch` of ed25519-dalek has no cofactor. The map of keys in zebra's
//! verifier holds one key here, so that nothing depends on its order.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use ed25519_zebra::VerificationKeyBytes;
use ed25519_zebra::batch::{self, Item};

use crate::ids::DeviceId;
use crate::signed::Signature;

/// What somebody is said to have signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim<'a> {
    /// In parts, which are signed as one.
    pub(crate) message: [&'a [u8]; 3],
    pub(crate) signature: &'a Signature,
}

impl Claim<'_> {
    fn has_accepted_point(&self) -> bool {
        self.signature.0.first_chunk().is_some_and(is_accepted)
    }

    fn item(&self, signer: &DeviceId) -> Item {
        let signature = ed25519_zebra::Signature::from_bytes(&self.signature.0);
        (VerificationKeyBytes::from(signer.0), signature, &self.message.concat()).into()
    }
}

/// Whether `signer` has signed all of it.
pub(crate) fn are_valid(signer: &DeviceId, claims: &[Claim<'_>]) -> bool {
    if !is_accepted(&signer.0) || !claims.iter().all(Claim::has_accepted_point) {
        return false;
    }
    match claims {
        [claim] => claim.item(signer).verify_single().is_ok(),
        claims => hold_together(signer, claims),
    }
}

/// The sum of all equations, each times a number that nobody can foresee who has not chosen all of them yet.
fn hold_together(signer: &DeviceId, claims: &[Claim<'_>]) -> bool {
    let mut together = batch::Verifier::new();
    claims.iter().for_each(|claim| together.queue(claim.item(signer)));
    together.verify(ChaCha20Rng::from_seed(seed(signer, claims))).is_ok()
}

/// A hash over everything that is signed, and by what: in pieces of a fixed length, so that none can pass for another.
pub(crate) fn seed(signer: &DeviceId, claims: &[Claim<'_>]) -> [u8; 32] {
    let mut all = blake3::Hasher::new_derive_key("segment: signatures checked together, 2");
    all.update(&signer.0);
    for claim in claims {
        let mut message = blake3::Hasher::new();
        claim.message.iter().for_each(|part| _ = message.update(part));
        all.update(&claim.signature.0).update(message.finalize().as_bytes());
    }
    all.finalize().into()
}

/// The size of the field, 2^255 - 19, low byte first.
const FIELD: [u8; 32] = coordinate(0xed, 0xff, 0x7f);

/// Where the points are whose order divides 8: `y` is 0, 1, -1, or one of two that are each other's negative.
const SMALL_ORDERS: [[u8; 32]; 5] = [
    coordinate(0, 0, 0),
    coordinate(1, 0, 0),
    coordinate(0xec, 0xff, 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

const fn coordinate(low: u8, middle: u8, high: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    (bytes[0], bytes[31]) = (low, high);
    bytes
}

/// Whether this, if it is a point at all, is one in its only encoding, and not of small order. (Its highest bit is the
/// sign of `x`. Where that could be either, the order is small.)
fn is_accepted(point: &[u8; 32]) -> bool {
    let mut y = *point;
    y[31] &= 0x7f;
    y.iter().rev().lt(FIELD.iter().rev()) && !SMALL_ORDERS.contains(&y)
}
