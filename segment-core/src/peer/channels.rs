//! The joined channels of a peer, those among them that it hosts, and what is kept of each.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::SocketAddr;

use bytes::Bytes;
use segment_proto::messages::ChannelRow;
use segment_proto::{AccountId, ChannelId, ChannelName, ChannelRecord, DeviceId, Instant, Limits, LinkId, Signed};
use serde::{Deserialize, Serialize};

use crate::contract::{Deadline, earliest};
use crate::host::Host;
use crate::peer::events::Serving;
use crate::replica::{Author, Replica};
use crate::store::{Fatal, LogId, LogRole, Record, Store, Table, Write};

const LEFT_PREFIX: &[u8] = b"peer/left/";
/// Channels that were left are remembered up to so many times the channels that may be joined. Policy:
/// no further channel is joined, as one beyond the joined ones is not.
const LEFT_FACTOR: usize = 4;

/// Whether this account is a member, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    /// It is.
    Joined,
    /// It left, was removed, or another account has logged in: the cache stays, nobody serves it.
    Ended,
}

/// Whether a channel's host is there, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostPresence {
    /// It is, or was when this was last heard.
    There,
    /// The tracker has lost it: a link that still works is kept until then, for both may have lost the tracker.
    Doubtful(Instant),
    /// It is not.
    Away,
}

/// What is stored of a joined channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    record: Signed<ChannelRecord>,
    hosting: Hosting,
    /// Where the host was last seen: its own certificate admits a member while the tracker is down.
    address: Option<SocketAddr>,
}

/// What is stored of hosting it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Hosting {
    /// Never here.
    Never,
    /// Here, by its owner.
    ByOwner,
    /// Here once at least, for this account.
    For(AccountId, HostingStage),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum HostingStage {
    /// For the first time; the reader still has a cache of its own.
    Coming,
    /// Again; the reader still writes to the host's log.
    Returning,
    /// It does.
    Here,
    /// It did.
    Former,
}

/// A joined channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) replica: Replica,
    /// There, where this device hosts it.
    pub(crate) host: Option<Host>,
    /// There, where it did: brings what it has cut to its successor, and may come back.
    pub(crate) former: Option<Host>,
    /// For whom it is or was hosted here.
    pub(crate) hosts_for: Option<AccountId>,
    pub(crate) membership: Membership,
    pub(crate) presence: HostPresence,
    pub(crate) address: Option<SocketAddr>,
    /// What the embedder was told.
    pub(crate) told: Serving,
    /// The tracker was asked to end the membership: nothing is written any more that would be dropped.
    pub(crate) leaving: bool,
    /// The host did not admit this session: it is asked again then.
    pub(crate) refused_until: Option<Instant>,
}

impl Channel {
    fn create(record: &Signed<ChannelRecord>, device: DeviceId, author: Option<Author>) -> (Self, Option<Write>) {
        let host = (record.host == device).then(|| Host::create(record.clone()));
        let keeping = if host.is_some() { LogRole::Host } else { LogRole::Cache };
        let (replica, write) = match author {
            None => (Replica::create(record.clone(), keeping), None),
            Some(author) => {
                let (replica, write) = Replica::resume(record.clone(), keeping, author);
                (replica, Some(write))
            }
        };
        let hosts_for = host.as_ref().map(|_| record.owner.account);
        (Self { host, hosts_for, ..Self::new(replica, None) }, write)
    }

    fn restore(kept: Kept, store: &mut dyn Store) -> Result<Self, Fatal> {
        let Kept { record, hosting, address } = kept;
        let (hosts_for, stage) = match hosting {
            Hosting::Never => return Ok(Self::new(Replica::restore(record, LogRole::Cache, store)?, address)),
            Hosting::ByOwner => (record.owner.account, HostingStage::Here),
            Hosting::For(account, stage) => (account, stage),
        };
        let host = match stage {
            HostingStage::Here | HostingStage::Coming => Host::restore(record.clone(), store)?,
            HostingStage::Returning | HostingStage::Former => Host::restore_committed(record.clone(), store)?,
        };
        let keeping = if stage == HostingStage::Coming { LogRole::Cache } else { LogRole::Host };
        let mut channel = Self::new(Replica::restore(record, keeping, store)?, address);
        channel.hosts_for = Some(hosts_for);
        if matches!(stage, HostingStage::Returning | HostingStage::Former) {
            channel.replica.keeps_alone();
        }
        match stage {
            HostingStage::Former => channel.former = Some(host.retired()),
            _ => channel.host = Some(host),
        }
        Ok(channel)
    }

    fn new(replica: Replica, address: Option<SocketAddr>) -> Self {
        let membership = Membership::Joined;
        let presence = HostPresence::There;
        Self {
            replica,
            host: None,
            former: None,
            hosts_for: None,
            membership,
            presence,
            address,
            told: Serving::Nowhere,
            leaving: false,
            refused_until: None,
        }
    }

    fn kept(&self) -> Kept {
        Kept { record: self.replica.record().clone(), hosting: self.hosting(), address: self.address }
    }

    fn hosting(&self) -> Hosting {
        let Some(account) = self.hosts_for else { return Hosting::Never };
        let by_host = self.replica.is_kept_by_host();
        let stage = match (&self.host, &self.former) {
            (Some(_), _) if by_host && account == self.replica.record().owner.account => return Hosting::ByOwner,
            (Some(_), _) if by_host => HostingStage::Here,
            (Some(_), _) if self.replica.keeping() == LogRole::Host => HostingStage::Returning,
            (Some(_), _) => HostingStage::Coming,
            (None, Some(_)) => HostingStage::Former,
            (None, None) => return Hosting::Never,
        };
        Hosting::For(account, stage)
    }

    /// The host, also a former one.
    pub(crate) fn any_host(&mut self) -> Option<&mut Host> {
        let committed = self.replica.committed();
        let host = self.host.as_mut().or(self.former.as_mut())?;
        host.learn_committed(committed);
        Some(host)
    }

    /// After every call of the host: what it has taken over stands in the reader's log as well.
    pub(crate) fn after_host(&mut self) {
        let Some(host) = self.host.as_ref().or(self.former.as_ref()) else { return };
        self.replica.raise(host.below());
        self.replica.keep_up_to(host.shared_head(self.replica.generation()));
    }

    /// Whether its host has to wait, and the reader does not know.
    pub(crate) fn is_to_stand_aside(&self) -> bool {
        self.host.as_ref().is_some_and(Host::is_guest) && self.replica.is_kept_by_host()
    }

    fn update(&mut self, row: &ChannelRow, lost: HostPresence) {
        if self.replica.record() != &row.record && row.record.revision >= self.replica.record().revision {
            self.replica.set_record(row.record.clone());
            self.host.iter_mut().chain(&mut self.former).for_each(|host| host.set_record(row.record.clone()));
        }
        self.presence = match self.presence {
            _ if row.host_present => HostPresence::There,
            HostPresence::There => lost,
            lost_before => lost_before,
        };
        self.address = row.host.or(self.address);
        let joined = row.joined || self.host.is_some();
        self.membership = if joined { Membership::Joined } else { Membership::Ended };
    }

    /// Everything that it waits for.
    pub(crate) fn deadlines(&self) -> [Option<Deadline>; 5] {
        let again = self.refused_until.map(|until| Deadline::new(until, "ask a host again"));
        let doubt = match self.presence {
            HostPresence::Doubtful(until) => Some(Deadline::new(until, "host in doubt")),
            _ => None,
        };
        let (host, former) = (self.host.as_ref(), self.former.as_ref());
        let hosts = [host, former].map(|host| host.and_then(Host::poll_timeout));
        [again, doubt, self.replica.poll_timeout(), hosts[0], hosts[1]]
    }

    /// Messages that are not committed yet.
    pub(crate) fn waiting(&self) -> usize {
        self.replica.outgoing().count() + self.former.as_ref().map_or(0, |former| former.report().resubmit)
    }
}

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
    /// Where this device's messages end in channels that were left.
    left: BTreeMap<ChannelId, Author>,
    /// Those that the pages of a refresh have shown so far.
    refreshed: BTreeSet<ChannelId>,
    /// The tracker was asked for its list, and has not given all of it: where hosts are is about to be known.
    refreshing: bool,
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
        channels.unsettled = !channels.by_id.is_empty();
        Ok(channels)
    }

    pub(crate) fn get(&self, channel: &ChannelId) -> Option<&Channel> {
        self.by_id.get(channel)
    }

    pub(crate) fn get_mut(&mut self, channel: &ChannelId) -> Option<&mut Channel> {
        self.by_id.get_mut(channel)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ChannelId, &Channel)> {
        self.by_id.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&ChannelId, &mut Channel)> {
        self.by_id.iter_mut()
    }

    /// All hosts, also former ones.
    pub(crate) fn hosts(&mut self) -> impl Iterator<Item = &mut Host> {
        self.by_id.values_mut().filter_map(Channel::any_host)
    }

    /// A channel's host, also a former one.
    pub(crate) fn host_mut(&mut self, id: &ChannelId) -> Option<&mut Host> {
        self.by_id.get_mut(id).and_then(Channel::any_host)
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
        self.by_id.values().any(|channel| channel.host.is_some())
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
        let before = self.by_id.get(&id).map(Channel::kept);
        let mut writes = Vec::new();
        if before.is_none() {
            writes = self.add(&row.record, device, limits)?;
        }
        let Some(channel) = self.by_id.get_mut(&id) else { return Ok(writes) };
        channel.update(row, lost);
        self.unsettled = true;
        if before != Some(channel.kept()) {
            writes.extend(self.put_kept(&id));
        }
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

    /// Removes a channel; what is to be written for it.
    pub(crate) fn remove(&mut self, id: &ChannelId) -> Vec<Write> {
        let Some(channel) = self.by_id.remove(id) else {
            return Vec::new();
        };
        let author = channel.replica.author();
        self.left.insert(*id, author);
        let value = Bytes::from(postcard::to_allocvec(&author).unwrap_or_default());
        let log = |role| LogId { channel: *id, role };
        alloc::vec![
            Write::Erase { log: log(LogRole::Cache) },
            Write::Erase { log: log(LogRole::Host) },
            Write::Delete { table: Table::Joined, key: key_of(id) },
            Write::Put { table: Table::Setting, key: left_key(id), value },
        ]
    }

    /// A host did not admit this session: the channel is read elsewhere for a while.
    pub(crate) fn refuse(&mut self, id: &ChannelId, until: Instant) {
        if let Some(channel) = self.by_id.get_mut(id) {
            channel.refused_until = Some(until);
            self.unsettled = true;
        }
    }

    /// A new session or a new link may be admitted where the old one was not.
    pub(crate) fn forgive(&mut self) {
        self.by_id.values_mut().for_each(|channel| channel.refused_until = None);
        self.unsettled = true;
    }

    /// Hosts that did not admit this session are asked again when it is time; those in doubt are given up.
    pub(crate) fn take_due(&mut self, now: Instant) {
        for channel in self.by_id.values_mut() {
            if matches!(channel.presence, HostPresence::Doubtful(until) if until <= now) {
                channel.presence = HostPresence::Away;
                self.unsettled = true;
            }
            if channel.refused_until.is_some_and(|until| until <= now) {
                channel.refused_until = None;
                self.unsettled = true;
            }
        }
    }

    /// The account is not a member of this channel any more. Its cache stays until it is left here.
    pub(crate) fn end(&mut self, id: &ChannelId) {
        if let Some(channel) = self.by_id.get_mut(id) {
            channel.membership = Membership::Ended;
            self.unsettled = true;
        }
    }

    /// Another account has logged in: nothing is known of its memberships. Whose channels are hosted here is known.
    pub(crate) fn end_all(&mut self) {
        let joined = self.by_id.values_mut().filter(|channel| channel.host.is_none());
        joined.for_each(|channel| channel.membership = Membership::Ended);
        self.unsettled = true;
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
        let is_joined = |channel: &Channel| channel.membership == Membership::Joined && !channel.leaving;
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

    /// The channels that are served on a link.
    pub(crate) fn served_on(&self, link: LinkId) -> Vec<ChannelId> {
        self.by_id.iter().filter(|(_, channel)| channel.replica.link() == Some(link)).map(|(id, _)| *id).collect()
    }

    /// A restored peer decides at the first opportunity.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let start = self.unsettled.then(|| Deadline::new(Instant(0), "start"));
        let channels = self.by_id.values().flat_map(Channel::deadlines);
        earliest(core::iter::once(start).chain(channels))
    }
}
