//! The live streams of a peer: those that it sends, those that it watches, and those that it coordinates as a host.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::Node;
use segment_proto::{ChannelId, DeviceId, Instant, LinkId, Message, Now, StreamId};

use self::behind::Behind;
pub(crate) use self::telling::Server;
use crate::contract::{Deadline, earliest};
use crate::peer::context::LOCAL;
use crate::peer::core::Core;
use crate::stream::fanout::is_due;
use crate::stream::{Coordinator, Publisher, StreamContext, StreamOutput, Told, Viewer};

mod behind;
mod coordinating;
mod hearing;
mod telling;

/// How often a host looks whether those who stream and watch still may.
const ENFORCE: Duration = Duration::from_secs(1);

/// A stream that is sent from here.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) publisher: Publisher,
    pub(crate) uplink_kbps: u32,
    told: Option<Server>,
}

/// A stream that is watched here.
#[derive(Debug)]
pub(crate) struct Watching {
    pub(crate) viewer: Viewer,
    pub(crate) relay_kbps: u32,
    told: Option<Server>,
    /// Since when whoever serves the channel does not know it.
    unknown_since: Option<Instant>,
}

/// The streams of a peer.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    pub(crate) sending: BTreeMap<StreamId, Sending>,
    pub(crate) watching: BTreeMap<StreamId, Watching>,
    coordinators: BTreeMap<ChannelId, Coordinator>,
    behind: Behind,
    pub(crate) out: VecDeque<StreamOutput>,
    told: VecDeque<Told>,
    enforce_at: Option<Instant>,
    /// Plans or parents have changed: links are to be looked at.
    rearranged: bool,
}

fn context<'a>(core: &'a Core, out: &'a mut VecDeque<StreamOutput>, now: Now) -> StreamContext<'a> {
    StreamContext { out, limits: &core.limits.streams, rules: core.rules(), identity: &core.identity, now }
}

impl Streams {
    /// A stream begins here; whoever serves the channel is told as soon as it can be.
    pub(crate) fn send(&mut self, publisher: Publisher, uplink_kbps: u32) {
        let stream = publisher.description().stream;
        self.sending.insert(stream, Sending { publisher, uplink_kbps, told: None });
    }

    /// A stream is watched from now on.
    pub(crate) fn watch(&mut self, viewer: Viewer, relay_kbps: u32) {
        self.watching.insert(viewer.stream(), Watching { viewer, relay_kbps, told: None, unknown_since: None });
    }

    /// Whoever serves the channel knows a stream that is watched here.
    pub(crate) fn on_known(&mut self, stream: StreamId) {
        if let Some(watching) = self.watching.get_mut(&stream) {
            watching.unknown_since = None;
        }
    }

    /// It does not: its streamer has not told it, or is gone.
    pub(crate) fn on_unknown(&mut self, stream: StreamId, now: Now) {
        if let Some(watching) = self.watching.get_mut(&stream) {
            watching.unknown_since.get_or_insert(now.mono);
        }
    }

    /// It was told of by whoever serves the channel: those who were unknown there are told of again.
    fn on_started(&mut self, stream: &StreamId) {
        if let Some(watching) = self.watching.get_mut(stream).filter(|watching| watching.unknown_since.is_some()) {
            watching.told = None;
        }
    }

    /// Those whose streamer has not come back in time.
    fn forsaken(&self, core: &Core, now: Now) -> Vec<StreamId> {
        let within = core.limits.streams.return_within;
        let is_forsaken = |watching: &Watching| watching.unknown_since.is_some_and(|since| since + within <= now.mono);
        self.watching.iter().filter(|(_, watching)| is_forsaken(watching)).map(|(stream, _)| *stream).collect()
    }

    fn channel_of(&self, stream: &StreamId) -> Option<ChannelId> {
        let sending = self.sending.get(stream).map(|sending| sending.publisher.description().channel);
        sending.or_else(|| self.watching.get(stream).map(|watching| watching.viewer.channel()))
    }

    /// Whom to have links to, and for which channel.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = (ChannelId, Node)> {
        let viewers = self.watching.values().map(|watching| &watching.viewer);
        viewers.flat_map(|viewer| viewer.wanted().map(move |node| (viewer.channel(), node)))
    }

    pub(super) fn on_link_up(&mut self, device: DeviceId, link: LinkId, core: &Core, now: Now) {
        for watching in self.watching.values_mut() {
            watching.viewer.on_link_up(device, link, &mut context(core, &mut self.out, now));
        }
    }

    pub(super) fn on_link_down(&mut self, link: LinkId, core: &Core, now: Now) {
        for sending in self.sending.values_mut() {
            sending.publisher.on_link_down(link);
        }
        for watching in self.watching.values_mut() {
            watching.viewer.on_link_down(link, &mut context(core, &mut self.out, now));
        }
        for behind in self.behind.on_link_down(link) {
            self.coordinators_on_link_down(behind, core, now);
        }
        self.coordinators_on_link_down(link, core, now);
    }

    /// What goes from device to device.
    fn on_media(&mut self, link: LinkId, device: DeviceId, stream: StreamId, message: Message, core: &Core, now: Now) {
        let cx = &mut context(core, &mut self.out, now);
        if let Some(sending) = self.sending.get_mut(&stream) {
            return sending.publisher.on_message(link, device, message, cx);
        }
        if let Some(watching) = self.watching.get_mut(&stream) {
            watching.viewer.on_message(link, device, message, cx);
        }
    }

    fn serves(&self, link: LinkId, stream: &StreamId) -> bool {
        let sending = self.sending.get(stream).map(|sending| sending.publisher.fanout());
        let fanout = sending.or_else(|| self.watching.get(stream).map(|watching| watching.viewer.fanout()));
        fanout.is_some_and(|fanout| fanout.has(link))
    }

    fn handle_timeout(&mut self, core: &Core, now: Now) {
        let limits = &core.limits.streams;
        for sending in self.sending.values_mut().filter(|s| is_due(s.publisher.poll_timeout(limits), now.mono)) {
            sending.publisher.handle_timeout(&mut context(core, &mut self.out, now));
        }
        for watching in self.watching.values_mut().filter(|w| is_due(w.viewer.poll_timeout(limits), now.mono)) {
            watching.viewer.handle_timeout(&mut context(core, &mut self.out, now));
        }
        self.coordinate_on_time(core, now);
        let out = &mut self.out;
        self.watching.retain(|_, watching| {
            let is_done = watching.viewer.is_done(now.mono);
            if is_done {
                watching.viewer.end(&mut context(core, out, now));
                self.rearranged = true;
            }
            !is_done
        });
    }

    pub(super) fn deadline(&self, core: &Core) -> Option<Deadline> {
        let limits = &core.limits.streams;
        let sending = self.sending.values().map(|sending| sending.publisher.poll_timeout(limits));
        let watching = self.watching.values().map(|watching| watching.viewer.poll_timeout(limits));
        let within = core.limits.streams.return_within;
        let unknown = self.watching.values().filter_map(|watching| watching.unknown_since);
        let forsaken = unknown.map(|since| Some(Deadline::new(since + within, "a streamer of whom nobody knows")));
        let enforce = self.enforce_at.map(|at| Deadline::new(at, "who may stream and watch"));
        let coordinators = self.coordinators.values().map(Coordinator::poll_timeout);
        earliest(sending.chain(watching).chain(coordinators).chain(forsaken).chain([enforce]))
    }

    /// Ends what was left, once those below have others.
    pub(crate) fn unwatch(&mut self, stream: StreamId, core: &Core, now: Now) {
        let Some(watching) = self.watching.get_mut(&stream) else { return };
        watching.viewer.leave(&mut context(core, &mut self.out, now));
        if watching.viewer.is_done(now.mono) {
            self.drop_watching(stream, core, now);
        }
    }

    pub(crate) fn drop_watching(&mut self, stream: StreamId, core: &Core, now: Now) {
        if let Some(mut watching) = self.watching.remove(&stream) {
            watching.viewer.end(&mut context(core, &mut self.out, now));
            self.rearranged = true;
        }
    }

    /// Somebody else is logged in here now, or nobody.
    pub(crate) fn end_all(&mut self, core: &Core, now: Now) {
        for stream in self.watching.keys().copied().collect::<Vec<_>>() {
            self.drop_watching(stream, core, now);
        }
        for stream in self.sending.keys().copied().collect::<Vec<_>>() {
            self.drop_sending(stream, core, now);
        }
    }

    pub(crate) fn drop_sending(&mut self, stream: StreamId, core: &Core, now: Now) {
        if let Some(mut sending) = self.sending.remove(&stream) {
            sending.publisher.stop(&mut context(core, &mut self.out, now));
        }
    }
}

/// Kinds 0x05xx.
pub(super) fn is_about_a_stream(message: &Message) -> bool {
    message.kind().0 >> 8 == 5
}

/// Where a participant on a link comes from; nothing inside this process.
pub(super) fn is_here(link: LinkId) -> bool {
    link == LOCAL
}
