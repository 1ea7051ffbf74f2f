//! Bits that flip on disks. Once the world is healed everybody goes through their own copy of each channel, the host's and
//! the tracker's, as a person does with `/verify`, until nothing is damaged any more.

use core::time::Duration;
use std::collections::BTreeSet;

use segment_core::peer::ChannelView;
use segment_core::peer::events::{PeerEvent, Reply};
use segment_core::{LogId, LogRole};
use segment_proto::{ChannelId, Rights};

use super::World;
use crate::checkers::damage::Place;
use crate::checkers::{Check, TRACKER};
use crate::dice::Dice;
use crate::network::NodeId;

/// How long everybody has to come back before the first time, and to go through what there is each time.
const ROUND: Duration = Duration::from_secs(20);
/// So often.
const ROUNDS: u32 = 12;

impl World {
    /// A bit of a committed entry flips at a node, wherever it has one.
    pub(crate) fn flip_bit(&mut self, node: NodeId, dice: &mut Dice) {
        let roles: &[LogRole] = if node == TRACKER { &[LogRole::Backup] } else { &[LogRole::Host, LogRole::Cache] };
        let scene = self.fleet.scene();
        let log_of = |(channel, ledger): (&ChannelId, &crate::checkers::ledger::ChannelLedger)| {
            let kept = roles.iter().filter_map(|role| {
                let id = LogId { channel: *channel, role: *role };
                let log = scene.durable(node).log(id)?;
                Some((id, log.first()?.entry.pos, log.last()?.entry.pos.min(ledger.head())))
            });
            kept.collect::<Vec<_>>()
        };
        let logs: Vec<_> = self.checkers.ledger.channels().flat_map(log_of).collect();
        let Some((log, first, last)) = dice.pick(&logs).copied().filter(|(_, first, last)| first <= last) else {
            return;
        };
        let pos = dice.between(first, last);
        if self.has_whole_copy(node, log.channel, pos) && self.fleet.disk(node).flip(log, pos) {
            self.checkers.damage.on_flipped((node, log, pos));
        }
    }

    /// Whether another disk has what stands there: the tracker's what a peer has, a host's what the tracker has.
    fn has_whole_copy(&self, node: NodeId, channel: ChannelId, pos: u64) -> bool {
        let role = if node == TRACKER { LogRole::Host } else { LogRole::Backup };
        let scene = self.fleet.scene();
        scene.nodes().filter(|other| *other != node).any(|other| {
            let stored = scene.durable(other).log(LogId { channel, role }).and_then(|log| log.get(pos));
            stored.is_some_and(|stored| stored.entry.envelope.hash() == stored.hash)
        })
    }

    /// Everybody goes through what they can reach, again and again, until nothing is damaged.
    pub(crate) fn verify_all(&mut self) {
        if self.checkers.damage.is_empty() {
            return;
        }
        let mut open = BTreeSet::new();
        for _ in 0..ROUNDS {
            self.run_for(ROUND);
            let damaged = self.damaged();
            let is_over = damaged.is_empty() && !self.checkers.damage.is_under_way();
            if is_over || !self.checkers.findings.all().is_empty() {
                break;
            }
            if damaged.is_empty() {
                continue;
            }
            open.extend(damaged);
            self.verify_once();
            self.run_for(ROUND);
        }
        let (left, now) = (self.damaged(), self.now());
        for (node, log, pos) in &left {
            self.checkers.findings.look_at(*node, now);
            self.checkers.findings.add(Check::RestHealed, format!("what has flipped at {pos} of {:?} stays", log.role));
        }
        self.checkers.damage.check_named(&open, &mut self.checkers.findings);
    }

    fn verify_once(&mut self) {
        for node in self.present() {
            for channel in self.readable(node) {
                // Refused only where one is under way.
                if let Some(Ok(id)) = self.command(node, |peer, now| peer.verify(channel, now)) {
                    self.checkers.damage.on_asked(node, id);
                }
            }
        }
    }

    /// Whoever may not read a channel any more has nobody to ask.
    fn readable(&self, node: NodeId) -> Vec<ChannelId> {
        let may_read = |view: &ChannelView| view.member && view.rights.include(Rights::READ);
        let views = self.peer(node).into_iter().flat_map(|peer| peer.channels());
        views.filter(may_read).map(|view| view.record.channel).collect()
    }

    /// What has flipped, is read, and is not healed.
    fn damaged(&self) -> Vec<Place> {
        let scene = self.fleet.scene();
        let nodes = core::iter::once(TRACKER).chain(self.present());
        let open = nodes.flat_map(|node| self.checkers.damage.open(node, scene.durable(node)));
        let is_read = |(node, log, _): &&Place| *node == TRACKER || self.readable(*node).contains(&log.channel);
        open.filter(is_read).copied().collect()
    }

    /// Somebody has gone through a copy.
    pub(super) fn note_verified(&mut self, node: NodeId, event: &PeerEvent) {
        let PeerEvent::Replied { id, reply } = event else { return };
        self.checkers.damage.on_answered(node, *id);
        if let Ok(Reply::Verified(report)) = reply {
            self.checkers.damage.on_verified(node, report);
        }
    }
}
