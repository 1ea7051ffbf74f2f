//! Who is here, which channels exist, and where they are hosted.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::access::{View, Visitors};
use crate::epoch::EpochRecord;
use crate::ids::{AccountId, ChannelId, DeviceId, SessionId};
use crate::messages::session::Presence;
use crate::names::UserName;
use crate::records::{ChannelRecord, DeviceRecord, Who};
use crate::signed::Signed;

/// Asks for a page of the user list (`get_list` of the originals).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListUsers {
    /// The last session of the page before.
    pub after: Option<SessionId>,
}

/// One live session. Unique by (address, name, session).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    /// Who.
    pub who: Who,
    /// Which session.
    pub session: SessionId,
    /// Which device; dial it by this key.
    pub device: DeviceId,
    /// Where it can be dialled, unless it does not listen.
    pub address: Option<SocketAddr>,
}

/// A page of the user list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPage {
    /// In the order of their session ids.
    #[serde(deserialize_with = "crate::bounded::page")]
    pub rows: Vec<UserRow>,
    /// Whether another page follows.
    pub more: bool,
}

/// A session has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCame {
    /// Which.
    pub row: UserRow,
}

/// A session has gone, or gone out of sight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserGone {
    /// Which.
    pub session: SessionId,
    /// Whose.
    pub who: Who,
}

/// Creates a channel, hosted by the asking device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateChannel {
    /// The wished name.
    #[serde(deserialize_with = "crate::bounded::text")]
    pub name: String,
    /// Who may see it.
    pub view: View,
    /// What visitors may do.
    pub visitors: Visitors,
}

/// Brings a channel back that this tracker has lost: the same channel, proven by what the tracker has signed. Asked by
/// the device that hosts it, or by its owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreChannel {
    /// What it is; signed by the tracker that is asked.
    pub record: Signed<ChannelRecord>,
}

/// A channel, as one who may see it sees it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelRow {
    /// What it is.
    pub record: Signed<ChannelRecord>,
    /// Who may see it now.
    pub view: View,
    /// What visitors may do now.
    pub visitors: Visitors,
    /// Where its host can be dialled; nothing while it is away.
    pub host: Option<SocketAddr>,
    /// Whether the host is there.
    pub host_present: bool,
    /// Whether the asker is among its members.
    pub joined: bool,
}

/// One channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelFound {
    /// The channel.
    pub row: ChannelRow,
    /// The epoch now, if there has been one.
    pub epoch: Option<Signed<EpochRecord>>,
}

open_enum! {
    /// Which channels to list.
    pub enum ChannelFilter {
        /// All that the asker may see.
        All = 1 => "all",
        /// Those that the asker owns.
        Mine = 2 => "mine",
        /// Those that the asker has joined.
        Joined = 3 => "joined",
    }
}

/// Asks for a page of channels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListChannels {
    /// Which.
    pub filter: ChannelFilter,
    /// The last name of the page before; empty for the first.
    #[serde(deserialize_with = "crate::bounded::text")]
    pub after: String,
}

/// A page of channels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelPage {
    /// In the order of their names.
    #[serde(deserialize_with = "crate::bounded::page")]
    pub rows: Vec<ChannelRow>,
    /// Whether another page follows.
    pub more: bool,
}

/// Asks for a channel by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindChannel {
    /// The name.
    #[serde(deserialize_with = "crate::bounded::text")]
    pub name: String,
}

/// Becomes a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinChannel {
    /// The channel's name.
    #[serde(deserialize_with = "crate::bounded::text")]
    pub name: String,
}

/// Stops being a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaveChannel {
    /// The channel.
    pub channel: ChannelId,
}

/// Asks for a page of members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListMembers {
    /// The channel.
    pub channel: ChannelId,
    /// The last account of the page before.
    pub after: AccountId,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRow {
    /// Who.
    pub who: Who,
    /// As others may see it: online or offline.
    pub presence: Presence,
}

/// A page of members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberPage {
    /// In the order of their accounts.
    #[serde(deserialize_with = "crate::bounded::page")]
    pub rows: Vec<MemberRow>,
    /// Whether another page follows.
    pub more: bool,
}

/// A joined channel has changed: its host has come, gone or moved, or its record is new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelChanged {
    /// As it is now.
    pub row: ChannelRow,
}

/// Asks whose devices these are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindDevices {
    /// At most a page.
    #[serde(deserialize_with = "crate::bounded::page")]
    pub devices: Vec<DeviceId>,
}

/// Whose devices these are. One that is not known is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevicePage {
    /// Signed by the tracker, whoever passes them on.
    #[serde(deserialize_with = "crate::bounded::page")]
    pub records: Vec<Signed<DeviceRecord>>,
}

/// Asks for an account by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindUser {
    /// The name.
    #[serde(deserialize_with = "crate::bounded::text")]
    pub name: String,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserFound {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: UserName,
}
