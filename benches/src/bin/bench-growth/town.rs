//! A tracker and a host, driven in one thread, with as many light members and users as wanted: a link, and what is
//! said on it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use segment_benches::driven::{self, Driven, START, TRACKER, Work};
use segment_core::peer::Peer;
use segment_core::tracker::Tracker;
use segment_core::{Direction, Recipients, Store};
use segment_proto::messages::{AuthMethod, Greeter, Hello, Presence, Register, Submit, Subscribe, Subscribed};
use segment_proto::{
    AccountId, Certificate, ChannelId, DeviceId, Envelope, EnvelopeKind, Evidence, Fence, Hash, Identity, Limits,
    LinkId, Message, MessageKey, ProtocolVersion, Secret, SessionId, Signed, SignedEnvelope, UnixMillis, UserName,
    View, Visitors, Who,
};

/// The host's device.
pub const HOST: DeviceId = DeviceId([0x11; 32]);
/// The link between the two, as the tracker names it.
const DOWN: LinkId = LinkId(1 << 63);
/// Bytes of a text.
const TEXT_BYTES: usize = 128;
/// Everything that two machines have to say to each other is said within so many rounds.
const ROUNDS_MAX: usize = 100_000;

/// What is raised, so that the sizes that are measured fit.
pub fn limits() -> Limits {
    Limits {
        members_per_channel_max: 20_000,
        links_max: 40_000,
        sessions_max: 40_000,
        channels_per_account_max: 20_000,
        joined_channels_max: 20_000,
        messages_per_second: 10_000_000,
        messages_burst: 10_000_000,
        ..Limits::default()
    }
}

/// In words.
pub const RAISED: &str = "raised limits: members_per_channel_max, channels_per_account_max and joined_channels_max \
    20,000; links_max and sessions_max 40,000; messages_per_second and messages_burst 10,000,000";

/// What both have done.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    pub tracker: Work,
    pub host: Work,
}

/// A tracker and a host.
pub struct Town {
    pub tracker: Driven<Tracker>,
    pub host: Driven<Peer>,
    up: LinkId,
}

impl Town {
    /// The host is logged in; it hosts nothing.
    pub fn new(tracker_store: Box<dyn Store>, host_store: Box<dyn Store>) -> Result<Self> {
        let tracker = driven::tracker(tracker_store, limits(), 7)?;
        let host = driven::peer(host_store, HOST, limits())?;
        let mut town = Self { tracker, host, up: LinkId(0) };
        town.connect()?;
        let register = |peer: &mut Peer, now| peer.register("host", Secret("a password".into()), Presence::Online, now);
        town.host.call(register)?;
        town.run()?;
        Ok(town)
    }

    fn connect(&mut self) -> Result<()> {
        let endpoint = driven::endpoint(TRACKER, 22_236);
        self.host.call(|peer, now| peer.connect(endpoint, now))?;
        let dial = self.host.dials.pop().context("the tracker is dialled")?;
        self.up = dial.link;
        self.host.link_up(dial.link, Direction::Outbound, TRACKER, endpoint.address);
        self.tracker.link_up(DOWN, Direction::Inbound, HOST, address());
        self.run()
    }

    /// A channel of the host's, named by its number.
    pub fn create(&mut self, number: u64) -> Result<()> {
        let name = format!("#channel{number}");
        self.host.call(|peer, now| peer.create_channel(&name, View::Public, Visitors::Read, now))?;
        self.run()
    }

    /// The only channel, or any of them.
    pub fn a_channel(&self) -> Result<ChannelId> {
        self.host.machine.channels().map(|view| view.record.channel).next().context("one was created")
    }

    /// Until neither has anything more to do; what is for others is thrown away.
    pub fn run(&mut self) -> Result<()> {
        for _ in 0..ROUNDS_MAX {
            self.host.settle()?;
            self.tracker.settle()?;
            let (up, down) = (std::mem::take(&mut self.host.sent), std::mem::take(&mut self.tracker.sent));
            if up.is_empty() && down.is_empty() {
                return Ok(());
            }
            for sent in up.iter().filter(|sent| sent.to == Recipients::One(self.up)) {
                self.tracker.receive(DOWN, &sent.frame)?;
            }
            for sent in down.iter().filter(|sent| is_to(&sent.to, DOWN)) {
                self.host.receive(self.up, &sent.frame)?;
            }
        }
        bail!("tracker and host do not come to rest");
    }

    /// What was done by now.
    pub fn spent(&self) -> Spent {
        Spent { tracker: self.tracker.work, host: self.host.work }
    }

    /// A member, with a certificate and nothing else, is admitted to a channel.
    pub fn member(&mut self, number: u64, channel: ChannelId) -> Result<Member> {
        let (link, device) = (LinkId(1 << 63 | number), device(number));
        self.host.link_up(link, Direction::Inbound, device, address());
        self.host.ask(link, hello(Greeter::Member))?;
        let account = AccountId(1_000_000 + number);
        let who = Who { account, name: UserName::new(&format!("member{number}"))? };
        let issued = START.wall;
        let expires = issued.plus(Duration::from_secs(24 * 3_600));
        let certificate = Certificate { who, device, session: session(number), issued, expires };
        let certificate = Some(Signed::new(certificate, &Identity::simulated(TRACKER)));
        let subscribe = Subscribe { channel, certificate, device: None, evidence: Evidence::default() };
        let Message::Subscribed(Subscribed { epoch, .. }) = self.host.ask(link, subscribe)? else {
            bail!("a member is not admitted");
        };
        let fence = epoch.context("the channel has a sequencer")?.fence;
        Ok(Member { link, device, account, channel, fence, seq: 0, prev: Hash::ZERO })
    }

    /// One message of a member: sequenced, written, pushed, copied, receipted and committed.
    pub fn say(&mut self, member: &mut Member) -> Result<()> {
        self.say_many(member, 1)
    }

    /// So many at once.
    pub fn say_many(&mut self, member: &mut Member, count: u64) -> Result<()> {
        let envelopes = (0..count).map(|_| member.write()).collect();
        let submit = Submit {
            channel: member.channel,
            fence: member.fence,
            envelopes,
            authors: Vec::new(),
            evidence: Evidence::default(),
        };
        let before = self.committed(member.channel)?;
        self.host.request(member.link, submit)?;
        self.run()?;
        ensure!(self.committed(member.channel)? == before + count, "a message was not committed");
        Ok(())
    }

    fn committed(&self, channel: ChannelId) -> Result<u64> {
        Ok(self.host.machine.host_report(channel).context("it is hosted here")?.committed)
    }

    /// A user, registered on a link of their own to the tracker.
    pub fn user(&mut self, number: u64) -> Result<LinkId> {
        let link = self.greeted(number)?;
        let register = Register {
            name: format!("user{number}"),
            auth_method: AuthMethod::Password,
            secret: Secret("a password".into()),
            presence: Presence::Invisible,
        };
        let Message::LoggedIn(_) = self.tracker.ask(link, register)? else { bail!("a user is not let in") };
        Ok(link)
    }

    /// A link to the tracker on which hello was said.
    pub fn greeted(&mut self, number: u64) -> Result<LinkId> {
        let link = LinkId(1 << 63 | (1 << 32) | number);
        self.tracker.link_up(link, Direction::Inbound, device(1 << 32 | number), address());
        self.tracker.ask(link, hello(Greeter::Client))?;
        Ok(link)
    }
}

fn is_to(to: &Recipients, link: LinkId) -> bool {
    match to {
        Recipients::One(one) => *one == link,
        Recipients::Many(links) => links.contains(&link),
    }
}

pub fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9))
}

pub fn hello(greeter: Greeter) -> Hello {
    Hello { protocol: ProtocolVersion::CURRENT, greeter, software: "bench".to_owned() }
}

fn device(number: u64) -> DeviceId {
    let mut bytes = [3; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    DeviceId(bytes)
}

fn session(number: u64) -> SessionId {
    let mut bytes = [5; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    SessionId::from_random(bytes)
}

/// Somebody who reads and writes at the host.
pub struct Member {
    pub link: LinkId,
    device: DeviceId,
    account: AccountId,
    pub channel: ChannelId,
    fence: Fence,
    seq: u64,
    prev: Hash,
}

impl Member {
    fn write(&mut self) -> SignedEnvelope {
        self.seq += 1;
        let key = MessageKey { channel: self.channel, device: self.device, incarnation: 1, seq: self.seq };
        let body = Bytes::from(format!("{:<TEXT_BYTES$}", self.seq));
        let envelope = Envelope {
            key,
            account: self.account,
            prev: self.prev,
            sent: UnixMillis(START.wall.0 + self.seq),
            kind: EnvelopeKind::Text,
            body,
        };
        let signed = SignedEnvelope::new(envelope, &Identity::simulated(self.device));
        self.prev = signed.hash();
        signed
    }
}
