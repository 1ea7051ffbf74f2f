//! The joined channels of a peer, those among them that it hosts, and what it left.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::messages::ChannelRow;
use segment_proto::{ChannelId, ChannelName, ChannelRecord, DeviceId, Instant, Limits, LinkId, Signed};

use crate::contract::{Deadline, earliest};
use crate::host::Host;
use crate::replica::Author;
use crate::store::{Fatal, LogId, LogRole, Record, Store, Table, Write};

mod absence;
mod channel;
mod due;

use absence::Absence;
use channel::Kept;
pub(crate) use channel::{Channel, HostPresence, Membership};
use due::Due;

const LEFT_PREFIX: &[u8] = b"peer/left/";
/// Channels that were left are remembered up to so many times the channels that may be joined. Policy:
/// no further channel is joined, as one beyond the joined ones is not.
const LEFT_FACTOR: usize = 4;

fn key_of(channel: &ChannelId) -> Bytes {
    Bytes::copy_from_slice(channel.as_bytes())
}

fn left_key(channel: &ChannelId) -> Bytes {
    [LEFT_PREFIX, channel.as_bytes()].concat().into()
}

/// The setting of a channel that was left: a message key is never used twice, also after it is joined again.
fn read_left(record: &Record) -> Result<Option<(ChannelId, Author)>, Fatal> {
    let Some(id) = record.key.strip_prefix(LEFT_PREFIX).and_then(|id| id.try_into().ok()) else {
        return Ok(None);
    };
    let author = postcard::from_bytes(&record.value)
        .map_err(|_| Fatal("the record of a channel that was left cannot be read".into()))?;
    Ok(Some((ChannelId(uuid::Uuid::from_bytes(id)), author)))
}

/// All joined channels.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    by_id: BTreeMap<ChannelId, Channel>,
    due: Due,
    /// Where this device's messages end in channels that were left.
    left: BTreeMap<ChannelId, Author>,
    /// Those that the pages of a refresh have shown so far.
    refreshed: BTreeSet<ChannelId>,
    /// The tracker was asked for its list, and has not given all of it: where hosts are is about to be known.
    refreshing: bool,
    /// Channels that were left, and are being erased; and what the tracker has said of them since: another device of
    /// the account may have joined again.
    erasing: BTreeMap<ChannelId, Option<ChannelRow>>,
    /// Something has changed that decides from where a channel is served.
    unsettled: bool,
}

/// The channel is one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Channels {
    /// As the store has them.
    pub(crate) fn restore(records: &[Record], settings: &[Record], store: &mut dyn Store) -> Result<Self, Fatal> {
        let mut channels = Self::default();
        for setting in settings {
            channels.left.extend(read_left(setting)?);
        }
        for record in records {
            let kept: Kept = postcard::from_bytes(&record.value)
                .map_err(|_| Fatal("the record of a joined channel cannot be read".into()))?;
            channels.by_id.insert(kept.record.channel, Channel::restore(kept, store)?);
        }
        for setting in settings {
            if let Some((id, absence)) = absence::read(setting)?
                && let Some(channel) = channels.by_id.get_mut(&id)
            {
                channel.restore_absence(absence);
            }
        }
        channels.unsettled = !channels.by_id.is_empty();
        channels.due.touch_all(channels.by_id.keys());
        Ok(channels)
    }

    pub(crate) fn get(&self, channel: &ChannelId) -> Option<&Channel> {
        self.by_id.get(channel)
    }

    pub(crate) fn get_mut(&mut self, channel: &ChannelId) -> Option<&mut Channel> {
        self.due.touch(*channel);
        self.by_id.get_mut(channel)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ChannelId, &Channel)> {
        self.by_id.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&ChannelId, &mut Channel)> {
        self.due.touch_all(self.by_id.keys());
        self.by_id.iter_mut()
    }

    /// All hosts, also former ones.
    pub(crate) fn hosts(&mut self) -> impl Iterator<Item = &mut Host> {
        self.iter_mut().filter_map(|(_, channel)| channel.any_host())
    }

    /// A channel's host, also a former one.
    pub(crate) fn host_mut(&mut self, id: &ChannelId) -> Option<&mut Host> {
        self.get_mut(id).and_then(Channel::any_host)
    }

    /// What is stored of a channel now.
    pub(crate) fn put_kept(&self, id: &ChannelId) -> Option<Write> {
        let kept = self.by_id.get(id)?.kept();
        let value = Bytes::from(postcard::to_allocvec(&kept).unwrap_or_default());
        Some(Write::Put { table: Table::Joined, key: key_of(id), value })
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn hosts_any(&self) -> bool {
        self.due.hosts_any(&self.by_id)
    }

    /// Takes a row of the tracker's, where a host that is not there any more is `lost`; what is to be written for it.
    pub(crate) fn take_row(
        &mut self,
        row: &ChannelRow,
        device: DeviceId,
        limits: &Limits,
        lost: HostPresence,
    ) -> Result<Vec<Write>, TooMany> {
        let id = row.record.channel;
        // What was held of it is older.
        self.erasing.get_mut(&id).map(Option::take);
        let before = self.by_id.get(&id).map(Channel::kept);
        let absence = self.by_id.get(&id).and_then(|channel| channel.absence);
        let mut writes = Vec::new();
        if before.is_none() {
            writes = self.add(&row.record, device, limits)?;
        }
        self.unsettled = true;
        let Some(channel) = self.get_mut(&id) else { return Ok(writes) };
        channel.update(row, lost);
        let after = channel.absence;
        if before != Some(channel.kept()) {
            writes.extend(self.put_kept(&id));
        }
        writes.extend((absence != after).then(|| absence::put(&id, after)));
        Ok(writes)
    }

    fn add(
        &mut self,
        record: &Signed<ChannelRecord>,
        device: DeviceId,
        limits: &Limits,
    ) -> Result<Vec<Write>, TooMany> {
        let id = record.channel;
        let known = self.left.contains_key(&id);
        let full = self.left.len() >= limits.joined_channels_max.saturating_mul(LEFT_FACTOR);
        if self.by_id.len() >= limits.joined_channels_max || (full && !known) {
            return Err(TooMany);
        }
        let (channel, write) = Channel::create(record, device, self.left.remove(&id));
        self.by_id.insert(id, channel);
        let forget = known.then(|| Write::Delete { table: Table::Setting, key: left_key(&id) });
        Ok(write.into_iter().chain(forget).collect())
    }

    /// Keeps for later what the tracker says of a channel that is being erased: who leaves is told so before anything
    /// of it is shown anew. Gives the row back where there is no such channel.
    pub(crate) fn hold(&mut self, row: ChannelRow) -> Option<ChannelRow> {
        let Some(held) = self.erasing.get_mut(&row.record.channel) else {
            return Some(row);
        };
        *held = Some(row);
        None
    }

    /// A channel is erased; what the tracker has said of it meanwhile.
    pub(crate) fn erased(&mut self, id: &ChannelId) -> Option<ChannelRow> {
        self.erasing.remove(id).flatten()
    }

    /// Removes a channel; what is to be written for it.
    pub(crate) fn remove(&mut self, id: &ChannelId) -> Vec<Write> {
        self.due.touch(*id);
        let Some(channel) = self.by_id.remove(id) else {
            return Vec::new();
        };
        let author = channel.replica.author();
        let absent = channel.absence.map(|_| absence::put(id, None));
        self.left.insert(*id, author);
        self.erasing.insert(*id, None);
        let value = Bytes::from(postcard::to_allocvec(&author).unwrap_or_default());
        let log = |role| LogId { channel: *id, role };
        let mut writes = alloc::vec![
            Write::Erase { log: log(LogRole::Cache) },
            Write::Erase { log: log(LogRole::Host) },
            Write::Erase { log: log(LogRole::Staging) },
            Write::Erase { log: log(LogRole::Aside) },
            Write::Delete { table: Table::Joined, key: key_of(id) },
            Write::Put { table: Table::Setting, key: left_key(id), value },
        ];
        writes.extend(absent);
        writes
    }

    /// A host did not admit this session: the channel is read elsewhere for a while.
    pub(crate) fn refuse(&mut self, id: &ChannelId, until: Instant) {
        if let Some(channel) = self.get_mut(id) {
            channel.refused_until = Some(until);
            self.unsettled = true;
        }
    }

    /// A new session or a new link may be admitted where the old one was not.
    pub(crate) fn forgive(&mut self) {
        self.iter_mut().for_each(|(_, channel)| channel.refused_until = None);
        self.unsettled = true;
    }

    /// Hosts that did not admit this session are asked again when it is time; those in doubt are given up. The channels of
    /// which the tracker is to be asked again whether this account is a member.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<ChannelId> {
        self.due.touch_all(self.by_id.keys());
        let mut missing = Vec::new();
        for (id, channel) in &mut self.by_id {
            missing.extend(channel.missing.take_due(now).then_some(*id));
            if matches!(channel.presence, HostPresence::Doubtful(until) if until <= now) {
                channel.presence = HostPresence::Away;
                self.unsettled = true;
            }
            if channel.refused_until.is_some_and(|until| until <= now) {
                channel.refused_until = None;
                self.unsettled = true;
            }
        }
        missing
    }

    /// The account is not a member of this channel any more. Its cache stays until it is left here.
    pub(crate) fn end(&mut self, id: &ChannelId) -> Option<Write> {
        self.set_absent(id, Channel::end)
    }

    /// Whoever serves this channel does not let the account in; whether that lasts is the tracker's to say.
    pub(crate) fn shut_out(&mut self, id: &ChannelId) {
        if let Some(channel) = self.get_mut(id) {
            channel.membership = Membership::Ended;
            self.unsettled = true;
        }
    }

    /// The tracker does not list the account as a member of this channel, which may be its loss.
    pub(crate) fn miss(&mut self, id: &ChannelId) -> Option<Write> {
        self.set_absent(id, Channel::miss)
    }

    fn set_absent(&mut self, id: &ChannelId, set: impl FnOnce(&mut Channel)) -> Option<Write> {
        self.unsettled = true;
        let channel = self.get_mut(id)?;
        let before = channel.absence;
        set(channel);
        (before != channel.absence).then(|| absence::put(id, channel.absence))
    }

    /// Another account has logged in: nothing is known of its memberships. Whose channels are hosted here is known.
    pub(crate) fn end_all(&mut self) -> Vec<Write> {
        let joined = self.by_id.iter().filter(|(_, channel)| channel.host.is_none());
        let joined: Vec<ChannelId> = joined.map(|(id, _)| *id).collect();
        joined.iter().filter_map(|id| self.end(id)).collect()
    }

    /// The tracker's list begins.
    pub(crate) fn start_refresh(&mut self) {
        self.refreshed.clear();
        self.refreshing = true;
    }

    /// Whether the tracker is about to say where this channel's host is.
    pub(crate) fn is_refreshing(&self, id: &ChannelId) -> bool {
        self.refreshing && !self.refreshed.contains(id)
    }

    /// The tracker's list did not come, or not whole: what is known is all there is.
    pub(crate) fn give_up_refresh(&mut self) {
        self.refreshing = false;
        self.unsettled = true;
    }

    /// The tracker's list has this channel. `false`: the list is longer than any can be.
    pub(crate) fn on_refreshed(&mut self, id: ChannelId, channels_max: usize) -> bool {
        self.refreshed.insert(id);
        self.refreshed.len() <= channels_max
    }

    /// The tracker's list is whole: the joined channels that it did not have.
    pub(crate) fn finish_refresh(&mut self) -> Vec<(ChannelId, ChannelName)> {
        self.give_up_refresh();
        let refreshed = core::mem::take(&mut self.refreshed);
        // One that is being left is not missed.
        let is_over = |channel: &Channel| channel.absence == Some(Absence::Over);
        let is_joined = |channel: &Channel| !is_over(channel) && !channel.leaving;
        let joined = self.by_id.iter().filter(|(_, channel)| channel.host.is_none() && is_joined(channel));
        joined
            .filter(|(id, _)| !refreshed.contains(id))
            .map(|(id, channel)| (*id, channel.replica.record().name.clone()))
            .collect()
    }

    /// Something outside has changed that decides from where channels are served.
    pub(crate) fn unsettle(&mut self) {
        self.unsettled = true;
    }

    /// Whether the decision has to be made anew; asked once.
    pub(crate) fn take_unsettled(&mut self) -> bool {
        core::mem::take(&mut self.unsettled)
    }

    /// After every call: when those want to be called to which something was done.
    pub(crate) fn look_again(&mut self) {
        self.due.settle(&self.by_id);
    }

    /// Channels whose deadlines were looked at so far.
    #[cfg(test)]
    pub(crate) fn looks(&self) -> usize {
        self.due.looks
    }

    /// The channels that are served on a link.
    pub(crate) fn served_on(&self, link: LinkId) -> Vec<ChannelId> {
        self.by_id.iter().filter(|(_, channel)| channel.replica.link() == Some(link)).map(|(id, _)| *id).collect()
    }

    /// A restored peer decides at the first opportunity.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let start = self.unsettled.then(|| Deadline::new(Instant(0), "start"));
        earliest([start, self.due.deadline(&self.by_id)])
    }
}
