//! What follows from a channel's change: who is still a member, and who is told.

use alloc::boxed::Box;
use alloc::vec::Vec;

use segment_proto::messages::ChannelChanged;
use segment_proto::{AccountId, ChannelId, ChannelRecord, DeviceId, Frame, LinkId, SessionId, Signed};

use super::creating::{may_see, no_membership};
use super::links::Stage;
use super::sessions::Session;
use super::{Directory, DirectoryTask, records};
use crate::store::{Fatal, Store, StoreOperation, Table, Write};
use crate::tracker::Backups;
use crate::tracker::context::{Context, TrackerTask};
use crate::tracker::events::TrackerEvent;

impl Directory {
    /// A channel's host has come or gone.
    pub fn on_host_presence(&mut self, channel: ChannelId, present: bool, backups: &Backups, cx: &mut Context<'_>) {
        cx.out.event(TrackerEvent::HostPresence { channel, present });
        self.push_changed(channel, backups, cx);
    }

    /// A channel is to be hosted by another device: signed, and on disk before it is told.
    pub fn on_host_designated(&mut self, channel: ChannelId, device: DeviceId, cx: &mut Context<'_>) {
        let Some(record) = self.channels.get(channel) else { return };
        let revision = self.moving.get(&channel).copied().unwrap_or(record.revision) + 1;
        self.moving.insert(channel, revision);
        let moved = ChannelRecord { host: device, revision, ..(**record).clone() };
        let moved = Signed::new(moved, cx.identity);
        let writes = alloc::vec![records::put(Table::Channel, records::channel_key(channel), &moved)];
        cx.out.write(TrackerTask::Directory(DirectoryTask::HostMoved(Box::new(moved))), writes);
    }

    pub(super) fn on_host_moved(&mut self, record: Signed<ChannelRecord>, backups: &Backups, cx: &mut Context<'_>) {
        let (channel, host) = (record.channel, record.host);
        self.moving.retain(|moving, revision| *moving != channel || *revision > record.revision);
        self.channels.replace(record);
        cx.out.event(TrackerEvent::HostMoved { channel, to: host });
        self.push_changed(channel, backups, cx);
    }

    /// A channel's rights have changed: who may not see it any more is no member any more.
    pub fn on_access_changed(&mut self, channel: ChannelId, backups: &Backups, cx: &mut Context<'_>) {
        let outsiders = self.outsiders(channel, backups);
        self.remove_members(channel, &outsiders, cx);
        if backups.get(channel).is_some_and(|backup| may_see(backup.access(), AccountId::NOBODY).is_err()) {
            self.remove_visitors(channel);
        }
        self.push_changed(channel, backups, cx);
        // Who is subscribed nowhere would hear of it from nobody else.
        outsiders.into_iter().for_each(|account| self.push_left(None, channel, account, backups, cx));
    }

    /// At the start: a crash may have come between an access entry and the removal of a member.
    ///
    /// # Errors
    /// [`Fatal`] as in [`Store::perform`].
    pub fn forget_outsiders(&mut self, backups: &Backups, store: &mut dyn Store) -> Result<(), Fatal> {
        let channels: Vec<ChannelId> = self.channels.iter().map(|record| record.channel).collect();
        for channel in channels {
            let outsiders = self.outsiders(channel, backups);
            if !outsiders.is_empty() {
                store.perform(&[StoreOperation::Write(self.drop_members(channel, &outsiders))])?;
            }
        }
        Ok(())
    }

    fn outsiders(&self, channel: ChannelId, backups: &Backups) -> Vec<AccountId> {
        let Some(backup) = backups.get(channel) else { return Vec::new() };
        self.members.of_channel(channel).filter(|account| may_see(backup.access(), *account).is_err()).collect()
    }

    pub(super) fn remove_members(&mut self, channel: ChannelId, accounts: &[AccountId], cx: &mut Context<'_>) {
        let writes = self.drop_members(channel, accounts);
        if !writes.is_empty() {
            cx.out.write(TrackerTask::Directory(DirectoryTask::Nothing), writes);
        }
    }

    fn drop_members(&mut self, channel: ChannelId, accounts: &[AccountId]) -> Vec<Write> {
        accounts.iter().for_each(|account| self.members.remove(channel, *account));
        accounts.iter().map(|account| no_membership(channel, *account)).collect()
    }

    fn remove_visitors(&mut self, channel: ChannelId) {
        let visitors: Vec<SessionId> = self.members.visitors(channel).collect();
        for visitor in visitors {
            self.members.end_visit(channel, visitor);
            if let Some(session) = self.sessions.get_mut(visitor) {
                session.visiting.remove(&channel);
            }
        }
    }

    /// Tells everybody who has joined a channel and is here how it is now.
    pub(super) fn push_changed(&mut self, channel: ChannelId, backups: &Backups, cx: &mut Context<'_>) {
        let (Some(record), Some(backup)) = (self.channels.get(channel), backups.get(channel)) else { return };
        let row = self.row(record, backup, true, cx.rules);
        let ready = self.links.with_room(self.links_in(channel), channel, cx.limits);
        cx.out.transmit_many(&ready, Frame::push(&ChannelChanged { row }));
    }

    /// A link has room again: tells of what it was not told, as it is now.
    pub(super) fn push_missed(&mut self, link: LinkId, backups: &Backups, cx: &mut Context<'_>) {
        let missed = self.links.get_mut(link).map(|link| core::mem::take(&mut link.missed));
        let Some(session) = self.session_on(link) else { return };
        for channel in missed.into_iter().flatten() {
            let (Some(record), Some(backup)) = (self.channels.get(channel), backups.get(channel)) else { continue };
            let joined = self.members.contains(channel, session.who.account) || session.visiting.contains(&channel);
            cx.out.push(link, &ChannelChanged { row: self.row(record, backup, joined, cx.rules) });
        }
    }

    /// The account's sessions have left as well, but for the one that knows.
    pub(super) fn push_left(
        &mut self,
        left_on: Option<LinkId>,
        channel: ChannelId,
        account: AccountId,
        backups: &Backups,
        cx: &mut Context<'_>,
    ) {
        let (Some(record), Some(backup)) = (self.channels.get(channel), backups.get(channel)) else { return };
        let row = self.row(record, backup, false, cx.rules);
        let links = self.sessions.of_account(account).map(|session| session.link);
        let others = self.links.with_room(links.filter(|link| Some(*link) != left_on), channel, cx.limits);
        cx.out.transmit_many(&others, Frame::push(&ChannelChanged { row }));
    }

    fn links_in(&self, channel: ChannelId) -> Vec<LinkId> {
        let users = self.members.of_channel(channel).flat_map(|account| self.sessions.of_account(account));
        let visitors = self.members.visitors(channel).filter_map(|id| self.sessions.get(id));
        users.chain(visitors).map(|session| session.link).collect()
    }

    pub(super) fn session_on(&self, link: LinkId) -> Option<&Session> {
        match self.links.get(link)?.stage {
            Stage::LoggedIn(id) => self.sessions.get(id),
            _ => None,
        }
    }
}
