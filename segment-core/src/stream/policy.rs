//! What a viewer is spared that cannot keep up. Decided before each frame, never inside one.

use alloc::collections::VecDeque;
use core::time::Duration;

use segment_proto::limits::StreamLimits;
use segment_proto::{FrameFlags, Instant};

use crate::rules::{Rule, Rules};

/// How the next frame of a viewer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// How long it is here.
    pub late: Duration,
    /// Newer frames of its track.
    pub behind: usize,
    /// How long its group is over, where it is.
    pub group_over: Option<Duration>,
    /// What it is good for.
    pub flags: FrameFlags,
    /// The viewer began with this frame's group: it is late because the group is older than the viewer.
    pub catching_up: bool,
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is sent.
    Send,
    /// It is left out.
    Skip,
    /// Everything up to the newest keyframe is left out.
    Jump,
}

/// Decides.
#[must_use]
pub fn judge(frame: &Situation, limits: &StreamLimits, rules: Rules) -> Verdict {
    if rules.has(Rule::JumpWhenGroupPast) && frame.group_over.is_some_and(|over| over > limits.group_past) {
        return Verdict::Jump;
    }
    if rules.has(Rule::JumpWhenBehind) && !frame.catching_up && frame.late > limits.behind {
        return Verdict::Jump;
    }
    if rules.has(Rule::SkipDiscardable) && frame.behind > 1 && frame.flags.include(FrameFlags::DISCARDABLE) {
        return Verdict::Skip;
    }
    Verdict::Send
}

/// How often a viewer has jumped, and whether it gets less for that.
#[derive(Debug, Default)]
pub struct Jumps {
    last: VecDeque<Instant>,
    reduced: bool,
}

impl Jumps {
    /// It has jumped.
    pub fn note(&mut self, now: Instant, limits: &StreamLimits, rules: Rules) {
        self.last.push_back(now);
        if self.last.len() > limits.jumps_max {
            self.last.pop_front();
        }
        let first = self.last.front().copied().unwrap_or(now);
        let often = self.last.len() >= limits.jumps_max && now.since(first) <= limits.jumps_window;
        self.reduced |= often && rules.has(Rule::ReduceAfterJumps);
    }

    /// Whether it gets less than everything now.
    pub fn is_reduced(&mut self, now: Instant, limits: &StreamLimits, rules: Rules) -> bool {
        let calm = self.last.back().is_none_or(|last| now.since(*last) >= limits.jumps_window);
        if self.reduced && calm && rules.has(Rule::ClimbBack) {
            self.reduced = false;
            self.last.clear();
        }
        self.reduced
    }
}
