//! What streams want done, and who is told what is sent and watched here.

use alloc::vec::Vec;

use segment_proto::messages::{StartStream, Watch};
use segment_proto::{LinkId, Message, Now, Reason, StreamId};

use crate::contract::{Output, Recipients};
use crate::peer::Peer;
use crate::peer::channels::{Channel, HostPresence, Membership};
use crate::peer::events::PeerEvent;
use crate::peer::requests::PeerRequest;
use crate::stream::{StreamEvent, StreamOutput, Told};

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

impl Peer {
    /// Does what streams want done. Whether there was anything.
    pub(crate) fn settle_streams(&mut self, now: Now) -> bool {
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
    pub(crate) fn told_stream(&mut self, stream: StreamId, server: Server) {
        if let Some(sending) = self.streams.sending.get_mut(&stream) {
            sending.told = Some(server);
        }
        if let Some(watching) = self.streams.watching.get_mut(&stream) {
            watching.told = Some(server);
        }
    }
}
