//! What the tracker signs about people and channels.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::access::{View, Visitors};
use crate::ids::{AccountId, ChannelId, DeviceId, SessionId};
use crate::names::{ChannelName, UserName};
use crate::signed::Content;
use crate::time::UnixMillis;

/// Somebody, as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The account; [`AccountId::NOBODY`] for a visitor.
    pub account: AccountId,
    /// The name.
    pub name: UserName,
}

impl Who {
    /// Whether this is a visitor, who may only read.
    #[must_use]
    pub fn is_visitor(&self) -> bool {
        self.account == AccountId::NOBODY
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_visitor() {
            return write!(f, "~{}", self.name);
        }
        write!(f, "{}", self.name)
    }
}

/// Admits a session to any host, also while the tracker is down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Whose session.
    pub who: Who,
    /// The only device that may show this.
    pub device: DeviceId,
    /// The session.
    pub session: SessionId,
    /// When it was signed.
    pub issued: UnixMillis,
    /// When it ends.
    pub expires: UnixMillis,
}

impl Content for Certificate {
    const DOMAIN: &'static str = "segment/certificate/1";
}

/// Which account a device writes for: by this readers know an author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRecord {
    /// The device.
    pub device: DeviceId,
    /// Its account and name.
    pub who: Who,
    /// Since when.
    pub since: UnixMillis,
    /// Until when, if it was revoked.
    pub revoked: Option<UnixMillis>,
}

impl Content for DeviceRecord {
    const DOMAIN: &'static str = "segment/device/1";
}

/// What a channel is, and who hosts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelRecord {
    /// The channel.
    pub channel: ChannelId,
    /// Its name, unique at the tracker.
    pub name: ChannelName,
    /// Who made it.
    pub owner: Who,
    /// The device that hosts it.
    pub host: DeviceId,
    /// Who may see it, at its creation; later changes stand in its log.
    pub view: View,
    /// What visitors may do, at its creation; later changes stand in its log.
    pub visitors: Visitors,
    /// When it was made.
    pub created: UnixMillis,
    /// Counts up with every change.
    pub revision: u32,
}

impl Content for ChannelRecord {
    const DOMAIN: &'static str = "segment/channel/1";
}

/// A free text that a person may see. It is remote text: show it as [`crate::Untrusted`].
pub type Detail = String;
