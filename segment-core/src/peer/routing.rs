//! Which message goes to whom.

use alloc::vec::Vec;

use segment_proto::frame::Role;
use segment_proto::messages::{DevicePage, FindDevices, Forward, Goodbye, Hello, Pong, Welcome};
use segment_proto::{ChannelId, Header, LinkId, Message, Now, ProtocolVersion, Reason, RequestId};

use crate::outbox::Asker;
use crate::peer::Peer;
use crate::peer::channels::Channel;
use crate::peer::context::{Answer, Purpose};
use crate::peer::events::{PeerEvent, Serving};
use crate::peer::links::{Link, LinkRole};
use crate::peer::streams::is_about_a_stream;
use crate::replica::ReplicaRequest;

impl Peer {
    pub(super) fn on_received(&mut self, id: LinkId, header: Header, message: Message, now: Now) {
        let Some(link) = self.links.on_heard(id, now.mono) else { return };
        let request = if header.role == Role::Request { header.correlation } else { RequestId::NONE };
        let from = Asker { link: id, id: request };
        if header.role != Role::Response
            && is_about_a_stream(&message)
            && (link.greeted || link.role != LinkRole::Member)
        {
            return self.on_stream_message(from, Some(&link), message, now);
        }
        match (header.role, link.role) {
            (Role::Response, _) => self.on_response(id, header.correlation, message, now),
            (_, LinkRole::Tracker) => self.on_tracker_message(from, message, now),
            (_, LinkRole::Host) => self.on_host_message(from, message, now),
            (_, LinkRole::Member) => self.on_member_message(from, &link, message, now),
        }
    }

    /// An answer that nobody waits for is counted, never an error.
    pub(super) fn on_response(&mut self, link: LinkId, id: RequestId, message: Message, now: Now) {
        if let Some(purpose) = self.core.pending.complete(id, link) {
            self.deliver(id, purpose, Answer::Message(message), now);
        }
    }

    /// A request has ended.
    pub(super) fn deliver(&mut self, id: RequestId, purpose: Purpose, answer: Answer, now: Now) {
        match purpose {
            Purpose::Peer(request) => self.on_answer(id, request, answer, now),
            Purpose::Replica(channel, request) => self.on_replica_answer(channel, request, answer, now),
            Purpose::Verify(id, request) => self.on_verify_answer(id, request, answer, now),
            Purpose::Host(channel, request) => {
                if let Some(host) = self.channels.host_mut(&channel) {
                    host.on_answer(request, answer, &mut self.core.cx(now));
                }
                self.after_host(&channel);
            }
        }
    }

    pub(super) fn after_host(&mut self, id: &ChannelId) {
        let Some(channel) = self.channels.get_mut(id) else { return };
        channel.after_host();
        if channel.is_to_stand_aside() {
            self.channels.unsettle();
        }
    }

    /// A replica whose host does not admit it would knock there for ever: it reads the copy meanwhile.
    fn on_replica_answer(&mut self, id: ChannelId, request: ReplicaRequest, answer: Answer, now: Now) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let refused = request.is_subscribe()
            && matches!(&answer, Answer::Message(Message::Failure(_)))
            && matches!(channel.replica.serving(), Serving::Host(_));
        channel.replica.on_answer(request, answer, &mut self.core.cx(now));
        if refused {
            self.channels.refuse(&id, now.mono + self.core.limits.reconnect_max);
        }
    }

    fn on_tracker_message(&mut self, from: Asker, message: Message, now: Now) {
        match message {
            Message::UserCame(came) => self.core.out.event(PeerEvent::UserCame(came.row)),
            Message::UserGone(gone) => {
                self.core.out.event(PeerEvent::UserGone { who: gone.who, session: gone.session });
            }
            Message::ChannelChanged(changed) => self.on_channel_changed(changed.row, now),
            Message::Revoked(revoked) => {
                let core = &mut self.core;
                self.channels.hosts().for_each(|host| host.on_revoked(&revoked, &mut core.cx(now)));
            }
            Message::Committed(_) | Message::ReplicateRefused(_) => self.on_host_push(message, now),
            Message::Lost(_) if self.is_brought_by_host(&message) => self.on_host_push(message, now),
            Message::Fenced(_) => self.on_fenced(from.link, message, now),
            Message::Forward(forward) if !from.id.is_none() => self.on_forward(from, forward, now),
            other => self.on_host_message(from, other, now),
        }
    }

    /// An epoch is over: its host has to know if that is or was here, and the reader.
    fn on_fenced(&mut self, link: LinkId, message: Message, now: Now) {
        self.on_host_push(message.clone(), now);
        self.on_replica_push(link, message, now);
    }

    fn on_forward(&mut self, from: Asker, forward: Forward, now: Now) {
        match self.channels.get_mut(&forward.channel).and_then(|channel| channel.host.as_mut()) {
            Some(host) => host.on_forward(from, forward, &mut self.core.cx(now)),
            None => self.core.out.fail(from, Reason::NotHost, ""),
        }
    }

    fn is_brought_by_host(&self, lost: &Message) -> bool {
        let channel = channel_of(lost).and_then(|channel| self.channels.get(&channel));
        channel.is_some_and(Channel::is_brought_by_host)
    }

    fn on_host_push(&mut self, message: Message, now: Now) {
        let host = channel_of(&message).and_then(|channel| self.channels.host_mut(&channel));
        if let Some(host) = host {
            host.on_tracker_message(message, &mut self.core.cx(now));
        }
    }

    /// What anybody may say who was dialled by this peer.
    fn on_host_message(&mut self, from: Asker, message: Message, now: Now) {
        match message {
            Message::Ping(_) => self.core.out.answer(from, &Pong { wall: now.wall }),
            Message::Goodbye(goodbye) => self.on_goodbye(from.link, &goodbye, now),
            _ if !from.id.is_none() => self.core.out.fail(from, Reason::UnsupportedKind, "this peer was not asked"),
            push => self.on_replica_push(from.link, push, now),
        }
    }

    /// A push about a channel counts only on the link that serves it.
    pub(super) fn on_replica_push(&mut self, link: LinkId, message: Message, now: Now) {
        let Some(channel) = channel_of(&message).and_then(|channel| self.channels.get_mut(&channel)) else {
            return;
        };
        channel.replica.on_message(link, message, &mut self.core.cx(now));
    }

    fn on_goodbye(&mut self, link: LinkId, goodbye: &Goodbye, now: Now) {
        let tracker = self.links.get(link).is_some_and(|link| link.role == LinkRole::Tracker);
        if tracker && goodbye.reason == Reason::Replaced {
            self.tracker.stop();
            self.core.out.event(PeerEvent::Replaced);
        }
        self.hang_up(link, goodbye.reason, now);
    }

    fn on_member_message(&mut self, from: Asker, link: &Link, message: Message, now: Now) {
        match message {
            Message::Hello(hello) => self.on_hello(from, link, &hello, now),
            _ if !link.greeted => self.core.out.fail(from, Reason::OutOfOrder, "hello comes first"),
            Message::Ping(_) => self.core.out.answer(from, &Pong { wall: now.wall }),
            Message::Goodbye(goodbye) => self.on_goodbye(from.link, &goodbye, now),
            Message::FindDevices(find) => self.on_find_devices(from, &find),
            Message::Delivered(_) => self.on_delivered(from, link, message, now),
            Message::Subscribe(_)
            | Message::Unsubscribe(_)
            | Message::Submit(_)
            | Message::ReadTail(_)
            | Message::ReadRange(_)
            | Message::ReadOwn(_)
            | Message::Sync(_) => self.on_member_request(from, link, message, now),
            _ => self.core.out.fail(from, Reason::UnsupportedKind, "a host does not answer this"),
        }
    }

    fn on_hello(&mut self, from: Asker, link: &Link, hello: &Hello, now: Now) {
        if link.greeted {
            return self.core.out.fail(from, Reason::OutOfOrder, "hello comes once");
        }
        match ProtocolVersion::CURRENT.negotiate(hello.protocol) {
            Ok(protocol) => {
                self.links.set_greeted(from.link);
                let software = self.core.software.clone();
                let welcome = Welcome { protocol, wall: now.wall, seen_at: link.address, software };
                self.core.out.answer(from, &welcome);
                self.stream_link_up(from.link, now);
            }
            Err(mismatch) => {
                self.core.out.fail(from, Reason::ProtocolMismatch, &alloc::format!("{mismatch}"));
                self.hang_up(from.link, Reason::ProtocolMismatch, now);
            }
        }
    }

    fn on_delivered(&mut self, from: Asker, link: &Link, message: Message, now: Now) {
        let host = channel_of(&message).and_then(|channel| self.channels.get_mut(&channel)?.host.as_mut());
        if let Some(host) = host {
            host.on_member_message(from, link.peer, message, &mut self.core.cx(now));
        }
    }

    fn on_member_request(&mut self, from: Asker, link: &Link, message: Message, now: Now) {
        if from.id.is_none() {
            return;
        }
        let account = self.core.session.account();
        let Some(channel) = channel_of(&message).and_then(|channel| self.channels.get_mut(&channel)) else {
            return self.core.out.fail(from, Reason::NoSuchChannel, "");
        };
        let is_served = channel.hosts_for == account;
        match &mut channel.host {
            None => self.core.out.fail(from, Reason::NotHost, ""),
            Some(_) if !is_served => self.core.out.fail(from, Reason::HostAway, "who hosts it is logged out"),
            Some(host) => {
                host.on_member_message(from, link.peer, message, &mut self.core.cx(now));
                if host.has_member(from.link) {
                    self.links.set_admitted(from.link);
                }
            }
        }
    }

    /// Names of authors are for those whom one of the channels here has admitted.
    fn on_find_devices(&mut self, from: Asker, find: &FindDevices) {
        if find.devices.len() > self.core.limits.page_rows_max {
            return self.core.out.fail(from, Reason::TooLarge, "too many devices at once");
        }
        if !self.channels.hosts().any(|host| host.has_member(from.link)) {
            return self.core.out.fail(from, Reason::BadCertificate, "subscribe to a channel first");
        }
        let authors = &self.core.authors;
        let records: Vec<_> = find.devices.iter().filter_map(|device| authors.record(device).cloned()).collect();
        self.core.out.answer(from, &DevicePage { records });
    }
}

/// The channel that a message is about.
pub(crate) fn channel_of(message: &Message) -> Option<ChannelId> {
    match message {
        Message::Subscribe(m) => Some(m.channel),
        Message::Unsubscribe(m) => Some(m.channel),
        Message::Submit(m) => Some(m.channel),
        Message::ReadTail(m) => Some(m.channel),
        Message::ReadRange(m) => Some(m.channel),
        Message::ReadOwn(m) => Some(m.channel),
        Message::Sync(m) => Some(m.channel),
        Message::Entries(m) => Some(m.channel),
        Message::Watermarks(m) => Some(m.channel),
        Message::Diverged(m) => Some(m.channel),
        Message::Delivered(m) => Some(m.channel),
        Message::Deliveries(m) => Some(m.channel),
        Message::Lost(m) => Some(m.channel),
        Message::Removed(m) => Some(m.channel),
        Message::Committed(m) => Some(m.receipt.channel),
        Message::Fenced(m) => Some(m.record.channel),
        Message::ReplicateRefused(m) => Some(m.channel),
        _ => None,
    }
}
