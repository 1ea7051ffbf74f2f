//! What a flipped bit does to a log, and how it is put right.

use alloc::vec;
use alloc::vec::Vec;

use segment_proto::{Entry, Hash, Position, Signature, Signed, UnixMillis};

use super::kit::{Author, entries, identity};
use crate::store::StoredEntry;
use crate::sync::verify::{Audit, Fault, Gap, close, sound};

fn log(count: usize) -> Vec<StoredEntry> {
    entries(Position::START, 1, &Author::new(2).texts(count))
}

fn audit(log: &[StoredEntry], to: u64) -> Audit {
    let mut audit = Audit::new(1, to, Hash::ZERO);
    let verifier = identity(2).verifier();
    while let Some((next, _)) = audit.rest() {
        let page: Vec<_> = log.iter().filter(|stored| stored.entry.pos >= next).cloned().collect();
        let dense = page.iter().zip(next..).take_while(|(stored, pos)| stored.entry.pos == *pos).count();
        audit.take(&page[..dense.min(2)], &verifier);
    }
    audit
}

fn found(audit: &Audit) -> Vec<(u64, Fault)> {
    audit.bad.iter().map(|bad| (bad.pos, bad.fault)).collect()
}

fn flip(stored: &mut StoredEntry) {
    let mut bytes = stored.entry.envelope.bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let signature = *stored.entry.envelope.signature();
    stored.entry.envelope = Signed::from_parts(bytes.into(), signature).unwrap();
}

#[test]
fn a_whole_log_holds() {
    let log = log(7);
    let mut audit = audit(&log, 7);
    audit.end(log[6].chain);
    assert_eq!((found(&audit), audit.entries, audit.done_to()), (vec![], 7, 7));
    assert_eq!(audit.chain(), Some(log[6].chain));
    audit.end(Hash([9; 32]));
    assert_eq!(found(&audit), [(7, Fault::Differs)], "the receipt is of another log");
}

#[test]
fn every_bit_of_an_entry_counts() {
    let whole = log(5);
    type Damage = fn(&mut StoredEntry);
    let damages: [(&str, Damage, &[u64]); 6] = [
        ("text", flip, &[3]),
        ("epoch", |stored| stored.entry.epoch ^= 4, &[3]),
        ("time", |stored| stored.entry.sequenced = UnixMillis(stored.entry.sequenced.0 ^ 1), &[3]),
        ("hash", |stored| stored.hash.0[7] ^= 1, &[3]),
        ("chain", |stored| stored.chain.0[0] ^= 128, &[3, 4]),
        (
            "signature",
            |stored| {
                let mut signature = *stored.entry.envelope.signature();
                signature.0[5] ^= 1;
                let bytes = stored.entry.envelope.bytes().clone();
                stored.entry.envelope = Signed::from_parts(bytes, signature).unwrap();
            },
            &[3],
        ),
    ];
    for (what, damage, bad) in damages {
        let mut log = whole.clone();
        damage(&mut log[2]);
        let audit = audit(&log, 5);
        assert_eq!(audit.bad.iter().map(|bad| bad.pos).collect::<Vec<_>>(), bad, "{what}");
        assert_eq!(sound(Hash::ZERO, log.clone()).len(), 2, "{what}: what follows is not served");
        let gap = audit.gaps[0];
        let right: Vec<Entry> = whole[2..gap.to as usize].iter().map(|stored| stored.entry.clone()).collect();
        let closed = close(&gap, right.clone(), log.get(gap.to as usize), None).expect(what);
        assert_eq!(closed, whole[2..gap.to as usize], "{what}");
        let mut wrong = right;
        wrong[0].epoch += 1;
        assert_eq!(close(&gap, wrong, log.get(gap.to as usize), None), None, "{what}");
    }
}

#[test]
fn missing_places_are_one_gap_and_closed_only_whole() {
    let whole = log(6);
    let mut log = whole.clone();
    log.drain(2..4);
    let audit = audit(&log, 6);
    assert_eq!(found(&audit), [(3, Fault::Missing), (4, Fault::Missing)]);
    assert_eq!(audit.gaps, [Gap { from: 3, to: 4, before: whole[1].chain }]);
    let entry = |pos: usize| whole[pos - 1].entry.clone();
    let gap = audit.gaps[0];
    assert_eq!(close(&gap, vec![entry(3)], Some(&whole[4]), None), None);
    assert_eq!(close(&gap, vec![entry(4), entry(3)], Some(&whole[4]), None), None);
    assert_eq!(close(&gap, vec![entry(3), entry(4)], None, None), None);
    assert_eq!(close(&gap, vec![entry(3), entry(4)], Some(&whole[4]), None).unwrap(), whole[2..4]);
}

#[test]
fn the_last_place_is_closed_by_its_receipt() {
    let whole = log(3);
    let mut log = whole.clone();
    flip(&mut log[2]);
    let audit = audit(&log, 3);
    let gap = audit.gaps[0];
    let right = vec![whole[2].entry.clone()];
    assert_eq!(close(&gap, right.clone(), None, Some(whole[1].chain)), None);
    assert_eq!(close(&gap, right, None, Some(whole[2].chain)).unwrap(), whole[2..]);
}

#[test]
fn what_its_author_never_signed_is_named_also_where_the_chain_holds() {
    let mut envelopes = Author::new(2).texts(3);
    let bytes = envelopes[1].bytes().clone();
    envelopes[1] = Signed::from_parts(bytes, Signature([7; 64])).unwrap();
    let audit = audit(&entries(Position::START, 1, &envelopes), 3);
    assert_eq!(found(&audit), [(2, Fault::Signature)]);
    assert!(audit.gaps.is_empty(), "no other copy has a better one");
}
