//! Cases from what is published on ed25519.

use alloc::vec::Vec;

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::scalar::Scalar;

use super::crafting::*;
use crate::ed25519::{Claim, are_valid};
use crate::*;

/// The point of order 2, with a sign that its `x`, which is 0, does not have.
const ORDER_2_AGAIN: [u8; 32] = {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xec;
    bytes
};

struct Case {
    signer: DeviceId,
    message: [u8; 8],
    signature: Signature,
}

impl Case {
    fn judge(&self, rule: fn(&DeviceId, &[u8], &Signature) -> bool) -> bool {
        rule(&self.signer, &self.message, &self.signature)
    }
}

/// The first message for which it can be made.
fn first(make: impl Fn(&[u8; 8]) -> Option<(DeviceId, Signature)>) -> Case {
    let made = (0_u64..1_000).map(u64::to_le_bytes).find_map(|message| {
        let (signer, signature) = make(&message)?;
        Some(Case { signer, message, signature })
    });
    made.unwrap()
}

/// What the parts of small order of `R` and `kA` leave, if both are multiples of the same point of order 8.
fn residue(r: &[u8; 32], signer: &[u8; 32], message: &[u8], r_torsion: usize, torsion: usize) -> usize {
    let k = challenge(r, signer, message).to_bytes()[0];
    (r_torsion + usize::from(k) * torsion) % 8
}

/// Rows 0 to 5: a key of order 8, or with a part of that order, and an `R` with any such part.
fn mixed(small_key: bool, small_r: bool, torsion: usize, wanted: fn(usize, &Scalar) -> bool) -> Case {
    first(|message| {
        let a = if small_key { Scalar::ZERO } else { secret() };
        let r = if small_r { Scalar::ZERO } else { scalar(9) };
        let key = bytes_of(&point(&a, 1));
        let r_bytes = bytes_of(&point(&r, torsion));
        let k = challenge(&r_bytes, &key, message);
        let left = residue(&r_bytes, &key, message, torsion, 1);
        wanted(left, &k).then(|| (DeviceId(key), signature(&r_bytes, (r + k * a).as_bytes())))
    })
}

/// Rows 8 to 11: this second encoding, hashed as it is or as it should be.
fn odd_r(hashed: [u8; 32]) -> Case {
    first(|message| {
        let key = signer(1);
        let s = challenge(&hashed, &key.0, message) * secret();
        Some((key, signature(&ORDER_2_AGAIN, s.as_bytes())))
    })
}

fn odd_key(hashed: [u8; 32]) -> Case {
    first(|message| {
        let nonce = scalar(9);
        let r = bytes_of(&point(&nonce, 4));
        // What `R` has of order 2, the key has as well: they cancel where `k` is odd.
        let is_odd = |encoding| challenge(&r, &encoding, message).to_bytes()[0] % 2 == 1;
        let only_so = is_odd(hashed) && (hashed == ORDER_2_AGAIN || !is_odd(ORDER_2_AGAIN));
        only_so.then(|| (DeviceId(ORDER_2_AGAIN), signature(&r, nonce.as_bytes())))
    })
}

fn honest_plus_order(times: usize) -> Case {
    first(|message| Some((signer(0), plus_order(&sign(signer(0), message, 9, 0), times))))
}

/// The twelve kinds of table 5 of "Taming the many EdDSAs" (eprint 2020/1244; github.com/novifinancial/ed25519-speccheck),
/// made anew by what is said there of each.
fn cases() -> Vec<Case> {
    let canonical = bytes_of(&EIGHT_TORSION[4]);
    let vanishes: fn(usize, &Scalar) -> bool = |left, _| left == 0;
    let remains: fn(usize, &Scalar) -> bool = |left, _| left != 0;
    // Whoever reckons 8k below the order of the group has something left.
    let remains_of_8k: fn(usize, &Scalar) -> bool =
        |left, k| left != 0 && (Scalar::from(8_u8) * k).to_bytes()[0] % 8 != 0;
    [
        mixed(true, true, 3, vanishes),
        mixed(true, false, 3, vanishes),
        mixed(false, true, 3, vanishes),
        mixed(false, false, 3, vanishes),
        mixed(false, false, 3, remains),
        mixed(false, false, 0, remains_of_8k),
        honest_plus_order(1),
        honest_plus_order(14),
        odd_r(canonical),
        odd_r(ORDER_2_AGAIN),
        odd_key(canonical),
        odd_key(ORDER_2_AGAIN),
    ]
    .into()
}

/// Each twice, behind one that is a signature if the key is a key.
pub fn seeds() -> Vec<Vec<u8>> {
    let seed = |case: &Case| {
        let another = sign(case.signer, b"another!", 5, 2);
        let theirs = [&case.signature.0[..], &case.message].concat();
        [&case.signer.0[..], &another.0, b"another!", &theirs, &theirs].concat()
    };
    cases().iter().map(seed).collect()
}

/// Which of them a rule takes.
fn taken(rule: fn(&DeviceId, &[u8], &Signature) -> bool) -> Vec<usize> {
    cases().iter().enumerate().filter(|(_, case)| case.judge(rule)).map(|(row, _)| row).collect()
}

#[test]
fn of_the_twelve_kinds_three_are_signatures() {
    assert_eq!(taken(is_valid), [3, 4, 5]);
    assert_eq!(taken(by_definition), [3, 4, 5]);
}

/// The same among the twelve as the authors' own run found ("Results" there), so the cases are of the kinds that they
/// are meant to be.
#[test]
fn other_rules_take_what_is_known_of_them() {
    assert_eq!(taken(strict), [3]);
    assert_eq!(taken(customary), [0, 1, 2, 3, 11]);
    assert_eq!(taken(lenient), [0, 1, 2, 3, 4, 5, 9, 10, 11]);
}

#[test]
fn each_of_the_twelve_is_among_others_what_it_is_alone() {
    for (row, case) in cases().iter().enumerate() {
        let other = sign(case.signer, b"another", 5, 2);
        let theirs = Claim { message: [&case.message, &[], &[]], signature: &case.signature };
        let another = Claim { message: [b"another", &[], &[]], signature: &other };
        let valid = case.judge(is_valid);
        assert_eq!(are_valid(&case.signer, &[theirs, theirs]), valid, "{row}, twice");
        assert_eq!(are_valid(&case.signer, &[another, theirs]), valid, "{row}, last");
        assert_eq!(are_valid(&case.signer, &[theirs, another, another]), valid, "{row}, first");
    }
}

/// Each point of small order in each of its encodings (a list of them: github.com/C2SP/CCTV, ed25519).
fn small_orders() -> Vec<[u8; 32]> {
    let mut all: Vec<[u8; 32]> = EIGHT_TORSION.iter().map(bytes_of).collect();
    // From 2^255 - 19 on, coordinates are small ones once more.
    let again = |y: u8| [[0xed + y].as_slice(), &[0xff; 30], &[0x7f]].concat();
    all.extend([again(0), again(1)].map(|bytes| <[u8; 32]>::try_from(bytes).unwrap()));
    let signs = all.clone().into_iter().map(|mut bytes| {
        bytes[31] ^= 0x80;
        bytes
    });
    all.extend(signs);
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn no_point_of_small_order_is_a_key_or_a_nonce() {
    let message = b"for everybody";
    assert_eq!(small_orders().len(), 14);
    for small in small_orders() {
        let weak = DeviceId(small);
        let everybodys = signature(&bytes_of(&point(&scalar(1), 0)), scalar(1).as_bytes());
        let without_nonce = sign_with(signer(0), message, Scalar::ZERO, &small);
        for (signer, signature) in [(weak, everybodys), (signer(0), without_nonce)] {
            assert!(lenient(&signer, message, &signature), "only the point is wrong: {small:x?}");
            assert!(!is_valid(&signer, message, &signature), "{small:x?}");
            assert!(!are_valid(&signer, &claims(message, &[signature, signature])), "{small:x?}");
        }
    }
}

/// The encodings that a point may have, and no others, pass: for a signer of nothing only that is looked at.
#[test]
fn only_the_canonical_encoding_is_taken() {
    for low in 0..=u8::MAX {
        for high in [0, 0x7f, 0x80, 0xff] {
            for middle in [0, 0xff] {
                let mut bytes = [middle; 32];
                (bytes[0], bytes[31]) = (low, high);
                let is_point = curve25519_dalek::edwards::CompressedEdwardsY(bytes).decompress().is_some();
                if is_point {
                    assert_eq!(are_valid(&DeviceId(bytes), &[]), only_encoding(&bytes).is_some(), "{bytes:x?}");
                }
            }
        }
    }
}

/// RFC 8032, section 7.1: secret, key, message, signature.
const RFC_8032: [[&str; 4]; 4] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| core::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

#[test]
fn the_vectors_of_the_standard_hold() {
    for case in RFC_8032 {
        let [secret, key, message, signed] = case.map(unhex);
        let identity = Identity::from_secret(&secret.try_into().unwrap());
        assert_eq!(identity.device().0.as_slice(), key);
        assert_eq!(identity.sign(&message).0.as_slice(), signed);
        let signature = Signature(signed.try_into().unwrap());
        assert!(is_valid(&identity.device(), &message, &signature));
        assert!(are_valid(&identity.device(), &claims(&message, &[signature; 3])));
        assert!(!is_valid(&identity.device(), b"another", &signature));
    }
}
