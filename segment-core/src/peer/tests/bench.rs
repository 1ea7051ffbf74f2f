//! A peer with everybody else played by hand.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::net::SocketAddr;
use core::time::Duration;

use segment_proto::frame::Role;
use segment_proto::messages::{ChannelPage, ChannelRow, LoggedIn, Presence, Secret, Welcome};
use segment_proto::{
    AccountId, Certificate, ChannelId, ChannelName, ChannelRecord, DeviceId, DeviceRecord, Header, Identity, Instant,
    Limits, LinkId, Message, Now, ProtocolVersion, RequestId, SessionId, Signed, Token, UnixMillis, UserName, Verifier,
    View, Visitors, Who,
};

use crate::contract::{Direction, Endpoint, Input, Machine, Output, Recipients};
use crate::peer::events::PeerEvent;
use crate::peer::{Peer, PeerConfig};
use crate::rules::Rules;
use crate::store::{Operation, Outcome};
use crate::testing::TestStore;

pub(super) const TRACKER: DeviceId = DeviceId([1; 32]);
pub(super) const DEVICE: DeviceId = DeviceId([2; 32]);
pub(super) const HOST: DeviceId = DeviceId([3; 32]);
pub(super) const MEMBER: DeviceId = DeviceId([4; 32]);
pub(super) const WALL: UnixMillis = UnixMillis(1_700_000_000_000);
pub(super) const TOKEN: Token = Token([7; 32]);
/// The first link that is dialled.
pub(super) const LINK: LinkId = LinkId(1);
/// A link that somebody else has opened.
pub(super) const INBOUND: LinkId = LinkId(1 << 63);

pub(super) fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

pub(super) fn tracker_at(port: u16) -> Endpoint {
    Endpoint { address: address(port), key: None }
}

pub(super) fn session_id() -> SessionId {
    SessionId::from_random([8; 16])
}

pub(super) fn who(account: u64, name: &str) -> Who {
    Who { account: AccountId(account), name: UserName::new(name).unwrap() }
}

pub(super) fn sign<T: segment_proto::signed::Content>(content: T) -> Signed<T> {
    Signed::new(content, &Identity::simulated(TRACKER))
}

pub(super) fn certificate(who: Who, device: DeviceId) -> Signed<Certificate> {
    let life = Limits::default().certificate_life;
    sign(Certificate { who, device, session: session_id(), issued: WALL, expires: WALL.plus(life) })
}

pub(super) fn device_record(who: Who, device: DeviceId) -> Signed<DeviceRecord> {
    sign(DeviceRecord { device, who, since: WALL, revoked: None })
}

pub(super) fn logged_in(who: Who) -> LoggedIn {
    let device = (!who.is_visitor()).then(|| device_record(who.clone(), DEVICE));
    let certificate = certificate(who.clone(), DEVICE);
    LoggedIn { who, session: session_id(), token: TOKEN, certificate, device }
}

pub(super) fn channel(number: u8) -> ChannelId {
    ChannelId::from_random([number; 16])
}

/// A channel of `ken` (account 1) hosted by this device, or of `ada` (account 2) by another.
pub(super) fn row(number: u8, host: DeviceId, at: Option<u16>) -> ChannelRow {
    let owner = if host == DEVICE { who(1, "ken") } else { who(2, "ada") };
    let record = ChannelRecord {
        channel: channel(number),
        name: ChannelName::new(&format!("c{number}")).unwrap(),
        owner,
        host,
        view: View::Public,
        visitors: Visitors::Read,
        created: WALL,
        revision: 1,
    };
    ChannelRow {
        record: sign(record),
        view: View::Public,
        visitors: Visitors::Read,
        host: at.map(address),
        host_present: at.is_some(),
        joined: true,
    }
}

pub(super) struct Bench {
    pub(super) peer: Peer,
    pub(super) store: TestStore,
    pub(super) at: Duration,
    outputs: Vec<Output<PeerEvent>>,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(TestStore::default(), Limits::default())
    }

    pub(super) fn with(mut store: TestStore, limits: Limits) -> Self {
        let identity = Identity::simulated(DEVICE);
        let config = PeerConfig { identity, limits, rules: Rules::all(), seed: [5; 32], software: "test".into() };
        let peer = Peer::restore(config, &mut store).unwrap();
        Self { peer, store, at: Duration::ZERO, outputs: Vec::new() }
    }

    /// The same profile in another process.
    pub(super) fn restarted(self) -> Self {
        Self { at: self.at, ..Self::with(self.store, Limits::default()) }
    }

    pub(super) fn now(&self) -> Now {
        let millis = u64::try_from(self.at.as_millis()).unwrap();
        Now { mono: Instant::default() + self.at, wall: UnixMillis(WALL.0 + millis) }
    }

    /// Everything that came out, the store's operations performed.
    fn drain(&mut self) {
        while let Some(output) = self.peer.poll_output() {
            if let Output::Perform { op, operation: Operation::Store(operation), .. } = &output {
                let outcome = Outcome::Store(self.store.run(operation));
                let op = *op;
                self.outputs.push(output);
                self.peer.handle_input(Input::Performed { op, outcome }, self.now());
                continue;
            }
            self.outputs.push(output);
        }
    }

    /// What came out since this was asked last.
    pub(super) fn take(&mut self) -> Vec<Output<PeerEvent>> {
        self.drain();
        core::mem::take(&mut self.outputs)
    }

    /// The same, in short.
    pub(super) fn out(&mut self) -> Vec<String> {
        self.take().iter().map(brief).collect()
    }

    pub(super) fn events(&mut self) -> Vec<PeerEvent> {
        self.take()
            .into_iter()
            .filter_map(|output| if let Output::Event(event) = output { Some(event) } else { None })
            .collect()
    }

    pub(super) fn input(&mut self, input: Input) {
        self.peer.handle_input(input, self.now());
        self.drain();
        self.check_timers();
    }

    fn check_timers(&mut self) {
        let now = self.now();
        let due = self.peer.poll_timeout().filter(|deadline| deadline.at <= now.mono);
        if due.is_some() {
            self.peer.handle_timeout(now);
            self.drain();
            let left = self.peer.poll_timeout().filter(|deadline| deadline.at <= now.mono);
            assert_eq!(left, None, "a timer that was due is still due");
        }
    }

    pub(super) fn link_up(&mut self, link: LinkId, peer: DeviceId) {
        let direction = if link.0 >> 63 == 1 { Direction::Inbound } else { Direction::Outbound };
        self.input(Input::LinkUp { link, direction, peer, address: address(1_000) });
    }

    pub(super) fn receive(&mut self, link: LinkId, role: Role, correlation: RequestId, message: impl Into<Message>) {
        self.input(received(link, role, correlation, message));
    }

    pub(super) fn push(&mut self, link: LinkId, message: impl Into<Message>) {
        self.receive(link, Role::Push, RequestId::NONE, message);
    }

    /// Answers the last request of this kind that went out on a link since the outputs were taken; takes them.
    pub(super) fn answer(&mut self, link: LinkId, name: &str, message: impl Into<Message>) -> Vec<String> {
        let (outputs, id) = self.asked(link, name);
        self.receive(link, Role::Response, id, message);
        outputs
    }

    /// The last request of this kind that went out on a link, and everything that came out.
    pub(super) fn asked(&mut self, link: LinkId, name: &str) -> (Vec<String>, RequestId) {
        let outputs = self.take();
        let wanted = format!("to {}: ask {name}", link.0);
        let asked = outputs.iter().rev().find(|output| brief(output) == wanted);
        let Some(Output::Transmit { frame, .. }) = asked else {
            panic!("no {name} on {link} among {:?}", outputs.iter().map(brief).collect::<Vec<_>>());
        };
        (outputs.iter().map(brief).collect(), frame.header().unwrap().correlation)
    }

    /// Goes to the next deadline, if it is within `within`; otherwise as far as that.
    pub(super) fn wait(&mut self, within: Duration) {
        let end = self.at + within;
        loop {
            let next = self.peer.poll_timeout().map(|deadline| Duration::from_micros(deadline.at.0));
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.at = self.at.max(next);
            self.check_timers();
        }
        self.at = end;
    }

    /// Connected to the tracker on [`LINK`].
    pub(super) fn connected() -> Self {
        let mut bench = Self::new();
        bench.connect(LINK);
        bench.out();
        bench
    }

    pub(super) fn connect(&mut self, link: LinkId) {
        let now = self.now();
        self.peer.connect(tracker_at(22_236), now).unwrap();
        self.welcome(link, TRACKER);
    }

    pub(super) fn welcome(&mut self, link: LinkId, peer: DeviceId) {
        self.link_up(link, peer);
        let wall = self.now().wall;
        let welcome =
            Welcome { protocol: ProtocolVersion::CURRENT, wall, seen_at: address(1), software: String::new() };
        self.answer(link, "Hello", welcome);
    }

    /// Logged in as `ken` on [`LINK`], with these channels.
    pub(super) fn logged_in(rows: Vec<ChannelRow>) -> Self {
        let mut bench = Self::connected();
        bench.log_in(rows);
        bench.out();
        bench
    }

    pub(super) fn log_in(&mut self, rows: Vec<ChannelRow>) {
        let now = self.now();
        self.peer.login("ken", Secret("a password".into()), Presence::Online, now).unwrap();
        self.answer(LINK, "Login", logged_in(who(1, "ken")));
        self.answer(LINK, "ListChannels", ChannelPage { rows, more: false });
    }

    /// What nobody may leave behind: nothing under way, nothing to wait for.
    pub(super) fn assert_idle(&mut self) {
        self.drain();
        assert_eq!(self.peer.pending(), 0, "requests are left over");
        assert_eq!(self.peer.operations(), 0, "operations are left over");
        assert_eq!(self.peer.links().count(), 0, "links are left over");
        assert_eq!(self.peer.poll_timeout(), None, "a timer is left over");
    }
}

/// Something that comes in on a link.
pub(super) fn received(link: LinkId, role: Role, correlation: RequestId, message: impl Into<Message>) -> Input {
    let message = message.into();
    let header = Header { version: 1, role, kind: message.kind(), correlation };
    let message = Verifier::simulated().check(message).unwrap();
    Input::Received { link, header, message }
}

pub(super) fn decode(output: &Output<PeerEvent>) -> Option<Message> {
    let Output::Transmit { frame, .. } = output else { return None };
    Message::decode(&frame.header()?, &frame.payload()).ok()
}

/// The first message of this name among outputs.
pub(super) fn message(outputs: &[Output<PeerEvent>], name: &str) -> Message {
    let found = outputs.iter().filter_map(decode).find(|message| message.name() == name);
    found.unwrap_or_else(|| panic!("no {name} among {:?}", outputs.iter().map(brief).collect::<Vec<_>>()))
}

/// An output in a few words.
pub(super) fn brief(output: &Output<PeerEvent>) -> String {
    match output {
        Output::Transmit { to, frame } => {
            let verb = match frame.header().unwrap().role {
                Role::Push => "push",
                Role::Request => "ask",
                Role::Response => "answer",
            };
            let to = match to {
                Recipients::One(link) => link.0.to_string(),
                Recipients::Many(links) => format!("{:?}", links.iter().map(|link| link.0).collect::<Vec<_>>()),
            };
            let what = match decode(output).unwrap() {
                Message::Failure(failure) => format!("{}", failure.reason),
                message => message.name().to_string(),
            };
            format!("to {to}: {verb} {what}")
        }
        Output::Dial(dial) => format!("dial {} at {}", dial.link.0, dial.endpoint.address.port()),
        Output::Hangup { link, reason } => format!("hang up {}: {reason}", link.0),
        Output::Perform { operation: Operation::Store(crate::store::StoreOperation::Write(_)), .. } => "write".into(),
        Output::Perform { .. } => "perform".into(),
        Output::Event(event) => brief_event(event),
    }
}

fn brief_event(event: &PeerEvent) -> String {
    match event {
        PeerEvent::Replied { reply: Ok(reply), .. } => format!("replied {}", first_word(&format!("{reply:?}"))),
        PeerEvent::Replied { reply: Err(error), .. } => match error {
            crate::peer::context::Unanswered::Refused(failure) => format!("replied {}", failure.reason),
            crate::peer::context::Unanswered::NoAnswer(why) => format!("replied {why:?}"),
        },
        PeerEvent::ServedFrom { serving, .. } => format!("served from {}", first_word(&format!("{serving:?}"))),
        PeerEvent::Suspicious { what } => format!("suspicious: {what}"),
        other => first_word(&format!("{other:?}")),
    }
}

fn first_word(text: &str) -> String {
    text.split([' ', '(']).next().unwrap().to_string()
}

pub(super) fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(ToString::to_string).collect()
}

/// Ten milliseconds more than what a request may take.
pub(super) fn request_timeout() -> Duration {
    Limits::default().request_timeout + Duration::from_millis(10)
}

#[test]
fn the_bench_itself_sees_what_goes_out() {
    let mut bench = Bench::new();
    assert_eq!(bench.out(), vec![] as Vec<String>);
    bench.assert_idle();
}
