//! The one rule by which a signature is valid, whether it is checked alone or together with others of its signer.
//!
//! Key and `R` are canonical and not of small order, `s` is below the order of the group, and `8(R + kA - sB) = 0`
//! ("Taming the many EdDSAs", algorithm 2). What `verify_strict` of ed25519-dalek accepts is accepted. The cofactor 8 is
//! what makes a sum of such equations hold if each of them does, and only then: without it, what a signer adds of small
//! order would vanish from some sums and not from others, and one reader would keep what another refuses.

use alloc::vec::Vec;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul};
use sha2::{Digest, Sha512};

use crate::ids::DeviceId;
use crate::signed::Signature;

/// Most signatures that are checked together: the tables of more do not stay in the processor's cache.
const TOGETHER_MAX: usize = 64;

/// What somebody is said to have signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim<'a> {
    /// In parts, which are signed as one.
    pub(crate) message: [&'a [u8]; 3],
    pub(crate) signature: &'a Signature,
}

/// Whether `signer` has signed all of it.
pub(crate) fn are_valid(signer: &DeviceId, claims: &[Claim<'_>]) -> bool {
    let Some(key) = read_point(&signer.0) else {
        return false;
    };
    let parts = claims.len().div_ceil(TOGETHER_MAX).max(1);
    claims.chunks(claims.len().div_ceil(parts).max(1)).all(|claims| {
        let terms: Option<Vec<Term>> = claims.iter().map(|claim| Term::read(signer, claim)).collect();
        terms.is_some_and(|terms| match &terms[..] {
            [term] => term.holds(&key),
            terms => hold_together(signer, &key, terms),
        })
    })
}

/// One equation: `8(R + kA - sB) = 0`.
struct Term {
    r: EdwardsPoint,
    k: Scalar,
    s: Scalar,
}

impl Term {
    fn read(signer: &DeviceId, claim: &Claim<'_>) -> Option<Self> {
        let (r_bytes, s_bytes) = claim.signature.0.split_first_chunk::<32>()?;
        let s = Option::from(Scalar::from_canonical_bytes(*s_bytes.first_chunk()?))?;
        let r = read_point(r_bytes)?;
        let start = Sha512::new().chain_update(r_bytes).chain_update(signer.0);
        let digest = claim.message.iter().fold(start, |hash, part| hash.chain_update(part)).finalize();
        Some(Self { r, k: Scalar::from_bytes_mod_order_wide(&digest.into()), s })
    }

    fn holds(&self, key: &EdwardsPoint) -> bool {
        let r = EdwardsPoint::vartime_double_scalar_mul_basepoint(&-self.k, key, &self.s);
        (r - self.r).mul_by_cofactor().is_identity()
    }
}

/// The sum of all equations, each times a number that nobody can foresee who has not chosen all signatures yet.
fn hold_together(signer: &DeviceId, key: &EdwardsPoint, terms: &[Term]) -> bool {
    let (mut of_key, mut of_base) = (Scalar::ZERO, Scalar::ZERO);
    let mut scalars = coefficients(signer, terms);
    for (z, term) in scalars.iter().zip(terms) {
        of_key += z * term.k;
        of_base -= z * term.s;
    }
    scalars.extend([of_key, of_base]);
    let points = terms.iter().map(|term| term.r).chain([*key, ED25519_BASEPOINT_POINT]);
    EdwardsPoint::vartime_multiscalar_mul(scalars, points).mul_by_cofactor().is_identity()
}

/// 128 bits each, from a hash over everything that is in the sum (`k` is itself a hash over `R`, key and message).
fn coefficients(signer: &DeviceId, terms: &[Term]) -> Vec<Scalar> {
    let mut hasher = blake3::Hasher::new_derive_key("segment: signatures checked together, 1");
    hasher.update(&signer.0);
    for term in terms {
        hasher.update(term.k.as_bytes());
        hasher.update(term.s.as_bytes());
    }
    let mut stream = hasher.finalize_xof();
    let draw = |_| {
        let mut bytes = [0; 16];
        stream.fill(&mut bytes);
        Scalar::from(u128::from_le_bytes(bytes))
    };
    terms.iter().map(draw).collect()
}

/// A point in its only encoding, and not of small order.
fn read_point(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    let point = CompressedEdwardsY(*bytes).decompress()?;
    (is_reduced(bytes) && !point.is_small_order()).then_some(point)
}

/// Whether the coordinate is below 2^255 - 19. (Where the sign could be either, the point is of small order.)
fn is_reduced(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    *low < 0xed || middle.iter().any(|byte| *byte != 0xff) || high & 0x7f != 0x7f
}
