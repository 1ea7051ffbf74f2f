//! Nothing of a channel reaches who may not read it; nobody but the tracker knows of the invisible.

use std::collections::{BTreeMap, BTreeSet};

use segment_core::LogRole;
use segment_proto::messages::Presence;
use segment_proto::{Access, AccountId, ChannelId, DeviceId, Message, Rights, SessionId};

use super::contents;
use super::durable::Speaker;
use super::findings::{Check, Findings};
use super::ledger::Ledger;
use super::truth::Truth;

/// Checks that whoever gets these entries may read them.
pub fn check_reader(
    speaker: Speaker<'_>,
    reader: &DeviceId,
    message: &Message,
    ledger: &Ledger,
    truth: &Truth,
    findings: &mut Findings,
) {
    let Some(carried) = contents::entries(message).filter(|_| !matches!(message, Message::Replicate(_))) else {
        return;
    };
    let account = truth.account_of(reader).unwrap_or(AccountId::NOBODY);
    let Some(since) = unreadable_since(&carried.channel, account, ledger, truth) else { return };
    let leaks = carried.entries.iter().any(|entry| entry.pos > since);
    if leaks && !may_read_by_log(speaker, carried.channel, account, truth) {
        let name = message.name();
        findings.add(Check::ReadRight, format!("{name} goes to account {account}, which may not read since {since}"));
    }
}

fn unreadable_since(channel: &ChannelId, account: AccountId, ledger: &Ledger, truth: &Truth) -> Option<u64> {
    if let Some(ledger) = ledger.channel(channel) {
        return ledger.unreadable_since(account);
    }
    let record = truth.record(channel)?;
    let access = Access::new(record.owner.account, record.view, record.visitors);
    (!access.rights(account).include(Rights::READ)).then_some(0)
}

/// By what the sender itself has on disk, committed or not.
fn may_read_by_log(speaker: Speaker<'_>, channel: ChannelId, account: AccountId, truth: &Truth) -> bool {
    let Some(record) = truth.record(&channel) else { return true };
    let mut access = Access::new(record.owner.account, record.view, record.visitors);
    let log = speaker.durable.log(segment_core::LogId { channel, role: speaker.role });
    let changes = log.into_iter().flat_map(|log| log.iter()).filter_map(|stored| stored.entry.envelope.access());
    changes.for_each(|change| access.apply(&change));
    access.rights(account).include(Rights::READ)
}

/// Who has a session, as the tracker says to its log.
#[derive(Debug, Default)]
pub struct Sessions {
    live: BTreeMap<SessionId, AccountId>,
}

impl Sessions {
    /// A session begins.
    pub fn on_logged_in(&mut self, session: SessionId, account: AccountId) {
        self.live.insert(session, account);
    }

    /// A session ends.
    pub fn on_ended(&mut self, session: &SessionId) {
        self.live.remove(session);
    }

    /// The tracker starts: who is there has to come again.
    pub fn clear(&mut self) {
        self.live.clear();
    }

    /// Accounts of which every session is hidden.
    fn hidden_accounts(&self, truth: &Truth) -> BTreeSet<AccountId> {
        let hidden = |session: &SessionId| truth.is_hidden(session);
        let all: BTreeSet<AccountId> = self.live.iter().filter(|(s, _)| hidden(s)).map(|(_, a)| *a).collect();
        let seen: BTreeSet<AccountId> = self.live.iter().filter(|(s, _)| !hidden(s)).map(|(_, a)| *a).collect();
        all.difference(&seen).copied().collect()
    }

    /// Checks a message of the tracker to somebody.
    pub fn check(&self, reader: &DeviceId, message: &Message, truth: &Truth, findings: &mut Findings) {
        let sessions: Vec<SessionId> = match message {
            Message::UserPage(page) => page.rows.iter().map(|row| row.session).collect(),
            Message::UserCame(came) => vec![came.row.session],
            Message::MemberPage(page) => {
                let hidden = self.hidden_accounts(truth);
                let mut online = page.rows.iter().filter(|row| row.presence != Presence::Offline);
                let seen = online.find(|row| hidden.contains(&row.who.account) && !row.who.is_visitor());
                findings.expect(Check::Invisible, seen.is_none(), || format!("{seen:?} is shown as a member online"));
                return;
            }
            _ => return,
        };
        let own = truth.account_of(reader);
        let seen = sessions.iter().find(|session| {
            truth.is_hidden(session) && self.live.get(session).copied() != own.filter(|own| *own != AccountId::NOBODY)
        });
        findings.expect(Check::Invisible, seen.is_none(), || format!("{seen:?} is shown by {}", message.name()));
    }
}

/// The role of the copy that a node serves.
#[must_use]
pub fn role_of(is_tracker: bool) -> LogRole {
    if is_tracker { LogRole::Backup } else { LogRole::Host }
}
