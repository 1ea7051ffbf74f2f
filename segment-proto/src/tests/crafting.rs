//! Signatures as whoever has a secret can make them, and the rule once more, from its definition.

use alloc::vec::Vec;

use curve25519_dalek::constants::{ED25519_BASEPOINT_TABLE, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use sha2::{Digest, Sha512};

use crate::ed25519::{Claim, are_valid};
use crate::*;

const SECRET: u64 = 0x5e9_3e47;

pub fn scalar(number: u64) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&Sha512::digest(number.to_le_bytes()).into())
}

pub fn secret() -> Scalar {
    scalar(SECRET)
}

/// With a part of small order, which nothing that is made honestly has.
pub fn point(scalar: &Scalar, torsion: usize) -> EdwardsPoint {
    ED25519_BASEPOINT_TABLE * scalar + EIGHT_TORSION[torsion]
}

pub fn bytes_of(point: &EdwardsPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

pub fn signer(torsion: usize) -> DeviceId {
    DeviceId(bytes_of(&point(&secret(), torsion)))
}

/// `k`.
pub fn challenge(r: &[u8; 32], signer: &[u8; 32], message: &[u8]) -> Scalar {
    let digest = Sha512::new().chain_update(r).chain_update(signer).chain_update(message).finalize();
    Scalar::from_bytes_mod_order_wide(&digest.into())
}

pub fn signature(r: &[u8; 32], s: &[u8; 32]) -> Signature {
    Signature([*r, *s].concat().try_into().unwrap())
}

/// Signs with an `R` that has this part of small order.
pub fn sign(signer: DeviceId, message: &[u8], nonce: u64, torsion: usize) -> Signature {
    let nonce = scalar(nonce);
    sign_with(signer, message, nonce, &bytes_of(&point(&nonce, torsion)))
}

pub fn sign_with(signer: DeviceId, message: &[u8], nonce: Scalar, r: &[u8; 32]) -> Signature {
    signature(r, (nonce + challenge(r, &signer.0, message) * secret()).as_bytes())
}

/// The same number once more, in the same 32 bytes: with the order of the group added so many times.
pub fn plus_order(signature: &Signature, times: usize) -> Signature {
    let mut signature = *signature;
    for _ in 0..times {
        let mut carry = 1;
        for (byte, more) in signature.0[32..].iter_mut().zip((-Scalar::ONE).to_bytes()) {
            let sum = u16::from(*byte) + u16::from(more) + carry;
            (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
        }
        assert_eq!(carry, 0, "it has no room");
    }
    signature
}

pub fn claims<'a>(message: &'a [u8], signatures: &'a [Signature]) -> Vec<Claim<'a>> {
    signatures.iter().map(|signature| Claim { message: [message, &[], &[]], signature }).collect()
}

pub fn is_valid(signer: &DeviceId, message: &[u8], signature: &Signature) -> bool {
    are_valid(signer, &claims(message, &[*signature]))
}

/// The rule, as docs/protocol.md says it.
pub fn by_definition(signer: &DeviceId, message: &[u8], signature: &Signature) -> bool {
    let (r_bytes, s_bytes) = signature.0.split_first_chunk().unwrap();
    let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s_bytes.try_into().unwrap()));
    let (Some(a), Some(r), Some(s)) = (only_encoding(&signer.0), only_encoding(r_bytes), s) else {
        return false;
    };
    let k = challenge(r_bytes, &signer.0, message);
    (r + k * a - ED25519_BASEPOINT_TABLE * &s).mul_by_cofactor().is_identity()
}

/// The point that has these bytes, and no others, and is not of small order.
pub fn only_encoding(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    let point = CompressedEdwardsY(*bytes).decompress()?;
    (bytes_of(&point) == *bytes && !point.is_small_order()).then_some(point)
}

/// What ed25519-dalek calls strict: no cofactor.
pub fn strict(signer: &DeviceId, message: &[u8], signature: &Signature) -> bool {
    dalek(signer).is_some_and(|key| key.verify_strict(message, &signature.0.into()).is_ok())
}

/// And what it calls a signature.
pub fn customary(signer: &DeviceId, message: &[u8], signature: &Signature) -> bool {
    let verify = |key| ed25519_dalek::Verifier::verify(&key, message, &signature.0.into()).is_ok();
    dalek(signer).is_some_and(verify)
}

fn dalek(signer: &DeviceId) -> Option<ed25519_dalek::VerifyingKey> {
    ed25519_dalek::VerifyingKey::from_bytes(&signer.0).ok()
}

/// The rule of ZIP 215.
pub fn lenient(signer: &DeviceId, message: &[u8], signature: &Signature) -> bool {
    let key = ed25519_zebra::VerificationKey::try_from(signer.0);
    key.is_ok_and(|key| key.verify(&signature.0.into(), message).is_ok())
}
