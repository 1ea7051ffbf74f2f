//! All who could be there, those who are, and what the tracker has to say of them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use segment_benches::driven::{self, Driven};
use segment_core::tracker::Tracker;
use segment_core::{Direction, Input, Store};
use segment_proto::messages::{
    Adopted, AuthMethod, CreateChannel, Greeter, Hello, HostHello, LoggedIn, Login, Presence, Register, ResumeSession,
};
use segment_proto::{
    AccountId, ChannelId, DeviceId, Evidence, Fence, Limits, LinkId, Message, Nonce, Position, ProtocolVersion, Secret,
    SessionId, Token, View, Visitors,
};

use crate::chance::Chance;

/// Registrations that are written together.
const BATCH: u64 = 256;
/// Channels of one owner.
pub const CHANNELS_EACH: u64 = 10;

/// Somebody who is here.
#[derive(Clone, Copy, Debug)]
pub struct Online {
    pub user: u64,
    pub link: LinkId,
    pub presence: Presence,
}

/// A tracker, and what is known of it from outside.
pub struct Town {
    pub tracker: Driven<Tracker>,
    pub users: u64,
    /// By number: their ids.
    pub channels: Vec<ChannelId>,
    pub online: Vec<Online>,
    pub here: BTreeSet<u64>,
    /// Sessions that can be resumed.
    pub tokens: BTreeMap<u64, (SessionId, Token)>,
    /// Who has joined what: channel, user.
    pub joined: BTreeSet<(u64, u64)>,
    links: u64,
}

/// What a tracker that starts anew has to know.
pub struct Expected {
    pub users: u64,
    pub channels: u64,
    pub joined: u64,
}

impl Town {
    pub fn new(store: Box<dyn Store>, limits: Limits, users: u64) -> Result<Self> {
        let tracker = driven::tracker(store, limits, 7)?;
        let (channels, online, here) = (Vec::new(), Vec::new(), BTreeSet::new());
        let (tokens, joined) = (BTreeMap::new(), BTreeSet::new());
        Ok(Self { tracker, users, channels, online, here, tokens, joined, links: 1 << 63 })
    }

    /// A link of a user's device.
    fn connect(&mut self, user: u64) -> Result<LinkId> {
        self.links += 1;
        let link = LinkId(self.links);
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
        self.tracker.link_up(link, Direction::Inbound, device(user), address);
        let hello =
            Hello { protocol: ProtocolVersion::CURRENT, greeter: Greeter::Client, software: "bench".to_owned() };
        self.tracker.request(link, hello)?;
        // It is welcomed at once; what is answered to it next is looked for.
        self.tracker.sent.clear();
        Ok(link)
    }

    /// Everybody registers and goes, many at once.
    pub fn register_all(&mut self) -> Result<()> {
        for first in (0..self.users).step_by(usize::try_from(BATCH)?) {
            let links = (first..self.users.min(first + BATCH)).map(|user| {
                let link = self.connect(user)?;
                self.tracker.request(link, register(user))?;
                Ok(link)
            });
            let links = links.collect::<Result<Vec<LinkId>>>()?;
            self.tracker.settle()?;
            let sent = std::mem::take(&mut self.tracker.sent);
            let let_in = sent
                .iter()
                .filter(|sent| driven::read(&sent.frame).is_ok_and(|(_, m)| matches!(m, Message::LoggedIn(_))));
            ensure!(let_in.count() == links.len(), "somebody was not registered");
            links.into_iter().for_each(|link| self.tracker.feed(Input::LinkDown { link }));
        }
        Ok(())
    }

    /// The first users make ten channels each.
    pub fn create_all(&mut self, channels: u64) -> Result<()> {
        for first in (0..channels).step_by(usize::try_from(CHANNELS_EACH)?) {
            let link = self.log_in(owner_of(first), Presence::Online)?;
            for channel in first..channels.min(first + CHANNELS_EACH) {
                let create =
                    CreateChannel { name: channel_name(channel), view: View::Public, visitors: Visitors::Read };
                let Message::ChannelFound(found) = self.tracker.ask(link, create)? else { bail!("no channel is made") };
                self.channels.push(found.row.record.channel);
                self.joined.insert((channel, owner_of(first)));
            }
            self.tracker.feed(Input::LinkDown { link });
        }
        Ok(())
    }

    /// So many popular users log in.
    pub fn come(&mut self, count: usize, seed: u64) -> Result<()> {
        let mut chance = Chance::new(seed ^ 0x5e55);
        while self.online.len() < count {
            let user = self.away(&mut chance);
            self.enter(user)?;
        }
        Ok(())
    }

    /// A popular user who is not here.
    pub fn away(&self, chance: &mut Chance) -> u64 {
        let mut user = chance.popular(self.users);
        while self.here.contains(&user) {
            user = (user + 1) % self.users;
        }
        user
    }

    /// A user logs in by password and stays.
    pub fn enter(&mut self, user: u64) -> Result<()> {
        let link = self.log_in(user, Presence::Online)?;
        self.here.insert(user);
        self.online.push(Online { user, link, presence: Presence::Online });
        Ok(())
    }

    fn log_in(&mut self, user: u64, presence: Presence) -> Result<LinkId> {
        let link = self.connect(user)?;
        let secret = Secret(PASSWORD.to_owned());
        let login = Login { name: user_name(user), auth_method: AuthMethod::Password, secret, presence };
        let answer = self.tracker.ask(link, login)?;
        self.let_in(user, answer)?;
        Ok(link)
    }

    /// A user comes back by token, if there is one.
    pub fn resume(&mut self, user: u64) -> Result<()> {
        let Some((session, token)) = self.tokens.get(&user).copied() else { return self.enter(user) };
        let link = self.connect(user)?;
        let answer = self.tracker.ask(link, ResumeSession { session, token, presence: Presence::Online })?;
        self.let_in(user, answer)?;
        self.here.insert(user);
        self.online.push(Online { user, link, presence: Presence::Online });
        Ok(())
    }

    fn let_in(&mut self, user: u64, answer: Message) -> Result<()> {
        let Message::LoggedIn(LoggedIn { who, session, token, .. }) = answer else { bail!("user{user} is not let in") };
        ensure!(who.name.as_str() == user_name(user), "user{user} is taken for {who}");
        self.tokens.insert(user, (session, token));
        Ok(())
    }

    /// Somebody's link is lost.
    pub fn leave(&mut self, index: usize) -> Result<()> {
        let gone = self.online.swap_remove(index);
        self.here.remove(&gone.user);
        self.tracker.feed(Input::LinkDown { link: gone.link });
        self.tracker.settle()
    }

    /// The owner of a channel announces as its host, and is granted an epoch; or is told when to come again: a channel
    /// pauses that was handed over three times in a minute, and here no time passes.
    pub fn host(&mut self, link: LinkId, channel: u64, nonce: u64) -> Result<()> {
        let id = *self.channels.get(usize::try_from(channel)?).context("it exists")?;
        let mut bytes = [2; 16];
        bytes[..8].copy_from_slice(&nonce.to_be_bytes());
        let (nonce, start) = (Nonce(bytes), Position::START);
        let hello = HostHello {
            channel: id,
            nonce,
            max_fence: Fence::default(),
            tip: start,
            resubmit: 0,
            evidence: Evidence::default(),
            after: start,
        };
        let adopt = match self.tracker.ask(link, hello)? {
            Message::Adopt(adopt) => adopt,
            Message::Failure(failure) if failure.retry_after_ms > 0 => return Ok(()),
            other => bail!("a host is not heard: {other:?}"),
        };
        let generation = adopt.epochs.last().context("an epoch of the tracker's")?.fence.generation;
        let adopted = Adopted { channel: id, nonce, generation, at: adopt.head };
        match self.tracker.ask(link, adopted)? {
            Message::Grant(_) => Ok(()),
            Message::Failure(failure) if failure.retry_after_ms > 0 => Ok(()),
            other => bail!("a host is not granted its epoch: {other:?}"),
        }
    }

    /// Everybody goes, and the store is closed.
    pub fn close(mut self) -> Result<Expected> {
        while !self.online.is_empty() {
            self.leave(self.online.len() - 1)?;
        }
        ensure!(self.tracker.machine.operations() == 0, "an operation is under way for ever");
        let joined = self.joined.len() as u64;
        Ok(Expected { users: self.users, channels: self.channels.len() as u64, joined })
    }
}

const PASSWORD: &str = "a long password";

fn register(user: u64) -> Register {
    let secret = Secret(PASSWORD.to_owned());
    Register { name: user_name(user), auth_method: AuthMethod::Password, secret, presence: Presence::Invisible }
}

pub fn user_name(user: u64) -> String {
    format!("user{user}")
}

pub fn channel_name(channel: u64) -> String {
    format!("channel{channel:06}")
}

pub fn owner_of(channel: u64) -> u64 {
    channel / CHANNELS_EACH
}

/// Users are registered in the order of their numbers, many at a time, so in that of their ids as well.
pub fn account_of(user: u64) -> AccountId {
    AccountId(user + 1)
}

pub fn device(user: u64) -> DeviceId {
    let mut bytes = [4; 32];
    bytes[..8].copy_from_slice(&user.to_be_bytes());
    DeviceId(bytes)
}
