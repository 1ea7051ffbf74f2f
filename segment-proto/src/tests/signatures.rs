use alloc::vec::Vec;
use core::cell::Cell;

use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::samples::every_message;
use crate::messages::{Message, Submit, SyncPage};
use crate::signed::Content;
use crate::verify::first_bad;
use crate::*;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct One(u32);
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Other(u32);

impl Content for One {
    const DOMAIN: &'static str = "test/one/1";
}

impl Content for Other {
    const DOMAIN: &'static str = "test/other/1";
}

fn identity(number: u8) -> Identity {
    Identity::from_secret(&[number; 32])
}

#[test]
fn a_signature_is_valid_for_its_signer_only() {
    let signed = Signed::new(One(5), &identity(1));
    assert!(signed.is_signed_by(&identity(1).device(), &Verifier::ed25519()));
    assert!(!signed.is_signed_by(&identity(2).device(), &Verifier::ed25519()));
}

#[test]
fn a_signature_is_valid_in_its_domain_only() {
    let signed = Signed::new(One(5), &identity(1));
    let other = Signed::<Other>::from_parts(signed.bytes().clone(), *signed.signature()).unwrap();
    assert_eq!(other.0, 5);
    assert!(!other.is_signed_by(&identity(1).device(), &Verifier::ed25519()));
}

#[test]
fn domains_differ() {
    let mut domains = [
        Envelope::DOMAIN,
        EpochRecord::DOMAIN,
        Receipt::DOMAIN,
        Snapshot::DOMAIN,
        Certificate::DOMAIN,
        DeviceRecord::DOMAIN,
        ChannelRecord::DOMAIN,
        StreamDescription::DOMAIN,
        FrameHeader::DOMAIN,
        Ticket::DOMAIN,
    ]
    .to_vec();
    domains.sort_unstable();
    domains.dedup();
    assert_eq!(domains.len(), 10);
    assert!(domains.iter().all(|domain| !domain.contains('\0')));
}

#[test]
fn exactly_domain_zero_and_bytes_are_signed() {
    let receipt = Draw::fixed().signed_receipt();
    let mut message = b"segment/receipt/1\0".to_vec();
    message.extend_from_slice(receipt.bytes());
    let key = ed25519_dalek::VerifyingKey::from_bytes(&identity(7).device().0).unwrap();
    let signature = ed25519_dalek::Signature::from_bytes(&receipt.signature().0);
    assert!(key.verify_strict(&message, &signature).is_ok());
}

#[test]
fn one_flipped_bit_anywhere_is_noticed() {
    let signer = identity(7).device();
    let receipt = Draw::fixed().signed_receipt();
    let whole: Vec<u8> = receipt.bytes().iter().chain(&receipt.signature().0).copied().collect();
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (bytes, signature) = flipped.split_at(receipt.bytes().len());
        let signature = Signature(signature.try_into().unwrap());
        let read = Signed::<Receipt>::from_parts(bytes.to_vec().into(), signature);
        assert!(!read.is_ok_and(|read| read.is_signed_by(&signer, &Verifier::ed25519())), "bit {bit}");
    }
}

#[test]
fn a_key_that_is_no_key_has_signed_nothing() {
    let signed = Signed::new(One(5), &identity(1));
    let zero_signature = Signed::<One>::from_parts(signed.bytes().clone(), Signature([0; 64])).unwrap();
    for weak in [[0; 32], [0xff; 32], core::array::from_fn(|index| u8::from(index == 0))] {
        assert!(!signed.is_signed_by(&DeviceId(weak), &Verifier::ed25519()));
        assert!(!zero_signature.is_signed_by(&DeviceId(weak), &Verifier::ed25519()));
    }
}

#[test]
fn the_simulated_scheme_and_the_real_one_do_not_mix() {
    let simulated = Identity::simulated(identity(1).device());
    let signed = Signed::new(One(5), &simulated);
    assert!(signed.is_signed_by(&simulated.device(), &simulated.verifier()));
    assert!(!signed.is_signed_by(&simulated.device(), &Verifier::ed25519()));
    let real = Signed::new(One(5), &identity(1));
    assert!(!real.is_signed_by(&identity(1).device(), &Verifier::simulated()));
}

#[test]
fn signed_things_are_passed_on_as_they_came() {
    let signed = Draw::fixed().signed_receipt();
    // The same number in more bytes than it needs: valid, and not what this program would write.
    let mut bytes = signed.bytes().to_vec();
    let last = bytes.len() - 1;
    assert!(bytes[17] < 0x80);
    bytes[17] |= 0x80;
    bytes.insert(18, 0);
    let odd = Signed::<Receipt>::from_parts(bytes.clone().into(), *signed.signature()).unwrap();
    assert_eq!((*odd).clone(), (*signed).clone());
    let passed_on: Signed<Receipt> = postcard::from_bytes(&postcard::to_allocvec(&odd).unwrap()).unwrap();
    assert_eq!(passed_on.bytes(), &bytes);
    assert_ne!(passed_on, signed);
    assert_eq!(bytes.len(), last + 2);
}

fn submit(envelopes: Vec<SignedEnvelope>) -> Message {
    Submit::new(ChannelId::from_random([1; 16]), Fence::default(), envelopes).into()
}

#[test]
fn the_verifier_names_the_first_bad_envelope() {
    let mut draw = Draw::fixed();
    let good = draw.signed_envelope();
    let forged = Signed::new((*good).clone(), &identity(8));
    assert_ne!(good.key.device, identity(8).device());
    let verifier = Verifier::ed25519();
    assert!(verifier.check(submit([good.clone(), good.clone()].into())).is_ok());
    let refused = verifier.check(submit([good.clone(), forged, good].into()));
    assert_eq!(refused, Err(BadSignature { index: 1 }));
}

fn bodies(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => items.iter().map(bodies).sum(),
        serde_json::Value::Object(fields) => {
            usize::from(fields.contains_key("body")) + fields.values().map(bodies).sum::<usize>()
        }
        _ => 0,
    }
}

/// A message that carries envelopes must not slip past the verifier.
#[test]
fn every_envelope_of_every_message_is_checked() {
    let mut carrying = 0;
    for message in every_message(&mut Draw::with_lists_of(3)) {
        let shown = bodies(&serde_json::from_str(&message.to_json()).unwrap());
        assert_eq!(message.envelopes().count(), shown, "{}", message.name());
        carrying += usize::from(shown > 0);
        assert!(Verifier::ed25519().check(message).is_ok());
    }
    assert_eq!(carrying, 9);
}

#[test]
fn bodies_are_read_as_what_they_say_they_are() {
    let mut draw = Draw::fixed();
    let text = draw.envelope_of(EnvelopeKind::Text);
    assert_eq!((text.text(), text.access()), (Some("Grüße, мир"), None));
    let access = draw.envelope_of(EnvelopeKind::Access);
    assert!(access.text().is_none() && access.access().is_some());
    let unknown = draw.envelope_of(EnvelopeKind::Unknown(77));
    assert!(unknown.text().is_none() && unknown.access().is_none());
    let broken = Envelope { body: bytes::Bytes::from_static(&[0xff]), ..text };
    assert_eq!(broken.text(), None);
}

/// Three envelopes of one author, with these numbers; the signature of the middle one is forged, and the last one names
/// it as its predecessor all the same.
fn vouched(numbers: [(u32, u64); 3]) -> Vec<Entry> {
    let author = identity(7);
    let mut prev = Hash::ZERO;
    let mut entries = Vec::new();
    for (pos, (incarnation, seq)) in (1..).zip(numbers) {
        let mut envelope = (*Draw::fixed().signed_envelope()).clone();
        envelope.key = MessageKey { device: author.device(), incarnation, seq, ..envelope.key };
        envelope.prev = prev;
        let mut signed = Signed::new(envelope, &author);
        if pos == 2 {
            signed = Signed::from_parts(signed.bytes().clone(), Signature([9; 64])).unwrap();
        }
        prev = signed.hash();
        entries.push(Entry { pos, epoch: 1, sequenced: UnixMillis(0), envelope: signed });
    }
    entries
}

const IN_ORDER: [(u32, u64); 3] = [(1, 1), (1, 2), (1, 3)];

fn page(entries: Vec<Entry>) -> Message {
    let fence = Fence { generation: 1, epoch: 1 };
    let (channel, head) = (Draw::fixed().channel(), Position::START);
    SyncPage { channel, fence, before: Hash::ZERO, entries, head, receipt: None, diverged: Vec::new(), first: 1 }.into()
}

#[test]
fn in_a_page_the_last_of_an_author_vouches_for_those_that_it_is_chained_to() {
    let entries = vouched(IN_ORDER);
    assert!(Verifier::ed25519().check(page(entries.clone())).is_ok());
    assert_eq!(Verifier::ed25519().check(page(entries[..2].to_vec())), Err(BadSignature { index: 1 }));
    let unchained = [entries[1].clone(), entries[0].clone()];
    assert_eq!(Verifier::ed25519().check(page(unchained.to_vec())), Err(BadSignature { index: 0 }));
}

/// A host that forges a message says that this is its author's row. The author builds its next one on that, in another
/// incarnation, or in the one that it was told of.
#[test]
fn the_first_of_an_incarnation_vouches_for_nothing() {
    for numbers in [[(1, 1), (1, 2), (2, 1)], [(1, 1), (2, 0), (2, 1)], [(1, 1), (2, 7), (3, 1)]] {
        let refused = Verifier::ed25519().check(page(vouched(numbers)));
        assert_eq!(refused, Err(BadSignature { index: 1 }), "{numbers:?}");
    }
}

#[test]
fn who_keeps_envelopes_for_others_checks_each_signature() {
    let entries = vouched(IN_ORDER);
    let envelopes = entries.iter().map(|entry| entry.envelope.clone()).collect();
    let submit = Submit::new(entries[0].envelope.key.channel, Fence { generation: 1, epoch: 1 }, envelopes);
    assert_eq!(Verifier::ed25519().check(submit.into()), Err(BadSignature { index: 1 }));
}

#[test]
fn the_first_bad_one_of_an_author_is_named_wherever_it_is() {
    let author = identity(7);
    let signed = |seq| {
        let mut envelope = (*Draw::fixed().signed_envelope()).clone();
        envelope.key = MessageKey { device: author.device(), seq, ..envelope.key };
        Signed::new(envelope, &author)
    };
    let good: Vec<SignedEnvelope> = (1..=9).map(signed).collect();
    for first in 0..good.len() {
        for second in first..good.len() {
            let mut envelopes = good.clone();
            for place in [first, second] {
                envelopes[place] = Signed::from_parts(good[place].bytes().clone(), Signature([9; 64])).unwrap();
            }
            assert_eq!(Verifier::ed25519().check(submit(envelopes)), Err(BadSignature { index: first }));
        }
    }
}

/// Whoever sends forgeries does not make the check dearer than twice what it costs anyway, in signatures looked at; and
/// looked at in few large pieces, which are cheap.
#[test]
fn to_find_a_bad_one_costs_no_more_than_to_look_once_more() {
    for count in 0..=limits::BATCH_ENTRIES_MAX {
        for bad in (0..count).step_by(7).chain([count.saturating_sub(1)]).take_while(|bad| *bad < count) {
            let (looks, looked_at) = (Cell::new(0), Cell::new(0));
            let found = first_bad(count, |part| {
                looks.set(looks.get() + 1);
                looked_at.set(looked_at.get() + part.len());
                !part.contains(&bad)
            });
            assert_eq!(found, Some(bad));
            assert!(looked_at.get() <= 2 * count, "{} of {count}", looked_at.get());
            assert!(looks.get() <= 1 + count.next_power_of_two().ilog2(), "{} looks at {count}", looks.get());
        }
        assert_eq!(first_bad(count, |_| true), None);
    }
}
