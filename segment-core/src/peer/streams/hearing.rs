//! What is heard of streams, from parents and viewers and from whoever coordinates.

use alloc::vec::Vec;

use segment_proto::{DeviceId, LinkId, Message, Now, Reason, StreamId};

use super::context;
use crate::outbox::Asker;
use crate::peer::Peer;
use crate::peer::events::PeerEvent;
use crate::peer::links::Link;

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

impl Peer {
    /// Something about a stream, on any link, or inside this process.
    pub(crate) fn on_stream_message(&mut self, from: Asker, link: Option<&Link>, message: Message, now: Now) {
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

    pub(crate) fn streams_on_time(&mut self, now: Now) {
        self.streams.handle_timeout(&self.core, now);
        for stream in self.streams.forsaken(&self.core, now) {
            self.lose_stream(stream, Reason::StreamerGone, now);
        }
    }

    /// Somebody else is logged in here now, or nobody: nothing is sent and watched any more.
    pub(crate) fn end_streams(&mut self, now: Now) {
        for stream in self.streams.watching.keys().copied().collect::<Vec<_>>() {
            self.lose_stream(stream, Reason::LoginRequired, now);
        }
        self.streams.end_all(&self.core, now);
    }

    /// A stream is watched no longer, and not because somebody wanted it so.
    pub(super) fn lose_stream(&mut self, stream: StreamId, reason: Reason, now: Now) {
        if let Some(channel) = self.streams.watching.get(&stream).map(|watching| watching.viewer.channel()) {
            self.streams.drop_watching(stream, &self.core, now);
            self.core.out.event(PeerEvent::StreamLost { channel, stream, reason });
        }
    }

    /// A link is greeted: streams may come and go on it.
    pub(crate) fn stream_link_up(&mut self, link: LinkId, now: Now) {
        if let Some(peer) = self.links.get(link).map(|link| link.peer) {
            self.streams.on_link_up(peer, link, &self.core, now);
        }
    }

    /// A link is gone; another one to the same device may be there.
    pub(crate) fn stream_link_down(&mut self, link: LinkId, device: DeviceId, now: Now) {
        self.streams.on_link_down(link, &self.core, now);
        let other = self.links.iter().find(|(_, other)| other.peer == device && other.greeted).map(|(id, _)| id);
        if let Some(other) = other {
            self.streams.on_link_up(device, other, &self.core, now);
        }
    }

    /// All greeted links, for a stream that is new here.
    pub(crate) fn stream_knows_links(&mut self, now: Now) {
        let greeted: Vec<(LinkId, DeviceId)> =
            self.links.iter().filter(|(_, link)| link.greeted).map(|(id, link)| (id, link.peer)).collect();
        for (link, device) in greeted {
            self.streams.on_link_up(device, link, &self.core, now);
        }
    }
}
