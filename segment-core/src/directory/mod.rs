//! Accounts, sessions, presence and the list of channels: one per tracker.
//!
//! What is kept: accounts, whose devices, sessions that may resume, channels and members are on disk;
//! links and live sessions are not. Memory changes when a write is durable, together with its answer;
//! names and places that are being written are taken from the moment their writing begins.
//!
//! Who is seen: every live session whose user does not hide, visitors too, by users only. Going out of
//! sight and logging out look the same to everybody else.
//!
//! Pushes are not repeated: a link whose queue is full misses them, and lists again when it is read again.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

use segment_proto::messages::{Hello, Pong, Welcome};
use segment_proto::{
    AccountId, ChannelId, ChannelRecord, DeviceId, Instant, LinkId, Message, ProtocolVersion, Reason, Signed,
};

use crate::contract::Deadline;
use crate::outbox::Asker;
use crate::random::Random;
use crate::store::{Fatal, Operation, Outcome, Store, StoreOperation, Write};
use crate::tracker::Backups;
use crate::tracker::context::{Caller, Context, TrackerTask};
use crate::tracker::events::TrackerEvent;

mod accounts;
mod audience;
mod changes;
mod channels;
mod creating;
mod devices;
mod guard;
mod links;
mod lists;
mod login;
mod members;
mod presence;
mod records;
mod refusal;
mod registering;
mod sessions;
mod staying;

use links::{Link, Stage};
use login::{Attempt, Opening};
use refusal::Refusal;
use registering::Registration;

/// What an operation of the directory is for.
#[derive(Debug)]
pub enum DirectoryTask {
    /// A new account's password is being hashed.
    Registration(Box<Registration>),
    /// A password is being checked.
    Attempt(Box<Attempt>),
    /// A session is being written.
    Opening(Box<Opening>),
    /// A session is being forgotten.
    LoggedOut(Asker),
    /// A channel's record names another host.
    HostMoved(Box<Signed<ChannelRecord>>),
    /// A channel is being written.
    Created(Asker, Box<Signed<ChannelRecord>>),
    /// A membership is being written.
    Joined(Asker, ChannelId, AccountId),
    /// A membership is being forgotten.
    Left(Asker, ChannelId, AccountId),
    /// Nobody waits.
    Nothing,
}

/// What the channels' copies have to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectoryNotice {
    /// Nobody is logged in on this link any more.
    SessionEnded {
        /// The link.
        link: LinkId,
    },
    /// The session on this link hides from now on.
    Hidden {
        /// The link.
        link: LinkId,
    },
    /// A channel is on disk. Its maker is answered by [`Directory::on_channel_ready`].
    ChannelCreated {
        /// Its record.
        record: Box<Signed<ChannelRecord>>,
        /// Who made it.
        asker: Asker,
    },
}

/// Accounts, sessions, presence and the list of channels.
#[derive(Debug)]
pub struct Directory {
    software: String,
    accounts: accounts::Accounts,
    devices: devices::Devices,
    links: links::Links,
    sessions: sessions::Sessions,
    audience: audience::Audience,
    channels: channels::Channels,
    members: members::Members,
    guard: guard::Guard,
    /// Revisions of records that are being written.
    moving: BTreeMap<ChannelId, u32>,
    notices: Vec<DirectoryNotice>,
}

impl Directory {
    /// The directory as the store has it. `software` is what it says of itself.
    ///
    /// # Errors
    /// [`Fatal`]: the store cannot be read, or holds what this build does not understand.
    pub fn restore(software: String, store: &mut dyn Store) -> Result<Self, Fatal> {
        Ok(Self {
            software,
            accounts: accounts::Accounts::restore(store)?,
            devices: devices::Devices::restore(store)?,
            links: links::Links::default(),
            sessions: sessions::Sessions::default(),
            audience: audience::Audience::default(),
            channels: channels::Channels::restore(store)?,
            members: members::Members::restore(store)?,
            guard: guard::Guard::default(),
            moving: BTreeMap::new(),
            notices: Vec::new(),
        })
    }

    /// All channels.
    pub fn channels(&self) -> impl Iterator<Item = &Signed<ChannelRecord>> {
        self.channels.iter()
    }

    /// The store was put back from a copy: what was made behind that keeps its numbers. What is to be written for it.
    pub(crate) fn begin_range(&mut self, random: &mut Random) -> Write {
        self.accounts.begin_range(random)
    }

    /// What the channels' copies have to know; to be asked after every call.
    pub fn take_notices(&mut self) -> Vec<DirectoryNotice> {
        core::mem::take(&mut self.notices)
    }

    /// A link is up.
    pub fn on_link_up(&mut self, link: LinkId, peer: DeviceId, address: SocketAddr, cx: &mut Context<'_>) {
        if self.links.contains(link) {
            return;
        }
        // The time is in it for who gives the same seed twice: session ids must not come again.
        let purpose = [b"link".as_slice(), &link.0.to_be_bytes(), &cx.now.wall.0.to_be_bytes()].concat();
        let random = cx.random.child(&purpose);
        self.links.open(link, Link::new(peer, address, random, cx.now.mono), cx.limits);
        cx.out.event(TrackerEvent::LinkUp { link, peer, address });
    }

    /// Something was heard on a link. Says whether it is listened to.
    pub fn hear(&mut self, link: LinkId, now: Instant) -> bool {
        self.links.hear(link, now)
    }

    /// The send queue of a link has crossed a mark.
    pub fn on_writable(&mut self, id: LinkId, room: usize, backups: &Backups, cx: &mut Context<'_>) {
        if let Some(link) = self.links.get_mut(id) {
            link.writable = room > 0;
        }
        match self.session_on(id).is_some_and(|session| !session.who.is_visitor()) && room > 0 {
            true => self.audience.add(id),
            false => self.audience.remove(id),
        }
        if room > 0 {
            self.push_missed(id, backups, cx);
        }
    }

    /// Who speaks on a link.
    ///
    /// # Errors
    /// Why nobody does: hello or login is missing.
    pub fn caller(&self, link: LinkId) -> Result<Caller, Reason> {
        let id = match self.links.get(link).map(|link| link.stage) {
            Some(Stage::LoggedIn(id)) => id,
            Some(Stage::New) => return Err(Reason::OutOfOrder),
            _ => return Err(Reason::LoginRequired),
        };
        let session = self.sessions.get(id).ok_or(Reason::LoginRequired)?;
        Ok(Caller { who: session.who.clone(), device: session.device, session: id, presence: session.presence })
    }

    /// The address of a link, as it is seen.
    #[must_use]
    pub fn address(&self, link: LinkId) -> Option<core::net::SocketAddr> {
        self.links.get(link).map(|link| link.address)
    }

    /// A request of a session or directory kind.
    pub fn on_request(&mut self, from: Asker, message: Message, backups: &Backups, cx: &mut Context<'_>) {
        if let Err(Refusal(failure)) = self.react(from, message, backups, cx) {
            cx.refuse(from, &failure);
        }
    }

    fn react(&mut self, from: Asker, message: Message, backups: &Backups, cx: &mut Context<'_>) -> Result<(), Refusal> {
        let Some(link) = self.links.get(from.link) else { return Ok(()) };
        link.admits(&message)?;
        if link.pending >= cx.limits.pending_per_link_max {
            return Err(cx.limits.host_ping.into());
        }
        match message {
            Message::Hello(m) => self.on_hello(from, &m, cx),
            Message::Ping(_) => cx.out.answer(from, &Pong { wall: cx.now.wall }),
            Message::Register(m) => self.on_register(from, m, cx)?,
            Message::RegisterAgain(m) => self.on_register_again(from, m, cx)?,
            Message::Login(m) => self.on_login(from, m, cx)?,
            Message::Guest(m) => self.on_guest(from, &m, cx)?,
            Message::ResumeSession(m) => self.on_resume(from, &m, cx)?,
            message => {
                let caller = self.caller(from.link)?;
                self.react_to_session(from, &caller, message, backups, cx)?;
            }
        }
        Ok(())
    }

    fn react_to_session(
        &mut self,
        from: Asker,
        caller: &Caller,
        message: Message,
        backups: &Backups,
        cx: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        match message {
            Message::Logout(_) => self.on_logout(from, caller, backups, cx),
            Message::Announce(m) => self.on_announce(from, caller, &m, backups, cx)?,
            Message::RenewCertificate(_) => self.on_renew(from, caller, cx),
            Message::ListChannels(m) => self.on_list_channels(from, caller, &m, backups, cx)?,
            Message::FindChannel(m) => self.on_find_channel(from, caller, &m, backups, cx)?,
            Message::JoinChannel(m) => self.on_join(from, caller, &m, backups, cx)?,
            Message::LeaveChannel(m) => self.on_leave(from, caller, &m, cx)?,
            Message::FindDevices(m) => self.on_find_devices(from, &m, cx)?,
            message => self.react_to_user(from, caller, message, backups, cx)?,
        }
        Ok(())
    }

    /// What visitors may not do.
    fn react_to_user(
        &mut self,
        from: Asker,
        caller: &Caller,
        message: Message,
        backups: &Backups,
        cx: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        let user = match caller.who.is_visitor() {
            true => Err(Refusal::from(Reason::VisitorsMayOnlyRead)),
            false => Ok(caller),
        };
        match message {
            Message::SetStatus(m) => self.on_set_status(from, user?, &m, cx),
            Message::ListUsers(m) => self.on_list_users(from, user.map(|_| &m)?, cx),
            Message::FindUser(m) => self.on_find_user(from, user.map(|_| &m)?, cx),
            Message::CreateChannel(m) => self.on_create_channel(from, user?, &m, cx),
            Message::RestoreChannel(m) => self.on_restore_channel(from, user?, m, backups, cx),
            Message::ListMembers(m) => self.on_list_members(from, user?, &m, backups, cx),
            _ => Err(Refusal::new(Reason::UnsupportedKind, "not asked of a tracker")),
        }
    }

    fn on_hello(&mut self, from: Asker, hello: &Hello, cx: &mut Context<'_>) {
        let Some(link) = self.links.get_mut(from.link) else { return };
        match ProtocolVersion::CURRENT.negotiate(hello.protocol) {
            Ok(protocol) => {
                link.stage = Stage::Greeted;
                let software = self.software.clone();
                cx.out.answer(from, &Welcome { protocol, wall: cx.now.wall, seen_at: link.address, software });
            }
            Err(mismatch) => {
                let failure = Refusal::new(Reason::ProtocolMismatch, &alloc::format!("{mismatch}")).0;
                cx.refuse(from, &failure);
                self.links.retire(from.link);
                cx.out.hangup(from.link, Reason::ProtocolMismatch);
            }
        }
    }

    /// An operation is done.
    pub fn on_performed(&mut self, task: DirectoryTask, outcome: Outcome, backups: &Backups, cx: &mut Context<'_>) {
        match task {
            DirectoryTask::Registration(registration) => self.on_hashed(*registration, outcome, cx),
            DirectoryTask::Attempt(attempt) => self.on_verified(*attempt, &outcome, cx),
            DirectoryTask::Opening(opening) => self.on_opened(*opening, cx),
            DirectoryTask::LoggedOut(from) => self.on_logged_out(from, cx),
            DirectoryTask::Created(from, record) => self.on_created(from, record, cx),
            DirectoryTask::Joined(from, channel, account) => self.on_joined(from, channel, account, backups, cx),
            DirectoryTask::Left(from, channel, account) => self.on_left(from, channel, account, backups, cx),
            DirectoryTask::HostMoved(record) => self.on_host_moved(*record, backups, cx),
            DirectoryTask::Nothing => {}
        }
    }

    /// Starts an operation for a request; it counts against its link until [`Self::finish`].
    fn perform(&mut self, from: Asker, task: DirectoryTask, operation: Operation, cx: &mut Context<'_>) {
        if let Some(link) = self.links.get_mut(from.link) {
            link.pending += 1;
        }
        cx.out.perform(TrackerTask::Directory(task), operation);
    }

    fn write(&mut self, from: Asker, task: DirectoryTask, writes: Vec<Write>, cx: &mut Context<'_>) {
        self.perform(from, task, Operation::Store(StoreOperation::Write(writes)), cx);
    }

    /// An operation for a request is done. Says whether somebody still waits for the answer.
    fn finish(&mut self, from: Asker) -> bool {
        match self.links.get_mut(from.link) {
            Some(link) => {
                link.pending = link.pending.saturating_sub(1);
                true
            }
            None => false,
        }
    }

    /// The time has come: for those of whom nothing was heard.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        for link in self.links.overdue(cx.now.mono, cx.limits) {
            self.on_overdue(link, cx);
        }
    }

    /// When.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.links.next()
    }
}

#[cfg(test)]
mod tests;
