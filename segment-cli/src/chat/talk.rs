//! What the conversation knows, shared by whoever answers commands and whoever tells what happens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use segment_core::peer::events::{ChannelMessage, Serving};
use segment_proto::messages::DeliveryStep;
use segment_proto::{ChannelId, ChannelName, MessageKey, Rights};

use super::shown::Shown;

/// Users whose names Tab knows.
const KNOWN_USERS_MAX: usize = 1_024;

/// What the conversation knows.
#[derive(Clone, Debug, Default)]
pub struct Talk(Arc<Mutex<Known>>);

/// A joined channel that text goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which.
    pub id: ChannelId,
    /// Its name.
    pub name: ChannelName,
}

/// See [`Talk`].
#[derive(Debug, Default)]
pub struct Known {
    /// The peer is being stopped: what is lost by that is not news.
    pub leaving: bool,
    /// The peer was logged in and comes back by itself.
    pub logged_in: bool,
    /// Where plain text goes.
    pub current: Option<Target>,
    /// Names of the joined channels.
    pub names: BTreeMap<ChannelId, ChannelName>,
    /// Names of their owners.
    pub hosts: BTreeMap<ChannelId, String>,
    /// Channels that may not be seen any more.
    pub removed: BTreeSet<ChannelId>,
    /// Users that were seen.
    pub users: BTreeSet<String>,
    /// What of each channel was shown here.
    pub shown: BTreeMap<ChannelId, Shown>,
    /// How many members have everything up to which place on disk, of how many.
    pub delivered: BTreeMap<ChannelId, (u32, Vec<DeliveryStep>)>,
    /// Own messages that were shown when they were typed; until they are settled.
    pub typed: BTreeSet<MessageKey>,
    /// A channel that is about to become the current one: its newest messages are shown then.
    pub entering: Option<ChannelId>,
    /// Channels that are not served by their hosts now.
    pub troubled: BTreeMap<ChannelId, Trouble>,
    /// What this session may do where.
    pub rights: BTreeMap<ChannelId, Rights>,
    /// Own messages that are not committed, since when, and whether that was said.
    pub own: BTreeMap<MessageKey, Own>,
    /// Those of them that are committed at last, until that was said.
    pub settled: BTreeSet<MessageKey>,
}

/// A channel that is not served as it should be.
#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    /// Since when.
    pub since: Instant,
    /// Whether that was said.
    pub told: bool,
    /// From where it is served.
    pub serving: Serving,
}

/// An own message on its way.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    /// Since when.
    pub since: Instant,
    /// Whether it was said that it waits.
    pub told: bool,
}

impl Talk {
    /// Everything, for a moment.
    pub fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where plain text goes.
    #[must_use]
    pub fn current(&self) -> Option<Target> {
        self.known().current.clone()
    }
}

impl Known {
    /// The name of a channel, or its id where it has none here.
    #[must_use]
    pub fn name_of(&self, channel: &ChannelId) -> String {
        self.names.get(channel).map_or_else(|| segment_proto::ids::short(channel), ToString::to_string)
    }

    /// The name of a channel's owner.
    #[must_use]
    pub fn host_of(&self, channel: &ChannelId) -> String {
        self.hosts.get(channel).cloned().unwrap_or_default()
    }

    /// Remembers a user for Tab.
    pub fn meet(&mut self, name: String) {
        if self.users.len() < KNOWN_USERS_MAX {
            self.users.insert(name);
        }
    }

    /// Whether a place was not shown yet; from now on it was.
    pub fn is_news(&mut self, channel: ChannelId, message: &ChannelMessage) -> bool {
        self.shown.entry(channel).or_default().is_new_place(message)
    }

    /// Whether a message was shown here before, as it was typed or at a place that it has lost.
    pub fn was_shown(&mut self, message: &ChannelMessage) -> bool {
        let again = self.shown.entry(message.key.channel).or_default().comes_again(message);
        again || self.typed.contains(&message.key)
    }

    /// An own message is committed or refused.
    pub fn settle(&mut self, key: &MessageKey) -> Option<Own> {
        self.typed.remove(key);
        self.own.remove(key)
    }
}
