//! Live streams to `await`.

use std::collections::HashSet;

use bytes::Bytes;
use segment_core::peer::StreamOptions;
use segment_core::peer::events::{PeerEvent, Reply};
use segment_core::stream::{MediaFrame, PushError};
use segment_proto::messages::{StreamRow, ViewerFigures, ViewerRow};
use segment_proto::{ChannelId, DeviceId, FrameFlags, FramePlace, Reason, Signed, StreamDescription, StreamId};
use thiserror::Error;

use super::channel::Channel;
use super::peer::{Peer, RequestError};
use crate::driver::Stopped;
use crate::events::{Events, Happening};
use crate::limits::FRAMES_WAITING_MAX;

/// A frame was not taken: nothing of it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PushFrameError {
    /// It cannot be sent.
    #[error(transparent)]
    Push(#[from] PushError),
    /// This peer has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl Channel {
    /// The streams that run in this channel.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn streams(&self) -> Result<Vec<StreamRow>, RequestError> {
        let id = self.id();
        match self.peer().request(move |machine, now| machine.list_streams(id, now)).await? {
            Reply::Streams(page) => Ok(page.rows),
            _ => Err(RequestError::OtherAnswer),
        }
    }

    /// Begins a stream, and waits until it may be watched.
    ///
    /// # Errors
    /// [`RequestError`]: it is not sent.
    pub async fn stream(&self, options: StreamOptions) -> Result<Broadcast, RequestError> {
        let (channel, device) = (self.id(), self.peer().device());
        let stream = segment_core::stream::stream_id(&channel, &device, &options.title);
        let start = move |machine: &mut segment_core::peer::Peer, now| {
            machine.start_stream(channel, options, now).map(|(_, asked)| asked)
        };
        self.peer().request(start).await?;
        Ok(Broadcast { peer: self.peer().clone(), channel, stream })
    }

    /// Watches a stream, and passes on as many kilobits a second as are said here; 0: nothing.
    ///
    /// # Errors
    /// [`RequestError`]: it is not watched.
    pub async fn watch(
        &self,
        description: &Signed<StreamDescription>,
        relay_kbps: u32,
    ) -> Result<Watching, RequestError> {
        let (description, channel) = (description.clone(), self.id());
        let watched = description.stream;
        let events = self.peer().handle().events_of(FRAMES_WAITING_MAX, move |event| is_of(event, watched));
        self.peer().request(move |machine, now| machine.watch(&description, relay_kbps, now)).await?;
        Ok(Watching {
            peer: self.peer().clone(),
            channel,
            stream: watched,
            events,
            whole: HashSet::new(),
            missed: false,
        })
    }
}

fn is_of(event: &PeerEvent, watched: StreamId) -> bool {
    match event {
        PeerEvent::FrameReady { stream, .. }
        | PeerEvent::StreamStopped { stream, .. }
        | PeerEvent::StreamLost { stream, .. } => *stream == watched,
        _ => false,
    }
}

/// A stream that is sent from here; clones are the same one.
#[derive(Clone, Debug)]
pub struct Broadcast {
    peer: Peer,
    channel: ChannelId,
    stream: StreamId,
}

impl Broadcast {
    /// Which stream.
    #[must_use]
    pub fn id(&self) -> StreamId {
        self.stream
    }

    /// The device that sends it.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.peer.device()
    }

    /// Gives the next frame of a track, captured at this time: microseconds since 1970. It waits for no viewer.
    ///
    /// # Errors
    /// [`PushFrameError`].
    pub async fn push(
        &self,
        track: u8,
        timestamp_us: u64,
        flags: FrameFlags,
        payload: Bytes,
    ) -> Result<FramePlace, PushFrameError> {
        let stream = self.stream;
        let pushed =
            self.peer.call(move |machine, now| machine.push_frame(stream, track, timestamp_us, flags, &payload, now));
        Ok(pushed.await??)
    }

    /// Who watches and may be seen.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn viewers(&self) -> Result<Vec<ViewerRow>, RequestError> {
        viewers(&self.peer, self.channel, self.stream).await
    }

    /// How many are served from here, and how many frames were left out for them.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn followers(&self) -> Result<(usize, u64), Stopped> {
        let stream = self.stream;
        self.peer.call(move |machine, _| machine.stream_followers(stream).unwrap_or_default()).await
    }

    /// Ends it.
    ///
    /// # Errors
    /// [`RequestError`]: it is not sent any more all the same.
    pub async fn stop(&self) -> Result<(), RequestError> {
        let stream = self.stream;
        self.peer.request(move |machine, now| machine.stop_stream(stream, now)).await.map(drop)
    }
}

async fn viewers(peer: &Peer, channel: ChannelId, stream: StreamId) -> Result<Vec<ViewerRow>, RequestError> {
    let mut rows: Vec<ViewerRow> = Vec::new();
    loop {
        let after = rows.last().map(|row| row.device);
        match peer.request(move |machine, now| machine.list_viewers(channel, stream, after, now)).await? {
            Reply::Viewers(page) if page.more && !page.rows.is_empty() => rows.extend(page.rows),
            Reply::Viewers(page) => {
                rows.extend(page.rows);
                return Ok(rows);
            }
            _ => return Err(RequestError::OtherAnswer),
        }
    }
}

/// What comes of a watched stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A frame: whole, its streamer's, and none before it is missing that it needs.
    Frame(MediaFrame),
    /// This consumer was too slow: so much was dropped, and what needs it follows neither.
    Missed(u64),
    /// The stream is over, or may not be watched any more.
    Ended(Reason),
}

/// A stream that is watched; it is left when told to, or with its peer.
#[derive(Debug)]
pub struct Watching {
    peer: Peer,
    channel: ChannelId,
    stream: StreamId,
    events: Events<PeerEvent>,
    /// Tracks that have been whole since something was missed.
    whole: HashSet<u8>,
    /// Whether something was missed: every track waits for its keyframe.
    missed: bool,
}

impl Watching {
    /// Which stream.
    #[must_use]
    pub fn id(&self) -> StreamId {
        self.stream
    }

    /// What comes next; `None` once the peer has stopped. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Option<Seen> {
        loop {
            match self.events.next().await? {
                Happening::Event(PeerEvent::FrameReady { frame, .. }) => {
                    if self.can_show(&frame) {
                        return Some(Seen::Frame(frame));
                    }
                }
                Happening::Event(PeerEvent::StreamStopped { reason, .. } | PeerEvent::StreamLost { reason, .. }) => {
                    return Some(Seen::Ended(reason));
                }
                Happening::Event(_) => {}
                Happening::Missed(count) => {
                    self.whole.clear();
                    self.missed = true;
                    return Some(Seen::Missed(count));
                }
            }
        }
    }

    fn can_show(&mut self, frame: &MediaFrame) -> bool {
        if frame.place.frame == 0 {
            self.whole.insert(frame.track);
        }
        !self.missed || self.whole.contains(&frame.track)
    }

    /// How it fares.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn figures(&self) -> Result<ViewerFigures, Stopped> {
        let stream = self.stream;
        self.peer.call(move |machine, _| machine.stream_figures(stream).unwrap_or_default()).await
    }

    /// Whether nobody has the uplink to send it here yet; it comes as soon as somebody has.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn waits_for_room(&self) -> Result<bool, Stopped> {
        let stream = self.stream;
        self.peer.call(move |machine, _| machine.stream_waits_for_room(stream)).await
    }

    /// Who watches and may be seen.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn viewers(&self) -> Result<Vec<ViewerRow>, RequestError> {
        viewers(&self.peer, self.channel, self.stream).await
    }

    /// Watches no longer; those to whom it was passed on are served until they have another.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn stop(self) -> Result<(), RequestError> {
        let stream = self.stream;
        self.peer.request(move |machine, now| machine.unwatch(stream, now)).await.map(drop)
    }
}
