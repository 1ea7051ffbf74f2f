//! The link between a hosted channel and its owner's own replica, inside this process.

use alloc::sync::Arc;
use alloc::vec::Vec;

use segment_proto::frame::Role;
use segment_proto::{ChannelId, Frame, LinkId, Message, Now, Reason, RequestId};

use crate::contract::{Output, Recipients};
use crate::outbox::Asker;
use crate::peer::Peer;
use crate::peer::context::LOCAL;
use crate::peer::events::PeerEvent;
use crate::peer::naming::{Sources, ordered_in};
use crate::peer::routing::channel_of;
use crate::peer::streams::is_about_a_stream;

type SharedLinks = Arc<[LinkId]>;

/// The same recipients without the local link: shared lists come again with every message, so the last is kept.
#[derive(Debug, Default)]
pub(crate) struct Stripped {
    last: Option<(SharedLinks, SharedLinks)>,
}

impl Stripped {
    /// The recipients outside of this process.
    pub(crate) fn strip(&mut self, all: &SharedLinks) -> SharedLinks {
        if let Some((whole, outside)) = &self.last
            && Arc::ptr_eq(whole, all)
        {
            return outside.clone();
        }
        let outside: SharedLinks = all.iter().copied().filter(|link| *link != LOCAL).collect();
        self.last = Some((all.clone(), outside.clone()));
        outside
    }
}

impl Peer {
    /// Routes what is for this process, and gives the rest to the driver, until nothing is left.
    /// Every round either empties the outbox or answers what a child has asked.
    pub(super) fn settle(&mut self, now: Now) {
        for _ in 0..self.core.limits.events_max {
            if let Some(output) = self.core.out.pop() {
                self.dispatch(output, now);
            } else if self.channels.take_unsettled() {
                self.plan(now);
            } else if let Some((link, devices)) = self.naming.pop_question(self.core.limits.page_rows_max) {
                self.ask_devices(link, devices, now);
            } else if !self.settle_streams(now) {
                self.channels.look_again();
                return self.links.look_again(&self.rhythm());
            }
        }
        self.ready.push_back(Output::Event(PeerEvent::Suspicious { what: "a peer talks to itself without end" }));
    }

    fn dispatch(&mut self, output: Output<PeerEvent>, now: Now) {
        match output {
            Output::Transmit { to: Recipients::One(LOCAL), frame } => self.on_local(&frame, now),
            Output::Transmit { to: Recipients::Many(links), frame } => self.transmit_many(&links, frame, now),
            Output::Event(event) => self.on_event(event, now),
            other => self.ready.push_back(other),
        }
    }

    fn transmit_many(&mut self, links: &SharedLinks, frame: Frame, now: Now) {
        let outside = self.stripped.strip(links);
        if outside.len() < links.len() {
            self.on_local(&frame, now);
        }
        if !outside.is_empty() {
            self.ready.push_back(Output::Transmit { to: Recipients::Many(outside), frame });
        }
    }

    fn on_event(&mut self, event: PeerEvent, now: Now) {
        match &event {
            // A host that has been told of the end of an older session will be told of this one, too.
            PeerEvent::Removed { channel, reason: Reason::BadCertificate } => {
                self.channels.refuse(channel, now.mono + self.core.limits.reconnect_max);
            }
            PeerEvent::Removed { channel, .. } => self.channels.shut_out(channel),
            PeerEvent::Hosting { .. } => self.channels.unsettle(),
            PeerEvent::CutBehind { channel, .. } => self.part_host(channel, now),
            _ => {}
        }
        let channel = ordered_in(&event);
        let links = channel.map(|channel| self.name_sources(&channel)).unwrap_or_default();
        let sources = Sources { authors: &self.core.authors, links };
        self.naming.take(event, sources, now.mono, &self.core.limits);
        self.emit();
    }

    /// What a reader does to the log of its host concerns that.
    fn part_host(&mut self, id: &ChannelId, now: Now) {
        let generation = self.channels.get(id).map(|channel| channel.replica.generation());
        if let (Some(generation), Some(host)) = (generation, self.channels.host_mut(id)) {
            host.part(generation, &mut self.core.cx(now));
        }
    }

    /// Events that need to wait no longer.
    pub(super) fn emit(&mut self) {
        let mut writes = Vec::new();
        while let Some(event) = self.naming.pop() {
            if let PeerEvent::MessageRefused { key, .. } = &event {
                let joined = self.channels.get_mut(&key.channel);
                writes.extend(joined.and_then(|joined| joined.replica.on_told(*key)));
            }
            self.ready.push_back(Output::Event(event));
        }
        // They follow what was told.
        self.core.write(writes);
    }

    fn on_local(&mut self, frame: &Frame, now: Now) {
        let decoded =
            frame.header().and_then(|header| Some((header, Message::decode(&header, &frame.payload()).ok()?)));
        let Some((header, message)) = decoded else {
            self.core.suspicious("a local frame that cannot be read");
            return;
        };
        if header.role != Role::Response && is_about_a_stream(&message) {
            let id = if header.role == Role::Request { header.correlation } else { RequestId::NONE };
            return self.on_stream_message(Asker { link: LOCAL, id }, None, message, now);
        }
        match header.role {
            Role::Request => self.on_local_request(header.correlation, message, now),
            Role::Response => self.on_response(LOCAL, header.correlation, message, now),
            Role::Push if matches!(message, Message::Delivered(_)) => {
                self.on_local_request(RequestId::NONE, message, now);
            }
            Role::Push => self.on_replica_push(LOCAL, message, now),
        }
    }

    fn on_local_request(&mut self, id: RequestId, message: Message, now: Now) {
        let from = Asker { link: LOCAL, id };
        let device = self.core.identity.device();
        let host = channel_of(&message).and_then(|channel| self.channels.get_mut(&channel)?.host.as_mut());
        match host {
            Some(host) => host.on_member_message(from, device, message, &mut self.core.cx(now)),
            None => self.core.out.fail(from, Reason::NotHost, ""),
        }
    }
}
