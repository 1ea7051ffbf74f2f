//! Bits that flip on disks: nothing of that is shown or passed on, and whoever goes through a copy finds it.

use std::collections::BTreeSet;

use segment_core::peer::Verified;
use segment_core::peer::events::{ChannelMessage, Source};
use segment_core::{LogId, LogRole};
use segment_proto::{Message, RequestId, Verifier};

use super::findings::{Check, Findings};
use super::truth::Truth;
use super::{TRACKER, contents};
use crate::image::Image;
use crate::network::NodeId;

/// An entry on a disk.
pub type Place = (NodeId, LogId, u64);

/// What has flipped, and what was named.
#[derive(Debug, Default)]
pub struct Damage {
    flipped: BTreeSet<Place>,
    named: BTreeSet<Place>,
    /// Who is going through copies: on a slow link that takes longer than healing.
    asked: BTreeSet<(NodeId, RequestId)>,
}

impl Damage {
    /// A bit of an entry has flipped.
    pub fn on_flipped(&mut self, place: Place) {
        self.flipped.insert(place);
        self.named.remove(&place);
    }

    /// Whether nothing has ever flipped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flipped.is_empty()
    }

    /// Somebody is told to go through their own copy and others.
    pub fn on_asked(&mut self, node: NodeId, id: RequestId) {
        self.asked.insert((node, id));
    }

    /// Whatever they were told to do is over.
    pub fn on_answered(&mut self, node: NodeId, id: RequestId) {
        self.asked.remove(&(node, id));
    }

    /// Whether somebody still goes through copies.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Somebody has gone through their own copy and others.
    pub fn on_verified(&mut self, node: NodeId, report: &Verified) {
        let id = |role| LogId { channel: report.channel, role };
        let own = |role| report.bad.iter().map(move |bad| (node, id(role), bad.pos));
        self.named.extend(own(LogRole::Host).chain(own(LogRole::Cache)));
        let trackers = report.copies.iter().filter(|copy| copy.at == Source::Tracker);
        let bad = trackers.flat_map(|copy| &copy.bad);
        self.named.extend(bad.map(|bad| (TRACKER, id(LogRole::Backup), bad.pos)));
    }

    /// Something leaves a node.
    pub fn on_sent(&self, message: &Message, findings: &mut Findings) {
        let Some(carried) = contents::entries(message).filter(|_| !self.is_empty()) else { return };
        let verifier = Verifier::simulated();
        let is_forged =
            |envelope: &segment_proto::SignedEnvelope| !envelope.is_signed_by(&envelope.key.device, &verifier);
        let forged = carried.entries.iter().find(|entry| is_forged(&entry.envelope));
        findings.expect(Check::Genuine, forged.is_none(), || {
            format!("{} passes on what nobody has signed, at {:?}", message.name(), forged.map(|entry| entry.pos))
        });
    }

    /// Messages are shown.
    pub fn on_shown(&self, messages: &[ChannelMessage], truth: &Truth, findings: &mut Findings) {
        if self.is_empty() {
            return;
        }
        for message in messages {
            let wrong = message.text().filter(|text| truth.written(text).is_none());
            findings.expect(Check::Genuine, wrong.is_none(), || {
                format!("{:?} is shown at {}, which nobody wrote", wrong.unwrap_or_default(), message.pos)
            });
        }
    }

    /// What has flipped at a node and is still so, in this channel's log.
    pub fn open<'a>(&'a self, node: NodeId, disk: &'a Image) -> impl Iterator<Item = &'a Place> {
        self.flipped.iter().filter(move |(whose, log, pos)| {
            let stored = disk.log(*log).and_then(|log| log.get(*pos));
            *whose == node && stored.is_some_and(|stored| stored.entry.envelope.hash() != stored.hash)
        })
    }

    /// Everything that had flipped in a copy when it was gone through was named.
    pub fn check_named(&self, open: &BTreeSet<Place>, findings: &mut Findings) {
        for place in open {
            findings.expect(Check::RestHealed, self.is_named(place), || {
                format!("what has flipped at {} of {:?} was named by nobody", place.2, place.1.role)
            });
        }
    }

    /// Whoever heals a place by a page heals those right behind it as well: they are named with it.
    fn is_named(&self, (node, log, pos): &Place) -> bool {
        let before = (0..=*pos).rev().map(|pos| (*node, *log, pos));
        before.take_while(|place| self.flipped.contains(place)).any(|place| self.named.contains(&place))
    }
}
