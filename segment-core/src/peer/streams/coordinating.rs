//! The streams of the channels that are hosted here.

use segment_proto::{AccountId, ChannelId, Frame, LinkId, Message, Now, Reason, Rights};

use super::{ENFORCE, Streams, is_here};
use crate::outbox::Asker;
use crate::peer::Peer;
use crate::peer::core::Core;
use crate::peer::links::Link;
use crate::stream::Told;
use crate::stream::coordinator::asked::{channel_of, coordinate, readers_of};
use crate::stream::coordinator::{Coordinator, CoordinatorContext, Participant};

fn context<'a>(core: &'a Core, out: &'a mut alloc::collections::VecDeque<Told>, now: Now) -> CoordinatorContext<'a> {
    CoordinatorContext { out, limits: &core.limits, rules: core.rules(), identity: &core.identity, now }
}

impl Streams {
    pub(super) fn coordinators_on_link_down(&mut self, link: LinkId, core: &Core, now: Now) {
        for coordinator in self.coordinators.values_mut() {
            coordinator.on_link_down(link, &mut context(core, &mut self.told, now));
        }
    }

    pub(super) fn coordinate_on_time(&mut self, core: &Core, now: Now) {
        for coordinator in self.coordinators.values_mut() {
            coordinator.handle_timeout(&mut context(core, &mut self.told, now));
        }
    }

    fn coordinate(
        &mut self,
        channel: ChannelId,
        who: &Participant,
        message: Message,
        core: &Core,
        now: Now,
    ) -> Result<Option<Message>, Reason> {
        let coordinator = self.coordinators.entry(channel).or_default();
        let answer = coordinate(coordinator, channel, who, message, &mut context(core, &mut self.told, now));
        self.enforce_at.get_or_insert(now.mono + ENFORCE);
        answer
    }

    fn enforce(&mut self, channel: ChannelId, rights: impl Fn(AccountId) -> Rights, core: &Core, now: Now) {
        if let Some(coordinator) = self.coordinators.get_mut(&channel) {
            coordinator.enforce(rights, &mut context(core, &mut self.told, now));
        }
    }
}

impl Peer {
    /// Something for the coordinator of a channel: answered to those whom the channel's host has admitted.
    pub(super) fn on_coordinated(&mut self, from: Asker, link: Option<&Link>, message: Message, now: Now) {
        let Some(channel) = channel_of(&message) else { return self.refuse(from, Reason::UnsupportedKind) };
        match self.participant(channel, from.link, link) {
            Err(reason) => self.refuse(from, reason),
            Ok(who) => self.coordinate(from, channel, &who, message, now),
        }
    }

    pub(super) fn coordinate(
        &mut self,
        from: Asker,
        channel: ChannelId,
        who: &Participant,
        message: Message,
        now: Now,
    ) {
        match self.streams.coordinate(channel, who, message, &self.core, now) {
            Ok(Some(answer)) => self.respond(from, &answer),
            Ok(None) => {}
            Err(reason) => self.refuse(from, reason),
        }
    }

    fn participant(&self, channel: ChannelId, from: LinkId, link: Option<&Link>) -> Result<Participant, Reason> {
        let known = self.channels.get(&channel).ok_or(Reason::NoSuchChannel)?;
        let host = known.host.as_ref().ok_or(Reason::NotHost)?;
        let who = host.member(from).ok_or(Reason::OutOfOrder)?.clone();
        let device = link.map_or(self.core.identity.device(), |link| link.peer);
        let seen = link.map(|link| link.address.ip()).filter(|_| !is_here(from));
        let rights = host.access().rights(who.account);
        Ok(Participant { link: from, device, who, rights, seen })
    }

    pub(super) fn tell_readers(&mut self, frame: Frame) {
        let Some(channel) = readers_of(&frame) else { return };
        if let Some(host) = self.channels.host_mut(&channel) {
            let (readers, tracker) = (host.readers(), host.tracker());
            self.core.out.transmit_many(&readers, frame.clone());
            // Who reads the copy is told by the tracker.
            if let Some(tracker) = tracker {
                self.core.out.transmit(tracker, frame);
            }
        }
    }

    /// Looks whether those who stream and watch still may, and whether this is still the host.
    pub(crate) fn enforce_streams(&mut self, now: Now) {
        if self.streams.enforce_at.is_none_or(|at| at > now.mono) {
            return;
        }
        let channels: alloc::vec::Vec<ChannelId> = self.streams.coordinators.keys().copied().collect();
        for channel in channels {
            match self.channels.get(&channel).and_then(|channel| channel.host.as_ref()) {
                Some(host) => {
                    let access = host.access();
                    self.streams.enforce(channel, |account| access.rights(account), &self.core, now);
                }
                None => drop(self.streams.coordinators.remove(&channel)),
            }
        }
        let is_idle = self.streams.coordinators.values().all(Coordinator::is_empty);
        self.streams.enforce_at = (!is_idle).then(|| now.mono + ENFORCE);
    }
}
