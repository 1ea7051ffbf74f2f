//! One signature is judged alike, alone and among others, whoever has made it.

use alloc::vec::Vec;

use curve25519_dalek::constants::{ED25519_BASEPOINT_TABLE, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use proptest::prelude::*;
use sha2::{Digest, Sha512};

use crate::ed25519::{Claim, are_valid};
use crate::*;

const SECRET: u64 = 0x5e9_3e47;

fn scalar(number: u64) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&Sha512::digest(number.to_le_bytes()).into())
}

/// A key with a part of small order, which an honest device does not have.
fn signer(torsion: usize) -> DeviceId {
    DeviceId((ED25519_BASEPOINT_TABLE * &scalar(SECRET) + EIGHT_TORSION[torsion]).compress().to_bytes())
}

/// Signs as whoever has the secret can, with an `R` that has a part of small order as well.
fn sign(signer: DeviceId, message: &[u8], nonce: u64, torsion: usize) -> Signature {
    sign_with(signer, message, scalar(nonce), ED25519_BASEPOINT_TABLE * &scalar(nonce) + EIGHT_TORSION[torsion])
}

fn sign_with(signer: DeviceId, message: &[u8], nonce: Scalar, r: EdwardsPoint) -> Signature {
    let r = r.compress().to_bytes();
    let k = Sha512::new().chain_update(r).chain_update(signer.0).chain_update(message).finalize();
    let s = nonce + Scalar::from_bytes_mod_order_wide(&k.into()) * scalar(SECRET);
    Signature([r, s.to_bytes()].concat().try_into().unwrap())
}

fn strict(signer: &DeviceId, message: &[u8], signature: &Signature) -> bool {
    let key = ed25519_dalek::VerifyingKey::from_bytes(&signer.0);
    key.is_ok_and(|key| key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(&signature.0)).is_ok())
}

fn claims<'a>(message: &'a [u8], signatures: &'a [Signature]) -> Vec<Claim<'a>> {
    signatures.iter().map(|signature| Claim { message: [message, &[], &[]], signature }).collect()
}

#[derive(Clone, Copy, Debug)]
enum Made {
    Honestly,
    /// With this part of small order.
    Crafted(usize),
    /// One bit is another.
    Flipped(usize),
}

fn made() -> impl Strategy<Value = Made> {
    prop_oneof![
        4 => Just(Made::Honestly),
        4 => (0_usize..8).prop_map(Made::Crafted),
        1 => (0_usize..512).prop_map(Made::Flipped),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn together_is_as_each_alone(key in 0_usize..8, all in proptest::collection::vec(made(), 0..70)) {
        let (signer, message) = (signer(key), b"the same for all");
        let sign = |(nonce, made): (usize, &Made)| {
            let nonce = nonce as u64;
            match *made {
                Made::Honestly => sign(signer, message, nonce, 0),
                Made::Crafted(torsion) => sign(signer, message, nonce, torsion),
                Made::Flipped(bit) => {
                    let mut signature = sign(signer, message, nonce, 0);
                    signature.0[bit / 8] ^= 1 << (bit % 8);
                    signature
                }
            }
        };
        let signatures: Vec<Signature> = all.iter().enumerate().map(sign).collect();
        let claims = claims(message, &signatures);
        let alone: Vec<bool> = claims.iter().map(|claim| are_valid(&signer, &[*claim])).collect();
        prop_assert_eq!(are_valid(&signer, &claims), alone.iter().all(|valid| *valid));
        for (made, valid) in all.iter().zip(&alone) {
            prop_assert_eq!(*valid, !matches!(made, Made::Flipped(_)), "{:?}", made);
        }
        for (signature, valid) in signatures.iter().zip(&alone) {
            prop_assert!(*valid || !strict(&signer, message, signature));
        }
    }
}

/// Two that cancel without the cofactor, and one that does not.
#[test]
fn parts_of_small_order_are_nowhere_looked_at() {
    let (signer, message) = (signer(0), b"crafted");
    for torsion in 1..8 {
        let pair = [sign(signer, message, 1, torsion), sign(signer, message, 2, 8 - torsion)];
        assert!(are_valid(&signer, &claims(message, &pair)));
        assert!(are_valid(&signer, &claims(message, &pair[..1])));
        assert!(!strict(&signer, message, &pair[0]));
    }
}

#[test]
fn a_forged_one_is_found_among_any_number_of_others() {
    let (signer, message) = (signer(0), b"all but one");
    let good: Vec<Signature> = (0..130).map(|nonce| sign(signer, message, nonce, 0)).collect();
    for count in [1, 2, 3, 63, 64, 65, 128, 129, 130] {
        assert!(are_valid(&signer, &claims(message, &good[..count])));
        for place in [0, count / 2, count - 1] {
            let mut signatures = good[..count].to_vec();
            signatures[place] = sign(signer, b"another", 7, 0);
            assert!(!are_valid(&signer, &claims(message, &signatures)), "{place} of {count}");
        }
    }
}

#[test]
fn errors_of_two_do_not_cancel() {
    let (signer, message) = (signer(0), b"errors");
    let mut pair = [sign(signer, message, 1, 0), sign(signer, message, 2, 0)];
    for (signature, change) in pair.iter_mut().zip([Scalar::ONE, -Scalar::ONE]) {
        let s = Scalar::from_bytes_mod_order(*signature.0.last_chunk().unwrap()) + change;
        signature.0[32..].copy_from_slice(s.as_bytes());
    }
    assert!(!are_valid(&signer, &claims(message, &pair)));
}

#[test]
fn small_orders_and_second_encodings_are_refused() {
    let message = b"odd";
    for point in EIGHT_TORSION {
        let weak = DeviceId(point.compress().to_bytes());
        assert!(!are_valid(&weak, &claims(message, &[sign(weak, message, 1, 0)])));
        let signature = sign_with(signer(0), message, Scalar::ZERO, point);
        assert!(!are_valid(&signer(0), &claims(message, &[signature])));
    }
    // s + l is the same number once more.
    let mut signature = sign(signer(0), message, 1, 0);
    let order = (-Scalar::ONE).to_bytes();
    let mut carry = 1;
    for (byte, more) in signature.0[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    assert!(!are_valid(&signer(0), &claims(message, &[signature])));
    // Coordinates from 2^255 - 19 on are small ones once more.
    for small in 0..19 {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (0xed + small, 0x7f);
        let key = DeviceId(bytes);
        assert!(!are_valid(&key, &claims(message, &[sign(key, message, 1, 0)])));
        assert!(!are_valid(&key, &[]));
    }
}
