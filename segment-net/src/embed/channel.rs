//! A joined channel to `await`.

use segment_core::peer::events::{ChannelMessage, PeerEvent, Reply};
use segment_core::peer::{ChannelView, Unsent};
use segment_proto::{AccessChange, ChannelId};

use super::peer::{Peer, RequestError, SendError};
use super::receipt::Receipt;
use crate::driver::Stopped;
use crate::events::{Events, Happening};

/// A channel that a peer has joined; clones are the same one.
#[derive(Clone, Debug)]
pub struct Channel {
    peer: Peer,
    id: ChannelId,
}

impl Channel {
    pub(super) fn new(peer: Peer, id: ChannelId) -> Self {
        Self { peer, id }
    }

    /// Which channel.
    #[must_use]
    pub fn id(&self) -> ChannelId {
        self.id
    }

    /// The peer that has joined it.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// How it stands; `None` where it is not joined.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn view(&self) -> Result<Option<ChannelView>, Stopped> {
        let id = self.id;
        self.peer.call(move |machine, _| machine.channel(id)).await
    }

    /// Writes a text and waits until it is on this device's disk; the receipt says how much further it comes.
    ///
    /// # Errors
    /// [`SendError`]: it was not taken.
    pub async fn send(&self, text: &str) -> Result<Receipt, SendError> {
        let (id, text) = (self.id, text.to_owned());
        self.peer.write(move |machine, now| machine.send(id, &text, now)).await
    }

    /// Changes who may do what; done once it is committed.
    ///
    /// # Errors
    /// [`SendError`]: nothing was changed.
    pub async fn change_access(&self, change: AccessChange) -> Result<Receipt, SendError> {
        let id = self.id;
        self.peer.write(move |machine, now| machine.change_access(id, &change, now)).await
    }

    /// At most so many messages, oldest first: the newest, or those before a place. And whether there are older ones.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn history(
        &self,
        before: Option<u64>,
        count: usize,
    ) -> Result<(Vec<ChannelMessage>, bool), RequestError> {
        let id = self.id;
        match self.peer.request(move |machine, now| machine.history(id, before, count, now)).await? {
            Reply::History { messages, more, .. } => Ok((messages, more)),
            _ => Err(RequestError::OtherAnswer),
        }
    }

    /// Leaves it; its cache is erased.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn leave(&self, unsent: Unsent) -> Result<(), RequestError> {
        let id = self.id;
        self.peer.request(move |machine, now| machine.leave(id, unsent, now)).await.map(drop)
    }

    /// What happens in this channel from now on.
    #[must_use]
    pub fn events(&self) -> ChannelEvents {
        ChannelEvents { events: self.peer.events(), channel: self.id, messages: Vec::new().into_iter() }
    }
}

/// What happens in one channel. A lost link is an event (`ServedFrom`), never the end.
#[derive(Debug)]
pub struct ChannelEvents {
    events: Events<PeerEvent>,
    channel: ChannelId,
    messages: std::vec::IntoIter<ChannelMessage>,
}

impl ChannelEvents {
    /// The next event of this channel; `None` once the peer has stopped.
    pub async fn next(&mut self) -> Option<Happening<PeerEvent>> {
        loop {
            match self.events.next().await? {
                Happening::Event(event) if channel_of(&event) != Some(self.channel) => {}
                happening => return Some(happening),
            }
        }
    }

    /// The next message that is new, own ones among them; `None` once the peer has stopped.
    ///
    /// Everything else is skipped; use either this or [`ChannelEvents::next`]. What a slow reader
    /// misses is in [`Channel::history`].
    pub async fn next_message(&mut self) -> Option<ChannelMessage> {
        loop {
            if let Some(message) = self.messages.next() {
                return Some(message);
            }
            if let Happening::Event(PeerEvent::Received { messages, .. }) = self.next().await? {
                self.messages = messages.into_iter();
            }
        }
    }
}

/// The channel that an event is about.
fn channel_of(event: &PeerEvent) -> Option<ChannelId> {
    use PeerEvent as E;
    match event {
        E::ServedFrom { channel, .. }
        | E::RightsChanged { channel, .. }
        | E::Removed { channel, .. }
        | E::Received { channel, .. }
        | E::CommittedUpTo { channel, .. }
        | E::Delivered { channel, .. }
        | E::CutBehind { channel, .. }
        | E::EpochChanged { channel, .. }
        | E::Hosting { channel, .. }
        | E::HostingStopped { channel }
        | E::ChannelRestored { channel }
        | E::ChannelNotRestored { channel, .. }
        | E::MembershipLost { channel }
        | E::MembershipRestored { channel }
        | E::StreamStarted { channel, .. }
        | E::StreamStopped { channel, .. }
        | E::StreamLost { channel, .. }
        | E::Transferred { channel, .. }
        | E::MemberLink { channel, .. } => Some(*channel),
        E::MessageStage { key, .. } | E::MessageRefused { key, .. } | E::MessageSignedAgain { new: key, .. } => {
            Some(key.channel)
        }
        E::ChannelChanged(row) => Some(row.record.channel),
        _ => None,
    }
}
