//! Entries and logs for tests.

use segment_core::{LogId, LogRole, StoredEntry};
use segment_proto::{
    AccountId, ChannelId, DeviceId, Entry, Envelope, EnvelopeKind, Hash, Identity, MessageKey, Signed, UnixMillis,
};

/// A log of a channel that this number names.
pub fn log(channel: u8, role: LogRole) -> LogId {
    LogId { channel: ChannelId::from_random([channel; 16]), role }
}

/// Whose turn it is: `device`, with its `seq`, at `pos`, saying `body`.
pub fn entry(pos: u64, device: u8, seq: u64, body: Vec<u8>, before: &Hash) -> StoredEntry {
    let device = DeviceId([device; 32]);
    let key = MessageKey { channel: ChannelId::from_random([1; 16]), device, incarnation: 1, seq };
    let envelope = Envelope {
        key,
        account: AccountId(7),
        prev: Hash::ZERO,
        sent: UnixMillis(pos),
        kind: EnvelopeKind::Text,
        body: body.into(),
    };
    let envelope = Signed::new(envelope, &Identity::simulated(device));
    StoredEntry::new(Entry { pos, epoch: 3, sequenced: UnixMillis(1_000), envelope }, before)
}
