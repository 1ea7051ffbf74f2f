//! The streams of channels: the tracker coordinates them while the host is away. While it is there, what is said here
//! of them is handed on to it.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::Presence;
use segment_proto::{ChannelId, Frame, Instant, LinkId, Message, Reason};

use crate::contract::{Deadline, earliest};
use crate::directory::Directory;
use crate::outbox::Asker;
use crate::stream::Told;
use crate::stream::coordinator::asked::{channel_of, coordinate, readers_of};
use crate::stream::coordinator::{Coordinator, CoordinatorContext, Participant};
use crate::tracker::Backups;
use crate::tracker::context::Context;
use crate::tracker::passing::{Passing, hidden};

/// How often it is looked whether those who stream and watch still may.
const ENFORCE: Duration = Duration::from_secs(1);

/// The coordinators of channels without a host.
#[derive(Debug, Default)]
pub(super) struct Streams {
    coordinators: BTreeMap<ChannelId, Coordinator>,
    told: VecDeque<Told>,
    enforce_at: Option<Instant>,
    passing: Passing,
}

/// Kinds 0x05xx.
pub(super) fn is_about_a_stream(message: &Message) -> bool {
    message.kind().0 >> 8 == 5
}

fn context<'a>(told: &'a mut VecDeque<Told>, cx: &'a Context<'_>) -> CoordinatorContext<'a> {
    CoordinatorContext { out: told, limits: cx.limits, rules: cx.rules, identity: cx.identity, now: cx.now }
}

impl Streams {
    /// Something about a stream, of a logged-in session.
    pub(super) fn on_message(
        &mut self,
        from: Asker,
        message: Message,
        directory: &Directory,
        backups: &mut Backups,
        cx: &mut Context<'_>,
    ) {
        match message {
            Message::ReturnStream(back) => self.passing.pass_back(from.link, &back, backups, cx),
            Message::StreamStarted(_) | Message::StreamStopped(_) => announce(from.link, &message, backups, cx),
            message => match self.react(from, message, directory, backups, cx) {
                Ok(Some(answer)) => cx.out.answer_message(from, &answer),
                Ok(None) => {}
                Err(reason) => cx.out.fail(from, reason, ""),
            },
        }
        self.tell(backups, cx);
    }

    fn react(
        &mut self,
        from: Asker,
        message: Message,
        directory: &Directory,
        backups: &Backups,
        cx: &mut Context<'_>,
    ) -> Result<Option<Message>, Reason> {
        let link = from.link;
        let caller = directory.caller(link)?;
        let channel = channel_of(&message).ok_or(Reason::UnsupportedKind)?;
        let backup = backups.get(channel).ok_or(Reason::NoSuchChannel)?;
        let hides = caller.presence == Presence::Invisible;
        let message = if hides { hidden(message)? } else { message };
        let seen = directory.address(link).map(|address| address.ip()).filter(|_| !hides);
        let rights = backup.access().rights(caller.who.account);
        let who = Participant { link, device: caller.device, who: caller.who, rights, seen };
        if let Some(host) = backup.host() {
            return self.passing.pass_on(from, host, channel, who, &message, cx).map(|()| None);
        }
        let coordinator = self.coordinators.entry(channel).or_default();
        let answer = coordinate(coordinator, channel, &who, message, &mut context(&mut self.told, cx));
        self.enforce_at.get_or_insert(cx.now.mono + ENFORCE);
        answer
    }

    pub(super) fn on_link_down(&mut self, link: LinkId, backups: &mut Backups, cx: &mut Context<'_>) {
        for coordinator in self.coordinators.values_mut() {
            coordinator.on_link_down(link, &mut context(&mut self.told, cx));
        }
        self.passing.on_link_down(link, backups, cx);
        self.tell(backups, cx);
    }

    /// The host is back: it coordinates, and is told by streamers and viewers themselves.
    pub(super) fn on_host(&mut self, channel: ChannelId) {
        self.coordinators.remove(&channel);
    }

    pub(super) fn handle_timeout(&mut self, backups: &mut Backups, cx: &mut Context<'_>) {
        for coordinator in self.coordinators.values_mut() {
            coordinator.handle_timeout(&mut context(&mut self.told, cx));
        }
        if self.enforce_at.is_some_and(|at| at <= cx.now.mono) {
            self.enforce(backups, cx);
        }
        self.tell(backups, cx);
    }

    fn enforce(&mut self, backups: &Backups, cx: &Context<'_>) {
        for (channel, coordinator) in &mut self.coordinators {
            if let Some(backup) = backups.get(*channel) {
                coordinator.enforce(|account| backup.access().rights(account), &mut context(&mut self.told, cx));
            }
        }
        self.coordinators.retain(|_, coordinator| !coordinator.is_empty());
        self.enforce_at = (!self.coordinators.is_empty()).then(|| cx.now.mono + ENFORCE);
    }

    fn tell(&mut self, backups: &mut Backups, cx: &mut Context<'_>) {
        for told in self.told.drain(..).collect::<Vec<_>>() {
            match told {
                Told::One(link, frame) => cx.out.transmit(link, frame),
                Told::Readers(frame) => tell_readers(frame, backups, cx),
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Deadline> {
        let enforce = self.enforce_at.map(|at| Deadline::new(at, "who may stream and watch"));
        earliest(self.coordinators.values().map(Coordinator::poll_timeout).chain([enforce]))
    }
}

/// A host tells who reads the copy what it has told its own members.
fn announce(from: LinkId, message: &Message, backups: &mut Backups, cx: &mut Context<'_>) {
    let (channel, frame) = match message {
        Message::StreamStarted(m) => (m.row.description.channel, Frame::push(m)),
        Message::StreamStopped(m) => (m.channel, Frame::push(m)),
        _ => return,
    };
    if backups.host_of(channel) == Some(from) {
        tell_readers(frame, backups, cx);
    }
}

fn tell_readers(frame: Frame, backups: &mut Backups, cx: &mut Context<'_>) {
    if let Some(readers) = readers_of(&frame).and_then(|channel| backups.readers(channel)) {
        cx.out.transmit_many(&readers, frame);
    }
}
