//! Where a stream begins: frames are signed, cut, kept and handed to whoever follows.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use segment_proto::limits::StreamLimits;
use segment_proto::messages::{Chunk, Unserved};
use segment_proto::{
    DeviceId, Frame, FrameFlags, FrameHeader, FramePlace, Hash, LinkId, Message, Reason, Signed, StreamDescription,
    StreamId,
};

use crate::contract::Deadline;
use crate::rules::Rule;
use crate::stream::admission::Admission;
use crate::stream::fanout::{Fanout, heartbeat, is_due, shortest_interval};
use crate::stream::ring::Ring;
use crate::stream::subscriber::TrackOrder;
use crate::stream::{StreamContext, Way};

/// Why a frame was not taken. Nothing of it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The stream is not sent from here, or is over.
    #[error("there is no such stream here: the frame was not sent; start one first")]
    NoSuchStream,
    /// The description knows no such track.
    #[error("the stream has no such track: the frame was not sent; name it when the stream starts")]
    NoSuchTrack,
    /// A track begins with a keyframe.
    #[error("no keyframe has come yet: the frame was not sent, nobody could show it; begin with a keyframe")]
    KeyFirst,
    /// The frame is over its limit.
    #[error("a frame has at most {0} bytes: it was not sent; encode it smaller")]
    TooLarge(usize),
}

/// Where a track stands.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    /// Its last frame; none before its first keyframe.
    place: Option<FramePlace>,
    /// The last frame of the group that others build on.
    needed: u32,
    /// Frames so far.
    count: u64,
}

impl Standing {
    fn after(self, place: FramePlace, flags: FrameFlags) -> Self {
        let needed = if flags.include(FrameFlags::DISCARDABLE) { self.needed } else { place.frame };
        Self { place: Some(place), needed: if place.frame == 0 { 0 } else { needed }, count: self.count + 1 }
    }
}

/// The streamer's side of one stream.
#[derive(Debug)]
pub struct Publisher {
    description: Signed<StreamDescription>,
    admission: Admission,
    tracks: BTreeMap<u8, Standing>,
    ring: Ring,
    fanout: Fanout,
    interval: Duration,
    frames: u64,
    bytes: u64,
}

impl Publisher {
    /// A stream that has not begun.
    #[must_use]
    pub fn new(description: Signed<StreamDescription>, coordinators: Vec<DeviceId>) -> Self {
        Self {
            admission: Admission::new(description.stream, coordinators),
            tracks: description.tracks.iter().map(|track| (track.track, Standing::default())).collect(),
            ring: Ring::default(),
            fanout: Fanout::new(TrackOrder::of(&description.tracks)),
            interval: shortest_interval(&description.tracks),
            description,
            frames: 0,
            bytes: 0,
        }
    }

    /// What it is.
    #[must_use]
    pub fn description(&self) -> &Signed<StreamDescription> {
        &self.description
    }

    /// Takes the next frame of a track. It is cut and encoded once, and waits for nobody.
    ///
    /// # Errors
    /// [`PushError`].
    pub fn push(
        &mut self,
        track: u8,
        timestamp_us: u64,
        flags: FrameFlags,
        payload: &Bytes,
        cx: &mut StreamContext<'_>,
    ) -> Result<FramePlace, PushError> {
        let before = *self.tracks.get(&track).ok_or(PushError::NoSuchTrack)?;
        let place = next_place(before.place, flags, cx).ok_or(PushError::KeyFirst)?;
        let size = u32::try_from(payload.len()).ok().filter(|_| payload.len() <= cx.limits.frame_bytes_max);
        let size = size.ok_or(PushError::TooLarge(cx.limits.frame_bytes_max))?;
        self.tracks.insert(track, before.after(place, flags));
        let (stream, hash) = (self.stream(), Hash(*blake3::hash(payload).as_bytes()));
        let (needs, count) = (if place.frame == 0 { 0 } else { before.needed }, before.count);
        let header = FrameHeader { stream, track, place, timestamp_us, flags, size, hash, needs, count };
        self.keep(&Signed::new(header, cx.identity), payload, cx);
        self.frames += 1;
        self.bytes += u64::from(size);
        self.ring.trim(cx.now.mono, cx.limits, cx.rules);
        self.fanout.pump(&self.ring, cx);
        Ok(place)
    }

    fn keep(&mut self, header: &Signed<FrameHeader>, payload: &Bytes, cx: &StreamContext<'_>) {
        let FrameHeader { stream, track, place, flags, .. } = **header;
        let way = Way::begin(cx.identity.device()).header(stream, track, place.group);
        self.ring.begin_group(track, place.group, way, cx.now.mono);
        self.ring.begin_frame(track, place, flags, cx.now.mono);
        for (index, payload) in pieces(payload, cx.limits).enumerate() {
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            let header = (index == 0).then(|| header.clone());
            self.ring.push(track, Chunk { stream, track, place, index, header, payload }.to_frame());
        }
        self.ring.finish(track);
    }

    /// Something came from a viewer.
    pub fn on_message(&mut self, link: LinkId, device: DeviceId, message: Message, cx: &mut StreamContext<'_>) {
        match message {
            Message::Follow(follow) => match self.may_follow(&follow, &device, cx) {
                Ok(()) => {
                    let header = self.sign_of_life(cx);
                    self.fanout.follow(link, device, &follow, &self.ring, &header, cx);
                }
                Err(reason) => cx.send(link, &Unserved { stream: self.stream(), reason }),
            },
            Message::Unfollow(_) => self.fanout.on_unfollow(link, self.description.stream, cx),
            Message::Taken(taken) => self.fanout.on_taken(link, &taken, &self.ring, cx),
            Message::ShowTicket(shown) if self.admission.admit(&shown.ticket, &device, cx).is_ok() => {
                self.fanout.renew(link, shown.ticket.expires);
            }
            Message::ShutOut(shut) => {
                self.admission.shut_out(shut.viewer, cx);
                self.fanout.shut_out(&shut.viewer, shut.stream, cx);
            }
            _ => {}
        }
    }

    fn may_follow(
        &self,
        follow: &segment_proto::messages::Follow,
        device: &DeviceId,
        cx: &StreamContext<'_>,
    ) -> Result<(), Reason> {
        self.admission.admit(&follow.ticket, device, cx)?;
        if self.fanout.len() >= cx.limits.direct_max {
            return Err(Reason::LimitReached);
        }
        Ok(())
    }

    /// A link is gone.
    pub fn on_link_down(&mut self, link: LinkId) {
        self.fanout.on_link_down(link);
    }

    /// The stream ends here.
    pub fn stop(&mut self, cx: &mut StreamContext<'_>) {
        self.fanout.say_unserved(self.stream(), Reason::NoSuchStream, cx);
    }

    fn stream(&self) -> StreamId {
        self.description.stream
    }

    fn sign_of_life(&self, cx: &StreamContext<'_>) -> Frame {
        let header = self.ring.newest_header().cloned();
        header.unwrap_or_else(|| Way::begin(cx.identity.device()).header(self.stream(), 0, 0))
    }

    /// The time has come.
    pub fn handle_timeout(&mut self, cx: &mut StreamContext<'_>) {
        let every = heartbeat(self.interval, cx.limits);
        if is_due(self.fanout.deadline(every), cx.now.mono) {
            let header = self.sign_of_life(cx);
            self.fanout.beat(every, &header, cx);
            self.fanout.expire(self.stream(), cx);
        }
    }

    /// When.
    #[must_use]
    pub fn poll_timeout(&self, limits: &StreamLimits) -> Option<Deadline> {
        self.fanout.deadline(heartbeat(self.interval, limits))
    }

    /// Whom it serves.
    #[must_use]
    pub fn fanout(&self) -> &Fanout {
        &self.fanout
    }

    /// What it keeps.
    #[must_use]
    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Frames and bytes that it has sent to whoever followed.
    #[must_use]
    pub fn pushed(&self) -> (u64, u64) {
        (self.frames, self.bytes)
    }
}

/// Groups are numbered by the time of their first keyframe, so that a streamer that was started again never counts back.
fn next_place(before: Option<FramePlace>, flags: FrameFlags, cx: &StreamContext<'_>) -> Option<FramePlace> {
    if flags.include(FrameFlags::KEY) {
        let group = before.map_or(cx.now.wall.0, |before| before.group + 1);
        return Some(FramePlace { group, frame: 0 });
    }
    let before = before.or_else(|| (!cx.rules.has(Rule::KeyFirst)).then(FramePlace::default))?;
    Some(FramePlace { frame: before.frame + 1, ..before })
}

/// A payload in chunks that share its bytes; an empty one has one.
fn pieces(payload: &Bytes, limits: &StreamLimits) -> impl Iterator<Item = Bytes> {
    let size = limits.chunk_bytes.min(segment_proto::limits::CHUNK_BYTES_MAX);
    let count = payload.len().div_ceil(size).max(1);
    (0..count).map(move |index| payload.slice(index * size..((index + 1) * size).min(payload.len())))
}
