//! Who may sequence, from where on, and what is committed: both said by the tracker.

use serde::{Deserialize, Serialize};

use crate::ids::{ChannelId, DeviceId};
use crate::log::Position;
use crate::signed::{Content, Signed};

/// The fencing token: every fence compares both, the generation first, never the epoch alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fence {
    /// Counts up when the tracker's store is found to have lost something.
    pub generation: u32,
    /// Counts up when the right to sequence changes hands; from 1.
    pub epoch: u32,
}

/// Who may sequence in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EpochOwner {
    /// The tracker, while the host is away.
    Tracker,
    /// This device.
    Host(DeviceId),
}

/// Who sequences from where on; signed by the tracker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The channel.
    pub channel: ChannelId,
    /// Generation and epoch.
    pub fence: Fence,
    /// Who may sequence.
    pub owner: EpochOwner,
    /// The last place before the epoch.
    pub base: Position,
}

impl Content for EpochRecord {
    const DOMAIN: &'static str = "segment/epoch/1";
}

/// The tracker has everything up to here on disk: committed. Signed by the tracker, once per batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The channel.
    pub channel: ChannelId,
    /// Generation and epoch in which it was stored.
    pub fence: Fence,
    /// The last committed place.
    pub at: Position,
}

impl Content for Receipt {
    const DOMAIN: &'static str = "segment/receipt/1";
}

/// The newest that somebody holds of what a tracker has signed. A tracker that is shown more than it has
/// on disk knows by it that its disk has lost something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The highest receipt.
    pub receipt: Option<Signed<Receipt>>,
    /// The newest epoch record.
    pub epoch: Option<Signed<EpochRecord>>,
}
