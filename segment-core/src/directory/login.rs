//! Logging in: with a password, as a visitor, or with a token.

use alloc::boxed::Box;
use alloc::vec::Vec;

use segment_proto::messages::{Goodbye, Guest, LoggedIn, Login, Presence, ResumeSession};
use segment_proto::{
    AccountId, Certificate, DeviceId, DeviceRecord, Limits, LinkId, Reason, Signed, Token, UserName, Who,
};

use super::guard::{AttemptKey, Network};
use super::links::Stage;
use super::records::{self, AccountRecord, SessionRecord};
use super::refusal::Refusal;
use super::registering::is_too_long;
use super::sessions::Session;
use super::{Directory, DirectoryTask};
use crate::outbox::Asker;
use crate::store::{Operation, Outcome, Table, Write};
use crate::tracker::context::{Context, TrackerTask};
use crate::tracker::events::{SessionEnd, TrackerEvent};

/// What a visitor gets in place of a token: it resumes nothing.
const NO_TOKEN: Token = Token([0; 32]);

/// A login whose password is being checked.
#[derive(Debug)]
pub struct Attempt {
    from: Asker,
    /// Nobody, where there is no such user: that takes as long.
    account: Option<AccountId>,
    key: AttemptKey,
    presence: Presence,
}

/// A session whose record is being written.
#[derive(Debug)]
pub struct Opening {
    from: Asker,
    who: Who,
    presence: Presence,
    token: Token,
    stored: SessionRecord,
    device: Signed<DeviceRecord>,
    account: Option<AccountRecord>,
}

impl Directory {
    /// Whether somebody may begin to log in on a link at all.
    pub(super) fn may_begin(&self, link: LinkId, limits: &Limits) -> Result<Network, Refusal> {
        let Some(link) = self.links.get(link) else { return Err(Reason::NotNow.into()) };
        match link.stage {
            Stage::Greeted => {}
            Stage::LoggedIn(_) => return Err(Refusal::new(Reason::NotNow, "logged in already: log out first")),
            _ => return Err(Refusal::new(Reason::NotNow, "a login is under way")),
        }
        if self.sessions.len() >= limits.sessions_max && self.sessions.on_device(&link.device).is_none() {
            return Err(Reason::LimitReached.into());
        }
        Ok(Network::of(link.address.ip()))
    }

    pub(super) fn on_login(&mut self, from: Asker, m: Login, cx: &mut Context<'_>) -> Result<(), Refusal> {
        let network = self.may_log_in(from.link, m.auth_method, m.presence, cx.limits)?;
        let name = UserName::new(&m.name)?;
        if is_too_long(&m.secret) {
            return Err(Reason::BadPassword.into());
        }
        let found = self.accounts.find(&name).map(|(account, record)| (account, record.hash.clone()));
        let account = found.as_ref().map(|(account, _)| *account);
        self.check_device(from.link, account)?;
        let key = (name.skeleton(), network);
        self.guard.begin_hash(cx.limits)?;
        if let Err(wait) = self.guard.try_login(&key, cx.limits, cx.now.mono) {
            self.guard.end_hash();
            return Err(wait.into());
        }
        self.links.set_stage(from.link, Stage::LoggingIn);
        let salt = self.salt(from.link);
        let operation = match found {
            Some((_, hash)) => Operation::VerifyPassword { secret: m.secret, hash },
            None => Operation::HashPassword { secret: m.secret, salt },
        };
        let attempt = Attempt { from, account, key, presence: m.presence };
        self.perform(from, DirectoryTask::Attempt(Box::new(attempt)), operation, cx);
        Ok(())
    }

    pub(super) fn on_verified(&mut self, attempt: Attempt, outcome: &Outcome, cx: &mut Context<'_>) {
        self.guard.end_hash();
        let Attempt { from, account, key, presence } = attempt;
        let who = account.filter(|_| *outcome == Outcome::PasswordVerified(true)).and_then(|id| self.accounts.who(id));
        if who.is_some() {
            self.guard.succeeded(&key);
        }
        if !self.finish(from) {
            return;
        }
        let opened = who
            .ok_or(Refusal::from(Reason::WrongCredentials))
            .and_then(|who| self.open_session(from, who, presence, None, cx));
        if let Err(refusal) = opened {
            self.give_up_login(from, &refusal, cx);
        }
    }

    pub(super) fn give_up_login(&mut self, from: Asker, Refusal(failure): &Refusal, cx: &mut Context<'_>) {
        if self.links.get(from.link).is_some() {
            self.links.set_stage(from.link, Stage::Greeted);
            cx.refuse(from, failure);
        }
    }

    /// Writes a session with everything that it rests on; the answer follows when that is on disk.
    pub(super) fn open_session(
        &mut self,
        from: Asker,
        who: Who,
        presence: Presence,
        account: Option<AccountRecord>,
        cx: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        self.check_device(from.link, Some(who.account))?;
        let Some(link) = self.links.get_mut(from.link) else { return Ok(()) };
        let (device, session, token) = (link.device, link.random.session_id(), link.random.token());
        self.check_room(who.account, &device, cx.limits)?;
        let (record, mut writes) = self.enrol(device, &who, cx)?;
        let stored = SessionRecord { session, token: token.hash(), used: cx.now.wall };
        writes.push(records::put(Table::Session, records::device_key(&device), &stored));
        if let Some(account) = &account {
            writes.push(records::put(Table::Account, records::account_key(who.account), account));
        }
        self.sessions.begin(from.link, who.account, device);
        let opening = Opening { from, who, presence, token, stored, device: record, account };
        self.write(from, DirectoryTask::Opening(Box::new(opening)), writes, cx);
        Ok(())
    }

    fn check_room(&self, account: AccountId, device: &DeviceId, limits: &Limits) -> Result<(), Refusal> {
        let is_full = self.sessions.len() >= limits.sessions_max && self.sessions.on_device(device).is_none();
        match is_full || self.sessions.others_of(account, device) >= limits.sessions_per_account_max {
            true => Err(Refusal::new(Reason::LimitReached, "too many sessions")),
            false => Ok(()),
        }
    }

    /// The record of a device that logs in, and what has to be written for it.
    fn enrol(
        &mut self,
        device: DeviceId,
        who: &Who,
        cx: &Context<'_>,
    ) -> Result<(Signed<DeviceRecord>, Vec<Write>), Refusal> {
        let known = self.devices.record(&device);
        if let Some(record) = known.filter(|record| record.revoked.is_none()) {
            return Ok((record.clone(), Vec::new()));
        }
        if known.is_none() && !self.devices.has_room(who.account) {
            return Err(Refusal::new(Reason::LimitReached, "too many devices: use an earlier one"));
        }
        let mut writes = self.make_room_for_device(who.account, &device, cx)?;
        let record = DeviceRecord { device, who: who.clone(), since: cx.now.wall, revoked: None };
        let record = Signed::new(record, cx.identity);
        writes.push(records::put(Table::Device, records::device_key(&device), &record));
        Ok((record, writes))
    }

    /// Revokes the device longest unused, where there are too many. One that hosts a channel or is logged in stays.
    fn make_room_for_device(
        &mut self,
        account: AccountId,
        device: &DeviceId,
        cx: &Context<'_>,
    ) -> Result<Vec<Write>, Refusal> {
        let is_new = |id: &&DeviceId| *id != device && self.devices.record(id).is_none_or(|r| r.revoked.is_some());
        let opening = self.sessions.opening_devices(account).filter(is_new).count();
        if self.devices.in_use(account).count() + opening < cx.limits.devices_per_account_max {
            return Ok(Vec::new());
        }
        let may_go = |id: &DeviceId| {
            self.sessions.on_device(id).is_none()
                && self.sessions.opening_on(id).is_none()
                && self.channels.hosted_by(id).next().is_none()
        };
        let oldest = self.devices.longest_unused(account, may_go).and_then(|id| self.devices.record(&id));
        let oldest = oldest.ok_or_else(|| Refusal::new(Reason::LimitReached, "too many devices"))?;
        let revoked = DeviceRecord { revoked: Some(cx.now.wall), ..(**oldest).clone() };
        let revoked = Signed::new(revoked, cx.identity);
        let key = records::device_key(&revoked.device);
        let write = records::put(Table::Device, key.clone(), &revoked);
        self.devices.set_session(&revoked.device, None);
        self.devices.set_record(revoked);
        Ok(alloc::vec![write, Write::Delete { table: Table::Session, key }])
    }

    pub(super) fn on_opened(&mut self, opening: Opening, cx: &mut Context<'_>) {
        let Opening { from, who, presence, token, stored, device, account } = opening;
        self.sessions.abandon(from.link);
        if let Some(account) = account {
            self.accounts.insert(who.account, account);
        }
        let (id, session) = (device.device, stored.session);
        self.devices.set_record(device);
        self.devices.set_session(&id, Some(stored));
        self.finish(from);
        if let Some(link) = self.links.get(from.link) {
            self.begin_session(from, Session::new(session, from.link, link, who, presence), token, cx);
        }
    }

    pub(super) fn on_guest(&mut self, from: Asker, m: &Guest, cx: &mut Context<'_>) -> Result<(), Refusal> {
        let network = self.may_begin(from.link, cx.limits)?;
        let who = Who { account: AccountId::NOBODY, name: UserName::new(&m.name)? };
        if !network.is_loopback() && self.sessions.visitors_from(network) >= cx.limits.visitors_per_address_max {
            return Err(Refusal::new(Reason::LimitReached, "too many visitors from this address"));
        }
        let Some(link) = self.links.get_mut(from.link) else { return Ok(()) };
        let id = link.random.session_id();
        let session = Session::new(id, from.link, link, who, Presence::Online);
        self.begin_session(from, session, NO_TOKEN, cx);
        Ok(())
    }

    pub(super) fn on_resume(&mut self, from: Asker, m: &ResumeSession, cx: &mut Context<'_>) -> Result<(), Refusal> {
        self.may_begin(from.link, cx.limits)?;
        super::presence::check_wish(m.presence)?;
        let Some(link) = self.links.get(from.link) else { return Ok(()) };
        let device = link.device;
        let is_good = |used: segment_proto::UnixMillis| cx.now.wall <= used.plus(cx.limits.token_life);
        let account = self.devices.resume(&device, m.session, &m.token, is_good).ok_or(Reason::SessionExpired)?;
        let who = self.accounts.who(account).ok_or(Reason::SessionExpired)?;
        self.check_room(account, &device, cx.limits)?;
        let session = Session::new(m.session, from.link, link, who, m.presence);
        let writes = self.devices.touch(&device, cx.now.wall);
        if !writes.is_empty() {
            cx.out.write(TrackerTask::Directory(DirectoryTask::Nothing), writes);
        }
        self.begin_session(from, session, m.token, cx);
        Ok(())
    }

    /// From now on the session is live.
    fn begin_session(&mut self, from: Asker, session: Session, token: Token, cx: &mut Context<'_>) {
        self.replace(&session.device, cx);
        self.links.set_stage(from.link, Stage::LoggedIn(session.id));
        let device = match session.who.is_visitor() {
            true => None,
            false => self.devices.record(&session.device).cloned(),
        };
        let certificate = certify(&session.who, session.device, session.id, cx);
        cx.out.answer(from, &LoggedIn { who: session.who.clone(), session: session.id, token, certificate, device });
        cx.out.event(TrackerEvent::LoggedIn { who: session.who.clone(), session: session.id });
        if session.is_visible(cx.rules) {
            self.announce_came(&session, cx);
        }
        if !session.who.is_visitor() && self.links.is_writable(session.link) {
            self.audience.add(session.link);
        }
        self.sessions.insert(session);
    }

    /// A device has one session: a new one closes the other.
    fn replace(&mut self, device: &DeviceId, cx: &mut Context<'_>) {
        if let Some(link) = self.sessions.on_device(device).map(|session| session.link) {
            if self.links.is_writable(link) {
                cx.out.push(link, &Goodbye { reason: Reason::Replaced });
            }
            self.hang_up(link, SessionEnd::Replaced, Reason::Replaced, cx);
        }
    }
}

/// Admits a session to hosts.
pub(super) fn certify(
    who: &Who,
    device: DeviceId,
    session: segment_proto::SessionId,
    cx: &Context<'_>,
) -> Signed<Certificate> {
    let expires = cx.now.wall.plus(cx.limits.certificate_life);
    let certificate = Certificate { who: who.clone(), device, session, issued: cx.now.wall, expires };
    Signed::new(certificate, cx.identity)
}
