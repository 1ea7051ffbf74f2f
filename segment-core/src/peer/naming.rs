//! Messages wait a moment for their authors' names, so that no reader sees one without.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use segment_proto::{ChannelId, DeviceId, Instant, Limits, LinkId};

use crate::contract::{Deadline, earliest};
use crate::peer::authors::Authors;
use crate::peer::events::{ChannelMessage, PeerEvent, Reply};

/// Who may be asked about the authors of one channel, the best first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources<'a> {
    pub(crate) authors: &'a Authors,
    pub(crate) links: [Option<LinkId>; 2],
}

#[derive(Debug)]
struct Held {
    event: PeerEvent,
    until: Instant,
}

/// The events that wait, in the order of their channels, and the devices that are asked about.
#[derive(Debug, Default)]
pub(crate) struct Naming {
    held: BTreeMap<ChannelId, VecDeque<Held>>,
    /// Each device is asked about once on each link.
    asked: BTreeMap<LinkId, BTreeSet<DeviceId>>,
    awaited: BTreeSet<DeviceId>,
    to_ask: BTreeMap<LinkId, Vec<DeviceId>>,
    released: VecDeque<PeerEvent>,
}

impl Naming {
    /// Takes an event: it comes back from [`Self::pop`], at once or when its names are there.
    pub(crate) fn take(&mut self, mut event: PeerEvent, sources: Sources<'_>, now: Instant, limits: &Limits) {
        let Some(channel) = ordered_in(&event) else {
            self.released.push_back(event);
            return;
        };
        if !self.held.contains_key(&channel) && fill(&mut event, sources.authors).is_empty() {
            self.released.push_back(event);
            return;
        }
        let until = now + limits.names_wait;
        self.held.entry(channel).or_default().push_back(Held { event, until });
        self.advance(channel, sources);
        if self.messages_held(channel) > limits.held_messages_max {
            self.release_until(channel, sources.authors, Instant(u64::MAX));
        }
    }

    /// The next event for the embedder.
    pub(crate) fn pop(&mut self) -> Option<PeerEvent> {
        self.released.pop_front()
    }

    /// The next devices to ask about, and where.
    pub(crate) fn pop_question(&mut self, page_rows_max: usize) -> Option<(LinkId, Vec<DeviceId>)> {
        let (link, mut devices) = self.to_ask.pop_first()?;
        let rest = devices.split_off(devices.len().min(page_rows_max));
        if !rest.is_empty() {
            self.to_ask.insert(link, rest);
        }
        Some((link, devices))
    }

    /// An answer has come, or none will: these are not awaited any more.
    pub(crate) fn on_answered(&mut self, devices: &[DeviceId]) {
        for device in devices {
            self.awaited.remove(device);
        }
    }

    /// A link is gone, and with it what was asked there.
    pub(crate) fn on_link_down(&mut self, link: LinkId) {
        self.asked.remove(&link);
        let unasked = self.to_ask.remove(&link).unwrap_or_default();
        self.on_answered(&unasked);
    }

    /// A channel was left: what waits in it is shown to nobody.
    pub(crate) fn forget(&mut self, channel: &ChannelId) {
        self.held.remove(channel);
    }

    /// The channels in which something waits.
    pub(crate) fn waiting(&self) -> Vec<ChannelId> {
        self.held.keys().copied().collect()
    }

    /// Releases the events of a channel, in order, up to the first that still waits for a name.
    pub(crate) fn advance(&mut self, channel: ChannelId, sources: Sources<'_>) {
        while let Some(held) = self.held.get_mut(&channel).and_then(VecDeque::front_mut) {
            let missing = fill(&mut held.event, sources.authors);
            // All are asked about, though one would do to wait.
            let waits = missing.into_iter().filter(|device| self.ask(*device, sources.links)).count() > 0;
            if waits {
                return self.ask_ahead(channel, sources);
            }
            self.release_first(channel);
        }
    }

    /// What stands behind an event that waits is asked about at the same time.
    fn ask_ahead(&mut self, channel: ChannelId, sources: Sources<'_>) {
        let Some(last) = self.held.get_mut(&channel).and_then(VecDeque::back_mut) else {
            return;
        };
        for device in fill(&mut last.event, sources.authors) {
            self.ask(device, sources.links);
        }
    }

    /// Whether an answer about a device is awaited, or is from now on.
    fn ask(&mut self, device: DeviceId, links: [Option<LinkId>; 2]) -> bool {
        if self.awaited.contains(&device) {
            return true;
        }
        for link in links.into_iter().flatten() {
            if self.asked.entry(link).or_default().insert(device) {
                self.to_ask.entry(link).or_default().push(device);
                self.awaited.insert(device);
                return true;
            }
        }
        false
    }

    /// Releases what has waited long enough, with the names that are there.
    pub(crate) fn release_until(&mut self, channel: ChannelId, authors: &Authors, now: Instant) {
        while let Some(held) = self.held.get_mut(&channel).and_then(VecDeque::front_mut) {
            if held.until > now {
                return;
            }
            fill(&mut held.event, authors);
            self.release_first(channel);
        }
    }

    fn release_first(&mut self, channel: ChannelId) {
        let Some(queue) = self.held.get_mut(&channel) else { return };
        self.released.extend(queue.pop_front().map(|held| held.event));
        if queue.is_empty() {
            self.held.remove(&channel);
        }
    }

    fn messages_held(&self, channel: ChannelId) -> usize {
        self.held.get(&channel).into_iter().flatten().map(|held| messages(&held.event).len().max(1)).sum()
    }

    /// Forgets who was asked once that grows past what is known of authors at all.
    pub(crate) fn bound(&mut self, authors_max: usize) {
        self.asked.retain(|_, devices| devices.len() <= authors_max);
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let first = |queue: &VecDeque<Held>| queue.front().map(|held| Deadline::new(held.until, "names of authors"));
        earliest(self.held.values().map(first))
    }
}

/// The channel in whose order an event stands.
pub(crate) fn ordered_in(event: &PeerEvent) -> Option<ChannelId> {
    match event {
        PeerEvent::Received { channel, .. }
        | PeerEvent::CommittedUpTo { channel, .. }
        | PeerEvent::CutBehind { channel, .. }
        | PeerEvent::Removed { channel, .. }
        | PeerEvent::Replied { reply: Ok(Reply::History { channel, .. }), .. } => Some(*channel),
        PeerEvent::MessageStage { key, .. }
        | PeerEvent::MessageRefused { key, .. }
        | PeerEvent::MessageSignedAgain { new: key, .. } => Some(key.channel),
        _ => None,
    }
}

fn messages(event: &PeerEvent) -> &[ChannelMessage] {
    match event {
        PeerEvent::Received { messages, .. }
        | PeerEvent::Replied { reply: Ok(Reply::History { messages, .. }), .. } => messages,
        _ => &[],
    }
}

fn messages_mut(event: &mut PeerEvent) -> &mut [ChannelMessage] {
    match event {
        PeerEvent::Received { messages, .. }
        | PeerEvent::Replied { reply: Ok(Reply::History { messages, .. }), .. } => messages,
        _ => &mut [],
    }
}

/// Fills names in; the devices whose names are still missing.
fn fill(event: &mut PeerEvent, authors: &Authors) -> BTreeSet<DeviceId> {
    let mut missing = BTreeSet::new();
    for message in messages_mut(event) {
        if message.author.is_none() {
            message.author = authors.who_is(&message.key.device, message.account);
        }
        if message.author.is_none() {
            missing.insert(message.key.device);
        }
    }
    missing
}
