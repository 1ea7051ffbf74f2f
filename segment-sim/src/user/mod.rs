//! A user at a peer: what they want, and what they do about it.

mod deeds;

use core::time::Duration;
use std::collections::BTreeMap;

use segment_core::Endpoint;
use segment_core::peer::events::{PeerEvent, Reply};
use segment_core::peer::{CommandError, Peer, TrackerState};
use segment_proto::messages::{Presence, Secret};
use segment_proto::{
    AccountId, ChannelId, DeviceId, MessageKey, Now, Reason, RequestId, SessionId, Token, View, Visitors,
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
    /// The devices of each account.
    pub devices: BTreeMap<String, Vec<DeviceId>>,
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
    /// Whether they look after themselves.
    hushed: bool,
    /// Their process was told that another of their device has replaced it: they leave it at that for a while.
    replaced: bool,
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
            hushed: false,
            replaced: false,
            dice,
        }
    }

    /// They do not look after themselves any more.
    pub(crate) fn hush(&mut self) {
        self.hushed = true;
    }

    /// They have written one more text.
    pub(crate) fn count_one(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Their machine was started again: nothing that was asked will be answered.
    pub fn on_start(&mut self) {
        self.asked.clear();
        self.replaced = false;
    }

    /// Whether their process stays away until they say something else.
    pub(crate) fn is_replaced(&self) -> bool {
        self.replaced
    }

    /// How long they wait until they look after themselves again.
    pub(crate) fn pause(&mut self) -> Duration {
        self.dice.duration(Duration::from_millis(20), Duration::from_millis(300))
    }

    fn secret(&self) -> Secret {
        Secret(format!("password of {}", self.name))
    }

    /// They see to it that they are where they belong: connected, logged in, in their channels.
    pub fn settle(&mut self, peer: &mut Peer, mood: Mood, town: &Town, now: Now) {
        if self.hushed {
            return;
        }
        match peer.tracker_state() {
            TrackerState::Connected => self.enter(peer, town, now),
            TrackerState::LoggedIn => self.be_at_home(peer, mood, town, now),
            TrackerState::Idle if self.dice.chance(self.eagerness()) || mood == Mood::Quiet => {
                self.replaced = false;
                let asked = town.tracker.map(|tracker| peer.connect(tracker, now));
                asked.into_iter().for_each(|asked| self.remember(asked, Ask::Other));
            }
            _ => {}
        }
    }

    /// Of a thousand times they look, they connect so often.
    fn eagerness(&self) -> u64 {
        if self.replaced { 20 } else { 200 }
    }

    fn be_at_home(&mut self, peer: &mut Peer, mood: Mood, town: &Town, now: Now) {
        if !self.settle_in(peer, mood, town, now) && mood == Mood::Quiet {
            self.show_up(peer, now);
        }
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
        self.show_up(peer, now);
        if self.asked.values().any(|ask| matches!(ask, Ask::Create(_))) {
            return true;
        }
        let (view, visitors) = (view(&mut self.dice), visitors(&mut self.dice));
        let asked = peer.create_channel(&name, view, visitors, now);
        self.remember(asked, Ask::Create(name));
        true
    }

    /// What waits for them to be seen can go.
    fn show_up(&mut self, peer: &mut Peer, now: Now) {
        if peer.whoami().is_some_and(|me| me.presence == Presence::Invisible) {
            self.set_status(Presence::Online, peer, now);
        }
    }

    fn set_status(&mut self, presence: Presence, peer: &mut Peer, now: Now) {
        let asked = peer.set_status(presence, now);
        self.remember(asked, Ask::Other);
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
            PeerEvent::Replaced => self.replaced = true,
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

fn view(dice: &mut Dice) -> View {
    if dice.chance(700) { View::Public } else { View::Members }
}

fn visitors(dice: &mut Dice) -> Visitors {
    if dice.chance(700) { Visitors::Read } else { Visitors::Nothing }
}
