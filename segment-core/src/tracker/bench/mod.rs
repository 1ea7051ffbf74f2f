//! A tracker on a bench: what goes in, and everything that comes out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use segment_proto::frame::Role;
use segment_proto::messages::*;
use segment_proto::{
    DeviceId, Frame, Header, Identity, Instant, Limits, LinkId, Message, Now, Reason, RequestId, Secret, SessionId,
    Token, UnixMillis, Who,
};

use crate::contract::{Deadline, Direction, Input, Machine, OpId, Output, Recipients};
use crate::rules::Rules;
use crate::store::{Operation, Outcome};
use crate::testing::TestStore;
use crate::tracker::events::TrackerEvent;
use crate::tracker::{Tracker, TrackerConfig};

mod requests;

pub use requests::*;

/// The tracker's key.
pub const TRACKER: DeviceId = DeviceId([0xee; 32]);
/// What everybody types.
pub const PASSWORD: &str = "correct horse";
/// When each test begins.
pub const START: Now = Now { mono: Instant(1_000_000), wall: UnixMillis(1_700_000_000_000) };

/// What came out.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// The answer to what was asked last on this link.
    Answer(LinkId, Message),
    /// A push, to these links.
    Push(Vec<LinkId>, Message),
    /// What this link was asked.
    Ask(LinkId, RequestId, Message),
    /// A link was hung up.
    Hangup(LinkId, Reason),
    /// The embedder was told.
    Event(TrackerEvent),
}

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub struct User {
    pub link: LinkId,
    pub device: DeviceId,
    pub who: Who,
    pub session: SessionId,
    pub token: Token,
    pub login: LoggedIn,
}

/// The bench.
pub struct Bench {
    pub tracker: Tracker,
    pub store: TestStore,
    pub now: Now,
    pub config: TrackerConfig,
    /// Operations are not performed, but wait here.
    pub held: Option<VecDeque<(OpId, Operation)>>,
    /// Operations that were performed.
    pub performed: Vec<Operation>,
    next_link: u64,
    next_request: u8,
    links: BTreeSet<LinkId>,
    seen: Vec<Seen>,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(Limits::default(), Rules::all())
    }

    pub fn with_limits(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        Self::with(limits, Rules::all())
    }

    pub fn with(limits: Limits, rules: Rules) -> Self {
        Self::on(TestStore::default(), limits, rules)
    }

    pub fn on(mut store: TestStore, limits: Limits, rules: Rules) -> Self {
        let config = TrackerConfig {
            identity: Identity::simulated(TRACKER),
            limits,
            rules,
            seed: [7; 32],
            software: "bench".to_string(),
        };
        let tracker = Tracker::restore(config.clone(), &mut store).unwrap();
        Self {
            tracker,
            store,
            now: START,
            config,
            held: None,
            performed: Vec::new(),
            next_link: 1 << 63,
            next_request: 0,
            links: BTreeSet::new(),
            seen: Vec::new(),
        }
    }

    /// The process is killed and started again on what is on disk; all links are gone.
    pub fn restart(&mut self) {
        self.config.seed[0] += 1;
        self.tracker = Tracker::restore(self.config.clone(), &mut self.store).unwrap();
        self.held = None;
        self.links.clear();
        self.next_link = 1 << 63;
    }

    pub fn input(&mut self, input: Input) -> Vec<Seen> {
        self.tracker.handle_input(input, self.now);
        self.drain();
        core::mem::take(&mut self.seen)
    }

    fn drain(&mut self) {
        while let Some(output) = self.tracker.poll_output() {
            match output {
                Output::Transmit { to, frame } => self.see_frame(to, &frame),
                Output::Hangup { link, reason } => {
                    self.seen.push(Seen::Hangup(link, reason));
                    self.links.remove(&link);
                    self.tracker.handle_input(Input::LinkDown { link }, self.now);
                }
                Output::Perform { op, operation, .. } => self.perform(op, operation),
                Output::Event(event) => self.seen.push(Seen::Event(event)),
                Output::Dial(dial) => panic!("a tracker dials nobody: {dial:?}"),
            }
        }
    }

    fn see_frame(&mut self, to: Recipients, frame: &Frame) {
        let header = frame.header().unwrap();
        let message = Message::decode(&header, &frame.payload()).unwrap();
        match (header.role, to) {
            (Role::Response, Recipients::One(link)) => self.seen.push(Seen::Answer(link, message)),
            (Role::Push, Recipients::One(link)) => self.seen.push(Seen::Push(alloc::vec![link], message)),
            (Role::Push, Recipients::Many(links)) => self.seen.push(Seen::Push(links.to_vec(), message)),
            (Role::Request, Recipients::One(link)) => self.seen.push(Seen::Ask(link, header.correlation, message)),
            other => panic!("answers and questions go to one: {other:?}"),
        }
    }

    fn perform(&mut self, op: OpId, operation: Operation) {
        if let Some(held) = &mut self.held {
            return held.push_back((op, operation));
        }
        let outcome = match &operation {
            Operation::Store(operation) => Outcome::Store(self.store.run(operation)),
            Operation::HashPassword { secret, .. } => Outcome::PasswordHashed(hash(secret)),
            Operation::VerifyPassword { secret, hash: of } => Outcome::PasswordVerified(hash(secret) == *of),
        };
        self.performed.push(operation);
        self.tracker.handle_input(Input::Performed { op, outcome }, self.now);
    }

    /// From now on operations wait.
    pub fn hold(&mut self) {
        self.held = Some(VecDeque::new());
    }

    /// The next operation that waits is performed.
    pub fn release(&mut self) -> Vec<Seen> {
        let mut held = self.held.take().unwrap();
        let (op, operation) = held.pop_front().unwrap();
        self.perform(op, operation);
        self.held = Some(held);
        self.drain();
        core::mem::take(&mut self.seen)
    }

    /// Operations that wait.
    pub fn waiting(&self) -> usize {
        self.held.as_ref().map_or(0, VecDeque::len)
    }

    /// Time passes; what is due happens on time.
    pub fn wait(&mut self, duration: Duration) -> Vec<Seen> {
        let end = self.now.mono + duration;
        while let Some(Deadline { at, .. }) = self.tracker.poll_timeout().filter(|deadline| deadline.at <= end) {
            self.pass_to(at.max(self.now.mono));
            self.tracker.handle_timeout(self.now);
            self.drain();
            let next = self.tracker.poll_timeout();
            assert!(next.is_none_or(|next| next.at > self.now.mono), "due again at once: {next:?}");
        }
        self.pass_to(end);
        core::mem::take(&mut self.seen)
    }

    fn pass_to(&mut self, at: Instant) {
        self.now.wall = self.now.wall.plus(at.since(self.now.mono));
        self.now.mono = at;
    }

    pub fn connect(&mut self, device: u8) -> LinkId {
        self.connect_from(device, &alloc::format!("10.0.0.{device}:4000"))
    }

    pub fn connect_from(&mut self, device: u8, address: &str) -> LinkId {
        self.next_link += 1;
        let link = LinkId(self.next_link);
        self.links.insert(link);
        let (peer, address) = (DeviceId([device; 32]), address.parse::<SocketAddr>().unwrap());
        let seen = self.input(Input::LinkUp { link, direction: Direction::Inbound, peer, address });
        assert_eq!(seen.first(), Some(&Seen::Event(TrackerEvent::LinkUp { link, peer, address })));
        link
    }

    /// Connects and says hello.
    pub fn greet(&mut self, device: u8) -> LinkId {
        let link = self.connect(device);
        self.hello(link);
        link
    }

    pub fn hello(&mut self, link: LinkId) {
        assert!(matches!(self.answer(link, hello()), Message::Welcome(_)));
    }

    pub fn cut(&mut self, link: LinkId) -> Vec<Seen> {
        self.links.remove(&link);
        self.input(Input::LinkDown { link })
    }

    pub fn writable(&mut self, link: LinkId, room: usize) {
        assert_eq!(self.input(Input::Writable { link, room }), []);
    }

    /// Everything that follows from a request.
    pub fn ask(&mut self, link: LinkId, message: impl Into<Message>) -> Vec<Seen> {
        self.next_request = self.next_request.wrapping_add(1).max(1);
        let id = RequestId::from_random([self.next_request; 16]);
        self.receive(link, Role::Request, id, message.into())
    }

    /// Everything that follows from a push.
    pub fn push(&mut self, link: LinkId, message: impl Into<Message>) -> Vec<Seen> {
        self.receive(link, Role::Push, RequestId::NONE, message.into())
    }

    pub fn receive(&mut self, link: LinkId, role: Role, correlation: RequestId, message: Message) -> Vec<Seen> {
        let header = Header { version: 1, role, kind: message.kind(), correlation };
        let message = self.config.identity.verifier().check(message).unwrap();
        self.input(Input::Received { link, header, message })
    }

    /// The answer to a request, whatever else follows from it.
    pub fn answer(&mut self, link: LinkId, message: impl Into<Message>) -> Message {
        let seen = self.ask(link, message);
        let answers = seen.iter().filter_map(|seen| match seen {
            Seen::Answer(to, message) if *to == link => Some(message.clone()),
            _ => None,
        });
        let answers: Vec<Message> = answers.collect();
        assert_eq!(answers.len(), 1, "one answer: {seen:?}");
        answers[0].clone()
    }

    /// Asks what must be refused, and that nothing else follows. Says why, and when to ask again.
    pub fn refused(&mut self, link: LinkId, message: impl Into<Message>) -> (Reason, u32) {
        let seen = self.ask(link, message);
        let [Seen::Answer(to, Message::Failure(failure)), Seen::Event(TrackerEvent::Refused { link: of, reason })] =
            seen.as_slice()
        else {
            panic!("a refusal: {seen:?}");
        };
        assert_eq!((*to, *of, failure.reason), (link, link, *reason));
        assert_eq!(failure.status, reason.status());
        (failure.reason, failure.retry_after_ms)
    }

    pub fn reason(&mut self, link: LinkId, message: impl Into<Message>) -> Reason {
        self.refused(link, message).0
    }

    pub fn register(&mut self, device: u8, name: &str) -> User {
        let link = self.greet(device);
        self.log_in(link, device, register(name, PASSWORD))
    }

    pub fn login(&mut self, device: u8, name: &str) -> User {
        let link = self.greet(device);
        self.log_in(link, device, login(name, PASSWORD))
    }

    pub fn guest(&mut self, device: u8, name: &str) -> User {
        let link = self.greet(device);
        self.log_in(link, device, guest(name))
    }

    pub fn resume(&mut self, device: u8, of: &User) -> User {
        let link = self.greet(device);
        self.log_in(link, device, resume(of, Presence::Online))
    }

    pub fn log_in(&mut self, link: LinkId, device: u8, message: impl Into<Message>) -> User {
        match self.answer(link, message) {
            Message::LoggedIn(login) => User {
                link,
                device: DeviceId([device; 32]),
                who: login.who.clone(),
                session: login.session,
                token: login.token,
                login,
            },
            other => panic!("not logged in: {other:?}"),
        }
    }

    pub fn create(&mut self, owner: &User, name: &str) -> ChannelRow {
        self.create_with(owner, create(name))
    }

    pub fn create_with(&mut self, owner: &User, message: CreateChannel) -> ChannelRow {
        match self.answer(owner.link, message) {
            Message::ChannelFound(found) => found.row,
            other => panic!("not created: {other:?}"),
        }
    }

    pub fn join(&mut self, user: &User, name: &str) -> ChannelRow {
        match self.answer(user.link, join(name)) {
            Message::ChannelFound(found) => found.row,
            other => panic!("not joined: {other:?}"),
        }
    }

    /// Lets everybody go, and looks whether anything is left over.
    pub fn close(mut self) {
        assert!(self.held.is_none());
        for link in self.links.clone() {
            self.cut(link);
        }
        assert_eq!(self.tracker.operations(), 0, "no operation");
        assert_eq!(self.tracker.poll_timeout(), None, "no timer");
        self.tracker.directory.assert_idle();
        assert_eq!(self.tracker.backups.links(), 0, "no link is remembered by a copy");
        self.assert_same_on_disk();
    }

    /// Memory is what a restart would make of the disk.
    fn assert_same_on_disk(&mut self) {
        let restored = Tracker::restore(self.config.clone(), &mut self.store.clone()).unwrap();
        self.tracker.directory.assert_same(&restored.directory);
    }
}

fn hash(secret: &Secret) -> String {
    alloc::format!("hash of {}", secret.0)
}
