//! For whoever builds on Segment: their own bot in a world in which things go wrong.
//!
//! A simulation has a tracker, an owner with one channel, a person who writes, and bots that react to what their
//! peers tell. All of them register, log in and join by themselves. After everything that was planned, the world is
//! healed and has to come to rest; the report says what was committed and which promises were broken, if any.
//!
//! ```
//! use core::time::Duration;
//! use segment_core::peer::Peer;
//! use segment_core::peer::events::PeerEvent;
//! use segment_proto::Now;
//! use segment_sim::simulation::{Place, Simulation};
//!
//! let second = Duration::from_secs;
//! let report = Simulation::new(7)
//!     .bot(|event: &PeerEvent, peer: &mut Peer, now: Now| {
//!         let PeerEvent::Received { channel, messages, .. } = event else { return };
//!         for _ in messages.iter().filter(|message| message.text() == Some("ping")) {
//!             let _ = peer.send(*channel, "pong", now);
//!         }
//!     })
//!     .partition(Place::Bot(0), Place::Owner, second(5)..second(15))
//!     .says(second(10), "ping")
//!     .crash(Place::Tracker, second(12)..second(14))
//!     .run();
//! assert_eq!(report.broken, []);
//! assert_eq!(report.texts, ["ping", "pong"]);
//! ```

use core::ops::Range;
use core::time::Duration;

use segment_core::peer::Peer;
use segment_core::peer::events::PeerEvent;
use segment_proto::{Instant, Now};

use crate::checkers::{Finding, TRACKER};
use crate::network::{NodeId, Notice};
use crate::scenario::{Scenario, Shape};
use crate::trace::Printing;
use crate::user::Mood;
use crate::world::World;

/// How long a world goes on after the last thing that was planned, before it is healed.
const AFTERMATH: Duration = Duration::from_secs(5);
const OWNER: NodeId = NodeId(1);
const PERSON: NodeId = NodeId(2);

/// A program that reacts to what its peer tells. A closure is one. It outlives its peer's process, as a person does:
/// what a crash takes from it, it has to forget by itself.
pub trait Bot {
    /// Its peer has told something.
    fn on_event(&mut self, event: &PeerEvent, peer: &mut Peer, now: Now);
}

impl<F: FnMut(&PeerEvent, &mut Peer, Now)> Bot for F {
    fn on_event(&mut self, event: &PeerEvent, peer: &mut Peer, now: Now) {
        self(event, peer, now);
    }
}

/// Somewhere in the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The tracker.
    Tracker,
    /// The owner's peer, which hosts the channel.
    Owner,
    /// The peer of the person who writes.
    Person,
    /// The peer of a bot, counted from 0 in the order in which they were added.
    Bot(u16),
}

impl Place {
    fn node(self) -> NodeId {
        match self {
            Self::Tracker => TRACKER,
            Self::Owner => OWNER,
            Self::Person => PERSON,
            Self::Bot(number) => NodeId(PERSON.0 + 1 + number),
        }
    }
}

/// What is planned.
#[derive(Debug)]
enum Event {
    Part(NodeId, NodeId, Duration),
    Crash(NodeId, Duration),
    Pause(NodeId, Duration),
    Say(String),
}

/// A world that is yet to be lived.
pub struct Simulation {
    seed: u64,
    bots: Vec<Box<dyn Bot>>,
    planned: Vec<(Duration, Event)>,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Promises that were broken, or that the world did not come to rest.
    pub broken: Vec<Finding>,
    /// The texts of the channel, as they are committed.
    pub texts: Vec<String>,
}

impl Simulation {
    /// The same seed gives the same world, to the microsecond.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, bots: Vec::new(), planned: Vec::new() }
    }

    /// Adds a bot.
    #[must_use]
    pub fn bot(mut self, bot: impl Bot + 'static) -> Self {
        self.bots.push(Box::new(bot));
        self
    }

    /// The person writes something, which nobody has written before.
    #[must_use]
    pub fn says(self, at: Duration, text: impl Into<String>) -> Self {
        self.plan(at, Event::Say(text.into()))
    }

    /// Nothing passes between two places.
    #[must_use]
    pub fn partition(self, one: Place, other: Place, when: Range<Duration>) -> Self {
        let lasting = when.end.saturating_sub(when.start);
        self.plan(when.start, Event::Part(one.node(), other.node(), lasting))
    }

    /// A process dies, between any two of its effects, and starts again from its disk.
    #[must_use]
    pub fn crash(self, place: Place, when: Range<Duration>) -> Self {
        let lasting = when.end.saturating_sub(when.start);
        self.plan(when.start, Event::Crash(place.node(), lasting))
    }

    /// A process is stopped, and goes on as if nothing had been.
    #[must_use]
    pub fn pause(self, place: Place, when: Range<Duration>) -> Self {
        let lasting = when.end.saturating_sub(when.start);
        self.plan(when.start, Event::Pause(place.node(), lasting))
    }

    fn plan(mut self, at: Duration, event: Event) -> Self {
        self.planned.push((at, event));
        self
    }

    /// Lives it.
    #[must_use]
    pub fn run(mut self) -> Report {
        self.planned.sort_by_key(|(at, _)| *at);
        let bots = u16::try_from(self.bots.len()).unwrap_or(u16::MAX);
        let shape = Shape { members: 1 + bots, ..Shape::default() };
        let mut world = World::new(&Scenario::calm(self.seed, shape), Printing::Silent);
        world.set_mood(Mood::Active);
        for (node, bot) in (PERSON.0 + 1..).map(NodeId).zip(self.bots) {
            world.seat(node, bot);
        }
        for (at, event) in self.planned {
            world.run_until(Instant(0) + at);
            happen(&mut world, event);
        }
        world.run_for(AFTERMATH);
        let broken = world.come_to_rest().findings;
        let entries = world.checkers.ledger.channels().flat_map(|(_, ledger)| ledger.entries());
        Report { broken, texts: entries.filter_map(|entry| entry.text.clone()).collect() }
    }
}

fn happen(world: &mut World, event: Event) {
    match event {
        Event::Part(one, other, lasting) => {
            world.block(one, other, lasting);
            world.block(other, one, lasting);
        }
        Event::Crash(node, lasting) => world.crash_for(node, Notice::Reset, lasting),
        Event::Pause(node, lasting) => world.pause(node, lasting),
        Event::Say(text) => {
            let joined = |world: &World| world.peer(PERSON)?.channels().next().map(|view| view.record.channel);
            if let Some(channel) = joined(world) {
                world.write(PERSON, channel, &text);
            }
        }
    }
}
