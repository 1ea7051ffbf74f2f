//! Messages of a joined channel.

use alloc::vec::Vec;
use bytes::Bytes;
use segment_proto::{AccessChange, ChannelId, DeviceId, EnvelopeKind, MessageKey, Now, Reason, Who};

use super::Asked;
use crate::peer::Peer;
use crate::peer::errors::CommandError;
use crate::replica::SendError;

/// Messages.
impl Peer {
    /// Writes a text: put on disk, then sent as soon as its sequencer can be reached. How far it comes is told
    /// by `PeerEvent::MessageStage`.
    ///
    /// # Errors
    /// [`CommandError::NotJoined`], [`CommandError::NotLoggedIn`] and [`CommandError::Send`].
    pub fn send(&mut self, channel: ChannelId, text: &str, now: Now) -> Result<MessageKey, CommandError> {
        self.write(channel, EnvelopeKind::Text, Bytes::copy_from_slice(text.as_bytes()), now)
    }

    /// Changes who may do what: a message like any other.
    ///
    /// # Errors
    /// As [`Self::send`], and [`CommandError::OwnerOnly`].
    pub fn change_access(
        &mut self,
        channel: ChannelId,
        change: &AccessChange,
        now: Now,
    ) -> Result<MessageKey, CommandError> {
        let account = self.core.session.account().ok_or(CommandError::NotLoggedIn)?;
        if self.channels.get(&channel).ok_or(CommandError::NotJoined)?.replica.record().owner.account != account {
            return Err(CommandError::OwnerOnly);
        }
        let body = Bytes::from(postcard::to_allocvec(change).unwrap_or_default());
        self.write(channel, EnvelopeKind::Access, body, now)
    }

    /// Moves a channel to another device, of this user: once that is committed, its host is there.
    ///
    /// # Errors
    /// As [`Self::change_access`].
    pub fn designate(
        &mut self,
        channel: ChannelId,
        to: &Who,
        device: DeviceId,
        now: Now,
    ) -> Result<MessageKey, CommandError> {
        let change = AccessChange::designate(to.account, to.name.as_str().into(), device);
        self.change_access(channel, &change, now)
    }

    fn write(
        &mut self,
        channel: ChannelId,
        kind: EnvelopeKind,
        body: Bytes,
        now: Now,
    ) -> Result<MessageKey, CommandError> {
        let now = self.core.session.corrected(now);
        let login = self.core.session.login.as_ref().ok_or(CommandError::NotLoggedIn)?;
        if login.who.is_visitor() {
            return Err(SendError::NotAllowed(Reason::VisitorsMayOnlyRead).into());
        }
        let joined = self.channels.get_mut(&channel).filter(|channel| !channel.leaving);
        let joined = joined.ok_or(CommandError::NotJoined)?;
        let key = joined.replica.send(kind, body, &mut self.core.cx(now))?;
        self.settle(now);
        Ok(key)
    }

    /// Asks for messages to show: the newest, or those before a place. Ends with `Reply::History`.
    ///
    /// # Errors
    /// [`CommandError::NotJoined`].
    pub fn history(&mut self, channel: ChannelId, before: Option<u64>, count: usize, now: Now) -> Asked {
        let now = self.core.session.corrected(now);
        let count = count.min(self.core.limits.batch_entries_max);
        let joined = self.channels.get_mut(&channel).ok_or(CommandError::NotJoined)?;
        let id = self.core.random.request_id();
        joined.replica.history(id, before, count, &mut self.core.cx(now));
        self.settle(now);
        Ok(id)
    }

    /// Drops own messages that were never sent: all, or one and those behind it. Says which.
    ///
    /// # Errors
    /// [`CommandError::NotJoined`].
    pub fn drop_outgoing(
        &mut self,
        channel: ChannelId,
        key: Option<MessageKey>,
        now: Now,
    ) -> Result<Vec<MessageKey>, CommandError> {
        let now = self.core.session.corrected(now);
        let joined = self.channels.get_mut(&channel).ok_or(CommandError::NotJoined)?;
        let dropped = joined.replica.drop_outgoing(key, &mut self.core.cx(now));
        self.settle(now);
        Ok(dropped)
    }

    /// Tries to send what waits now, whatever it waits for.
    ///
    /// # Errors
    /// [`CommandError::NotJoined`].
    pub fn retry(&mut self, channel: ChannelId, now: Now) -> Result<(), CommandError> {
        let now = self.core.session.corrected(now);
        let joined = self.channels.get_mut(&channel).ok_or(CommandError::NotJoined)?;
        joined.replica.retry(&mut self.core.cx(now));
        self.settle(now);
        Ok(())
    }
}
