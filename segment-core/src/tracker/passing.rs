//! What is said about streams to a channel's host by way of the tracker, and what the host answers: for members who are
//! not to be seen, or cannot reach it.

use alloc::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use segment_proto::frame::Role;
use segment_proto::messages::{Encoder, ForwardStream, ReturnStream, Watch, carried};
use segment_proto::{ChannelId, DeviceId, Frame, LinkId, Message, Payload, Reason, RequestId, Who};

use crate::outbox::Asker;
use crate::stream::coordinator::Participant;
use crate::tracker::Backups;
use crate::tracker::context::Context;

/// Who speaks to hosts by way of the tracker.
#[derive(Debug)]
struct Speaker {
    who: Who,
    device: DeviceId,
    channels: BTreeSet<ChannelId>,
}

/// Those sessions. Bounded by the sessions, and by the channels that one may have joined.
#[derive(Debug, Default)]
pub(super) struct Passing {
    speakers: BTreeMap<LinkId, Speaker>,
}

/// What is handed on of somebody who is not to be seen: nobody is told that they watch, nobody is to dial them, and so
/// they pass nothing on.
pub(super) fn hidden(message: Message) -> Result<Message, Reason> {
    match message {
        Message::Watch(watch) => Ok(Watch { relay_kbps: 0, port: 0, advertise: None, listed: false, ..watch }.into()),
        Message::StartStream(_) => Err(Reason::OwnerMayNotHide),
        other => Ok(other),
    }
}

struct AsItCame(RequestId);

impl Encoder for AsItCame {
    fn encode<P: Payload>(self, payload: &P) -> Frame {
        if self.0.is_none() {
            return Frame::push(payload);
        }
        Frame::request(self.0, payload)
    }
}

impl Passing {
    /// Hands on what somebody says. What comes of it is what the host answers, or nothing.
    ///
    /// # Errors
    /// Why nothing was handed on.
    pub(super) fn pass_on(
        &mut self,
        from: Asker,
        host: LinkId,
        channel: ChannelId,
        by: Participant,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        if host == from.link {
            return Err(Reason::NotHost);
        }
        let Participant { device, who, seen, .. } = by;
        let frame = message.encode(AsItCame(from.id)).bytes();
        let forward = ForwardStream { channel, session: from.link.0, who: who.clone(), device, seen, frame };
        let frame = Frame::push(&forward);
        if frame.len() > cx.limits.frame_bytes_max {
            return Err(Reason::TooLarge);
        }
        let new = || Speaker { who, device, channels: BTreeSet::new() };
        let channels = &mut self.speakers.entry(from.link).or_insert_with(new).channels;
        if channels.len() >= cx.limits.joined_channels_max && !channels.contains(&channel) {
            return Err(Reason::LimitReached);
        }
        channels.insert(channel);
        cx.out.transmit(host, frame);
        Ok(())
    }

    /// A host speaks to somebody who has spoken to it.
    pub(super) fn pass_back(&self, host: LinkId, back: &ReturnStream, backups: &Backups, cx: &mut Context<'_>) {
        let is_host = backups.host_of(back.channel) == Some(host);
        let to = LinkId(back.session);
        let is_known = self.speakers.get(&to).is_some_and(|speaker| speaker.channels.contains(&back.channel));
        if !is_host || !is_known {
            return;
        }
        let Ok((header, message, frame)) = carried(&back.frame) else { return };
        let is_fit = match (header.role, message) {
            (Role::Response, Message::Done(_) | Message::Failure(_) | Message::ViewerPage(_)) => true,
            (Role::Response, Message::StreamPage(page)) => page.channel == back.channel,
            (Role::Push, Message::Plan(plan)) => plan.channel == back.channel,
            (Role::Push, Message::Unwatched(unwatched)) => unwatched.channel == back.channel,
            (Role::Push, Message::ShutOut(shut)) => shut.channel == back.channel,
            _ => false,
        };
        if is_fit {
            cx.out.transmit(to, frame);
        }
    }

    /// A session is over: the hosts that know it are told.
    pub(super) fn on_link_down(&mut self, link: LinkId, backups: &Backups, cx: &mut Context<'_>) {
        let Some(Speaker { who, device, channels }) = self.speakers.remove(&link) else { return };
        for channel in channels {
            if let Some(host) = backups.host_of(channel) {
                let (who, frame) = (who.clone(), Bytes::new());
                cx.out.push(host, &ForwardStream { channel, session: link.0, who, device, seen: None, frame });
            }
        }
    }
}
