//! The live streams of a peer: those that it sends, those that it watches, and those that it coordinates as a host.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{Node, StartStream, Watch};
use segment_proto::{ChannelId, DeviceId, Instant, LinkId, Message, Now, Reason, StreamId};

use crate::contract::{Deadline, Output, Recipients, earliest};
use crate::outbox::Asker;
use crate::peer::Peer;
use crate::peer::channels::{Channel, HostPresence, Membership};
use crate::peer::context::LOCAL;
use crate::peer::core::Core;
use crate::peer::events::PeerEvent;
use crate::peer::links::Link;
use crate::peer::requests::PeerRequest;
use crate::stream::fanout::is_due;
use crate::stream::{Coordinator, Publisher, StreamContext, StreamEvent, StreamOutput, Told, Viewer};

mod behind;
mod coordinating;

use behind::Behind;

/// How often a host looks whether those who stream and watch still may.
const ENFORCE: Duration = Duration::from_secs(1);

/// Whoever coordinates the streams of a channel, as it is reached from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) link: LinkId,
    by: Coordinates,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coordinates {
    /// The other end of the link.
    There,
    /// The channel's host: the tracker, at the other end, hands on to it.
    HostBehind,
}

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

/// The stream that a message between devices is about.
fn stream_of(message: &Message) -> Option<StreamId> {
    match message {
        Message::Follow(m) => Some(m.ticket.stream),
        Message::ShowTicket(m) => Some(m.ticket.stream),
        Message::Unfollow(m) => Some(m.stream),
        Message::Unserved(m) => Some(m.stream),
        Message::GroupHeader(m) => Some(m.stream),
        Message::Chunk(m) => Some(m.stream),
        Message::Taken(m) => Some(m.stream),
        _ => None,
    }
}

/// Kinds 0x05xx.
pub(super) fn is_about_a_stream(message: &Message) -> bool {
    message.kind().0 >> 8 == 5
}

impl Peer {
    /// Something about a stream, on any link, or inside this process.
    pub(super) fn on_stream_message(&mut self, from: Asker, link: Option<&Link>, message: Message, now: Now) {
        if let Some((stream, link)) = stream_of(&message).zip(link) {
            let follows = matches!(message, Message::Follow(_));
            self.streams.on_media(from.link, link.peer, stream, message, &self.core, now);
            if follows && self.streams.serves(from.link, &stream) {
                self.links.set_admitted(from.link);
            }
            return;
        }
        match message {
            Message::Plan(_)
            | Message::Unwatched(_)
            | Message::StreamStarted(_)
            | Message::StreamStopped(_)
            | Message::ShutOut(_) => self.on_coordinators_word(from.link, message, now),
            Message::ForwardStream(forward) => self.on_forwarded(from.link, forward, now),
            other => self.on_coordinated(from, link, other, now),
        }
    }

    /// What whoever serves the channel says counts on that link only.
    fn on_coordinators_word(&mut self, link: LinkId, message: Message, now: Now) {
        let channel = match &message {
            Message::Plan(m) => m.channel,
            Message::Unwatched(m) => m.channel,
            Message::StreamStarted(m) => m.row.description.channel,
            Message::StreamStopped(m) => m.channel,
            Message::ShutOut(m) => m.channel,
            _ => return,
        };
        if self.channels.get(&channel).is_none_or(|channel| channel.replica.link() != Some(link)) {
            return;
        }
        match message {
            Message::Plan(plan) => {
                if let Some(watching) = self.streams.watching.get_mut(&plan.stream) {
                    watching.viewer.on_plan(plan, &mut context(&self.core, &mut self.streams.out, now));
                    self.streams.rearranged = true;
                }
            }
            Message::ShutOut(shut) => {
                let device = self.core.identity.device();
                self.streams.on_media(link, device, shut.stream, shut.into(), &self.core, now);
            }
            Message::Unwatched(m) => self.lose_stream(m.stream, m.reason, now),
            Message::StreamStarted(started) => {
                self.streams.on_started(&started.row.description.stream);
                self.core.out.event(PeerEvent::StreamStarted { channel, row: started.row });
            }
            Message::StreamStopped(m) => {
                self.streams.drop_watching(m.stream, &self.core, now);
                self.streams.drop_sending(m.stream, &self.core, now);
                self.core.out.event(PeerEvent::StreamStopped { channel, stream: m.stream, reason: m.reason });
            }
            _ => {}
        }
    }

    pub(super) fn streams_on_time(&mut self, now: Now) {
        self.streams.handle_timeout(&self.core, now);
        for stream in self.streams.forsaken(&self.core, now) {
            self.lose_stream(stream, Reason::StreamerGone, now);
        }
    }

    /// Somebody else is logged in here now, or nobody: nothing is sent and watched any more.
    pub(super) fn end_streams(&mut self, now: Now) {
        for stream in self.streams.watching.keys().copied().collect::<Vec<_>>() {
            self.lose_stream(stream, Reason::LoginRequired, now);
        }
        self.streams.end_all(&self.core, now);
    }

    /// A stream is watched no longer, and not because somebody wanted it so.
    fn lose_stream(&mut self, stream: StreamId, reason: Reason, now: Now) {
        if let Some(channel) = self.streams.watching.get(&stream).map(|watching| watching.viewer.channel()) {
            self.streams.drop_watching(stream, &self.core, now);
            self.core.out.event(PeerEvent::StreamLost { channel, stream, reason });
        }
    }

    /// A link is greeted: streams may come and go on it.
    pub(super) fn stream_link_up(&mut self, link: LinkId, now: Now) {
        if let Some(peer) = self.links.get(link).map(|link| link.peer) {
            self.streams.on_link_up(peer, link, &self.core, now);
        }
    }

    /// A link is gone; another one to the same device may be there.
    pub(super) fn stream_link_down(&mut self, link: LinkId, device: DeviceId, now: Now) {
        self.streams.on_link_down(link, &self.core, now);
        let other = self.links.iter().find(|(_, other)| other.peer == device && other.greeted).map(|(id, _)| id);
        if let Some(other) = other {
            self.streams.on_link_up(device, other, &self.core, now);
        }
    }

    /// All greeted links, for a stream that is new here.
    pub(super) fn stream_knows_links(&mut self, now: Now) {
        let greeted: Vec<(LinkId, DeviceId)> =
            self.links.iter().filter(|(_, link)| link.greeted).map(|(id, link)| (id, link.peer)).collect();
        for (link, device) in greeted {
            self.streams.on_link_up(device, link, &self.core, now);
        }
    }

    /// Does what streams want done. Whether there was anything.
    pub(super) fn settle_streams(&mut self, now: Now) -> bool {
        if self.streams.sending.is_empty() && self.streams.watching.is_empty() && self.streams.told.is_empty() {
            self.streams.coordinators.retain(|_, coordinator| !coordinator.is_empty());
            if self.streams.coordinators.is_empty() && self.streams.out.is_empty() && !self.streams.rearranged {
                return false;
            }
        }
        self.follow_the_servers(now);
        let moved = !self.streams.out.is_empty() || !self.streams.told.is_empty();
        while let Some(output) = self.streams.out.pop_front() {
            self.carry_out_stream(output);
        }
        while let Some(told) = self.streams.told.pop_front() {
            match told {
                Told::One(link, frame) => self.say_to(link, frame),
                Told::Readers(frame) => self.tell_readers(frame),
            }
        }
        let rearranged = core::mem::take(&mut self.streams.rearranged);
        if rearranged {
            self.channels.unsettle();
        }
        moved || rearranged
    }

    fn carry_out_stream(&mut self, output: StreamOutput) {
        match output {
            StreamOutput::Send(link, frame) => {
                self.ready.push_back(Output::Transmit { to: Recipients::One(link), frame });
            }
            StreamOutput::Report(frame) => self.report(frame),
            StreamOutput::Event(stream, StreamEvent::Frame(frame)) => {
                self.ready.push_back(Output::Event(PeerEvent::FrameReady { stream, frame }));
            }
            StreamOutput::Event(stream, StreamEvent::ParentChanged { from, to }) => {
                self.streams.rearranged = true;
                self.ready.push_back(Output::Event(PeerEvent::StreamParent { stream, from, to }));
            }
            StreamOutput::Event(_, StreamEvent::ParentLeft { .. }) => {
                self.core.suspicious("a parent of a stream that sends what it must not");
            }
        }
    }

    /// To whoever serves the channel of the report.
    fn report(&mut self, frame: segment_proto::Frame) {
        let decoded = frame.header().and_then(|header| Message::decode(&header, &frame.payload()).ok());
        let channel = match decoded {
            Some(Message::ViewerReport(m)) => m.channel,
            Some(Message::ParentLost(m)) => m.channel,
            _ => return,
        };
        if let Some(link) = self.channels.get(&channel).and_then(|channel| channel.replica.link()) {
            self.core.out.transmit(link, frame);
        }
    }

    /// Tells whoever serves a channel now what is sent and watched in it.
    fn follow_the_servers(&mut self, now: Now) {
        let streams = self.streams.sending.keys().chain(self.streams.watching.keys());
        for stream in streams.copied().collect::<Vec<_>>() {
            let channel = self.streams.channel_of(&stream);
            let known = channel.and_then(|channel| self.channels.get(&channel));
            match known.filter(|channel| channel.membership == Membership::Joined) {
                None => {
                    self.streams.drop_sending(stream, &self.core, now);
                    self.lose_stream(stream, Reason::MembersOnly, now);
                }
                Some(channel) => {
                    let server = self.server_of(channel);
                    self.tell_server(stream, server, now);
                }
            }
        }
    }

    /// While a host is there that is not linked to, its streams are asked for through the tracker.
    pub(crate) fn server_of(&self, channel: &Channel) -> Option<Server> {
        let link = channel.replica.link()?;
        let is_behind = self.core.session.link() == Some(link) && channel.presence == HostPresence::There;
        Some(Server { link, by: if is_behind { Coordinates::HostBehind } else { Coordinates::There } })
    }

    fn tell_server(&mut self, stream: StreamId, server: Option<Server>, now: Now) {
        let (port, advertise) = self.listening();
        if let Some(sending) = self.streams.sending.get_mut(&stream).filter(|sending| sending.told != server) {
            sending.told = server;
            let (description, uplink_kbps) = (sending.publisher.description().clone(), sending.uplink_kbps);
            let start = StartStream { description, uplink_kbps, port, advertise };
            if let Some(Server { link, .. }) = server {
                self.ask_stream(link, &start, PeerRequest::StreamAgain(stream), now);
            }
        }
        let Some(watching) = self.streams.watching.get_mut(&stream).filter(|watching| watching.told != server) else {
            return;
        };
        watching.told = server;
        watching.viewer.on_coordinator();
        let Some(Server { link, .. }) = server else { return };
        let (viewer, relay_kbps) = (&watching.viewer, watching.relay_kbps);
        let (channel, parent) = (viewer.channel(), viewer.parent());
        let listed = self.core.session.presence != segment_proto::messages::Presence::Invisible;
        let watch = Watch { channel, stream, relay_kbps, port, advertise, listed, parent };
        self.ask_stream(link, &watch, PeerRequest::StreamAgain(stream), now);
    }

    fn ask_stream<R: segment_proto::Request>(&mut self, link: LinkId, payload: &R, purpose: PeerRequest, now: Now) {
        if self.core.request(link, payload, purpose, now).is_err() {
            self.core.suspicious("no room to tell of a stream");
        }
    }

    /// Who serves the channel is told already: its first answer is the embedder's.
    pub(super) fn told_stream(&mut self, stream: StreamId, server: Server) {
        if let Some(sending) = self.streams.sending.get_mut(&stream) {
            sending.told = Some(server);
        }
        if let Some(watching) = self.streams.watching.get_mut(&stream) {
            watching.told = Some(server);
        }
    }
}

/// Where a participant on a link comes from; nothing inside this process.
pub(super) fn is_here(link: LinkId) -> bool {
    link == LOCAL
}
