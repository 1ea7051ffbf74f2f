//! What was sent lately, once for all viewers.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use segment_proto::limits::StreamLimits;
use segment_proto::{Frame, FrameFlags, FramePlace, Instant};

use crate::rules::{Rule, Rules};

/// A frame, or as much of it as has come.
#[derive(Debug)]
pub struct Stored {
    /// Where it stands.
    pub place: FramePlace,
    /// Counts the frames that have begun: one that begins again is another.
    pub serial: u64,
    /// What it is good for.
    pub flags: FrameFlags,
    /// When its first chunk was here.
    pub arrived: Instant,
    /// Its chunks, encoded.
    pub chunks: Vec<Frame>,
    /// Whether these are all.
    pub whole: bool,
}

/// A group with its frames.
#[derive(Debug)]
pub struct Group {
    /// Its number.
    pub number: u64,
    /// Said before its first chunk.
    pub header: Frame,
    /// Counts the headers: it is said again when it changes.
    pub version: u32,
    /// When it began here.
    pub begun: Instant,
    frames: VecDeque<Stored>,
}

/// One track's last groups.
#[derive(Debug, Default)]
struct Lane {
    groups: VecDeque<Group>,
}

/// The last groups of each track. Policy: the oldest go, by age and by bytes.
#[derive(Debug, Default)]
pub struct Ring {
    lanes: BTreeMap<u8, Lane>,
    bytes: usize,
    serial: u64,
}

/// A frame in its group, with what stands behind it.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Its group.
    pub group: &'a Group,
    /// The frame.
    pub frame: &'a Stored,
    /// Frames of this track behind it.
    pub behind: usize,
    /// When the next group began, where there is one.
    pub over_since: Option<Instant>,
    /// The newest group of the track.
    pub newest_group: u64,
}

impl Ring {
    /// A group begins, or its way has changed.
    pub fn begin_group(&mut self, track: u8, number: u64, header: Frame, now: Instant) {
        let groups = &mut self.lanes.entry(track).or_default().groups;
        match groups.back_mut() {
            Some(last) if last.number == number => {
                if last.header != header {
                    last.header = header;
                    last.version += 1;
                }
            }
            Some(last) if last.number > number => {}
            _ => groups.push_back(Group { number, header, version: 0, begun: now, frames: VecDeque::new() }),
        }
    }

    /// A frame begins in the newest group. One before it that is not whole is given up.
    pub fn begin_frame(&mut self, track: u8, place: FramePlace, flags: FrameFlags, now: Instant) {
        self.abandon(track);
        let Some(group) = self.lanes.get_mut(&track).and_then(|lane| lane.groups.back_mut()) else { return };
        if group.number == place.group && group.frames.back().is_none_or(|last| last.place < place) {
            self.serial += 1;
            group.frames.push_back(Stored {
                place,
                serial: self.serial,
                flags,
                arrived: now,
                chunks: Vec::new(),
                whole: false,
            });
        }
    }

    /// Its next chunk.
    pub fn push(&mut self, track: u8, chunk: Frame) {
        let length = chunk.len();
        if let Some(frame) = self.last_mut(track).filter(|frame| !frame.whole) {
            frame.chunks.push(chunk);
            self.bytes += length;
        }
    }

    /// The newest frame is whole.
    pub fn finish(&mut self, track: u8) {
        if let Some(frame) = self.last_mut(track) {
            frame.whole = true;
        }
    }

    /// The newest frame will never be whole.
    pub fn abandon(&mut self, track: u8) {
        let Some(group) = self.lanes.get_mut(&track).and_then(|lane| lane.groups.back_mut()) else { return };
        if let Some(frame) = group.frames.pop_back_if(|frame| !frame.whole) {
            self.bytes -= bytes_of(&frame);
        }
    }

    fn last_mut(&mut self, track: u8) -> Option<&mut Stored> {
        self.lanes.get_mut(&track)?.groups.back_mut()?.frames.back_mut()
    }

    /// The first frame of a track from a place on.
    #[must_use]
    pub fn at_or_after(&self, track: u8, place: FramePlace) -> Option<Found<'_>> {
        let groups = &self.lanes.get(&track)?.groups;
        let newest_group = groups.back()?.number;
        let first = groups.partition_point(|group| group.number < place.group);
        for (index, group) in groups.iter().enumerate().skip(first) {
            let at = group.frames.partition_point(|frame| frame.place < place);
            if let Some(frame) = group.frames.get(at) {
                let later = groups.iter().skip(index + 1);
                let behind = group.frames.len() - at - 1 + later.map(|group| group.frames.len()).sum::<usize>();
                let over_since = groups.get(index + 1).map(|next| next.begun);
                return Some(Found { group, frame, behind, over_since, newest_group });
            }
        }
        None
    }

    /// Whether a track has this very frame, whole.
    #[must_use]
    pub fn has(&self, track: u8, place: FramePlace) -> bool {
        self.at_or_after(track, place).is_some_and(|found| found.frame.place == place && found.frame.whole)
    }

    /// The newest group of a track that has its keyframe.
    #[must_use]
    pub fn newest_key(&self, track: u8) -> Option<FramePlace> {
        let mut groups = self.lanes.get(&track)?.groups.iter().rev();
        let group = groups.find(|group| group.frames.front().is_some_and(|frame| frame.place.frame == 0))?;
        Some(FramePlace { group: group.number, frame: 0 })
    }

    /// The newest frame of a track.
    #[must_use]
    pub fn newest(&self, track: u8) -> Option<FramePlace> {
        let groups = &self.lanes.get(&track)?.groups;
        groups.iter().rev().find_map(|group| group.frames.back()).map(|frame| frame.place)
    }

    /// The header of the newest group of any track: a sign of life.
    #[must_use]
    pub fn newest_header(&self) -> Option<&Frame> {
        let newest = self.lanes.values().filter_map(|lane| lane.groups.back()).max_by_key(|group| group.begun);
        newest.map(|group| &group.header)
    }

    /// Bytes that are kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets what is old. A group goes when two newer ones are there and its time is over, or there are too many bytes.
    pub fn trim(&mut self, now: Instant, limits: &StreamLimits, rules: Rules) {
        if !rules.has(Rule::RingBounded) {
            return;
        }
        let tracks: Vec<u8> = self.lanes.keys().copied().collect();
        for track in tracks {
            while self.has_old_group(track, now, limits) {
                self.drop_oldest(track);
            }
        }
        while self.bytes > limits.ring_bytes_max && self.drop_oldest_of_all() {}
    }

    fn has_old_group(&self, track: u8, now: Instant, limits: &StreamLimits) -> bool {
        let Some(lane) = self.lanes.get(&track) else { return false };
        lane.groups.len() > 2 && lane.groups.get(1).is_some_and(|next| now.since(next.begun) > limits.ring)
    }

    fn drop_oldest(&mut self, track: u8) {
        let group = self.lanes.get_mut(&track).and_then(|lane| lane.groups.pop_front());
        let bytes: usize = group.iter().flat_map(|group| &group.frames).map(bytes_of).sum();
        self.bytes -= bytes;
    }

    /// The newest group of a track stays: somebody is in it.
    fn drop_oldest_of_all(&mut self) -> bool {
        let several = self.lanes.iter().filter(|(_, lane)| lane.groups.len() > 1);
        let oldest = several.min_by_key(|(_, lane)| lane.groups.front().map(|group| group.begun));
        let Some(track) = oldest.map(|(track, _)| *track) else { return false };
        self.drop_oldest(track);
        true
    }
}

fn bytes_of(frame: &Stored) -> usize {
    frame.chunks.iter().map(Frame::len).sum()
}
