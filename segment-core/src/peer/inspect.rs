//! The whole of a peer at one moment, for people who look for a fault: links, requests, queues, and every timer with its
//! reason. Looking changes nothing.

use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::{ChannelId, LinkId, Now, RequestId};

use crate::contract::Deadline;
use crate::host::{Host, HostReport};
use crate::peer::Peer;
use crate::peer::channels::Channel;
use crate::peer::tracker_link::TrackerState;
use crate::peer::views::{ChannelView, LinkView};

/// A peer at one moment.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// How the tracker can be reached.
    pub tracker: TrackerState,
    /// The open links.
    pub links: Vec<LinkView>,
    /// Requests under way.
    pub requests: Vec<RequestView>,
    /// Operations under way.
    pub operations: usize,
    /// Answers that came too late, or that nobody had asked for.
    pub stray_answers: u64,
    /// Channels whose events wait for the names of authors.
    pub unnamed: usize,
    /// What the peer itself waits for.
    pub timers: Vec<Timer>,
    /// The joined channels, and those hosted here.
    pub channels: Vec<ChannelInspection>,
}

/// A request under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestView {
    /// Its id.
    pub id: RequestId,
    /// Who is asked.
    pub link: LinkId,
    /// The channel that it is about.
    pub channel: Option<ChannelId>,
    /// What is asked.
    pub what: &'static str,
    /// It is waited for so long.
    pub times_out_in: Duration,
}

/// Something that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// What.
    pub why: &'static str,
    /// So long; zero where it is due.
    pub due_in: Duration,
}

/// A channel at one moment.
#[derive(Clone, Debug)]
pub struct ChannelInspection {
    /// What people see of it.
    pub view: ChannelView,
    /// From whom it is read.
    pub link: Option<LinkId>,
    /// What it waits for.
    pub timers: Vec<Timer>,
    /// Its host, where that is here.
    pub host: Option<HostReport>,
    /// The host that it was here, as long as that brings on what it has cut.
    pub former: Option<HostReport>,
}

impl Timer {
    fn of(deadline: Deadline, now: Now) -> Self {
        Self { why: deadline.why, due_in: deadline.at.since(now.mono) }
    }
}

impl ChannelInspection {
    fn of(channel: &Channel, view: ChannelView, now: Now) -> Self {
        let deadlines = channel.deadlines().into_iter().flatten();
        Self {
            view,
            link: channel.replica.link(),
            timers: deadlines.map(|deadline| Timer::of(deadline, now)).collect(),
            host: channel.host.as_ref().map(Host::report),
            former: channel.former.as_ref().map(Host::report),
        }
    }
}

impl Peer {
    /// The whole of it at this moment.
    #[must_use]
    pub fn inspect(&self, now: Now) -> Inspection {
        Inspection {
            tracker: self.tracker_state(),
            links: self.links().collect(),
            requests: self.requests(now),
            operations: self.operations(),
            stray_answers: self.stray_answers(),
            unnamed: self.naming.waiting().len(),
            timers: self.own_timers(now),
            channels: self
                .channels
                .iter()
                .map(|(_, channel)| ChannelInspection::of(channel, self.view_of(channel), now))
                .collect(),
        }
    }

    fn requests(&self, now: Now) -> Vec<RequestView> {
        let view = |(id, link, until, purpose): (_, _, segment_proto::Instant, &crate::peer::context::Purpose)| {
            let times_out_in = until.since(now.mono);
            RequestView { id, link, channel: purpose.channel(), what: purpose.name(), times_out_in }
        };
        self.core.pending.iter().map(view).collect()
    }

    /// Those of channels stand with the channels.
    fn own_timers(&self, now: Now) -> Vec<Timer> {
        let deadlines = [
            self.tracker.deadline(),
            self.hosts.deadline(),
            self.links.deadline(&self.rhythm()),
            self.core.session.deadline(),
            self.naming.deadline(),
        ];
        deadlines.into_iter().flatten().map(|deadline| Timer::of(deadline, now)).collect()
    }
}
