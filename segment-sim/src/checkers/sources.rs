//! Every transfer is reported, with its true source.

use std::collections::BTreeMap;

use segment_core::peer::events::{Source, Transfer};
use segment_core::{LogId, LogRole};
use segment_proto::{ChannelId, DeviceId, Entry, Message};

use super::contents;
use super::findings::{Check, Findings};
use crate::image::Image;
use crate::network::NodeId;

const FROM_HOST: u8 = 1;
const FROM_TRACKER: u8 = 2;
const REPORTED: u8 = 4;
/// It came when the disk did not hold it yet.
const TO_REPORT: u8 = 8;

/// From where the entries of each node have come.
#[derive(Debug, Default)]
pub struct Sources {
    places: BTreeMap<(NodeId, ChannelId), Vec<u8>>,
    submitters: BTreeMap<(NodeId, ChannelId), Vec<DeviceId>>,
}

impl Sources {
    fn mark(&mut self, node: NodeId, channel: ChannelId, pos: u64, flag: u8) {
        let places = self.places.entry((node, channel)).or_default();
        let index = usize::try_from(pos).unwrap_or(0);
        if places.len() <= index {
            places.resize(index + 1, 0);
        }
        places[index] |= flag;
    }

    fn flags(&self, node: NodeId, channel: ChannelId, pos: u64) -> u8 {
        let index = usize::try_from(pos).unwrap_or(0);
        self.places.get(&(node, channel)).and_then(|places| places.get(index)).copied().unwrap_or(0)
    }

    /// A process starts: what the one before had taken and not reported yet, nobody can report.
    pub fn on_start(&mut self, node: NodeId) {
        let own = self.places.iter_mut().filter(|((whose, _), _)| *whose == node);
        own.flat_map(|(_, places)| places).filter(|flags| **flags & REPORTED == 0).for_each(|flags| *flags = 0);
    }

    /// Something reaches a peer; what its `disk` holds already need not be reported.
    pub fn on_received(&mut self, node: NodeId, from: DeviceId, is_tracker: bool, message: &Message, disk: &Image) {
        if let Message::Submit(submit) = message {
            let submitters = self.submitters.entry((node, submit.channel)).or_default();
            if !submitters.contains(&from) {
                submitters.push(from);
            }
        }
        let Some(carried) = contents::entries(message) else { return };
        let flag = if is_tracker { FROM_TRACKER } else { FROM_HOST };
        let logs = [LogRole::Host, LogRole::Cache].map(|role| disk.log(LogId { channel: carried.channel, role }));
        let holds = |entry: &Entry| {
            let mut logs = logs.iter().flatten();
            logs.any(|log| log.get(entry.pos).is_some_and(|stored| stored.entry == *entry))
        };
        for entry in carried.entries {
            let due = if holds(entry) { 0 } else { TO_REPORT };
            self.mark(node, carried.channel, entry.pos, flag | due);
        }
    }

    /// A peer says from where something came, or where it went.
    pub fn on_reported(
        &mut self,
        node: NodeId,
        channel: ChannelId,
        source: Source,
        transfer: Transfer,
        range: (u64, u64),
        findings: &mut Findings,
    ) {
        let sent = matches!(source, Source::Peer(_)) && range.0 > 0;
        if sent || matches!(transfer, Transfer::Submitted | Transfer::Replicated) {
            return;
        }
        self.check_source(node, channel, source, range, findings);
        for pos in range.0.max(1)..=range.1 {
            self.mark(node, channel, pos, REPORTED);
        }
    }

    /// Whether what a peer shows or reports came from where it says.
    pub fn check_source(
        &self,
        node: NodeId,
        channel: ChannelId,
        source: Source,
        (first, last): (u64, u64),
        findings: &mut Findings,
    ) {
        let flag = match source {
            Source::Tracker => FROM_TRACKER,
            Source::Host(_) => FROM_HOST,
            Source::Local => 0,
            Source::Peer(device) => {
                let known = self.submitters.get(&(node, channel)).is_some_and(|all| all.contains(&device));
                return findings.expect(Check::TrueSource, known, || format!("{device:?} has submitted nothing"));
            }
        };
        for pos in first.max(1)..=last {
            let came = self.flags(node, channel, pos) & flag == flag;
            findings.expect(Check::TrueSource, came, || format!("place {pos} did not come from {source:?}"));
        }
    }

    /// Whether something that lies in a node's copy was reported when it came from elsewhere.
    #[must_use]
    pub fn is_reported_or_own(&self, node: NodeId, channel: ChannelId, pos: u64) -> bool {
        let flags = self.flags(node, channel, pos);
        flags & REPORTED != 0 || flags & TO_REPORT == 0
    }
}
