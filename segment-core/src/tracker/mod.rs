//! The machine of a tracker: a directory, and a copy of every channel.

use alloc::string::String;

use segment_proto::frame::Role;
use segment_proto::messages::Failure;
use segment_proto::{ChannelId, Header, Identity, Limits, LinkId, Message, Now, RequestId};

use crate::backup::BackupNotice;
use crate::contract::{Deadline, Input, Machine, OpId, Output, earliest};
use crate::directory::{Directory, DirectoryNotice};
use crate::outbox::{Asker, Outbox};
use crate::random::Random;
use crate::rules::Rules;
use crate::store::{Fatal, Outcome, Store};

mod backups;
pub mod context;
pub mod events;
pub mod forwards;
mod passing;
mod restored;
mod streams;

pub use backups::Backups;
use context::{Context, TrackerTask};
use events::TrackerEvent;
use forwards::Forwards;
pub use restored::{DamagedPlace, check_channels, mark_restored};
use streams::{Streams, is_about_a_stream};

/// What a tracker is given at its start.
#[derive(Clone, Debug)]
pub struct TrackerConfig {
    /// Its key, which signs certificates, records and receipts; the same at every start.
    pub identity: Identity,
    /// Its limits.
    pub limits: Limits,
    /// The rules in force.
    pub rules: Rules,
    /// Fresh randomness; another at every start.
    pub seed: [u8; 32],
    /// Program and version, for people.
    pub software: String,
}

/// The machine of a tracker.
#[derive(Debug)]
pub struct Tracker {
    identity: Identity,
    limits: Limits,
    rules: Rules,
    random: Random,
    out: Outbox<TrackerEvent, TrackerTask>,
    directory: Directory,
    backups: Backups,
    forwards: Forwards,
    streams: Streams,
}

impl Tracker {
    /// The tracker as the store has it; an empty store makes a new one.
    ///
    /// # Errors
    /// [`Fatal`]: the store cannot be read, or holds what this build does not understand. Nothing was changed.
    pub fn restore(config: TrackerConfig, store: &mut dyn Store) -> Result<Self, Fatal> {
        let mut directory = Directory::restore(config.software, store)?;
        let mut backups = Backups::restore(directory.channels(), store)?;
        let random = Random::new(config.seed);
        restored::begin_anew(&mut directory, &mut backups, &config.identity, random.child(b"restored"), store)?;
        directory.forget_outsiders(&backups, store)?;
        Ok(Self {
            identity: config.identity,
            limits: config.limits,
            rules: config.rules,
            random,
            out: Outbox::default(),
            directory,
            backups,
            forwards: Forwards::default(),
            streams: Streams::default(),
        })
    }

    /// Operations that are under way.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.out.operations()
    }

    fn parts(&mut self, now: Now) -> (&mut Directory, &mut Backups, Context<'_>) {
        let (directory, backups, _, cx) = self.all_parts(now);
        (directory, backups, cx)
    }

    fn all_parts(&mut self, now: Now) -> (&mut Directory, &mut Backups, &mut Streams, Context<'_>) {
        let cx = Context {
            out: &mut self.out,
            forwards: &mut self.forwards,
            limits: &self.limits,
            rules: self.rules,
            identity: &self.identity,
            random: &mut self.random,
            now,
        };
        (&mut self.directory, &mut self.backups, &mut self.streams, cx)
    }

    fn on_received(&mut self, link: LinkId, header: Header, message: Message, now: Now) {
        let (directory, backups, streams, mut cx) = self.all_parts(now);
        if !directory.hear(link, now.mono) {
            return;
        }
        backups.on_heard(link, now.mono);
        let from = Asker { link, id: header.correlation };
        if is_about_a_stream(&message) && header.role != Role::Response {
            let id = if header.role == Role::Request { header.correlation } else { RequestId::NONE };
            streams.on_message(Asker { link, id }, message, directory, backups, &mut cx);
        } else if is_about_a_channel(&message) && header.role != Role::Response {
            match directory.caller(link) {
                Ok(caller) => backups.on_message(from, &caller, message, &mut cx),
                Err(reason) => cx.refuse(from, &Failure::new(reason, "")),
            }
        } else if header.role == Role::Response {
            forwards::on_answer(from.id, link, message, &mut cx);
        } else if header.role == Role::Request && !from.id.is_none() {
            directory.on_request(from, message, backups, &mut cx);
        }
    }

    fn on_performed(&mut self, op: OpId, outcome: Outcome, now: Now) {
        let Some(task) = self.out.take_task(op) else { return };
        let (directory, backups, mut cx) = self.parts(now);
        match (task, outcome) {
            (TrackerTask::Directory(task), outcome) => directory.on_performed(task, outcome, backups, &mut cx),
            (TrackerTask::Backup(channel, task), Outcome::Store(outcome)) => {
                backups.on_performed(channel, task, outcome, &mut cx);
            }
            (TrackerTask::Backup(..), Outcome::PasswordHashed(_) | Outcome::PasswordVerified(_)) => {}
        }
    }

    /// Hands on what the children have to tell one another, until they have nothing more to say.
    fn settle(&mut self, now: Now) {
        loop {
            let (directory, backups, streams, mut cx) = self.all_parts(now);
            let from_directory = directory.take_notices();
            let from_backups = backups.take_notices();
            if from_directory.is_empty() && from_backups.is_empty() {
                return;
            }
            for notice in from_directory {
                if let DirectoryNotice::SessionEnded { link } = &notice {
                    streams.on_link_down(*link, backups, &mut cx);
                }
                tell_backups(notice, directory, backups, &mut cx);
            }
            for (channel, notice) in from_backups {
                if matches!(notice, BackupNotice::HostPresence { present: true }) {
                    streams.on_host(channel);
                }
                tell_directory(channel, notice, directory, backups, &mut cx);
            }
        }
    }
}

fn tell_backups(notice: DirectoryNotice, directory: &mut Directory, backups: &mut Backups, cx: &mut Context<'_>) {
    match notice {
        DirectoryNotice::SessionEnded { link } => {
            backups.on_link_down(link, cx);
            forwards::on_link_down(link, cx);
        }
        DirectoryNotice::Hidden { link } => {
            backups.on_host_left(link, cx);
            forwards::on_link_down(link, cx);
        }
        DirectoryNotice::ChannelCreated { record, asker } => {
            backups.create(&record);
            directory.on_channel_ready(asker, record.channel, backups, cx);
        }
    }
}

fn tell_directory(
    channel: ChannelId,
    notice: BackupNotice,
    directory: &mut Directory,
    backups: &Backups,
    cx: &mut Context<'_>,
) {
    match notice {
        BackupNotice::HostPresence { present } => directory.on_host_presence(channel, present, backups, cx),
        BackupNotice::HostDesignated { device } => directory.on_host_designated(channel, device, cx),
        BackupNotice::AccessChanged => directory.on_access_changed(channel, backups, cx),
    }
}

/// Kinds 0x03xx and 0x04xx.
fn is_about_a_channel(message: &Message) -> bool {
    matches!(message.kind().0 >> 8, 3 | 4)
}

impl Machine for Tracker {
    type Event = TrackerEvent;

    fn handle_input(&mut self, input: Input, now: Now) {
        let (directory, backups, mut cx) = self.parts(now);
        match input {
            Input::LinkUp { link, peer, address, .. } => directory.on_link_up(link, peer, address, &mut cx),
            Input::LinkDown { link } => directory.on_link_down(link, &mut cx),
            Input::Writable { link, room } => {
                directory.on_writable(link, room, backups, &mut cx);
                backups.on_writable(link, room, &mut cx);
            }
            Input::Received { link, header, message } => self.on_received(link, header, message.into_inner(), now),
            Input::Performed { op, outcome } => self.on_performed(op, outcome, now),
            Input::DialFailed { .. } => {}
        }
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Now) {
        let (directory, backups, streams, mut cx) = self.all_parts(now);
        streams.handle_timeout(backups, &mut cx);
        directory.handle_timeout(&mut cx);
        backups.handle_timeout(&mut cx);
        forwards::handle_timeout(&mut cx);
        self.settle(now);
    }

    fn poll_output(&mut self) -> Option<Output<TrackerEvent>> {
        self.out.pop()
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        let own = [self.directory.poll_timeout(), self.backups.poll_timeout()];
        earliest(own.into_iter().chain([self.forwards.poll_timeout(), self.streams.poll_timeout()]))
    }
}

#[cfg(test)]
pub(crate) mod bench;
#[cfg(test)]
mod tests;
