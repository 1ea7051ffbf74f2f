//! People, envelopes and signed records for the tests of everything that shares a log.

use alloc::string::ToString;
use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::{
    AccessChange, AccountId, Certificate, ChannelId, ChannelName, ChannelRecord, DeviceId, Entry, Envelope,
    EnvelopeKind, EpochOwner, EpochRecord, Fence, Hash, Identity, Instant, MessageKey, Now, Position, Receipt,
    SessionId, Signed, SignedEnvelope, UnixMillis, UserName, View, Visitors, Who,
};

use crate::rules::Rules;
use crate::store::{LogId, LogRole, StoredEntry};
use crate::sync::{ChannelLog, Fold};

/// The device that hosts the channel; its account is 1, the channel's owner.
pub const HOST: u8 = 1;
/// The tracker's key.
pub const TRACKER: u8 = 99;

pub fn device(n: u8) -> DeviceId {
    DeviceId([n; 32])
}

pub fn identity(n: u8) -> Identity {
    Identity::simulated(device(n))
}

pub fn channel() -> ChannelId {
    ChannelId::from_random([7; 16])
}

pub fn now() -> Now {
    Now { mono: Instant(1_000_000), wall: UnixMillis(1_000_000_000) }
}

pub fn who(account: u64) -> Who {
    Who { account: AccountId(account), name: UserName::new(&alloc::format!("user{account}")).unwrap() }
}

/// The record of a public channel of account 1.
pub fn record() -> Signed<ChannelRecord> {
    record_with(View::Public)
}

pub fn record_with(view: View) -> Signed<ChannelRecord> {
    let record = ChannelRecord {
        channel: channel(),
        name: ChannelName::new("general").unwrap(),
        owner: who(1),
        host: device(HOST),
        view,
        visitors: Visitors::Read,
        created: now().wall,
        revision: 1,
    };
    Signed::new(record, &identity(TRACKER))
}

/// A certificate for device and account `n`, good for an hour.
pub fn certificate(n: u8) -> Signed<Certificate> {
    certificate_for(n, who(u64::from(n)))
}

pub fn certificate_for(n: u8, who: Who) -> Signed<Certificate> {
    let certificate = Certificate {
        who,
        device: device(n),
        session: SessionId::from_random([n; 16]),
        issued: now().wall,
        expires: now().wall.plus(core::time::Duration::from_secs(3_600)),
    };
    Signed::new(certificate, &identity(TRACKER))
}

pub fn fence(epoch: u32) -> Fence {
    Fence { generation: 1, epoch }
}

pub fn epoch(epoch: u32, owner: EpochOwner, base: Position) -> Signed<EpochRecord> {
    Signed::new(EpochRecord { channel: channel(), fence: fence(epoch), owner, base }, &identity(TRACKER))
}

pub fn receipt(epoch: u32, at: Position) -> Signed<Receipt> {
    Signed::new(Receipt { channel: channel(), fence: fence(epoch), at }, &identity(TRACKER))
}

/// Somebody who writes: device and account have the same number.
#[derive(Clone, Debug)]
pub struct Author {
    n: u8,
    pub account: u64,
    pub incarnation: u32,
    pub seq: u64,
    pub last: Hash,
}

impl Author {
    pub fn new(n: u8) -> Self {
        Self { n, account: u64::from(n), incarnation: 1, seq: 0, last: Hash::ZERO }
    }

    pub fn text(&mut self, text: &str) -> SignedEnvelope {
        self.sign(EnvelopeKind::Text, Bytes::copy_from_slice(text.as_bytes()))
    }

    pub fn texts(&mut self, count: usize) -> Vec<SignedEnvelope> {
        (0..count).map(|n| self.text(&n.to_string())).collect()
    }

    pub fn change(&mut self, change: &AccessChange) -> SignedEnvelope {
        self.sign(EnvelopeKind::Access, postcard::to_allocvec(change).unwrap().into())
    }

    pub fn sign(&mut self, kind: EnvelopeKind, body: Bytes) -> SignedEnvelope {
        self.seq += 1;
        let envelope = self.envelope(self.incarnation, self.seq, self.last, kind, body);
        self.last = envelope.hash();
        envelope
    }

    /// An envelope with any key and `prev`; the author does not go on from it.
    pub fn odd(&self, incarnation: u32, seq: u64, prev: Hash) -> SignedEnvelope {
        self.envelope(incarnation, seq, prev, EnvelopeKind::Text, Bytes::from_static(b"odd"))
    }

    fn envelope(&self, incarnation: u32, seq: u64, prev: Hash, kind: EnvelopeKind, body: Bytes) -> SignedEnvelope {
        let key = MessageKey { channel: channel(), device: device(self.n), incarnation, seq };
        let account = AccountId(self.account);
        Signed::new(Envelope { key, account, prev, sent: now().wall, kind, body }, &identity(self.n))
    }

    /// Begins a new incarnation on an access entry.
    pub fn begin_anew(&mut self, incarnation: u32, on: Hash) {
        (self.incarnation, self.seq, self.last) = (incarnation, 0, on);
    }
}

/// These envelopes in their places behind `before`.
pub fn entries(before: Position, epoch: u32, envelopes: &[SignedEnvelope]) -> Vec<StoredEntry> {
    let mut at = before;
    let place = |envelope: &SignedEnvelope| {
        let entry = Entry { pos: at.pos + 1, epoch, sequenced: now().wall, envelope: envelope.clone() };
        let stored = StoredEntry::new(entry, &at.chain);
        at = stored.position();
        stored
    };
    envelopes.iter().map(place).collect()
}

pub fn log_id() -> LogId {
    LogId { channel: channel(), role: LogRole::Host }
}

/// A log of a channel of account 1 with these envelopes, all of them on disk, none committed.
pub fn log_of(view: View, envelopes: &[SignedEnvelope]) -> ChannelLog {
    let access = segment_proto::Access::new(AccountId(1), view, Visitors::Read);
    let mut log = ChannelLog::new(log_id(), Fold::new(access));
    for stored in entries(Position::START, 1, envelopes) {
        log.append_stored(stored, Rules::all());
    }
    log
}

pub fn commit(log: &mut ChannelLog, pos: u64) {
    let at = log.position_at(pos).unwrap();
    log.commit(receipt(1, at), Rules::all());
}

pub fn kick(account: u64) -> AccessChange {
    AccessChange::kick(AccountId(account), alloc::format!("user{account}"))
}

pub fn allow(account: u64, rights: segment_proto::Rights) -> AccessChange {
    AccessChange::allow(AccountId(account), alloc::format!("user{account}"), rights)
}
