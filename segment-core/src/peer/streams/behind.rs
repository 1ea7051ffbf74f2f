//! Those who speak to the coordinator here by way of the tracker. To the coordinator each of them is on a link of their own.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use segment_proto::frame::Role;
use segment_proto::messages::{Failure, ForwardStream, ReturnStream, carried};
use segment_proto::{ChannelId, Frame, LinkId, Message, Now, Reason, RequestId};

use super::Streams;
use crate::outbox::{AsResponse, Asker};
use crate::peer::Peer;
use crate::peer::core::Core;
use crate::stream::coordinator::Participant;
use crate::stream::coordinator::asked::channel_of;

/// Sessions that are known at once. Policy: one more is not answered.
const SESSIONS_MAX: usize = 4_096;

/// One session behind the tracker.
#[derive(Clone, Copy, Debug)]
struct Session {
    tracker: LinkId,
    channel: ChannelId,
    name: u64,
}

/// Those sessions, by the link that stands for each.
#[derive(Debug, Default)]
pub(super) struct Behind {
    sessions: BTreeMap<LinkId, Session>,
    links: BTreeMap<(ChannelId, u64), LinkId>,
}

impl Behind {
    fn link_of(&mut self, session: Session, next: impl FnOnce() -> LinkId) -> Option<LinkId> {
        let key = (session.channel, session.name);
        if !self.links.contains_key(&key) && self.links.len() >= SESSIONS_MAX {
            return None;
        }
        let link = *self.links.entry(key).or_insert_with(next);
        self.sessions.insert(link, session);
        Some(link)
    }

    fn remove(&mut self, link: LinkId) {
        if let Some(session) = self.sessions.remove(&link) {
            self.links.remove(&(session.channel, session.name));
        }
    }

    /// The tracker is gone, and everybody behind it.
    pub(super) fn on_link_down(&mut self, tracker: LinkId) -> Vec<LinkId> {
        let gone = self.sessions.iter().filter(|(_, session)| session.tracker == tracker).map(|(link, _)| *link);
        let gone: Vec<LinkId> = gone.collect();
        gone.iter().for_each(|link| self.remove(*link));
        gone
    }

    /// The frame for whoever carries it, and the link to them.
    fn wrap(&self, link: LinkId, frame: Frame) -> (LinkId, Frame) {
        match self.sessions.get(&link) {
            Some(Session { tracker, channel, name }) => {
                let back = ReturnStream { channel: *channel, session: *name, frame: frame.bytes() };
                (*tracker, Frame::push(&back))
            }
            None => (link, frame),
        }
    }
}

impl Streams {
    fn forget_behind(&mut self, link: LinkId, core: &Core, now: Now) {
        self.behind.remove(link);
        self.coordinators_on_link_down(link, core, now);
    }
}

impl Peer {
    /// The tracker hands on what somebody says who is not linked to this host. It vouches for who that is.
    pub(super) fn on_forwarded(&mut self, from: LinkId, forward: ForwardStream, now: Now) {
        let ForwardStream { channel, session: name, who, device, seen, frame } = forward;
        let host = self.channels.get(&channel).and_then(|channel| channel.host.as_ref());
        let Some(host) = host.filter(|host| host.tracker() == Some(from)) else { return };
        let rights = host.access().rights(who.account);
        let next = || self.links.next_id();
        let Some(link) = self.streams.behind.link_of(Session { tracker: from, channel, name }, next) else { return };
        if frame.is_empty() {
            return self.streams.forget_behind(link, &self.core, now);
        }
        let Ok((header, message, _)) = carried(&frame) else { return };
        let id = if header.role == Role::Request { header.correlation } else { RequestId::NONE };
        let who = Participant { link, device, who, rights, seen };
        match channel_of(&message).filter(|about| *about == channel) {
            Some(channel) => self.coordinate(Asker { link, id }, channel, &who, message, now),
            None => self.refuse(Asker { link, id }, Reason::UnsupportedKind),
        }
    }

    pub(super) fn say_to(&mut self, link: LinkId, frame: Frame) {
        let (link, frame) = self.streams.behind.wrap(link, frame);
        self.core.out.transmit(link, frame);
    }

    pub(super) fn refuse(&mut self, to: Asker, reason: Reason) {
        self.respond(to, &Failure::new(reason, "").into());
    }

    pub(super) fn respond(&mut self, to: Asker, message: &Message) {
        if !to.id.is_none() {
            self.say_to(to.link, message.encode(AsResponse(to.id)));
        }
    }
}
