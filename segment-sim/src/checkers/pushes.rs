//! What was pushed to a reader is not replaced by something else, unless the reader is told first.

use std::collections::BTreeMap;

use segment_proto::{ChannelId, LinkId, Message};

use super::findings::{Check, Findings};
use crate::network::NodeId;

/// The last place that was pushed on each link.
#[derive(Debug, Default)]
pub struct Pushes {
    last: BTreeMap<(NodeId, LinkId, ChannelId), u64>,
}

impl Pushes {
    /// A process starts: its links are others.
    pub fn on_start(&mut self, node: NodeId) {
        self.last.retain(|(whose, ..), _| *whose != node);
    }

    /// Something leaves on a link.
    pub fn on_sent(&mut self, node: NodeId, link: LinkId, message: &Message, findings: &mut Findings) {
        match message {
            Message::Subscribed(m) => drop(self.last.remove(&(node, link, m.channel))),
            Message::Diverged(m) => {
                let last = self.last.entry((node, link, m.channel)).or_default();
                *last = m.at.pos.min(*last);
            }
            Message::Entries(m) => {
                let Some((first, newest)) = m.entries.first().zip(m.entries.last()) else { return };
                let last = self.last.insert((node, link, m.channel), newest.pos).unwrap_or(0);
                findings.expect(Check::ToldFirst, first.pos > last, || {
                    format!("place {} is pushed to {link} once more, and nobody said that it was void", first.pos)
                });
            }
            _ => {}
        }
    }
}
