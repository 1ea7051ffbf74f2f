//! What comes from parents: put together, checked, and passed on while it comes.
//!
//! It does not matter which parent a chunk comes from, so one can take over from another in the middle of a frame.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use segment_proto::limits::CHUNK_BYTES_MAX;
use segment_proto::messages::{Chunk, TrackPlace};
use segment_proto::{DeviceId, Frame, FrameFlags, FrameHeader, FramePlace, LinkId, Signed, StreamId};

use crate::rules::Rule;
use crate::stream::ring::Ring;
use crate::stream::{MediaFrame, StreamContext, Way};

/// Somebody sends what no honest peer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bad;

/// What became of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// There is no whole frame yet, or it is known already.
    Nothing,
    /// Its frame builds on one that has not come, and cannot be shown.
    Hole,
    /// Its frame is whole.
    Whole(MediaFrame),
}

/// A frame that is not whole yet.
#[derive(Debug)]
struct Partial {
    header: Signed<FrameHeader>,
    payload: Vec<Bytes>,
    received: usize,
    hasher: blake3::Hasher,
    /// Who has sent all of it; nobody where several have.
    from: Option<LinkId>,
}

#[derive(Debug, Default)]
struct TrackIntake {
    /// The last frame that is whole.
    last: Option<FrameHeader>,
    /// The last of those that others build on.
    needed: Option<FramePlace>,
    partial: Option<Partial>,
}

/// The frames of one stream, as they come.
#[derive(Debug)]
pub struct Intake {
    stream: StreamId,
    streamer: DeviceId,
    tracks: BTreeMap<u8, TrackIntake>,
    dropped: u64,
}

impl Intake {
    /// Nothing has come.
    #[must_use]
    pub fn new(stream: StreamId, streamer: DeviceId, tracks: &[segment_proto::Track]) -> Self {
        let tracks = tracks.iter().map(|track| (track.track, TrackIntake::default())).collect();
        Self { stream, streamer, tracks, dropped: 0 }
    }

    /// The last frame of each track that is whole.
    #[must_use]
    pub fn places(&self) -> Vec<TrackPlace> {
        let places = self.tracks.iter().filter_map(|(track, intake)| Some((*track, intake.last?.place)));
        places.map(|(track, place)| TrackPlace { track, place }).collect()
    }

    /// Whether the stream has such a track.
    #[must_use]
    pub fn has(&self, track: u8) -> bool {
        self.tracks.contains_key(&track)
    }

    /// Frames that were left out, or given up.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes a chunk, and puts it into the ring.
    ///
    /// # Errors
    /// [`Bad`]: its sender is to be left.
    pub(crate) fn take(
        &mut self,
        link: LinkId,
        path: &[DeviceId],
        chunk: Chunk,
        ring: &mut Ring,
        cx: &StreamContext<'_>,
    ) -> Result<Taken, Bad> {
        let track = self.tracks.get(&chunk.track).ok_or(Bad)?;
        if chunk.payload.len() > CHUNK_BYTES_MAX {
            return Err(Bad);
        }
        if chunk.index == 0 && (track.is_new(chunk.place) || track.begins_again(chunk.place, link)) {
            let header = self.begin(&chunk, cx)?;
            if !track.has_what_is_needed(&header) && cx.rules.has(Rule::KeyFirst) {
                return Ok(Taken::Hole);
            }
            let way = Way::go_on(path, cx.identity.device()).header(chunk.stream, chunk.track, chunk.place.group);
            ring.begin_group(chunk.track, chunk.place.group, way, cx.now.mono);
            ring.begin_frame(chunk.track, chunk.place, header.flags, cx.now.mono);
            self.open(chunk.track, header, link);
        }
        self.append(link, chunk, ring, cx)
    }

    /// What the streamer has signed of a frame; its payload is judged when it is here.
    fn begin(&self, chunk: &Chunk, cx: &StreamContext<'_>) -> Result<Signed<FrameHeader>, Bad> {
        let header = chunk.header.clone().ok_or(Bad)?;
        let fits = usize::try_from(header.size).is_ok_and(|size| size <= cx.limits.frame_bytes_max);
        let is_key = header.flags.include(FrameFlags::KEY);
        let is_meant = header.stream == self.stream && header.track == chunk.track && header.place == chunk.place;
        let is_signed = || header.is_signed_by(&self.streamer, &cx.identity.verifier());
        let is_good = fits && is_meant && is_key == (header.place.frame == 0);
        if is_good && (!cx.rules.has(Rule::FrameSigned) || is_signed()) { Ok(header) } else { Err(Bad) }
    }

    fn open(&mut self, track: u8, header: Signed<FrameHeader>, link: LinkId) {
        let Some(track) = self.tracks.get_mut(&track) else { return };
        let hasher = blake3::Hasher::new();
        let partial = Partial { header, payload: Vec::new(), received: 0, hasher, from: Some(link) };
        track.partial = Some(partial);
    }

    fn append(&mut self, link: LinkId, chunk: Chunk, ring: &mut Ring, cx: &StreamContext<'_>) -> Result<Taken, Bad> {
        let number = chunk.track;
        let Some(track) = self.tracks.get_mut(&number) else { return Ok(Taken::Nothing) };
        let Some(partial) = track.partial.as_mut().filter(|partial| partial.continues_with(&chunk)) else {
            return Ok(Taken::Nothing);
        };
        let encoded = chunk.to_frame();
        partial.add(link, chunk.payload);
        if !partial.is_complete() {
            ring.push(number, encoded);
            return Ok(Taken::Nothing);
        }
        let Some(partial) = track.partial.take() else { return Ok(Taken::Nothing) };
        if cx.rules.has(Rule::FrameSigned) && !partial.is_genuine() {
            ring.abandon(number);
            return if partial.from.is_some() { Err(Bad) } else { Ok(Taken::Nothing) };
        }
        self.dropped += track.left_out_before(&partial.header);
        track.note(&partial.header);
        Self::pass_on(number, encoded, ring);
        Ok(Taken::Whole(partial.into_frame()))
    }

    /// The last chunk of a frame follows only when the frame is known to be the streamer's.
    fn pass_on(track: u8, last: Frame, ring: &mut Ring) {
        ring.push(track, last);
        ring.finish(track);
    }
}

impl TrackIntake {
    /// Whether a frame has not come yet, nor begun to.
    fn is_new(&self, place: FramePlace) -> bool {
        let last = self.last.map(|last| last.place);
        let begun = self.partial.as_ref().map(|partial| partial.header.place);
        last.max(begun).is_none_or(|last| last < place)
    }

    /// Whether everything is here that a frame builds on, as its streamer says.
    fn has_what_is_needed(&self, header: &FrameHeader) -> bool {
        let needs = FramePlace { frame: header.needs, ..header.place };
        header.place.frame == 0 || self.needed == Some(needs)
    }

    fn note(&mut self, header: &FrameHeader) {
        self.last = Some(*header);
        if header.place.frame == 0 || !header.flags.include(FrameFlags::DISCARDABLE) {
            self.needed = Some(header.place);
        }
    }

    /// A parent that begins a frame again was sent something else before.
    fn begins_again(&self, place: FramePlace, link: LinkId) -> bool {
        let partial = self.partial.as_ref().filter(|partial| partial.header.place == place);
        partial.is_some_and(|partial| partial.from == Some(link))
    }

    /// Frames between the last one and this, by the streamer's count. One that was started again counts anew.
    fn left_out_before(&self, header: &FrameHeader) -> u64 {
        self.last.map_or(0, |last| header.count.saturating_sub(last.count + 1))
    }
}

impl Partial {
    fn continues_with(&self, chunk: &Chunk) -> bool {
        let fits = self.received + chunk.payload.len() <= self.size();
        self.header.place == chunk.place && self.payload.len() == usize::from(chunk.index) && fits
    }

    fn size(&self) -> usize {
        usize::try_from(self.header.size).unwrap_or(usize::MAX)
    }

    fn add(&mut self, link: LinkId, payload: Bytes) {
        self.received += payload.len();
        self.hasher.update(&payload);
        self.payload.push(payload);
        self.from = self.from.filter(|from| *from == link);
    }

    fn is_complete(&self) -> bool {
        self.received == self.size()
    }

    fn is_genuine(&self) -> bool {
        *self.hasher.finalize().as_bytes() == self.header.hash.0
    }

    /// A frame of one chunk is not copied.
    fn into_frame(self) -> MediaFrame {
        let FrameHeader { track, place, timestamp_us, flags, .. } = *self.header;
        let payload = match <[Bytes; 1]>::try_from(self.payload) {
            Ok([one]) => one,
            Err(several) => {
                let mut joined = BytesMut::with_capacity(self.received);
                several.iter().for_each(|piece| joined.extend_from_slice(piece));
                joined.freeze()
            }
        };
        MediaFrame { track, place, timestamp_us, flags, payload }
    }
}
