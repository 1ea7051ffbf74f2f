use alloc::vec::Vec;

use super::draw::Draw;
use crate::*;

#[test]
fn the_chain_is_blake3_over_these_bytes_in_this_order() {
    let entry = Draw::fixed().entry();
    let before = Hash([0x42; 32]);
    let mut hashed: Vec<u8> = before.0.to_vec();
    hashed.extend_from_slice(&entry.pos.to_le_bytes());
    hashed.extend_from_slice(&entry.epoch.to_le_bytes());
    hashed.extend_from_slice(&entry.sequenced.0.to_le_bytes());
    hashed.extend_from_slice(&entry.envelope.hash().0);
    assert_eq!(entry.chain(&before).0, *blake3::hash(&hashed).as_bytes());
}

#[test]
fn an_envelope_is_hashed_with_its_signature() {
    let envelope = Draw::fixed().signed_envelope();
    let mut hashed: Vec<u8> = envelope.bytes().to_vec();
    hashed.extend_from_slice(&envelope.signature().0);
    assert_eq!(envelope.hash().0, *blake3::hash(&hashed).as_bytes());
}

/// Known answers, so that both halves cannot change together.
#[test]
fn hash_and_chain_are_what_they_always_were() {
    let entry = Draw::fixed().entry();
    assert_eq!(
        alloc::format!("{}", entry.envelope.hash()),
        "5afdf84bc310ad605321b241ca2ecb9ac2bd1a3a73ab78b576301d28badde907"
    );
    assert_eq!(
        alloc::format!("{}", entry.chain(&Hash::ZERO)),
        "2c16f9fc8b149193440c8cc418aba221c23e81a32305833cdd947dadbeb390ef"
    );
}

#[test]
fn everything_in_an_entry_moves_the_chain() {
    let entry = Draw::fixed().entry();
    let chain = entry.chain(&Hash::ZERO);
    let other = Draw::seeded(1).signed_envelope();
    let changed = [
        Entry { pos: entry.pos + 1, ..entry.clone() },
        Entry { epoch: entry.epoch + 1, ..entry.clone() },
        Entry { sequenced: UnixMillis(0), ..entry.clone() },
        Entry { envelope: other, ..entry.clone() },
    ];
    assert!(changed.iter().all(|entry| entry.chain(&Hash::ZERO) != chain));
    assert_ne!(entry.chain(&Hash([1; 32])), chain);
    assert_eq!(entry.position(&Hash::ZERO), Position { pos: entry.pos, epoch: entry.epoch, chain });
}

#[test]
fn the_stated_size_of_an_entry_is_enough() {
    for seed in 0..500 {
        let entry = Draw::seeded(seed).entry();
        assert!(postcard::to_allocvec(&entry).unwrap().len() <= entry.wire_bytes());
    }
    let widest = Entry { pos: u64::MAX, epoch: u32::MAX, sequenced: UnixMillis(u64::MAX), ..Draw::fixed().entry() };
    assert!(postcard::to_allocvec(&widest).unwrap().len() <= widest.wire_bytes());
}

#[test]
fn fences_compare_the_generation_first() {
    let fence = |generation, epoch| Fence { generation, epoch };
    assert!(fence(1, 9) < fence(2, 1));
    assert!(fence(2, 1) < fence(2, 2));
}
