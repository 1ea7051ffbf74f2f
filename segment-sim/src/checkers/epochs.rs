//! One sequencer per epoch: one record, one process, one entry at each place.

use std::collections::BTreeMap;

use segment_proto::{ChannelId, EpochOwner, EpochRecord, Fence, Hash, Message, Signature, Signed};

use super::contents;
use super::findings::{Check, Findings};
use crate::network::NodeId;

/// What is known of epochs.
#[derive(Debug, Default)]
pub struct Epochs {
    records: BTreeMap<(ChannelId, Fence), (Signature, EpochOwner)>,
    processes: BTreeMap<(ChannelId, Fence), (NodeId, u32)>,
    places: BTreeMap<(ChannelId, u64, u32), Hash>,
    newest_grants: BTreeMap<ChannelId, Fence>,
}

impl Epochs {
    /// Whether a record is one that was shown before.
    #[must_use]
    pub fn is_known(&self, record: &Signed<EpochRecord>) -> bool {
        let known = self.records.get(&(record.channel, record.fence));
        known.is_some_and(|(signature, _)| signature == record.signature())
    }

    /// Who sequences in an epoch.
    #[must_use]
    pub fn owner(&self, channel: ChannelId, fence: Fence) -> Option<EpochOwner> {
        self.records.get(&(channel, fence)).map(|(_, owner)| *owner)
    }

    /// A record leaves somebody.
    pub fn on_record(&mut self, record: &Signed<EpochRecord>, findings: &mut Findings) {
        let (known, _) =
            *self.records.entry((record.channel, record.fence)).or_insert((*record.signature(), record.owner));
        findings.expect(Check::OneSequencer, known == *record.signature(), || {
            format!("two records of epoch {:?}", record.fence)
        });
    }

    /// A frame of a host's process leaves.
    pub fn on_sent(&mut self, node: NodeId, start: u32, message: &Message, findings: &mut Findings) {
        if let Message::Replicate(m) = message {
            let owner = *self.processes.entry((m.channel, m.fence)).or_insert((node, start));
            findings.expect(Check::OneSequencer, owner == (node, start), || {
                format!("epoch {:?} of {owner:?} is used by start {start} of {node:?}", m.fence)
            });
        }
        let Some(carried) = contents::entries(message) else { return };
        for entry in carried.entries {
            let hash = entry.envelope.hash();
            let known = *self.places.entry((carried.channel, entry.pos, entry.epoch)).or_insert(hash);
            findings.expect(Check::OneSequencer, known == hash, || {
                format!("two messages at place {} of epoch {}", entry.pos, entry.epoch)
            });
        }
    }

    /// The tracker grants an epoch: newer than any before.
    pub fn on_grant(&mut self, record: &EpochRecord, findings: &mut Findings) {
        let newest = self.newest_grants.insert(record.channel, record.fence);
        findings.expect(Check::OneSequencer, newest.is_none_or(|newest| newest < record.fence), || {
            format!("epoch {:?} is granted after {newest:?}", record.fence)
        });
    }
}
