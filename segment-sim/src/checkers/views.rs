//! What each node has shown to its user: committed views stand, messages come once and in order.

use core::ops::Bound;
use std::collections::{BTreeMap, BTreeSet};

use segment_core::peer::events::{ChannelMessage, Stage};
use segment_proto::{ChannelId, MessageKey};

use super::findings::{Check, Findings};
use super::ledger::Ledger;
use crate::network::NodeId;

/// What one process of a node has shown of one channel.
#[derive(Debug, Default)]
struct View {
    shown: BTreeMap<u64, MessageKey>,
    places: BTreeMap<MessageKey, u64>,
    committed: u64,
}

/// How the own messages of a node stand, as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    /// Committed.
    Committed,
    /// For good.
    Refused,
}

/// What all nodes have shown.
#[derive(Debug, Default)]
pub struct Views {
    views: BTreeMap<(NodeId, ChannelId), View>,
    settled: BTreeMap<(NodeId, MessageKey), Settled>,
}

impl Views {
    /// A process starts with an empty screen.
    pub fn on_start(&mut self, node: NodeId) {
        self.views.retain(|(whose, _), _| *whose != node);
    }

    /// A user has left a channel: their copy is gone.
    pub fn on_left(&mut self, node: NodeId, channel: ChannelId) {
        self.views.remove(&(node, channel));
    }

    /// Nothing is known of these any more: their author has forgotten them.
    pub fn forget(&mut self, keys: &BTreeSet<MessageKey>) {
        self.settled.retain(|(_, key), _| !keys.contains(key));
    }

    fn view(&mut self, node: NodeId, channel: ChannelId) -> &mut View {
        self.views.entry((node, channel)).or_default()
    }

    /// New messages are shown.
    pub fn on_shown(
        &mut self,
        node: NodeId,
        channel: ChannelId,
        messages: &[ChannelMessage],
        ledger: &Ledger,
        findings: &mut Findings,
    ) {
        let view = self.view(node, channel);
        for message in messages {
            let (pos, key) = (message.pos, message.key);
            let last = view.shown.last_key_value().map_or(0, |(last, _)| *last);
            findings.expect(Check::OnceEach, pos > last, || format!("place {pos} is shown after {last}"));
            let known = view.places.insert(key, pos);
            findings
                .expect(Check::OnceEach, known.is_none(), || format!("{key:?} is shown at {pos}, was at {known:?}"));
            view.shown.insert(pos, key);
            let committed = message.stage == Stage::Committed || pos <= view.committed;
            let place = ledger.channel(&channel).and_then(|ledger| ledger.get(pos));
            let stands = !committed || place.is_some_and(|entry| entry.key == key);
            findings.expect(Check::CommittedStands, stands, || {
                format!("{key:?} is shown as committed at {pos}, where another stands")
            });
        }
    }

    /// The last message on a screen.
    #[must_use]
    pub fn last_shown(&self, node: NodeId, channel: ChannelId) -> Option<MessageKey> {
        self.views.get(&(node, channel))?.shown.last_key_value().map(|(_, key)| *key)
    }

    /// Messages were read from older history: the same as everywhere.
    pub fn on_history(channel: ChannelId, messages: &[ChannelMessage], ledger: &Ledger, findings: &mut Findings) {
        let Some(ledger) = ledger.channel(&channel) else { return };
        for pair in messages.windows(2) {
            findings.expect(Check::OnceEach, pair[0].pos < pair[1].pos, || {
                format!("history shows {} before {}", pair[0].pos, pair[1].pos)
            });
        }
        for message in messages.iter().filter(|message| message.stage == Stage::Committed) {
            let stands = ledger.get(message.pos).is_some_and(|entry| entry.key == message.key);
            findings.expect(Check::CommittedStands, stands, || {
                format!("history shows {:?} as committed at {}, where another stands", message.key, message.pos)
            });
        }
    }

    /// Everything up to a place is committed.
    pub fn on_committed(
        &mut self,
        node: NodeId,
        channel: ChannelId,
        pos: u64,
        ledger: &Ledger,
        findings: &mut Findings,
    ) {
        let head = ledger.channel(&channel).map_or(0, super::ledger::ChannelLedger::head);
        findings.expect(Check::CommittedStands, pos <= head, || format!("{pos} is shown as committed, {head} are"));
        let view = self.view(node, channel);
        let before = view.committed;
        findings.expect(Check::CommittedStands, pos >= before, || {
            format!("the committed view shrinks from {before} to {pos}")
        });
        view.committed = pos.max(before);
        for (place, key) in view.shown.range((Bound::Excluded(before), Bound::Included(pos.max(before)))) {
            let entry = ledger.channel(&channel).and_then(|ledger| ledger.get(*place));
            findings.expect(Check::CommittedStands, entry.is_some_and(|entry| entry.key == *key), || {
                format!("{key:?} became committed at {place}, where another stands")
            });
        }
    }

    /// What stands behind a place is void.
    pub fn on_cut(&mut self, node: NodeId, channel: ChannelId, pos: u64, findings: &mut Findings) {
        let view = self.view(node, channel);
        findings.expect(Check::CommittedStands, pos >= view.committed, || {
            format!("a cut behind {pos} takes what was committed up to {}", view.committed)
        });
        for (_, key) in view.shown.split_off(&(pos + 1)) {
            view.places.remove(&key);
        }
    }

    /// An own message has come further.
    pub fn on_stage(
        &mut self,
        (node, key): (NodeId, MessageKey),
        stage: Stage,
        pos: Option<u64>,
        text: Option<&str>,
        ledger: &Ledger,
        f: &mut Findings,
    ) {
        if stage != Stage::Committed {
            return;
        }
        let channel = ledger.channel(&key.channel);
        let place = channel.and_then(|ledger| ledger.find(&key));
        let stands = channel.and_then(|ledger| ledger.get(place?)).and_then(|entry| entry.text.as_deref());
        f.expect(Check::NothingLost, text.is_none() || place.is_none() || text == stands, || {
            format!("{key:?} is told to be committed, and another text stands there")
        });
        f.expect(Check::NothingLost, place.is_some() && (pos.is_none() || place == pos), || {
            format!("{key:?} is told to be committed at {pos:?}, stands at {place:?}")
        });
        let refused = self.settled.get(&(node, key)) == Some(&Settled::Refused);
        f.expect(Check::NothingLost, !refused, || format!("{key:?} is told to be refused and committed"));
        self.settled.insert((node, key), Settled::Committed);
    }

    /// An own message was refused for good.
    pub fn on_refused(&mut self, node: NodeId, key: MessageKey) {
        self.settled.insert((node, key), Settled::Refused);
    }
}
