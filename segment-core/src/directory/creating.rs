//! Creating, finding, joining and leaving channels.

use alloc::boxed::Box;

use segment_proto::access::{Access, View, Visitors};
use segment_proto::messages::{
    ChannelFound, ChannelRow, CreateChannel, Done, FindChannel, JoinChannel, LeaveChannel, Presence, RestoreChannel,
};
use segment_proto::{AccountId, ChannelId, ChannelName, ChannelRecord, Reason, Rights, Signed};

use super::records::{self, MemberRecord};
use super::refusal::Refusal;
use super::{Directory, DirectoryNotice, DirectoryTask};
use crate::backup::Backup;
use crate::outbox::Asker;
use crate::rules::Rules;
use crate::store::{Table, Write};
use crate::tracker::Backups;
use crate::tracker::context::{Caller, Context};
use crate::tracker::events::TrackerEvent;

/// Whether an account (nobody: a visitor) may see a channel.
pub(super) fn may_see(access: &Access, account: AccountId) -> Result<(), Reason> {
    match access.rights(account).include(Rights::READ) {
        true => Ok(()),
        false if account == AccountId::NOBODY => Err(Reason::NoVisitors),
        false => Err(Reason::MembersOnly),
    }
}

/// The same for somebody who asks by name: a members channel that they may not see is not even there.
fn may_find(access: &Access, account: AccountId) -> Result<(), Reason> {
    let is_public = access.view == View::Public;
    may_see(access, account).map_err(|reason| if is_public { reason } else { Reason::NoSuchChannel })
}

impl Directory {
    pub(super) fn on_create_channel(
        &mut self,
        from: Asker,
        caller: &Caller,
        m: &CreateChannel,
        cx: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        if matches!(m.view, View::Unknown(_)) || matches!(m.visitors, Visitors::Unknown(_)) {
            return Err(Reason::Malformed.into());
        }
        let name = ChannelName::new(&m.name)?;
        if caller.presence == Presence::Invisible {
            return Err(Refusal::new(Reason::OwnerMayNotHide, "who hides does not host: be online first"));
        }
        let Some(link) = self.links.get_mut(from.link) else { return Ok(()) };
        let channel = link.random.channel_id();
        self.reserve_channel(channel, &name, caller.who.account, cx)?;
        let record = ChannelRecord {
            channel,
            name,
            owner: caller.who.clone(),
            host: caller.device,
            view: m.view,
            visitors: m.visitors,
            created: cx.now.wall,
            revision: 1,
        };
        self.write_channel(from, Signed::new(record, cx.identity), cx);
        Ok(())
    }

    /// A channel that was made after the copy of which this tracker's store was put back. Its messages follow: its
    /// host shows a receipt for them.
    pub(super) fn on_restore_channel(
        &mut self,
        from: Asker,
        caller: &Caller,
        m: RestoreChannel,
        backups: &Backups,
        cx: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        let record = m.record;
        if !record.is_signed_by(&cx.identity.device(), &cx.identity.verifier()) {
            return Err(Reason::BadSignature.into());
        }
        let owner = record.owner.account;
        if record.host != caller.device && owner != caller.who.account {
            return Err(Reason::NotHost.into());
        }
        if self.channels.get(record.channel).is_some() {
            self.answer_found(from, record.channel, backups, cx);
            return Ok(());
        }
        self.reserve_channel(record.channel, &record.name, owner, cx)?;
        self.write_channel(from, record, cx);
        Ok(())
    }

    /// Keeps a place for the owner and the name, while the channel is written.
    fn reserve_channel(
        &mut self,
        channel: ChannelId,
        name: &ChannelName,
        owner: AccountId,
        cx: &Context<'_>,
    ) -> Result<(), Refusal> {
        self.members.reserve(channel, owner, cx.limits)?;
        if let Err(reason) = self.channels.reserve(name, owner, cx.limits) {
            self.members.remove(channel, owner);
            return Err(reason.into());
        }
        Ok(())
    }

    fn write_channel(&mut self, from: Asker, record: Signed<ChannelRecord>, cx: &mut Context<'_>) {
        let writes = alloc::vec![
            records::put(Table::Channel, records::channel_key(record.channel), &record),
            membership(record.channel, record.owner.account, cx),
        ];
        self.write(from, DirectoryTask::Created(from, Box::new(record)), writes, cx);
    }

    pub(super) fn on_created(&mut self, from: Asker, record: Box<Signed<ChannelRecord>>, cx: &mut Context<'_>) {
        cx.out.event(TrackerEvent::ChannelCreated { channel: record.channel });
        self.members.insert(record.channel, record.owner.account);
        self.channels.insert((*record).clone());
        self.notices.push(DirectoryNotice::ChannelCreated { record, asker: from });
    }

    /// A new channel has its copy: now its maker is answered.
    pub fn on_channel_ready(&mut self, from: Asker, channel: ChannelId, backups: &Backups, cx: &mut Context<'_>) {
        if self.finish(from) {
            self.answer_found(from, channel, backups, cx);
        }
    }

    pub(super) fn on_find_channel(
        &mut self,
        from: Asker,
        caller: &Caller,
        m: &FindChannel,
        backups: &Backups,
        cx: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        let channel = self.find_for(caller, &m.name, backups)?;
        self.answer_found(from, channel, backups, cx);
        Ok(())
    }

    pub(super) fn on_join(
        &mut self,
        from: Asker,
        caller: &Caller,
        m: &JoinChannel,
        backups: &Backups,
        cx: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        let channel = self.find_for(caller, &m.name, backups)?;
        let account = caller.who.account;
        if caller.who.is_visitor() {
            self.visit(channel, caller, cx)?;
        } else if !self.members.contains(channel, account) {
            self.members.reserve(channel, account, cx.limits)?;
            let writes = alloc::vec![membership(channel, account, cx)];
            self.write(from, DirectoryTask::Joined(from, channel, account), writes, cx);
            return Ok(());
        }
        self.answer_found(from, channel, backups, cx);
        Ok(())
    }

    fn visit(&mut self, channel: ChannelId, caller: &Caller, cx: &Context<'_>) -> Result<(), Refusal> {
        let Some(session) = self.sessions.get_mut(caller.session) else { return Ok(()) };
        if !session.visiting.contains(&channel) && session.visiting.len() >= cx.limits.joined_channels_max {
            return Err(Reason::LimitReached.into());
        }
        session.visiting.insert(channel);
        self.members.visit(channel, caller.session);
        Ok(())
    }

    pub(super) fn on_joined(
        &mut self,
        from: Asker,
        channel: ChannelId,
        account: AccountId,
        backups: &Backups,
        cx: &mut Context<'_>,
    ) {
        let is_there = self.finish(from);
        self.members.insert(channel, account);
        let refused = backups.get(channel).and_then(|backup| may_find(backup.access(), account).err());
        match refused {
            Some(reason) => {
                self.remove_members(channel, &[account], cx);
                if is_there {
                    cx.refuse(from, &Refusal::from(reason).0);
                }
            }
            None if is_there => self.answer_found(from, channel, backups, cx),
            None => {}
        }
    }

    pub(super) fn on_leave(
        &mut self,
        from: Asker,
        caller: &Caller,
        m: &LeaveChannel,
        cx: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        let record = self.channels.get(m.channel).ok_or(Reason::NoSuchChannel)?;
        let account = caller.who.account;
        if record.owner.account == account {
            return Err(Refusal::new(Reason::NotNow, "the owner of a channel does not leave it"));
        }
        if let Some(session) = self.sessions.get_mut(caller.session) {
            session.visiting.remove(&m.channel);
            self.members.end_visit(m.channel, caller.session);
        }
        if !self.members.contains(m.channel, account) {
            cx.out.answer(from, &Done {});
            return Ok(());
        }
        let writes = alloc::vec![no_membership(m.channel, account)];
        self.write(from, DirectoryTask::Left(from, m.channel, account), writes, cx);
        Ok(())
    }

    pub(super) fn on_left(
        &mut self,
        from: Asker,
        channel: ChannelId,
        account: AccountId,
        backups: &Backups,
        cx: &mut Context<'_>,
    ) {
        self.members.remove(channel, account);
        self.push_left(Some(from.link), channel, account, backups, cx);
        if self.finish(from) {
            cx.out.answer(from, &Done {});
        }
    }

    /// A channel by its exact name, if the caller may see it.
    fn find_for(&self, caller: &Caller, name: &str, backups: &Backups) -> Result<ChannelId, Refusal> {
        let record = self.channels.find(&ChannelName::new(name)?).ok_or(Reason::NoSuchChannel)?;
        let backup = backups.get(record.channel).ok_or(Reason::NoSuchChannel)?;
        may_find(backup.access(), caller.who.account)?;
        Ok(record.channel)
    }

    fn answer_found(&self, from: Asker, channel: ChannelId, backups: &Backups, cx: &mut Context<'_>) {
        let (Some(record), Some(backup)) = (self.channels.get(channel), backups.get(channel)) else { return };
        let Some(session) = self.session_on(from.link) else {
            return cx.refuse(from, &Refusal::from(Reason::LoginRequired).0);
        };
        let joined = self.members.contains(channel, session.who.account) || session.visiting.contains(&channel);
        let row = self.row(record, backup, joined, cx.rules);
        cx.out.answer(from, &ChannelFound { row, epoch: backup.epoch().cloned() });
    }

    pub(super) fn has_joined(&self, caller: &Caller, channel: ChannelId) -> bool {
        self.members.contains(channel, caller.who.account)
            || self.sessions.get(caller.session).is_some_and(|session| session.visiting.contains(&channel))
    }

    /// A channel as it is now. Its host is there for others only if its owner may be seen.
    pub(super) fn row(
        &self,
        record: &Signed<ChannelRecord>,
        backup: &Backup,
        joined: bool,
        rules: Rules,
    ) -> ChannelRow {
        let host = backup.host().and_then(|link| self.session_on(link)).filter(|session| session.is_visible(rules));
        ChannelRow {
            record: record.clone(),
            view: backup.access().view,
            visitors: backup.access().visitors,
            host: host.and_then(|session| session.address),
            host_present: host.is_some(),
            joined,
        }
    }
}

fn membership(channel: ChannelId, account: AccountId, cx: &Context<'_>) -> Write {
    records::put(Table::Member, records::member_key(channel, account), &MemberRecord { since: cx.now.wall })
}

pub(super) fn no_membership(channel: ChannelId, account: AccountId) -> Write {
    Write::Delete { table: Table::Member, key: records::member_key(channel, account) }
}
