//! Who may sequence no more: a host that was shown a newer epoch, and a device that is not to host any more.

use std::collections::{BTreeMap, BTreeSet};

use segment_core::store::Lookup;
use segment_core::{LogId, LogRole};
use segment_proto::messages::Submit;
use segment_proto::{ChannelId, DeviceId, Entry, EpochOwner, Fence, Message, MessageKey, Receipt};

use super::contents;
use super::epochs::Epochs;
use super::findings::{Check, Findings};
use crate::image::Image;
use crate::network::NodeId;

/// Receipts for entries of a device that is not to host any more: of the write in which the tracker learns of it, and of
/// the one that is under way then.
const LAST_RECEIPTS: usize = 2;

/// What was shown to hosts, and what the tracker takes from whom.
#[derive(Debug, Default)]
pub struct Tenures {
    shown: BTreeMap<(NodeId, ChannelId), Fence>,
    /// The newest epoch that each peer knows.
    newest: BTreeMap<(NodeId, ChannelId), Fence>,
    /// Who may have learned of an epoch with the step that is under way.
    told: BTreeSet<NodeId>,
    /// What was brought to a host after that it was shown a newer epoch.
    late: BTreeSet<(NodeId, MessageKey)>,
    hosts: BTreeSet<NodeId>,
    dismissed: BTreeMap<ChannelId, (DeviceId, BTreeSet<u64>)>,
}

impl Tenures {
    /// A process starts: it has to be shown again.
    pub fn on_start(&mut self, node: NodeId) {
        self.shown.retain(|(whose, _), _| *whose != node);
        self.newest.retain(|(whose, _), _| *whose != node);
        self.late.retain(|(whose, _)| *whose != node);
    }

    /// Something reaches the machine of a peer, which may be a host.
    pub fn on_received(&mut self, node: NodeId, message: &Message, durable: &Image, epochs: &Epochs) {
        if matches!(message, Message::Fenced(_) | Message::Subscribed(_)) {
            self.told.insert(node);
        }
        let Some((channel, evidence)) = contents::evidence(message) else { return };
        if let Some(record) = evidence.epoch.as_ref().filter(|record| epochs.is_known(record)) {
            let shown = self.shown.entry((node, channel)).or_default();
            *shown = record.fence.max(*shown);
        }
        let Message::Submit(submit) = message else { return };
        if !self.shown.contains_key(&(node, channel)) {
            return;
        }
        let log = durable.log(LogId { channel, role: LogRole::Host });
        let is_stored = |hash| log.is_some_and(|log| log.find(&Lookup::Hash(hash)).is_some());
        let fresh = submit.envelopes.iter().filter(|envelope| !is_stored(envelope.hash()));
        self.late.extend(fresh.map(|envelope| (node, envelope.key)));
    }

    /// Whether to ask what a peer has learned.
    pub fn is_told(&mut self, node: NodeId) -> bool {
        self.told.remove(&node)
    }

    /// A peer knows of this epoch.
    pub fn on_learned(&mut self, node: NodeId, channel: ChannelId, fence: Fence) {
        self.newest.insert((node, channel), fence);
    }

    /// A member submits to no older epoch than the newest that it knows.
    fn check_submit(&self, node: NodeId, submit: &Submit, findings: &mut Findings) {
        let newest = self.newest.get(&(node, submit.channel)).copied().unwrap_or_default();
        findings.expect(Check::OneSequencer, newest <= submit.fence || self.has_hosted(node), || {
            format!("something is submitted to {:?} by who knows of {newest:?}", submit.fence)
        });
    }

    /// Whether a node was ever a host.
    #[must_use]
    pub fn has_hosted(&self, node: NodeId) -> bool {
        self.hosts.contains(&node)
    }

    /// Something leaves a peer.
    pub fn on_sent(&mut self, node: NodeId, message: &Message, findings: &mut Findings) {
        match message {
            Message::Replicate(_) => drop(self.hosts.insert(node)),
            Message::Submit(submit) => self.check_submit(node, submit, findings),
            _ => {}
        }
        let (channel, fence, entries) = match message {
            Message::Entries(m) => (m.channel, m.fence, &m.entries),
            Message::Replicate(m) => (m.channel, m.fence, &m.entries),
            _ => return,
        };
        let Some(shown) = self.shown.get(&(node, channel)).filter(|shown| fence < **shown) else { return };
        let is_late = |entry: &&Entry| entry.epoch == fence.epoch && self.late.contains(&(node, entry.envelope.key));
        let goes_on = entries.iter().find(is_late);
        findings.expect(Check::OneSequencer, goes_on.is_none(), || {
            let place = goes_on.map_or(0, |entry| entry.pos);
            format!("place {place} was given in an older epoch than {shown:?}, which was shown before")
        });
    }

    /// The tracker has told a host that it has its entries; `designated` is to host.
    pub fn on_committed(
        &mut self,
        receipt: &Receipt,
        designated: Option<DeviceId>,
        epochs: &Epochs,
        findings: &mut Findings,
    ) {
        let owner = epochs.owner(receipt.channel, receipt.fence);
        let (Some(EpochOwner::Host(device)), Some(designated)) = (owner, designated) else { return };
        if device == designated {
            self.dismissed.remove(&receipt.channel);
            return;
        }
        let dismissed = self.dismissed.entry(receipt.channel).or_insert((designated, BTreeSet::new()));
        if dismissed.0 != designated {
            *dismissed = (designated, BTreeSet::new());
        }
        dismissed.1.insert(receipt.at.pos);
        findings.expect(Check::OneSequencer, dismissed.1.len() <= LAST_RECEIPTS, || {
            format!("place {} is taken from {device}, though {designated} is to host", receipt.at.pos)
        });
    }
}
