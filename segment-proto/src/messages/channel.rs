//! Between a member and whoever serves a channel: its host, or the tracker's copy.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::access::Rights;
use crate::envelope::{MessageKey, SignedEnvelope};
use crate::epoch::{EpochRecord, Evidence, Fence, Receipt};
use crate::ids::{AccountId, ChannelId, DeviceId, Hash};
use crate::log::{Entry, Position, Row};
use crate::records::{Certificate, DeviceRecord};
use crate::signed::Signed;
use crate::status::Reason;

/// Asks for everything new in a channel from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribe {
    /// The channel.
    pub channel: ChannelId,
    /// Who asks. The tracker knows and needs none.
    pub certificate: Option<Signed<Certificate>>,
    /// Whose device this is, so that the host can tell other readers.
    pub device: Option<Signed<DeviceRecord>>,
    /// The newest that the asker holds.
    pub evidence: Evidence,
}

/// The subscription stands: [`Entries`] and [`Watermarks`] follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribed {
    /// The channel.
    pub channel: ChannelId,
    /// The epoch as the answering side knows it.
    pub epoch: Option<Signed<EpochRecord>>,
    /// The last place that the answering side has on disk.
    pub head: Position,
    /// The highest receipt it holds.
    pub receipt: Option<Signed<Receipt>>,
    /// What the asker may do.
    pub rights: Rights,
    /// The asker's own row, so that it knows what to build on.
    pub row: Option<Row>,
}

/// Ends a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsubscribe {
    /// The channel.
    pub channel: ChannelId,
}

/// Brings envelopes to the sequencer, each author's in their order. They may be another's: anybody may
/// carry any envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submit {
    /// The channel.
    pub channel: ChannelId,
    /// The epoch for which this is meant.
    pub fence: Fence,
    /// At most a batch.
    #[serde(deserialize_with = "crate::bounded::batch")]
    pub envelopes: Vec<SignedEnvelope>,
    /// Whose devices the others are whose envelopes are carried; at most as many as envelopes.
    #[serde(deserialize_with = "crate::bounded::batch")]
    pub authors: Vec<Signed<DeviceRecord>>,
    /// The newest that the sender holds, where the receiver may not have it.
    pub evidence: Evidence,
}

impl Submit {
    /// Own envelopes, with nothing to show.
    #[must_use]
    pub fn new(channel: ChannelId, fence: Fence, envelopes: Vec<SignedEnvelope>) -> Self {
        Self { channel, fence, envelopes, authors: Vec::new(), evidence: Evidence::default() }
    }
}

/// The tracker hands on what a member brought who cannot, or does not want to, reach the host. It never
/// sequences that itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// The channel.
    pub channel: ChannelId,
    /// The host's epoch, for which this is meant.
    pub fence: Fence,
    /// Whose session brought it.
    pub account: AccountId,
    /// On which device.
    pub device: DeviceId,
    /// As in [`Submit`].
    #[serde(deserialize_with = "crate::bounded::batch")]
    pub envelopes: Vec<SignedEnvelope>,
    /// As in [`Submit`].
    #[serde(deserialize_with = "crate::bounded::batch")]
    pub authors: Vec<Signed<DeviceRecord>>,
}

open_enum! {
    /// What became of an envelope.
    pub enum FateCode {
        /// On the host's disk; its order is provisional.
        Stored = 1 => "stored",
        /// On the tracker's disk; its order is final.
        Committed = 2 => "committed",
        /// Not allowed; final once the access entry at `pos` is committed.
        Refused = 3 => "refused",
        /// Can never be accepted: another stands in its place.
        Fork = 4 => "fork",
        /// What it builds on is missing here.
        Expected = 5 => "expected",
        /// Below the retained log: nobody knows any more.
        Forgotten = 6 => "forgotten",
        /// Too fast; try again after `retry_after_ms`.
        SlowDown = 7 => "slow_down",
    }
}

/// What became of one envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fate {
    /// Which envelope.
    pub key: MessageKey,
    /// What became of it.
    pub code: FateCode,
    /// Where it stands, or the access entry that refuses it.
    pub pos: u64,
    /// The epoch in which it was sequenced.
    pub epoch: u32,
    /// Why it is refused.
    pub reason: Option<Reason>,
    /// The author's row, where the envelope does not continue it.
    pub row: Option<Row>,
    /// When to try again.
    pub retry_after_ms: u32,
}

impl Fate {
    /// A fate with nothing but its code.
    #[must_use]
    pub fn new(key: MessageKey, code: FateCode) -> Self {
        Self { key, code, pos: 0, epoch: 0, reason: None, row: None, retry_after_ms: 0 }
    }
}

/// What became of each envelope of a [`Submit`], in its order. Said only after what it says is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// The channel.
    pub channel: ChannelId,
    /// The answering side's epoch.
    pub fence: Fence,
    /// One for each envelope.
    #[serde(deserialize_with = "crate::bounded::batch")]
    pub fates: Vec<Fate>,
}

/// New entries, in order. Encoded once for all members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entries {
    /// The channel.
    pub channel: ChannelId,
    /// The sender's epoch.
    pub fence: Fence,
    /// The chain before the first of them.
    pub before: Hash,
    /// Dense.
    #[serde(deserialize_with = "crate::bounded::entries")]
    pub entries: Vec<Entry>,
}

/// How far the channel is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermarks {
    /// The channel.
    pub channel: ChannelId,
    /// The sender's epoch.
    pub fence: Fence,
    /// The last place on the host's disk.
    pub stored: u64,
    /// The last on the tracker's disk.
    pub receipt: Option<Signed<Receipt>>,
}

/// Asks for the newest entries, with the whole provisional tail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadTail {
    /// The channel.
    pub channel: ChannelId,
    /// How many committed ones; at most a batch.
    pub count: u32,
}

/// Asks for older entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRange {
    /// The channel.
    pub channel: ChannelId,
    /// The first place wanted.
    pub from: u64,
    /// The last.
    pub to: u64,
}

/// Entries that were asked for; fewer than asked where they do not fit one frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryPage {
    /// The channel.
    pub channel: ChannelId,
    /// The sender's epoch.
    pub fence: Fence,
    /// The chain before the first of them.
    pub before: Hash,
    /// Dense.
    #[serde(deserialize_with = "crate::bounded::entries")]
    pub entries: Vec<Entry>,
    /// The sender's last place.
    pub head: Position,
    /// The highest receipt it holds.
    pub receipt: Option<Signed<Receipt>>,
}

/// Asks for what follows a place that the asker has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sync {
    /// The channel.
    pub channel: ChannelId,
    /// The asker's last place.
    pub at: Position,
    /// The generation of that place.
    pub generation: u32,
    /// The newest that the asker holds, where the receiver may not have it.
    pub evidence: Evidence,
}

/// Asks for the entries that this device has written, in their order: after a fork, its author looks for
/// what stands in the log already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadOwn {
    /// The channel.
    pub channel: ChannelId,
    /// The first place of interest.
    pub from: u64,
}

/// Entries of one author: in order, not dense.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnEntries {
    /// The channel.
    pub channel: ChannelId,
    /// The sender's epoch.
    pub fence: Fence,
    /// A page of them.
    #[serde(deserialize_with = "crate::bounded::entries")]
    pub entries: Vec<Entry>,
    /// Up to where the log was searched: the next page begins behind that, where it is below `head`.
    pub searched: u64,
    /// The sender's last place.
    pub head: u64,
}

/// The sender has everything up to here on disk. Said when that has changed, at most once a second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// The channel.
    pub channel: ChannelId,
    /// The place.
    pub pos: u64,
}

/// How many members have everything up to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryStep {
    /// The place.
    pub pos: u64,
    /// Accounts that have it on disk.
    pub accounts: u32,
}

/// How far the channel is delivered, in steps: highest place first, its count the lowest. At most once a second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliveries {
    /// The channel.
    pub channel: ChannelId,
    /// Accounts that count.
    pub of: u32,
    /// A few: where there are more, the finer ones are left out.
    #[serde(deserialize_with = "crate::bounded::epochs")]
    pub steps: Vec<DeliveryStep>,
}

/// What follows, or where the two logs part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncPage {
    /// The channel.
    pub channel: ChannelId,
    /// The sender's epoch.
    pub fence: Fence,
    /// The chain before the first entry.
    pub before: Hash,
    /// Dense, from behind the asked place; empty where the logs part or there is nothing new.
    #[serde(deserialize_with = "crate::bounded::entries")]
    pub entries: Vec<Entry>,
    /// The sender's last place.
    pub head: Position,
    /// The highest receipt it holds.
    pub receipt: Option<Signed<Receipt>>,
    /// The sender's newest epochs, oldest first, where the asked place is not in its log.
    #[serde(deserialize_with = "crate::bounded::epochs")]
    pub diverged: Vec<Signed<EpochRecord>>,
    /// Where the retained log begins, where the asked place is below it.
    pub first: u64,
}

/// The sequencer has cut its provisional tail behind this place. Said before anything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diverged {
    /// The channel.
    pub channel: ChannelId,
    /// The sequencer's new epoch.
    pub fence: Fence,
    /// The last place that both still share.
    pub at: Position,
}

/// The receiver may not see this channel any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// The channel.
    pub channel: ChannelId,
    /// The account.
    pub account: AccountId,
    /// Why.
    pub reason: Reason,
}
