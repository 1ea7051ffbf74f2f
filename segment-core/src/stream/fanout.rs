//! Those whom this device serves. Nobody waits for any of them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::limits::StreamLimits;
use segment_proto::messages::{Follow, Taken, Unserved};
use segment_proto::{DeviceId, Frame, Instant, LinkId, Reason, StreamId, UnixMillis};

use crate::contract::Deadline;
use crate::rules::Rule;
use crate::stream::pacing::Window;
use crate::stream::ring::Ring;
use crate::stream::subscriber::{Subscriber, TrackOrder};
use crate::stream::{StreamContext, StreamOutput};

/// How often it is looked whose ticket has ended.
const LOOK: Duration = Duration::from_secs(1);

/// The viewers of one ring.
#[derive(Debug)]
pub struct Fanout {
    order: TrackOrder,
    subscribers: BTreeMap<LinkId, Subscriber>,
    /// What is under way to those who want no more: it counts when they follow again. Bounded by the number of links.
    left: BTreeMap<LinkId, Window>,
    scratch: Vec<Frame>,
    /// When it is looked next whose ticket has ended.
    look_at: Instant,
}

impl Fanout {
    /// Nobody yet.
    #[must_use]
    pub fn new(order: TrackOrder) -> Self {
        Self {
            order,
            subscribers: BTreeMap::new(),
            left: BTreeMap::new(),
            scratch: Vec::new(),
            look_at: Instant::default(),
        }
    }

    /// Somebody follows from here on. Who follows again begins again.
    pub(crate) fn follow(
        &mut self,
        link: LinkId,
        device: DeviceId,
        follow: &Follow,
        ring: &Ring,
        header: &Frame,
        cx: &mut StreamContext<'_>,
    ) {
        self.unfollow(link);
        let window = self.left.remove(&link).unwrap_or_else(|| Window::new(cx.limits));
        let subscriber = Subscriber::new(device, follow, window, &self.order, ring, cx);
        if self.subscribers.is_empty() {
            self.look_at = cx.now.mono + LOOK;
        }
        self.subscribers.insert(link, subscriber);
        cx.out.push_back(StreamOutput::Send(link, header.clone()));
        self.pump_one(link, ring, cx);
    }

    /// Somebody wants no more, and is told that nothing comes any more of what they have asked for.
    pub(crate) fn on_unfollow(&mut self, link: LinkId, stream: StreamId, cx: &mut StreamContext<'_>) {
        self.unfollow(link);
        cx.send(link, &Unserved { stream, reason: Reason::Replaced });
    }

    fn unfollow(&mut self, link: LinkId) {
        if let Some(subscriber) = self.subscribers.remove(&link) {
            self.left.insert(link, subscriber.into_window());
        }
    }

    /// A link is gone, with all that was under way on it.
    pub(crate) fn on_link_down(&mut self, link: LinkId) {
        self.subscribers.remove(&link);
        self.left.remove(&link);
    }

    /// Somebody may not be served any more.
    pub(crate) fn shut_out(&mut self, device: &DeviceId, stream: StreamId, cx: &mut StreamContext<'_>) {
        self.subscribers.retain(|link, subscriber| {
            let stays = subscriber.device != *device;
            if !stays {
                cx.send(*link, &Unserved { stream, reason: Reason::BadCertificate });
            }
            stays
        });
    }

    /// Somebody has shown a newer ticket.
    pub(crate) fn renew(&mut self, link: LinkId, expires: UnixMillis) {
        if let Some(subscriber) = self.subscribers.get_mut(&link) {
            subscriber.expires = expires;
        }
    }

    /// Whose ticket has ended, and who has shown no other, is not served any more: whoever coordinates would have given
    /// them one.
    pub(crate) fn expire(&mut self, stream: StreamId, cx: &mut StreamContext<'_>) {
        if self.look_at > cx.now.mono {
            return;
        }
        self.look_at = cx.now.mono + LOOK;
        if !cx.rules.has(Rule::TicketAdmits) {
            return;
        }
        self.subscribers.retain(|link, subscriber| {
            let stays = subscriber.expires >= cx.now.wall;
            if !stays {
                cx.send(*link, &Unserved { stream, reason: Reason::BadCertificate });
            }
            stays
        });
    }

    /// Somebody has taken some.
    pub(crate) fn on_taken(&mut self, link: LinkId, taken: &Taken, ring: &Ring, cx: &mut StreamContext<'_>) {
        let held = Duration::from_micros(taken.held_us.into());
        match self.subscribers.get_mut(&link) {
            Some(subscriber) => subscriber.on_taken(taken.bytes, held, cx),
            None if taken.bytes == 0 => drop(self.left.remove(&link)),
            None => {
                let window = || Window::counting_from(taken.bytes, cx.limits);
                self.left.entry(link).or_insert_with(window).on_taken(taken.bytes, held, cx.now.mono, cx.limits);
            }
        }
        self.pump_one(link, ring, cx);
    }

    fn pump_one(&mut self, link: LinkId, ring: &Ring, cx: &mut StreamContext<'_>) {
        let Some(subscriber) = self.subscribers.get_mut(&link) else { return };
        subscriber.take(&self.order, ring, cx, &mut self.scratch);
        cx.out.extend(self.scratch.drain(..).map(|frame| StreamOutput::Send(link, frame)));
    }

    /// Sends what is new to whoever takes it.
    pub(crate) fn pump(&mut self, ring: &Ring, cx: &mut StreamContext<'_>) {
        for (link, subscriber) in &mut self.subscribers {
            subscriber.take(&self.order, ring, cx, &mut self.scratch);
            cx.out.extend(self.scratch.drain(..).map(|frame| StreamOutput::Send(*link, frame)));
        }
    }

    /// A sign of life to those to whom nothing was sent: only who has lost its own parent is to look for another.
    pub(crate) fn beat(&mut self, every: Duration, header: &Frame, cx: &mut StreamContext<'_>) {
        let beats = cx.rules.has(Rule::OnlyDirectChildren);
        for (link, subscriber) in &mut self.subscribers {
            if cx.now.mono.since(subscriber.last_sent) >= every {
                subscriber.last_sent = cx.now.mono;
                cx.out.extend(beats.then(|| StreamOutput::Send(*link, header.clone())));
            }
        }
    }

    /// Tells everybody to look for another.
    pub(crate) fn say_unserved(&self, stream: StreamId, reason: Reason, cx: &mut StreamContext<'_>) {
        for link in self.subscribers.keys() {
            cx.send(*link, &Unserved { stream, reason });
        }
    }

    /// When somebody needs a sign of life, or tickets are to be looked at.
    #[must_use]
    pub fn deadline(&self, every: Duration) -> Option<Deadline> {
        let earliest = self.subscribers.values().map(|subscriber| subscriber.last_sent).min()?;
        let beat = Deadline::new(earliest + every, "a sign of life");
        let look = Deadline::new(self.look_at, "tickets that end");
        Some(if look.at < beat.at { look } else { beat })
    }

    /// Whether somebody follows on this link.
    #[must_use]
    pub fn has(&self, link: LinkId) -> bool {
        self.subscribers.contains_key(&link)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.subscribers.len()
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// The most bytes that are under way to one of them.
    #[must_use]
    pub fn most_under_way(&self) -> usize {
        self.subscribers.values().map(Subscriber::under_way).max().unwrap_or_default()
    }

    /// Frames that were left out for those who are here.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.subscribers.values().map(|subscriber| subscriber.left_out).sum()
    }
}

/// The silence after which a parent is taken for gone.
#[must_use]
pub fn silence(interval: Duration, limits: &StreamLimits) -> Duration {
    (interval * 3).max(limits.silence)
}

/// Between two signs of life.
#[must_use]
pub fn heartbeat(interval: Duration, limits: &StreamLimits) -> Duration {
    silence(interval, limits) / 3
}

/// The shortest interval between the frames of some track.
#[must_use]
pub fn shortest_interval(tracks: &[segment_proto::Track]) -> Duration {
    let known = tracks.iter().map(|track| track.interval_us).filter(|interval| *interval > 0);
    Duration::from_micros(known.min().unwrap_or_default().into())
}

/// The moment before which nothing is due.
pub(crate) fn is_due(deadline: Option<Deadline>, now: Instant) -> bool {
    deadline.is_some_and(|deadline| deadline.at <= now)
}
