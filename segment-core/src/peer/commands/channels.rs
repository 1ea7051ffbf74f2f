//! Lists and channels at the tracker.

use alloc::string::{String, ToString};

use segment_proto::messages::{
    ChannelFilter, CreateChannel, FindChannel, FindUser, JoinChannel, LeaveChannel, ListChannels, ListMembers,
    ListUsers,
};
use segment_proto::{AccountId, ChannelId, ChannelName, Now, SessionId, UserName, View, Visitors};

use super::Asked;
use crate::host::Host;
use crate::peer::Peer;
use crate::peer::errors::CommandError;
use crate::peer::requests::PeerRequest;

/// What becomes of own messages that are not committed yet when a channel is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// The channel is not left while there are any.
    Keep,
    /// They are dropped: those that were sent already may still arrive.
    Drop,
}

/// Lists and channels at the tracker. All fail with [`CommandError::NotConnected`],
/// [`CommandError::NotLoggedIn`] or [`CommandError::Busy`], and what is said besides.
impl Peer {
    /// A page of the user list.
    ///
    /// # Errors
    /// As said above.
    pub fn list_users(&mut self, after: Option<SessionId>, now: Now) -> Asked {
        self.ask(&ListUsers { after }, PeerRequest::Look, now)
    }

    /// A page of channels.
    ///
    /// # Errors
    /// As said above.
    pub fn list_channels(&mut self, filter: ChannelFilter, after: &str, now: Now) -> Asked {
        self.ask(&ListChannels { filter, after: after.to_string() }, PeerRequest::Look, now)
    }

    /// A page of a channel's members.
    ///
    /// # Errors
    /// As said above.
    pub fn list_members(&mut self, channel: ChannelId, after: AccountId, now: Now) -> Asked {
        self.ask(&ListMembers { channel, after }, PeerRequest::Look, now)
    }

    /// An account by its name.
    ///
    /// # Errors
    /// As said above, and [`CommandError::BadName`].
    pub fn find_user(&mut self, name: &str, now: Now) -> Asked {
        let name = UserName::new(name)?.as_str().to_string();
        self.ask(&FindUser { name }, PeerRequest::Look, now)
    }

    /// A channel by its name.
    ///
    /// # Errors
    /// As said above, and [`CommandError::BadName`].
    pub fn find_channel(&mut self, name: &str, now: Now) -> Asked {
        self.ask(&FindChannel { name: channel_name(name)? }, PeerRequest::Look, now)
    }

    /// Creates a channel that is hosted here.
    ///
    /// # Errors
    /// As said above, [`CommandError::BadName`] and [`CommandError::TooManyChannels`].
    pub fn create_channel(&mut self, name: &str, view: View, visitors: Visitors, now: Now) -> Asked {
        self.check_room()?;
        self.ask(&CreateChannel { name: channel_name(name)?, view, visitors }, PeerRequest::Join, now)
    }

    /// Joins a channel.
    ///
    /// # Errors
    /// As said above, [`CommandError::BadName`] and [`CommandError::TooManyChannels`].
    pub fn join(&mut self, name: &str, now: Now) -> Asked {
        self.check_room()?;
        self.ask(&JoinChannel { name: channel_name(name)? }, PeerRequest::Join, now)
    }

    /// Leaves a channel: its cache is erased here. One that is hosted here is only left where the tracker has lost it
    /// and does not take it back: what was in it is gone then.
    ///
    /// # Errors
    /// As said above, [`CommandError::NotJoined`], [`CommandError::HostedHere`] and [`CommandError::Unsent`].
    pub fn leave(&mut self, channel: ChannelId, unsent: Unsent, now: Now) -> Asked {
        let joined = self.channels.get(&channel).ok_or(CommandError::NotJoined)?;
        let is_stranded = joined.host.as_ref().is_some_and(Host::is_stranded);
        let is_hosted = joined.host.is_some() || joined.replica.record().host == self.core.identity.device();
        if is_hosted && !is_stranded {
            return Err(CommandError::HostedHere);
        }
        let waiting = joined.waiting();
        if waiting > 0 && !is_stranded && unsent == Unsent::Keep {
            return Err(CommandError::Unsent(waiting));
        }
        let id = self.ask(&LeaveChannel { channel }, PeerRequest::Leave(channel), now)?;
        if let Some(joined) = self.channels.get_mut(&channel) {
            joined.leaving = true;
        }
        Ok(id)
    }

    fn check_room(&self) -> Result<(), CommandError> {
        let joined = self.channels.len();
        if joined >= self.core.limits.joined_channels_max {
            return Err(CommandError::TooManyChannels(joined));
        }
        Ok(())
    }
}

fn channel_name(name: &str) -> Result<String, CommandError> {
    Ok(ChannelName::new(name)?.as_str().to_string())
}
