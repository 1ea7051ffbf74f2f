//! One viewer of a ring: a cursor for each track, and what is under way.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::Follow;
use segment_proto::{DeviceId, Frame, FrameFlags, FramePlace, Instant, TrackKind, UnixMillis};

use crate::rules::Rule;
use crate::stream::StreamContext;
use crate::stream::pacing::Window;
use crate::stream::policy::{Jumps, Situation, Verdict, judge};
use crate::stream::ring::{Found, Ring, Stored};

/// The tracks of a stream, the most urgent first.
#[derive(Clone, Debug, Default)]
pub struct TrackOrder(Vec<(u8, TrackKind)>);

impl TrackOrder {
    /// By kind, then by number.
    #[must_use]
    pub fn of(tracks: &[segment_proto::Track]) -> Self {
        let mut order: Vec<(u8, TrackKind)> = tracks.iter().map(|track| (track.track, track.kind)).collect();
        order.sort_by_key(|(track, kind)| (kind.code(), *track));
        Self(order)
    }

    fn has_audio(&self) -> bool {
        self.0.iter().any(|(_, kind)| *kind == TrackKind::Audio)
    }
}

/// The next chunk of one track for one viewer.
#[derive(Debug, Default)]
struct Cursor {
    place: FramePlace,
    /// Which attempt at that frame, and its next chunk.
    serial: u64,
    chunk: usize,
    /// The group whose header was said, and its version.
    told: Option<(u64, u32)>,
    /// The group with which it began, or went on after a jump.
    began_with: u64,
    /// When it began: what was there already is late because of that.
    began_at: Instant,
    /// A group of which something was left out that the rest needs.
    broken: Option<u64>,
    last_sent: Option<Instant>,
}

/// One viewer.
#[derive(Debug)]
pub struct Subscriber {
    /// Who.
    pub device: DeviceId,
    /// When the ticket ends that it has shown last.
    pub expires: UnixMillis,
    /// Frames that were left out for it.
    pub left_out: u64,
    /// When something was sent last.
    pub last_sent: Instant,
    cursors: BTreeMap<u8, Cursor>,
    window: Window,
    jumps: Jumps,
}

impl Subscriber {
    /// Begins behind what it has, or else at the newest keyframe; with what is under way to it.
    pub(crate) fn new(
        device: DeviceId,
        follow: &Follow,
        window: Window,
        order: &TrackOrder,
        ring: &Ring,
        cx: &StreamContext<'_>,
    ) -> Self {
        let cursor = |track: u8| {
            let had = follow.after.iter().find(|after| after.track == track).map(|after| after.place);
            let resumed = had.filter(|place| cx.rules.has(Rule::ResumeFromRing) && ring.has(track, *place));
            let place = match resumed {
                Some(had) => next(had),
                None => Self::join_at(track, had, ring, cx),
            };
            (track, Cursor { place, began_with: place.group, began_at: cx.now.mono, ..Cursor::default() })
        };
        let cursors = order.0.iter().map(|(track, _)| cursor(*track)).collect();
        let (expires, last_sent, jumps) = (follow.ticket.expires, cx.now.mono, Jumps::default());
        Self { device, expires, left_out: 0, last_sent, cursors, window, jumps }
    }

    fn join_at(track: u8, had: Option<FramePlace>, ring: &Ring, cx: &StreamContext<'_>) -> FramePlace {
        let newest = if cx.rules.has(Rule::JoinAtKeyframe) { ring.newest_key(track) } else { ring.newest(track) };
        newest.filter(|place| had.is_none_or(|had| had < *place)).or(had.map(next)).unwrap_or_default()
    }

    /// What it has taken.
    pub(crate) fn on_taken(&mut self, total: u64, held: Duration, cx: &StreamContext<'_>) {
        self.window.on_taken(total, held, cx.now.mono, cx.limits);
    }

    /// What is under way, which stays so when it wants no more.
    pub(crate) fn into_window(self) -> Window {
        self.window
    }

    /// Bytes under way to it.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.window.under_way()
    }

    /// What goes now, in order: the most urgent track first, and no more than the viewer takes.
    pub(crate) fn take(&mut self, order: &TrackOrder, ring: &Ring, cx: &StreamContext<'_>, out: &mut Vec<Frame>) {
        // What is left out is decided as late as can be: when something can be sent.
        while self.window.has_room(1, cx.rules)
            && let Some((track, bytes)) = self.most_urgent(order, ring, cx)
        {
            if !self.window.has_room(bytes, cx.rules) {
                return;
            }
            self.send(track, ring, cx, out);
        }
    }

    /// The track whose chunk is next, and its length.
    fn most_urgent(&mut self, order: &TrackOrder, ring: &Ring, cx: &StreamContext<'_>) -> Option<(u8, usize)> {
        let reduced = self.jumps.is_reduced(cx.now.mono, cx.limits, cx.rules);
        for (track, kind) in &order.0 {
            let less = match kind {
                TrackKind::Video if reduced && order.has_audio() => Less::Nothing,
                TrackKind::Video if reduced => Less::Keyframes,
                _ => Less::Everything,
            };
            if let Some(bytes) = self.next_of(*track, less, ring, cx) {
                return Some((*track, bytes));
            }
        }
        None
    }

    /// Moves the cursor of a track over what is left out; the length of the chunk that it stands at.
    fn next_of(&mut self, track: u8, less: Less, ring: &Ring, cx: &StreamContext<'_>) -> Option<usize> {
        let cursor = self.cursors.get_mut(&track)?;
        loop {
            let found = ring.at_or_after(track, cursor.place)?;
            cursor.move_to(found.frame);
            if cursor.chunk > 0 {
                return found.frame.chunks.get(cursor.chunk).map(payload_bytes);
            }
            match cursor.judge(&found, less, cx) {
                Verdict::Send => return found.frame.chunks.first().map(payload_bytes),
                Verdict::Skip => cursor.skip(found.frame.flags),
                // It stands where it would jump to.
                Verdict::Jump if cursor.is_newest_key(&found) => {
                    cursor.began_with = found.group.number;
                    continue;
                }
                Verdict::Jump => {
                    cursor.jump(&found);
                    self.jumps.note(cx.now.mono, cx.limits, cx.rules);
                }
            }
            self.left_out += 1;
        }
    }

    fn send(&mut self, track: u8, ring: &Ring, cx: &StreamContext<'_>, out: &mut Vec<Frame>) {
        let Some(cursor) = self.cursors.get_mut(&track) else { return };
        let Some(Found { group, frame, .. }) = ring.at_or_after(track, cursor.place) else { return };
        let Some(chunk) = frame.chunks.get(cursor.chunk) else { return };
        if cursor.told != Some((group.number, group.version)) {
            cursor.told = Some((group.number, group.version));
            out.push(group.header.clone());
        }
        out.push(chunk.clone());
        self.window.on_sent(payload_bytes(chunk), cx.now.mono);
        self.last_sent = cx.now.mono;
        cursor.last_sent = Some(cx.now.mono);
        cursor.chunk += 1;
        if frame.whole && cursor.chunk == frame.chunks.len() {
            (cursor.place, cursor.chunk) = (next(cursor.place), 0);
        }
    }
}

/// What a viewer gets of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Less {
    Everything,
    Keyframes,
    Nothing,
}

impl Cursor {
    fn judge(&self, found: &Found<'_>, less: Less, cx: &StreamContext<'_>) -> Verdict {
        let since = |at: Instant| cx.now.mono.since(at);
        let soon = |at: Instant| since(at) < cx.limits.reduced_interval;
        match less {
            Less::Nothing => return Verdict::Skip,
            Less::Keyframes if found.frame.place.frame != 0 || self.last_sent.is_some_and(soon) => {
                return Verdict::Skip;
            }
            _ => {}
        }
        if self.broken == Some(found.group.number) {
            return Verdict::Skip;
        }
        let situation = Situation {
            late: since(found.frame.arrived),
            // What comes first is never left out: by that a viewer knows where it goes on.
            behind: if self.last_sent.is_some() { found.behind } else { 0 },
            group_over: found.over_since.map(since),
            flags: found.frame.flags,
            catching_up: self.began_with == found.group.number || found.frame.arrived <= self.began_at,
        };
        judge(&situation, cx.limits, cx.rules)
    }

    /// The next frame that is there. What lies between was left out by others, and is not needed, or gone.
    fn move_to(&mut self, frame: &Stored) {
        let place = frame.place;
        if self.serial != frame.serial {
            (self.serial, self.chunk) = (frame.serial, 0);
        }
        if place == self.place {
            return;
        }
        if place.frame != 0 && place.group != self.place.group {
            self.broken = Some(place.group);
        }
        self.place = place;
    }

    fn skip(&mut self, flags: FrameFlags) {
        if !flags.include(FrameFlags::DISCARDABLE) {
            self.broken = Some(self.place.group);
        }
        self.place = next(self.place);
    }

    fn is_newest_key(&self, found: &Found<'_>) -> bool {
        found.frame.place == FramePlace { group: found.newest_group, frame: 0 }
    }

    fn jump(&mut self, found: &Found<'_>) {
        let group = if found.newest_group > self.place.group { found.newest_group } else { self.place.group + 1 };
        (self.place, self.chunk) = (FramePlace { group, frame: 0 }, 0);
        self.began_with = group;
    }
}

/// Bytes of a chunk's payload.
fn payload_bytes(chunk: &Frame) -> usize {
    chunk.parts()[1].len()
}

fn next(place: FramePlace) -> FramePlace {
    FramePlace { frame: place.frame.saturating_add(1), ..place }
}
