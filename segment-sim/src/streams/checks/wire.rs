//! What one device sends another of a stream.

use std::collections::{BTreeMap, VecDeque};

use core::time::Duration;

use segment_proto::limits::StreamLimits;
use segment_proto::messages::TrackPlace;
use segment_proto::{FrameFlags, FramePlace};

use super::Broken;
use crate::streams::world::{Published, VIDEO};

/// A frame that begins to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub(crate) track: u8,
    pub(crate) place: FramePlace,
    pub(crate) now: u64,
    /// How long its sender waits with it.
    pub(crate) waiting: Option<Waiting>,
}

/// How long a sender waits with a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) frame: Duration,
    /// Since the next group has begun.
    pub(crate) group_over: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Lane {
    last: FramePlace,
    /// The group with which it went on last.
    began_with: u64,
    sent_at: u64,
}

/// What somebody was sent since they have asked.
#[derive(Debug, Default)]
pub(crate) struct Served {
    began_at: u64,
    after: BTreeMap<u8, FramePlace>,
    lanes: BTreeMap<u8, Lane>,
    jumps: VecDeque<u64>,
    reduced_until: u64,
    /// Chunks.
    pub(crate) chunks: u64,
}

impl Served {
    pub(crate) fn new(after: &[TrackPlace], began_at: u64) -> Self {
        Self { began_at, after: after.iter().map(|at| (at.track, at.place)).collect(), ..Self::default() }
    }

    /// Looks at the next frame. Jumps are counted where the ring is known to be whole: at the streamer.
    pub(crate) fn on_frame(
        &mut self,
        begun: Begun,
        published: &Published,
        is_whole: bool,
        limits: &StreamLimits,
    ) -> Option<Broken> {
        let Begun { track, place, now, waiting } = begun;
        let lane = self.lanes.get(&track).copied();
        let before = lane.map(|lane| lane.last).or_else(|| self.after.get(&track).copied());
        let missed: Vec<FrameFlags> =
            before.into_iter().flat_map(|before| published.between(track, before, place)).collect();
        let needed = missed.iter().any(|flags| !flags.include(FrameFlags::DISCARDABLE));
        let goes_on = lane.is_some() && missed.is_empty();
        let began_with = lane.filter(|_| goes_on).map_or(place.group, |lane| lane.began_with);
        // A viewer that falls behind goes on from the newest keyframe, also where that is the next one: it was the
        // newest when that was decided.
        let falls_behind = place.frame == 0 && waiting.is_some_and(|waiting| waiting.frame > limits.behind);
        let began_with = if falls_behind { place.group } else { began_with };
        self.lanes.insert(track, Lane { last: place, began_with, sent_at: now });
        let builds = place.frame == 0 || before.is_some_and(|before| before.group == place.group && !needed);
        if !builds {
            return Some(Broken::Showable);
        }
        let was_there = waiting.is_some_and(|waiting| now - self.began_at <= micros(waiting.frame));
        let exempt = began_with == place.group || was_there;
        if waiting.is_some_and(|waiting| waiting.is_too_late(exempt, limits)) {
            return Some(Broken::Late);
        }
        let lane = lane.filter(|_| is_whole && track == VIDEO)?;
        self.look_at_jumps(place, needed, now, lane, limits)
    }

    fn look_at_jumps(
        &mut self,
        place: FramePlace,
        jumped: bool,
        now: u64,
        lane: Lane,
        limits: &StreamLimits,
    ) -> Option<Broken> {
        let pause = now - lane.sent_at;
        let reduced = micros(limits.reduced_interval);
        if now < self.reduced_until && (place.frame != 0 || pause < reduced) {
            return Some(Broken::Reduced);
        }
        // After a longer pause it may have got less already.
        if jumped && pause < reduced && now >= self.reduced_until {
            self.jumps.push_back(now);
            if self.jumps.len() > limits.jumps_max {
                self.jumps.pop_front();
            }
            let first = self.jumps.front().copied().unwrap_or(now);
            if self.jumps.len() == limits.jumps_max && now - first <= micros(limits.jumps_window) {
                self.reduced_until = now + micros(limits.jumps_window);
            }
        }
        None
    }
}

impl Waiting {
    fn is_too_late(&self, began_with_it: bool, limits: &StreamLimits) -> bool {
        let past = self.group_over.is_some_and(|over| over > limits.group_past);
        past || (!began_with_it && self.frame > limits.behind)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
