//! One signature is judged alike, alone and among others, whoever has made it.

use alloc::vec::Vec;

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::scalar::Scalar;
use proptest::prelude::*;

use super::crafting::*;
use crate::ed25519::{Claim, are_valid, seed};
use crate::*;

#[derive(Clone, Copy, Debug)]
enum Made {
    Honestly,
    /// With this part of small order.
    Crafted(usize),
    /// As another one was, down to the last bit.
    Again,
    /// One bit is another.
    Flipped(usize),
    /// So much is added to `s`: from some that make up for each other.
    Shifted(i8),
    /// `s` is given as the same number, above the order of the group.
    Above(usize),
    /// `R` is of small order, in one of its encodings.
    WithoutNonce(usize),
    /// For another message.
    Misplaced,
    /// Any bytes.
    Random([u8; 32], [u8; 32]),
}

impl Made {
    fn is_signed(self) -> bool {
        matches!(self, Self::Honestly | Self::Crafted(_) | Self::Again | Self::Shifted(0))
    }

    fn sign(self, signer: DeviceId, message: &[u8], nonce: u64) -> Signature {
        let honest = sign(signer, message, nonce, 0);
        match self {
            Self::Honestly => honest,
            Self::Again => sign(signer, b"again", 0, 0),
            Self::Crafted(torsion) => sign(signer, message, nonce, torsion),
            Self::Flipped(bit) => {
                let mut flipped = honest;
                flipped.0[bit / 8] ^= 1 << (bit % 8);
                flipped
            }
            Self::Shifted(by) => shifted(&honest, by),
            Self::Above(times) => plus_order(&honest, times),
            Self::WithoutNonce(torsion) => sign_with(signer, message, Scalar::ZERO, &bytes_of(&EIGHT_TORSION[torsion])),
            Self::Misplaced => sign(signer, b"elsewhere", nonce, 0),
            Self::Random(r, s) => signature(&r, &s),
        }
    }
}

fn shifted(signature: &Signature, by: i8) -> Signature {
    let amount = Scalar::from(by.unsigned_abs());
    let amount = if by < 0 { -amount } else { amount };
    let s = Scalar::from_bytes_mod_order(*signature.0.last_chunk().unwrap()) + amount;
    self::signature(signature.0.first_chunk().unwrap(), s.as_bytes())
}

fn good() -> impl Strategy<Value = Made> {
    prop_oneof![Just(Made::Honestly), Just(Made::Again), (0_usize..8).prop_map(Made::Crafted)]
}

fn bad() -> impl Strategy<Value = Made> {
    prop_oneof![
        (0_usize..512).prop_map(Made::Flipped),
        (-2_i8..=2).prop_map(Made::Shifted),
        (1_usize..15).prop_map(Made::Above),
        (0_usize..8).prop_map(Made::WithoutNonce),
        Just(Made::Misplaced),
        any::<([u8; 32], [u8; 32])>().prop_map(|(r, s)| Made::Random(r, s)),
    ]
}

/// All good, or with few bad ones among them.
fn batch() -> impl Strategy<Value = Vec<Made>> {
    let goods = proptest::collection::vec(good(), 0..40);
    let bads = proptest::collection::vec(bad(), 0..3);
    (goods, bads, any::<prop::sample::Index>()).prop_map(|(mut all, bads, at)| {
        let at = at.index(all.len() + 1);
        all.splice(at..at, bads);
        all
    })
}

fn message_of(made: Made, nonce: u64) -> Vec<u8> {
    if matches!(made, Made::Again) { b"again".to_vec() } else { nonce.to_le_bytes().to_vec() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn together_is_as_each_alone(key in 0_usize..8, all in batch()) {
        let signer = signer(key);
        let messages: Vec<Vec<u8>> = (1..).zip(&all).map(|(nonce, made)| message_of(*made, nonce)).collect();
        let numbered = (1..).zip(all.iter().zip(&messages));
        let signatures: Vec<Signature> =
            numbered.map(|(nonce, (made, message))| made.sign(signer, message, nonce)).collect();
        let claims: Vec<Claim<'_>> = messages
            .iter()
            .zip(&signatures)
            .map(|(message, signature)| {
                let (head, tail) = message.split_at(2);
                Claim { message: [head, &[], tail], signature }
            })
            .collect();
        let alone: Vec<bool> = claims.iter().map(|claim| are_valid(&signer, &[*claim])).collect();
        prop_assert_eq!(are_valid(&signer, &claims), alone.iter().all(|valid| *valid));
        for ((made, message), (signature, valid)) in all.iter().zip(&messages).zip(signatures.iter().zip(&alone)) {
            prop_assert_eq!(*valid, made.is_signed(), "{:?}", made);
            prop_assert_eq!(*valid, by_definition(&signer, message, signature), "{:?}", made);
            prop_assert!(*valid || !strict(&signer, message, signature));
        }
    }

    /// That a key is refused for its bytes is decided before anything is looked at that it has signed.
    #[test]
    fn any_key_is_judged_as_it_is_defined(bytes: [u8; 32], near in 0_usize..4) {
        let mut bytes = bytes;
        // Few bytes apart from the field's size or from 0.
        let middle = if bytes[31] & 1 == 0 { 0 } else { 0xff };
        bytes[near..31].fill(middle);
        let message = b"any";
        let signature = sign(DeviceId(bytes), message, 1, 0);
        prop_assert!(!is_valid(&DeviceId(bytes), message, &signature));
        let is_point = curve25519_dalek::edwards::CompressedEdwardsY(bytes).decompress().is_some();
        prop_assert!(!is_point || are_valid(&DeviceId(bytes), &[]) == only_encoding(&bytes).is_some());
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
    let good: Vec<Signature> = (0..256).map(|nonce| sign(signer, message, nonce, 0)).collect();
    for count in [1, 2, 3, 63, 64, 189, 190, 256] {
        assert!(are_valid(&signer, &claims(message, &good[..count])));
        for place in [0, count / 2, count - 1] {
            let mut signatures = good[..count].to_vec();
            signatures[place] = sign(signer, b"another", 7, 0);
            assert!(!are_valid(&signer, &claims(message, &signatures)), "{place} of {count}");
        }
    }
}

/// Whoever has the secret can choose what is wrong with each, but not what each is multiplied with: that is fixed by all.
#[test]
fn errors_do_not_cancel() {
    let (signer, message) = (signer(0), b"errors");
    let honest: Vec<Signature> = (0..4).map(|nonce| sign(signer, message, nonce, 0)).collect();
    for errors in [&[1, -1][..], &[1, 1, -2], &[2, -1, -1], &[1, -1, 1, -1], &[1, 2, -1, -2]] {
        let wrong: Vec<Signature> = honest.iter().zip(errors).map(|(honest, by)| shifted(honest, *by)).collect();
        assert!(!are_valid(&signer, &claims(message, &wrong)), "{errors:?}");
    }
}

/// Whoever could change anything without changing what the errors are multiplied with could make them cancel.
#[test]
fn the_coefficients_come_from_every_bit() {
    let parts = |whole: &[u8]| {
        let (signer, rest) = whole.split_first_chunk().unwrap();
        let (signatures, messages) = rest.split_at(128);
        let signatures = [&signatures[..64], &signatures[64..]].map(|bytes| Signature(bytes.try_into().unwrap()));
        let claim = |at: usize| Claim { message: [&messages[at * 4..][..4], &[], &[]], signature: &signatures[at] };
        seed(&DeviceId(*signer), &[claim(0), claim(1)])
    };
    let whole = [7; 32 + 2 * (64 + 4)];
    let mut seeds = alloc::vec![parts(&whole)];
    for bit in 0..whole.len() * 8 {
        let mut changed = whole;
        changed[bit / 8] ^= 1 << (bit % 8);
        seeds.push(parts(&changed));
    }
    let (signer, signature) = (DeviceId([7; 32]), &Signature([7; 64]));
    let divided =
        |first, second| [first, second].map(|message: &'static [u8]| Claim { message: [message, &[], &[]], signature });
    for at in 0..=8 {
        seeds.push(seed(&signer, &divided(&[7; 8][..at], &[7; 8][at..])));
    }
    seeds.extend([seed(&signer, &divided(b"a", b"b")), seed(&signer, &divided(b"b", b"a"))]);
    let count = seeds.len();
    seeds.sort_unstable();
    seeds.dedup();
    // The one division that is the first of all is in it twice.
    assert_eq!(seeds.len(), count - 1);
}

/// To exchange `s`, or the messages, of two leaves sums without coefficients as they are.
#[test]
fn what_belongs_to_one_is_of_no_use_to_another() {
    let signer = signer(0);
    let (first, second) = (sign(signer, b"first", 1, 0), sign(signer, b"second", 2, 0));
    let [first_s, second_s] = [first, second].map(|signature| *signature.0.last_chunk::<32>().unwrap());
    let with = |signed: &Signature, s| signature(signed.0.first_chunk().unwrap(), s);
    let claim = |message, signature| Claim { message: [message, &[], &[]], signature };
    assert!(are_valid(&signer, &[claim(b"first", &first), claim(b"second", &second)]));
    assert!(!are_valid(&signer, &[claim(b"second", &first), claim(b"first", &second)]));
    let (first, second) = (with(&first, &second_s), with(&second, &first_s));
    assert!(!are_valid(&signer, &[claim(b"first", &first), claim(b"second", &second)]));
}

#[test]
fn who_signs_nothing_has_signed_all_of_it() {
    assert!(are_valid(&signer(0), &[]));
}
