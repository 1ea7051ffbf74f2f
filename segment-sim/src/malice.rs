//! A node that lies: what its machine wants to say is forged, replayed, cut off, blown up, or said in two ways.

use std::collections::VecDeque;

use bytes::Bytes;
use segment_core::{Output, Recipients};
use segment_proto::frame::{HEADER_BYTES, Role};
use segment_proto::messages::{Encoder, Payload};
use segment_proto::{
    AccessChange, AccountId, DeviceId, Entry, Envelope, EnvelopeKind, Frame, Hash, Header, Identity, Message,
    MessageKey, Rights, Signed, SignedEnvelope,
};

use crate::dice::Dice;

/// Of a thousand frames, so many are tampered with.
const LIES_PERMILLE: u64 = 80;
/// Frames that are kept to be said again.
const KEPT_MAX: usize = 64;
/// A frame that nobody has to take.
const OVERSIZED_BYTES: usize = 2 * 1024 * 1024;

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    /// It is said, and something that was said before is said again.
    Replay,
    /// It ends too early.
    Truncate,
    /// A bit of it is flipped.
    Flip,
    /// Behind it comes one that is too big.
    Oversize,
    /// An envelope says something else than what was signed.
    Forge,
    /// An own envelope says one thing here and another there, each signed.
    Equivocate,
    /// An own envelope claims to be of somebody else's account.
    Impersonate,
    /// An own envelope changes the rights in a channel of somebody else.
    Meddle,
    /// An envelope of somebody who does not exist is carried, under somebody else's account.
    Invent,
    /// Entries are told in another order, or one is left out.
    Shuffle,
}

const LIES: &[Lie] = &[
    Lie::Replay,
    Lie::Truncate,
    Lie::Flip,
    Lie::Oversize,
    Lie::Forge,
    Lie::Equivocate,
    Lie::Impersonate,
    Lie::Meddle,
    Lie::Meddle,
    Lie::Shuffle,
    Lie::Invent,
];

/// Whoever lies.
#[derive(Debug)]
pub struct Liar {
    identity: Identity,
    dice: Dice,
    said: VecDeque<Frame>,
}

impl Liar {
    /// A liar with its own key: what others have signed it cannot sign.
    #[must_use]
    pub fn new(identity: Identity, seed: [u8; 32]) -> Self {
        let number = seed.first_chunk().copied().map_or(0, u64::from_le_bytes);
        Self { identity, dice: Dice::new(number), said: VecDeque::new() }
    }

    /// What is said instead: one thing, or several.
    pub fn twist<E>(&mut self, to: &Recipients, frame: &Frame) -> Vec<Output<E>> {
        let said = |frame| Output::Transmit { to: to.clone(), frame };
        let honest = frame.clone();
        self.remember(frame);
        if !self.dice.chance(LIES_PERMILLE) {
            return vec![said(honest)];
        }
        let lie = self.dice.pick(LIES).copied().unwrap_or(Lie::Replay);
        match lie {
            Lie::Replay => {
                let again = self.dice.index(self.said.len());
                let again = self.said.get(again).cloned();
                core::iter::once(honest).chain(again).map(said).collect()
            }
            Lie::Truncate => vec![said(self.cut(frame))],
            Lie::Flip => vec![said(self.flip(frame))],
            Lie::Oversize => vec![said(honest), said(oversized(frame))],
            Lie::Equivocate => match self.retold(frame, lie) {
                Some(other) if self.dice.chance(500) => vec![said(other), said(honest)],
                other => core::iter::once(honest).chain(other).map(said).collect(),
            },
            Lie::Invent | Lie::Forge | Lie::Impersonate | Lie::Meddle | Lie::Shuffle => {
                vec![said(self.retold(frame, lie).unwrap_or(honest))]
            }
        }
    }

    fn remember(&mut self, frame: &Frame) {
        self.said.push_back(frame.clone());
        if self.said.len() > KEPT_MAX {
            self.said.pop_front();
        }
    }

    fn cut(&mut self, frame: &Frame) -> Frame {
        let body = &frame.bytes()[4..];
        let kept = HEADER_BYTES + self.dice.index(body.len() - HEADER_BYTES + 1);
        Frame::from_body(&body[..kept]).unwrap_or_else(|| frame.clone())
    }

    fn flip(&mut self, frame: &Frame) -> Frame {
        let mut body = frame.bytes()[4..].to_vec();
        let index = self.dice.index(body.len());
        body[index] ^= 1 << self.dice.index(8);
        Frame::from_body(&body).unwrap_or_else(|| frame.clone())
    }

    /// The same message with something else in it.
    fn retold(&mut self, frame: &Frame, lie: Lie) -> Option<Frame> {
        let header = frame.header()?;
        let mut message = Message::decode(&header, &frame.payload()).ok()?;
        match &mut message {
            Message::Submit(m) if lie == Lie::Invent => m.envelopes.extend(self.invent(m.envelopes.first())),
            _ if lie == Lie::Invent => return None,
            Message::Submit(m) => self.twist_envelopes(&mut m.envelopes, lie),
            Message::Entries(m) => self.twist_entries(&mut m.entries, lie),
            Message::EntryPage(m) => self.twist_entries(&mut m.entries, lie),
            Message::SyncPage(m) => self.twist_entries(&mut m.entries, lie),
            Message::Replicate(m) => self.twist_entries(&mut m.entries, lie),
            _ => return None,
        }
        Some(message.encode(As(header)))
    }

    fn invent(&mut self, beside: Option<&SignedEnvelope>) -> Option<SignedEnvelope> {
        let device = DeviceId(self.dice.bytes());
        let mut content: Envelope = (**beside?).clone();
        content.key = MessageKey { device, incarnation: 0, seq: 1, ..content.key };
        content.account = AccountId(content.account.0 % 5 + 1);
        content.prev = Hash::ZERO;
        Some(Signed::new(content, &Identity::simulated(device)))
    }

    fn twist_envelopes(&mut self, envelopes: &mut [SignedEnvelope], lie: Lie) {
        let index = self.dice.index(envelopes.len());
        let Some(envelope) = envelopes.get_mut(index) else { return };
        if let Some(twisted) = self.twist_envelope(envelope, lie) {
            *envelope = twisted;
        }
    }

    fn twist_entries(&mut self, entries: &mut Vec<Entry>, lie: Lie) {
        let index = self.dice.index(entries.len());
        match lie {
            Lie::Shuffle if entries.len() > 1 => {
                entries.remove(index);
            }
            Lie::Shuffle => entries.iter_mut().for_each(|entry| entry.pos += 1),
            _ => {
                let Some(entry) = entries.get_mut(index) else { return };
                if let Some(twisted) = self.twist_envelope(&entry.envelope, lie) {
                    entry.envelope = twisted;
                }
            }
        }
    }

    fn twist_envelope(&mut self, envelope: &SignedEnvelope, lie: Lie) -> Option<SignedEnvelope> {
        let mut content: Envelope = (**envelope).clone();
        if lie == Lie::Impersonate {
            content.account = AccountId(content.account.0 % 5 + 1);
        } else if lie == Lie::Meddle {
            content.kind = EnvelopeKind::Access;
            content.body = grant_oneself(content.account)?;
        } else {
            content.kind = EnvelopeKind::Text;
            content.body = Bytes::from(format!("lie {}", self.dice.between(0, 1 << 40)));
        }
        let signed = Signed::new(content, &self.identity);
        let own = envelope.key.device == self.identity.device();
        if own && lie != Lie::Forge {
            return Some(signed);
        }
        Signed::from_parts(signed.bytes().clone(), *envelope.signature()).ok()
    }
}

fn grant_oneself(account: AccountId) -> Option<Bytes> {
    let change = AccessChange::allow(account, "liar".into(), Rights::ALL);
    postcard::to_allocvec(&change).ok().map(Bytes::from)
}

fn oversized(frame: &Frame) -> Frame {
    let mut body = frame.bytes()[4..].to_vec();
    body.resize(OVERSIZED_BYTES, 0);
    Frame::from_body(&body).unwrap_or_else(|| frame.clone())
}

/// Says something in the role and under the id of something else.
struct As(Header);

impl Encoder for As {
    fn encode<P: Payload>(self, payload: &P) -> Frame {
        match self.0.role {
            Role::Push => Frame::push(payload),
            Role::Request => Frame::request(self.0.correlation, payload),
            Role::Response => Frame::response(self.0.correlation, payload),
        }
    }
}
