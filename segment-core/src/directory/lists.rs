//! Lists, page by page.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use segment_proto::messages::{
    ChannelFilter, ChannelPage, DevicePage, FindDevices, FindUser, ListChannels, ListMembers, ListUsers, MemberPage,
    MemberRow, Presence, UserFound, UserPage,
};
use segment_proto::{AccountId, ChannelId, ChannelRecord, Page, Reason, Signed, UserName};

use super::Directory;
use super::creating::may_see;
use super::refusal::Refusal;
use crate::outbox::Asker;
use crate::rules::Rules;
use crate::tracker::Backups;
use crate::tracker::context::{Caller, Context};

type Records<'a> = Box<dyn Iterator<Item = &'a Signed<ChannelRecord>> + 'a>;

impl Directory {
    pub(super) fn on_list_users(&mut self, from: Asker, m: &ListUsers, cx: &mut Context<'_>) -> Result<(), Refusal> {
        let visible = self.sessions.behind(m.after).filter(|session| session.is_visible(cx.rules));
        let Page { rows, more } = Page::fill(visible.map(|session| session.row()), cx.limits);
        cx.out.answer(from, &UserPage { rows, more });
        Ok(())
    }

    /// What the caller may not see is not in the list.
    pub(super) fn on_list_channels(
        &mut self,
        from: Asker,
        caller: &Caller,
        m: &ListChannels,
        backups: &Backups,
        cx: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        let after = m.after.strip_prefix('#').unwrap_or(&m.after);
        let records: Records<'_> = match m.filter {
            ChannelFilter::All => Box::new(self.channels.behind(after)),
            ChannelFilter::Mine => Box::new(self.channels.owned_behind(caller.who.account, after)),
            ChannelFilter::Joined => self.joined_behind(caller, after),
            ChannelFilter::Unknown(_) => return Err(Reason::Malformed.into()),
        };
        let rows = records.filter_map(|record| {
            let backup = backups.get(record.channel)?;
            may_see(backup.access(), caller.who.account).ok()?;
            Some(self.row(record, backup, self.has_joined(caller, record.channel), cx.rules))
        });
        let Page { rows, more } = Page::fill(rows, cx.limits);
        cx.out.answer(from, &ChannelPage { rows, more });
        Ok(())
    }

    fn joined_behind(&self, caller: &Caller, after: &str) -> Records<'_> {
        let visiting = self.sessions.get(caller.session).into_iter().flat_map(|session| &session.visiting).copied();
        let joined = self.members.of_account(caller.who.account).chain(visiting);
        let by_name: BTreeMap<&str, _> = joined
            .filter_map(|channel: ChannelId| self.channels.get(channel))
            .map(|record| (record.name.as_str(), record))
            .filter(|(name, _)| *name > after)
            .collect();
        Box::new(by_name.into_values())
    }

    pub(super) fn on_list_members(
        &mut self,
        from: Asker,
        caller: &Caller,
        m: &ListMembers,
        backups: &Backups,
        cx: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        let backup = backups.get(m.channel).ok_or(Reason::NoSuchChannel)?;
        may_see(backup.access(), caller.who.account)?;
        let members = self.members.behind(m.channel, m.after);
        let rows = members.filter_map(|account| {
            let who = self.accounts.who(account)?;
            Some(MemberRow { who, presence: self.presence_of(account, cx.rules) })
        });
        let Page { rows, more } = Page::fill(rows, cx.limits);
        cx.out.answer(from, &MemberPage { rows, more });
        Ok(())
    }

    /// As others may see it.
    fn presence_of(&self, account: AccountId, rules: Rules) -> Presence {
        match self.sessions.of_account(account).any(|session| session.is_visible(rules)) {
            true => Presence::Online,
            false => Presence::Offline,
        }
    }

    pub(super) fn on_find_user(&mut self, from: Asker, m: &FindUser, cx: &mut Context<'_>) -> Result<(), Refusal> {
        let name = UserName::new(&m.name)?;
        let (account, _) = self.accounts.find(&name).ok_or(Reason::NoSuchUser)?;
        cx.out.answer(from, &UserFound { account, name });
        Ok(())
    }

    /// For everybody who reads: a message needs its author's name.
    pub(super) fn on_find_devices(
        &mut self,
        from: Asker,
        m: &FindDevices,
        cx: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        if m.devices.len() > cx.limits.page_rows_max {
            return Err(Reason::TooLarge.into());
        }
        let known = m.devices.iter().filter_map(|device| self.devices.record(device).cloned());
        cx.out.answer(from, &DevicePage { records: Page::fill(known, cx.limits).rows });
        Ok(())
    }
}
