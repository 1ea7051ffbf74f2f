//! The machine of a peer: the tracker link, the links to hosts, the joined channels and those hosted here.
//!
//! [`Peer`] holds its parts together and says in which order they get to speak. What came in is
//! routed in `routing`, links come and go in `linking`, the peer's own requests end in `answers`,
//! `serving` decides from where a channel is read, and `local` joins a hosted channel with its
//! owner's own replica. `commands` is what an embedder can want, `views` what it can see.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use segment_proto::pending::NoAnswer;
use segment_proto::{LinkId, Now, RequestId};

use crate::contract::{Deadline, Input, Machine, OpId, Output, earliest};
use crate::peer::authors::Authors;
use crate::peer::channels::Channels;
use crate::peer::context::{Answer, PeerTask};
use crate::peer::core::Core;
use crate::peer::events::PeerEvent;
use crate::peer::hosts::Hosts;
use crate::peer::links::{LinkRole, Links};
use crate::peer::local::Stripped;
use crate::peer::naming::Naming;
use crate::peer::session::Session;
use crate::peer::streams::Streams;
use crate::peer::tracker_link::TrackerLink;
use crate::peer::verifying::Verifying;
use crate::store::{Fatal, Outcome, Record, Store, Table, scan_all};

mod answers;
pub mod authors;
mod channels;
mod commands;
pub mod context;
mod core;
mod dialler;
mod errors;
pub mod events;
mod hosting;
mod hosts;
mod inspect;
mod linking;
mod links;
mod local;
mod missing;
mod naming;
pub mod requests;
mod routing;
mod serving;
mod session;
mod streams;
mod tracker_link;
mod verifying;
mod views;

pub use self::core::PeerConfig;
pub use commands::{StreamOptions, Unsent};
pub use errors::{CommandError, SECRET_BYTES_MAX, SECRET_BYTES_MIN};
pub use inspect::{ChannelInspection, Inspection, RequestView, Timer};
pub use tracker_link::TrackerState;
pub use verifying::{CopyReport, Verified};
pub use views::{ChannelView, LinkView, WhoAmI};

#[cfg(test)]
mod tests;

/// A peer.
#[derive(Debug)]
pub struct Peer {
    core: Core,
    tracker: TrackerLink,
    hosts: Hosts,
    links: Links,
    channels: Channels,
    naming: Naming,
    stripped: Stripped,
    verifying: BTreeMap<RequestId, Verifying>,
    streams: Streams,
    ready: VecDeque<Output<PeerEvent>>,
    /// Shut down: no links are opened or taken any more.
    closing: bool,
}

impl Peer {
    /// The peer as the store has it.
    ///
    /// # Errors
    /// [`Fatal`]: the store cannot be read.
    pub fn restore(config: PeerConfig, store: &mut dyn Store) -> Result<Self, Fatal> {
        let settings = records(store, Table::Setting)?;
        let session = Session::restore(&settings)?;
        let authors = Authors::restore(&records(store, Table::Author)?)?;
        let joined = records(store, Table::Joined)?;
        Ok(Self {
            core: Core::new(config, authors, session),
            tracker: TrackerLink::default(),
            hosts: Hosts::default(),
            links: Links::default(),
            channels: Channels::restore(&joined, &settings, store)?,
            naming: Naming::default(),
            stripped: Stripped::default(),
            verifying: BTreeMap::new(),
            streams: Streams::default(),
            ready: VecDeque::new(),
            closing: false,
        })
    }

    fn on_performed(&mut self, op: OpId, outcome: Outcome, now: Now) {
        let (Some(task), Outcome::Store(outcome)) = (self.core.out.take_task(op), outcome) else {
            return;
        };
        match task {
            PeerTask::Nothing => {}
            PeerTask::Reply(id, reply) => self.core.reply(id, Ok(*reply)),
            PeerTask::Left(id, channel) => self.on_erased(id, channel, now),
            PeerTask::Verify(id, task) => self.on_verify_performed(id, task, outcome, now),
            PeerTask::Replica(channel, task) => {
                if let Some(channel) = self.channels.get_mut(&channel) {
                    channel.replica.on_performed(task, outcome, &mut self.core.cx(now));
                }
            }
            PeerTask::Host(channel, task) => {
                if let Some(host) = self.channels.host_mut(&channel) {
                    host.on_performed(task, outcome, &mut self.core.cx(now));
                }
                self.after_host(&channel);
            }
        }
    }

    fn on_writable(&mut self, link: LinkId, room: usize, now: Now) {
        if self.links.get(link).is_none_or(|link| !matches!(link.role, LinkRole::Member | LinkRole::Tracker)) {
            return;
        }
        let core = &mut self.core;
        self.channels.hosts().for_each(|host| host.on_writable(link, room, &mut core.cx(now)));
    }

    fn expire_requests(&mut self, now: Now) {
        while let Some((id, purpose)) = self.core.pending.expire(now.mono) {
            self.deliver(id, purpose, Answer::Nothing(NoAnswer::TimedOut), now);
        }
    }

    fn wake_channels(&mut self, now: Now) {
        for missing in self.channels.take_due(now.mono) {
            self.find_missing(missing, now);
        }
        let due = |deadline: Option<Deadline>| deadline.is_some_and(|deadline| deadline.at <= now.mono);
        for (_, channel) in self.channels.iter_mut() {
            if due(channel.replica.poll_timeout()) {
                channel.replica.handle_timeout(&mut self.core.cx(now));
            }
            if let Some(host) = channel.any_host().filter(|host| due(host.poll_timeout())) {
                host.handle_timeout(&mut self.core.cx(now));
            }
        }
    }

    fn release_names(&mut self, now: Now) {
        for channel in self.naming.waiting() {
            self.naming.release_until(channel, &self.core.authors, now.mono);
        }
        self.naming.bound(self.core.limits.authors_max);
        self.emit();
    }
}

fn records(store: &mut dyn Store, table: Table) -> Result<Vec<Record>, Fatal> {
    let mut records = Vec::new();
    scan_all(store, table, |record| records.push(record))?;
    Ok(records)
}

impl Machine for Peer {
    type Event = PeerEvent;

    fn handle_input(&mut self, input: Input, now: Now) {
        let now = self.core.session.corrected(now);
        match input {
            Input::LinkUp { link, direction, peer, address } => self.on_link_up(link, direction, peer, address, now),
            Input::Received { link, header, message } => self.on_received(link, header, message.into_inner(), now),
            Input::Writable { link, room } => self.on_writable(link, room, now),
            Input::LinkDown { link } => self.lose_link(link, now),
            Input::DialFailed { link, reason } => self.on_dial_failed(link, reason, now),
            Input::Performed { op, outcome } => self.on_performed(op, outcome, now),
        }
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Now) {
        let now = self.core.session.corrected(now);
        self.expire_requests(now);
        self.keep_links(now);
        self.keep_certificate(now);
        self.wake_channels(now);
        self.streams_on_time(now);
        self.enforce_streams(now);
        self.release_names(now);
        self.settle(now);
    }

    fn poll_output(&mut self) -> Option<Output<PeerEvent>> {
        self.ready.pop_front()
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        let pending = self.core.pending.next_deadline().map(|at| Deadline::new(at, "answer"));
        earliest([
            pending,
            self.tracker.deadline(),
            self.hosts.deadline(),
            self.links.deadline(&self.rhythm()),
            self.core.session.deadline(),
            self.channels.deadline(),
            self.naming.deadline(),
            self.streams.deadline(&self.core),
        ])
    }
}
