//! Live streams.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::messages::{
    ListStreams, ListViewers, Presence, StartStream, StopStream, Unwatch, ViewerFigures, Watch,
};
use segment_proto::{
    ChannelId, DeviceId, FrameFlags, FramePlace, Now, Request, Signed, StreamDescription, StreamId, Track,
};

use super::Asked;
use crate::peer::Peer;
use crate::peer::errors::CommandError;
use crate::peer::requests::PeerRequest;
use crate::peer::streams::Server;
use crate::stream::{Publisher, PushError, StreamContext, Viewer, copies, stream_id};

/// What a stream is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// For people. The same title on the same device is the same stream: a streamer that was killed goes on with it.
    pub title: String,
    /// Its tracks, each with a number of its own.
    pub tracks: Vec<Track>,
    /// How much this device can send, in kilobits a second.
    pub uplink_kbps: u32,
}

impl StreamOptions {
    /// How many viewers this device serves itself, as whoever coordinates reckons; it has a limit of its own besides.
    #[must_use]
    pub fn direct_viewers(&self) -> usize {
        copies(self.uplink_kbps, &self.tracks).max(1)
    }
}

/// Live streams. Requests end in one `PeerEvent::Replied` with the id returned here.
impl Peer {
    /// Begins a stream. Frames may be pushed at once; whoever serves the channel answers whether it may be watched.
    ///
    /// # Errors
    /// [`CommandError::NotJoined`], [`CommandError::NotConnected`], [`CommandError::NotLoggedIn`],
    /// [`CommandError::TooManyStreams`], [`CommandError::Busy`].
    pub fn start_stream(
        &mut self,
        channel: ChannelId,
        options: StreamOptions,
        now: Now,
    ) -> Result<(StreamId, segment_proto::RequestId), CommandError> {
        let now = self.core.session.corrected(now);
        let server = self.stream_server(channel)?;
        let who = self.core.session.who().ok_or(CommandError::NotLoggedIn)?.clone();
        self.has_room_for_a_stream()?;
        let device = self.core.identity.device();
        let stream = stream_id(&channel, &device, &options.title);
        let StreamOptions { title, tracks, uplink_kbps } = options;
        let content = StreamDescription { channel, stream, device, who, title, tracks, started: now.wall };
        let description = Signed::new(content, &self.core.identity);
        let (port, advertise) = self.listening();
        let start = StartStream { description: description.clone(), uplink_kbps, port, advertise };
        let id = self
            .core
            .request(server.link, &start, PeerRequest::StartStream(stream), now)
            .map_err(|_| CommandError::Busy)?;
        self.streams.send(Publisher::new(description, self.stream_coordinators(channel)), uplink_kbps);
        self.told_stream(stream, server);
        self.settle(now);
        Ok((stream, id))
    }

    /// Gives the next frame of a track. It is signed, kept and sent to whoever watches; nobody is waited for.
    ///
    /// # Errors
    /// [`PushError`].
    pub fn push_frame(
        &mut self,
        stream: StreamId,
        track: u8,
        timestamp_us: u64,
        flags: FrameFlags,
        payload: &Bytes,
        now: Now,
    ) -> Result<FramePlace, PushError> {
        let now = self.core.session.corrected(now);
        let sending = self.streams.sending.get_mut(&stream).ok_or(PushError::NoSuchStream)?;
        let cx = &mut StreamContext {
            out: &mut self.streams.out,
            limits: &self.core.limits.streams,
            rules: self.core.rules(),
            identity: &self.core.identity,
            now,
        };
        let place = sending.publisher.push(track, timestamp_us, flags, payload, cx)?;
        self.settle(now);
        Ok(place)
    }

    /// Ends a stream that is sent from here.
    ///
    /// # Errors
    /// [`CommandError::NoSuchStream`], [`CommandError::NotConnected`]: it is not sent any more all the same.
    pub fn stop_stream(&mut self, stream: StreamId, now: Now) -> Asked {
        let now = self.core.session.corrected(now);
        let sending = self.streams.sending.get(&stream).ok_or(CommandError::NoSuchStream)?;
        let channel = sending.publisher.description().channel;
        self.streams.drop_sending(stream, &self.core, now);
        let asked = self.ask_server(channel, &StopStream { channel, stream }, now);
        self.settle(now);
        asked
    }

    /// Asks for the streams of a channel. Ends with `Reply::Streams`.
    ///
    /// # Errors
    /// [`CommandError::NotJoined`], [`CommandError::NotConnected`], [`CommandError::Busy`].
    pub fn list_streams(&mut self, channel: ChannelId, now: Now) -> Asked {
        let now = self.core.session.corrected(now);
        let asked = self.ask_server(channel, &ListStreams { channel }, now);
        self.settle(now);
        asked
    }

    /// Asks who watches a stream. Ends with `Reply::Viewers`.
    ///
    /// # Errors
    /// As [`Self::list_streams`].
    pub fn list_viewers(&mut self, channel: ChannelId, stream: StreamId, after: Option<DeviceId>, now: Now) -> Asked {
        let now = self.core.session.corrected(now);
        let asked = self.ask_server(channel, &ListViewers { channel, stream, after }, now);
        self.settle(now);
        asked
    }

    /// Watches a stream of a joined channel, and passes on as much as is said here. Frames come as
    /// `PeerEvent::FrameReady`.
    ///
    /// # Errors
    /// As [`Self::start_stream`], and [`CommandError::NoSuchStream`]: its description is not its streamer's.
    pub fn watch(&mut self, description: &Signed<StreamDescription>, relay_kbps: u32, now: Now) -> Asked {
        let now = self.core.session.corrected(now);
        let (channel, stream) = (description.channel, description.stream);
        let server = self.stream_server(channel)?;
        if !description.is_signed_by(&description.device, &self.core.identity.verifier()) {
            return Err(CommandError::NoSuchStream);
        }
        self.has_room_for_a_stream()?;
        let (port, advertise) = self.listening();
        let listed = self.core.session.presence != Presence::Invisible;
        let watch = Watch { channel, stream, relay_kbps, port, advertise, listed, parent: None };
        let purpose = PeerRequest::Watch(stream);
        let id = self.core.request(server.link, &watch, purpose, now).map_err(|_| CommandError::Busy)?;
        let viewer = Viewer::new(description.clone(), self.stream_coordinators(channel), relay_kbps, now.mono);
        self.streams.drop_watching(stream, &self.core, now);
        self.streams.watch(viewer, relay_kbps);
        self.told_stream(stream, server);
        self.stream_knows_links(now);
        self.settle(now);
        Ok(id)
    }

    /// Watches a stream no longer. Those to whom it was passed on are served until they have another.
    ///
    /// # Errors
    /// As [`Self::stop_stream`].
    pub fn unwatch(&mut self, stream: StreamId, now: Now) -> Asked {
        let now = self.core.session.corrected(now);
        let watching = self.streams.watching.get(&stream).ok_or(CommandError::NoSuchStream)?;
        let channel = watching.viewer.channel();
        self.streams.unwatch(stream, &self.core, now);
        let asked = self.ask_server(channel, &Unwatch { channel, stream }, now);
        self.settle(now);
        asked
    }

    /// Ends everything that is sent and watched here, and says so while there is somebody to say it to.
    pub(crate) fn leave_streams(&mut self, now: Now) {
        if self.streams.sending.is_empty() && self.streams.watching.is_empty() {
            return;
        }
        for stream in self.streams.sending.keys().copied().collect::<Vec<_>>() {
            // Whoever coordinates it finds out by itself where it cannot be told.
            let _ = self.stop_stream(stream, now);
        }
        let now = self.core.session.corrected(now);
        let watched = self.streams.watching.iter().map(|(stream, watching)| (*stream, watching.viewer.channel()));
        for (stream, channel) in watched.collect::<Vec<_>>() {
            let _ = self.ask_server(channel, &Unwatch { channel, stream }, now);
        }
        self.end_streams(now);
        self.settle(now);
    }

    /// How a stream fares that is watched here.
    #[must_use]
    pub fn stream_figures(&self, stream: StreamId) -> Option<ViewerFigures> {
        self.streams.watching.get(&stream).map(|watching| watching.viewer.figures())
    }

    /// Whether a stream is watched here that nobody has the uplink to send here.
    #[must_use]
    pub fn stream_waits_for_room(&self, stream: StreamId) -> bool {
        self.streams.watching.get(&stream).is_some_and(|watching| watching.viewer.waits_for_room())
    }

    /// How many are served with a stream that is sent from here, directly; and the frames that were left out for them.
    #[must_use]
    pub fn stream_followers(&self, stream: StreamId) -> Option<(usize, u64)> {
        let sending = self.streams.sending.get(&stream)?;
        Some((sending.publisher.fanout().len(), sending.publisher.fanout().left_out()))
    }

    fn ask_server<R: Request>(&mut self, channel: ChannelId, payload: &R, now: Now) -> Asked {
        let server = self.stream_server(channel)?;
        self.core.request(server.link, payload, PeerRequest::Look, now).map_err(|_| CommandError::Busy)
    }

    fn stream_server(&self, channel: ChannelId) -> Result<Server, CommandError> {
        let joined = self.channels.get(&channel).ok_or(CommandError::NotJoined)?;
        self.server_of(joined).ok_or(CommandError::NotConnected)
    }

    /// Who signs tickets: the channel's host, or the tracker.
    fn stream_coordinators(&self, channel: ChannelId) -> Vec<DeviceId> {
        let host = self.channels.get(&channel).map(|channel| channel.replica.record().host);
        host.into_iter().chain(self.core.session.tracker_key).collect()
    }

    fn has_room_for_a_stream(&self) -> Result<(), CommandError> {
        let max = self.core.limits.streams.per_peer_max;
        if self.streams.sending.len() + self.streams.watching.len() >= max {
            return Err(CommandError::TooManyStreams(max));
        }
        Ok(())
    }

    /// Where others may dial this peer; nowhere while it is not to be seen.
    pub(crate) fn listening(&self) -> (u16, Option<core::net::IpAddr>) {
        let listening = self.core.session.listening.filter(|_| self.core.session.presence != Presence::Invisible);
        listening.map_or((0, None), |listening| (listening.port, listening.advertise))
    }
}
