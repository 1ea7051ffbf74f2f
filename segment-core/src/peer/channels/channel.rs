//! One joined channel: how it is read and hosted here, and what is kept of that.

use core::net::SocketAddr;

use segment_proto::messages::ChannelRow;
use segment_proto::{AccountId, ChannelRecord, DeviceId, Instant, Signed};
use serde::{Deserialize, Serialize};

use super::absence::{Absence, Missing};
use crate::contract::Deadline;
use crate::host::Host;
use crate::peer::events::Serving;
use crate::replica::{Author, Replica};
use crate::store::{Fatal, LogRole, Store, Write};

/// Whether this account is a member, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    /// It is.
    Joined,
    /// The tracker does not list it, and may have lost that: nobody serves the channel, what is written waits.
    Missed,
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
pub(super) struct Kept {
    pub(super) record: Signed<ChannelRecord>,
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
    /// Why it is no member, where it is not.
    pub(crate) absence: Option<Absence>,
    pub(crate) missing: Missing,
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
    pub(super) fn create(
        record: &Signed<ChannelRecord>,
        device: DeviceId,
        author: Option<Author>,
    ) -> (Self, Option<Write>) {
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

    pub(super) fn restore(kept: Kept, store: &mut dyn Store) -> Result<Self, Fatal> {
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
            absence: None,
            missing: Missing::default(),
            presence,
            address,
            told: Serving::Nowhere,
            leaving: false,
            refused_until: None,
        }
    }

    pub(super) fn kept(&self) -> Kept {
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
        let (committed, level_in) = (self.replica.committed(), self.replica.level_in());
        let host = self.host.as_mut().or(self.former.as_mut())?;
        host.learn_committed(committed);
        host.learn_reader(level_in);
        Some(host)
    }

    /// After every call of the host: what it has taken over stands in the reader's log as well.
    pub(crate) fn after_host(&mut self) {
        let Some(host) = self.host.as_ref().or(self.former.as_ref()) else { return };
        self.replica.raise(host.below());
        self.replica.keep_up_to(host.shared_head(self.replica.generation()));
    }

    /// Whether it is the host that gives the tracker back what that has lost: its reader, at the copy, may have more.
    pub(crate) fn is_brought_by_host(&self) -> bool {
        let is_ahead = |host: &Host| self.replica.committed() > host.report().committed;
        let reads_more = |host: &Host| self.replica.serving() == Serving::Copy && is_ahead(host);
        self.host.as_ref().is_some_and(|host| !reads_more(host))
    }

    /// Whether its host has to wait, and the reader does not know.
    pub(crate) fn is_to_stand_aside(&self) -> bool {
        self.host.as_ref().is_some_and(Host::is_guest) && self.replica.is_kept_by_host()
    }

    pub(super) fn update(&mut self, row: &ChannelRow, lost: HostPresence) {
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
        match joined {
            true => (self.membership, self.absence) = (Membership::Joined, None),
            false => self.end(),
        }
        self.missing = Missing::default();
    }

    /// The account is not a member any more.
    pub(super) fn end(&mut self) {
        (self.membership, self.absence) = (Membership::Ended, Some(Absence::Over));
    }

    /// As it was when this process ended.
    pub(super) fn restore_absence(&mut self, absence: Absence) {
        self.absence = Some(absence);
        if absence == Absence::Over && self.host.is_none() {
            self.membership = Membership::Ended;
        }
    }

    /// The tracker does not list it. Where nothing is known of a generation, nothing can be lost.
    pub(super) fn miss(&mut self) {
        let generation = self.replica.generation();
        if generation == 0 {
            return self.end();
        }
        self.membership = Membership::Missed;
        self.absence.get_or_insert(Absence::Since(generation));
        self.missing.begin_anew();
    }

    /// The generation that was known when it was listed last.
    pub(crate) fn missed_since(&self) -> Option<u32> {
        match self.absence {
            Some(Absence::Since(generation)) => Some(generation),
            Some(Absence::Over) | None => None,
        }
    }

    /// Everything that it waits for.
    pub(crate) fn deadlines(&self) -> [Option<Deadline>; 6] {
        let again = self.refused_until.map(|until| Deadline::new(until, "ask a host again"));
        let doubt = match self.presence {
            HostPresence::Doubtful(until) => Some(Deadline::new(until, "host in doubt")),
            _ => None,
        };
        let (host, former) = (self.host.as_ref(), self.former.as_ref());
        let hosts = [host, former].map(|host| host.and_then(Host::poll_timeout));
        let missing = self.missing.again_at.map(|at| Deadline::new(at, "ask for a lost membership"));
        [again, doubt, missing, self.replica.poll_timeout(), hosts[0], hosts[1]]
    }

    /// Messages that are not committed yet.
    pub(crate) fn waiting(&self) -> usize {
        self.replica.outgoing().count() + self.former.as_ref().map_or(0, |former| former.report().resubmit)
    }
}
