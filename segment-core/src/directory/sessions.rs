//! Who is here.

use alloc::collections::{BTreeMap, BTreeSet};
use core::net::{IpAddr, SocketAddr};

use segment_proto::messages::{Presence, UserRow};
use segment_proto::{AccountId, ChannelId, DeviceId, LinkId, SessionId, Who};

use super::guard::Network;
use super::links::Link;
use crate::rules::{Rule, Rules};

/// Somebody who is logged in and connected.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub id: SessionId,
    pub link: LinkId,
    pub who: Who,
    pub device: DeviceId,
    pub presence: Presence,
    /// As the tracker sees it.
    pub ip: IpAddr,
    /// Where others can dial it, once it has said so.
    pub address: Option<SocketAddr>,
    /// What a visitor has joined: nothing of it is written down.
    pub visiting: BTreeSet<ChannelId>,
}

impl Session {
    /// A session that is about to begin on a link.
    pub fn new(id: SessionId, link: LinkId, on: &Link, who: Who, presence: Presence) -> Self {
        let (device, ip) = (on.device, on.address.ip());
        Self { id, link, who, device, presence, ip, address: None, visiting: BTreeSet::new() }
    }

    /// Whether others may know that it is here.
    pub fn is_visible(&self, rules: Rules) -> bool {
        self.presence == Presence::Online || !rules.has(Rule::HideInvisible)
    }

    pub fn row(&self) -> UserRow {
        UserRow { who: self.who.clone(), session: self.id, device: self.device, address: self.address }
    }
}

/// A session whose record is being written.
#[derive(Clone, Copy, Debug)]
struct Opening {
    account: AccountId,
    device: DeviceId,
}

/// All live sessions, and those that are being opened.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_id: BTreeMap<SessionId, Session>,
    by_device: BTreeMap<DeviceId, SessionId>,
    by_account: BTreeMap<AccountId, BTreeSet<SessionId>>,
    visitors: BTreeMap<Network, usize>,
    opening: BTreeMap<LinkId, Opening>,
}

impl Sessions {
    pub fn len(&self) -> usize {
        self.by_id.len() + self.opening.len()
    }

    pub fn get(&self, id: SessionId) -> Option<&Session> {
        self.by_id.get(&id)
    }

    pub fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.by_id.get_mut(&id)
    }

    pub fn on_device(&self, device: &DeviceId) -> Option<&Session> {
        self.by_device.get(device).and_then(|id| self.by_id.get(id))
    }

    pub fn of_account(&self, account: AccountId) -> impl Iterator<Item = &Session> {
        self.by_account.get(&account).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }

    /// Sessions in the order of their ids, from behind one of them.
    pub fn behind(&self, after: Option<SessionId>) -> impl Iterator<Item = &Session> {
        use core::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        self.by_id.range((from, Unbounded)).map(|(_, session)| session)
    }

    pub fn visitors_from(&self, network: Network) -> usize {
        self.visitors.get(&network).copied().unwrap_or_default()
    }

    /// Sessions that an account has or is getting, but for the one that a login of this device replaces.
    pub fn others_of(&self, account: AccountId, device: &DeviceId) -> usize {
        let live = self.of_account(account).filter(|session| session.device != *device).count();
        live + self.opening.values().filter(|opening| opening.account == account && opening.device != *device).count()
    }

    /// Devices of an account that get their first record just now.
    pub fn opening_devices(&self, account: AccountId) -> impl Iterator<Item = &DeviceId> {
        self.opening.values().filter(move |opening| opening.account == account).map(|opening| &opening.device)
    }

    /// The account for which a session is being opened on a device.
    pub fn opening_on(&self, device: &DeviceId) -> Option<AccountId> {
        self.opening.values().find(|opening| opening.device == *device).map(|opening| opening.account)
    }

    pub fn begin(&mut self, link: LinkId, account: AccountId, device: DeviceId) {
        self.opening.insert(link, Opening { account, device });
    }

    pub fn abandon(&mut self, link: LinkId) {
        self.opening.remove(&link);
    }

    pub fn insert(&mut self, session: Session) {
        self.opening.remove(&session.link);
        self.by_device.insert(session.device, session.id);
        if session.who.is_visitor() {
            *self.visitors.entry(Network::of(session.ip)).or_default() += 1;
        } else {
            self.by_account.entry(session.who.account).or_default().insert(session.id);
        }
        self.by_id.insert(session.id, session);
    }

    pub fn remove(&mut self, id: SessionId) -> Option<Session> {
        let session = self.by_id.remove(&id)?;
        self.by_device.remove(&session.device);
        if session.who.is_visitor() {
            self.forget_visitor(Network::of(session.ip));
        } else {
            self.forget_user(session.who.account, id);
        }
        Some(session)
    }

    fn forget_visitor(&mut self, network: Network) {
        let left = self.visitors_from(network).saturating_sub(1);
        match left {
            0 => self.visitors.remove(&network),
            _ => self.visitors.insert(network, left),
        };
    }

    fn forget_user(&mut self, account: AccountId, id: SessionId) {
        if let Some(sessions) = self.by_account.get_mut(&account) {
            sessions.remove(&id);
            if sessions.is_empty() {
                self.by_account.remove(&account);
            }
        }
    }
}
