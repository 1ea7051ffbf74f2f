//! A user at a peer: what they want, and what they do about it.

use std::collections::BTreeMap;

use segment_core::Endpoint;
use segment_core::peer::events::{PeerEvent, Reply};
use segment_core::peer::{CommandError, Peer, TrackerState, Unsent};
use segment_proto::messages::{ChannelFilter, Presence, Secret};
use segment_proto::{
    AccessChange, AccountId, ChannelId, MessageKey, Now, Reason, RequestId, Rights, SessionId, Token, View, Visitors,
};

use crate::dice::Dice;

/// What somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Owns these channels.
    Owner(Vec<String>),
    /// Joins what there is.
    Member,
    /// Reads what visitors may read.
    Visitor,
}

/// How eager a user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Writes, reads, changes things.
    Active,
    /// Only comes back where they belong.
    Quiet,
}

/// A text that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// What it says; no other says the same.
    pub text: String,
    /// Where.
    pub channel: ChannelId,
    /// Counts this user's texts.
    pub number: u64,
    /// Its first name.
    pub key: MessageKey,
}

/// What all users know of each other.
#[derive(Debug, Default)]
pub struct Town {
    /// Names of channels.
    pub channels: Vec<String>,
    /// Accounts that exist, by name.
    pub accounts: BTreeMap<String, AccountId>,
    /// Where the tracker is.
    pub tracker: Option<Endpoint>,
    /// Channels that have just been left, and the tag of who left.
    pub left: Vec<(u16, ChannelId)>,
}

/// What was asked for, until it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ask {
    Login(How),
    Create(String),
    Join(String),
    Leave(ChannelId),
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Register,
    Password,
    Token,
    Visit,
}

/// A user. What is in here survives their machine's crashes: they remember it.
#[derive(Debug)]
pub struct User {
    /// What they are called; a second device of an account has the name of the first.
    pub name: String,
    /// What they are.
    pub role: Role,
    number: u64,
    tag: u16,
    registered: bool,
    token: Option<(SessionId, Token)>,
    created: Vec<String>,
    asked: BTreeMap<RequestId, Ask>,
    dice: Dice,
}

impl User {
    /// Somebody new. `tag` makes their texts their own.
    #[must_use]
    pub fn new(name: String, role: Role, tag: u16, dice: Dice) -> Self {
        Self {
            name,
            role,
            number: 0,
            tag,
            registered: false,
            token: None,
            created: Vec::new(),
            asked: BTreeMap::new(),
            dice,
        }
    }

    /// They have written one more text.
    pub(crate) fn count_one(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Their machine was started again: nothing that was asked will be answered.
    pub fn on_start(&mut self) {
        self.asked.clear();
    }

    fn secret(&self) -> Secret {
        Secret(format!("password of {}", self.name))
    }

    /// They do the next thing.
    pub fn act(&mut self, peer: &mut Peer, mood: Mood, town: &Town, now: Now) -> Option<Sent> {
        match peer.tracker_state() {
            TrackerState::Connected => {
                self.enter(peer, town, now);
                return self.maybe_write(peer, mood, now);
            }
            TrackerState::LoggedIn => {}
            TrackerState::Idle if self.dice.chance(200) || mood == Mood::Quiet => {
                let asked = town.tracker.map(|tracker| peer.connect(tracker, now));
                asked.into_iter().for_each(|asked| self.remember(asked, Ask::Other));
                return None;
            }
            _ => return self.maybe_write(peer, mood, now),
        }
        if self.settle_in(peer, mood, town, now) {
            return None;
        }
        if mood == Mood::Quiet {
            return self.show_up(peer, now);
        }
        match self.dice.between(0, 99) {
            0..=77 => self.write(peer, now),
            78..=85 => self.look_back(peer, now),
            86..=90 => self.look_around(peer, now),
            91..=95 => self.change_access(peer, town, now),
            96..=97 => self.change_status(peer, now),
            98 => self.leave(peer, now),
            _ => {
                peer.disconnect(now);
                None
            }
        }
    }

    fn maybe_write(&mut self, peer: &mut Peer, mood: Mood, now: Now) -> Option<Sent> {
        if mood == Mood::Active { self.write(peer, now) } else { None }
    }

    fn remember(&mut self, asked: Result<RequestId, CommandError>, ask: Ask) {
        if let Ok(id) = asked {
            self.asked.insert(id, ask);
        }
    }

    fn enter(&mut self, peer: &mut Peer, town: &Town, now: Now) {
        if self.asked.values().any(|ask| matches!(ask, Ask::Login(_))) {
            return;
        }
        let presence = Presence::Online;
        let (asked, how) = match (&self.role, self.token) {
            (Role::Visitor, _) => (peer.guest(&self.name, now), How::Visit),
            (_, Some((session, token))) => (peer.resume(session, token, now), How::Token),
            _ if self.registered || town.accounts.contains_key(&self.name) => {
                (peer.login(&self.name, self.secret(), presence, now), How::Password)
            }
            _ => (peer.register(&self.name, self.secret(), presence, now), How::Register),
        };
        self.remember(asked, Ask::Login(how));
    }

    /// Makes and joins channels. Says whether there was something to do.
    fn settle_in(&mut self, peer: &mut Peer, mood: Mood, town: &Town, now: Now) -> bool {
        if let Role::Owner(channels) = &self.role {
            let missing = channels.iter().find(|name| !self.created.contains(name)).cloned();
            if let Some(name) = missing {
                return self.create(peer, name, now);
            }
        }
        // Who is not let in asks again and again, but leaves a quiet world time to rest.
        let eagerness = if mood == Mood::Quiet { 60 } else { 400 };
        let joined: Vec<String> =
            peer.channels().filter(|view| view.member).map(|view| view.record.name.as_str().to_owned()).collect();
        let missing = town.channels.iter().find(|name| !joined.contains(name));
        let Some(name) = missing.filter(|_| self.dice.chance(eagerness)) else { return false };
        if self.asked.values().any(|ask| matches!(ask, Ask::Join(_) | Ask::Leave(_))) {
            return false;
        }
        let asked = peer.join(name, now);
        self.remember(asked, Ask::Join(name.clone()));
        true
    }

    fn create(&mut self, peer: &mut Peer, name: String, now: Now) -> bool {
        if self.asked.values().any(|ask| matches!(ask, Ask::Create(_))) {
            return true;
        }
        let view = if self.dice.chance(250) { View::Members } else { View::Public };
        let visitors = if self.dice.chance(300) { Visitors::Nothing } else { Visitors::Read };
        let asked = peer.create_channel(&name, view, visitors, now);
        self.remember(asked, Ask::Create(name));
        true
    }

    fn some_channel(&mut self, peer: &Peer) -> Option<ChannelId> {
        let joined: Vec<ChannelId> =
            peer.channels().filter(|view| view.member).map(|view| view.record.channel).collect();
        self.dice.pick(&joined).copied()
    }

    fn write(&mut self, peer: &mut Peer, now: Now) -> Option<Sent> {
        let channel = self.some_channel(peer)?;
        let padding = if self.dice.chance(50) { 2_000 } else { 0 };
        let text = format!("u{} m{} {}", self.tag, self.number + 1, "x".repeat(padding));
        let key = peer.send(channel, &text, now).ok()?;
        Some(Sent { text, channel, number: self.count_one(), key })
    }

    fn look_back(&mut self, peer: &mut Peer, now: Now) -> Option<Sent> {
        let channel = self.some_channel(peer)?;
        let before = if self.dice.chance(500) { None } else { Some(self.dice.between(1, 60)) };
        let count = self.dice.index(40) + 1;
        let asked = peer.history(channel, before, count, now);
        self.remember(asked, Ask::Other);
        None
    }

    fn look_around(&mut self, peer: &mut Peer, now: Now) -> Option<Sent> {
        let asked = match self.dice.between(0, 2) {
            0 => peer.list_users(None, now),
            1 => peer.list_channels(ChannelFilter::All, "", now),
            _ => peer.list_members(self.some_channel(peer)?, AccountId::NOBODY, now),
        };
        self.remember(asked, Ask::Other);
        None
    }

    fn change_access(&mut self, peer: &mut Peer, town: &Town, now: Now) -> Option<Sent> {
        let owned: Vec<ChannelId> =
            peer.channels().filter(|view| view.hosted).map(|view| view.record.channel).collect();
        let channel = *self.dice.pick(&owned)?;
        let others: Vec<(String, AccountId)> =
            town.accounts.iter().filter(|(name, _)| **name != self.name).map(|(n, a)| (n.clone(), *a)).collect();
        let (name, account) = self.dice.pick(&others)?.clone();
        let change = match self.dice.between(0, 9) {
            0..=4 => AccessChange::allow(account, name, Rights::ALL),
            5 => AccessChange::allow(account, name, Rights::READ),
            6 => AccessChange::deny(account, name),
            7 => AccessChange::kick(account, name),
            8 => AccessChange::set_view(if self.dice.chance(700) { View::Public } else { View::Members }),
            _ => AccessChange::set_visitors(if self.dice.chance(700) { Visitors::Read } else { Visitors::Nothing }),
        };
        // Not taken where the outbox is full: the owner tries something else later.
        let _ = peer.change_access(channel, &change, now);
        None
    }

    /// Nobody hides any more: what waits for that can go.
    fn show_up(&mut self, peer: &mut Peer, now: Now) -> Option<Sent> {
        if peer.whoami().is_some_and(|me| me.presence == Presence::Invisible) {
            let asked = peer.set_status(Presence::Online, now);
            self.remember(asked, Ask::Other);
        }
        None
    }

    fn change_status(&mut self, peer: &mut Peer, now: Now) -> Option<Sent> {
        let presence = if self.dice.chance(500) { Presence::Invisible } else { Presence::Online };
        let asked = peer.set_status(presence, now);
        self.remember(asked, Ask::Other);
        None
    }

    fn leave(&mut self, peer: &mut Peer, now: Now) -> Option<Sent> {
        let channel = self.some_channel(peer)?;
        let asked = peer.leave(channel, Unsent::Keep, now);
        self.remember(asked, Ask::Leave(channel));
        None
    }

    /// They hear from their machine.
    pub fn on_event(&mut self, event: &PeerEvent, peer: &mut Peer, town: &mut Town, now: Now) {
        match event {
            PeerEvent::TrackerConnected { .. } if peer.tracker_state() == TrackerState::Connected => {
                self.enter_again(peer, town, now);
            }
            PeerEvent::LoginNeeded(_) => {
                self.token = None;
                self.enter(peer, town, now);
            }
            PeerEvent::LoggedIn { session, token, .. } => self.token = Some((*session, *token)),
            PeerEvent::Replied { id, reply } => self.on_reply(*id, reply, town),
            _ => {}
        }
    }

    /// A process that was logged in before does it by itself.
    fn enter_again(&mut self, peer: &mut Peer, town: &Town, now: Now) {
        if !self.asked.values().any(|ask| matches!(ask, Ask::Login(_))) {
            self.enter(peer, town, now);
        }
    }

    fn on_reply(
        &mut self,
        id: RequestId,
        reply: &Result<Reply, segment_core::peer::context::Unanswered>,
        town: &mut Town,
    ) {
        use segment_core::peer::context::Unanswered;
        let Some(ask) = self.asked.remove(&id) else { return };
        match (ask, reply) {
            (Ask::Login(_), Ok(Reply::LoggedIn { who, session, token })) => {
                self.registered = true;
                self.token = Some((*session, *token));
                if !who.is_visitor() {
                    town.accounts.insert(self.name.clone(), who.account);
                }
            }
            (Ask::Login(How::Register), Err(Unanswered::Refused(failure))) if failure.reason == Reason::NameTaken => {
                self.registered = true;
            }
            (Ask::Leave(channel), Ok(_)) => town.left.push((self.tag, channel)),
            (Ask::Login(How::Token), Err(Unanswered::Refused(_))) => self.token = None,
            (Ask::Create(name), Ok(_)) => self.on_created(name, town),
            (Ask::Create(name), Err(Unanswered::Refused(failure))) if failure.reason == Reason::NameTaken => {
                self.on_created(name, town);
            }
            _ => {}
        }
    }

    fn on_created(&mut self, name: String, town: &mut Town) {
        if !town.channels.contains(&name) {
            town.channels.push(name.clone());
        }
        self.created.push(name);
    }
}
