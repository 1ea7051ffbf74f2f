//! What the simulation knows because it did it, or because the tracker has said so.

use std::collections::{BTreeMap, BTreeSet};

use segment_proto::messages::Presence;
use segment_proto::{
    AccountId, ChannelId, ChannelRecord, DeviceId, LinkId, Message, MessageKey, RequestId, SessionId, Signed,
};

use crate::network::NodeId;

/// A message that a user wrote.
#[derive(Clone, Debug)]
pub struct Written {
    /// Where.
    pub node: NodeId,
    /// In which channel.
    pub channel: ChannelId,
    /// Counts the messages of its node.
    pub number: u64,
    /// Its name.
    pub key: MessageKey,
    /// The name that it was given first.
    pub first_key: MessageKey,
    /// The text that its author had on the screen, the last in that channel.
    pub cause: Option<String>,
    /// How often the rights had changed then, as far as that is committed.
    pub access_changes: usize,
    /// Whether its author was told that it is refused for good.
    pub refused: bool,
    /// Whether its author was told that it is on their disk.
    pub promised: bool,
    /// Whether its author was told that it is on another's disk.
    pub stored: bool,
}

/// What is known for sure.
#[derive(Debug, Default)]
pub struct Truth {
    accounts: BTreeMap<DeviceId, AccountId>,
    records: BTreeMap<ChannelId, Signed<ChannelRecord>>,
    written: BTreeMap<String, Written>,
    /// The text that has each name; a crash may take a message whose name is then free again.
    names: BTreeMap<(MessageKey, NodeId), String>,
    sessions: BTreeMap<LinkId, (SessionId, AccountId)>,
    wishes: BTreeMap<(LinkId, RequestId), Presence>,
    hidden: BTreeSet<SessionId>,
    restored: BTreeSet<NodeId>,
    /// Devices with two processes.
    twins: BTreeSet<DeviceId>,
}

impl Truth {
    /// The account of a device; [`AccountId::NOBODY`] for a visitor's.
    #[must_use]
    pub fn account_of(&self, device: &DeviceId) -> Option<AccountId> {
        self.accounts.get(device).copied()
    }

    /// What a channel is.
    #[must_use]
    pub fn record(&self, channel: &ChannelId) -> Option<&ChannelRecord> {
        self.records.get(channel).map(|record| &**record)
    }

    /// All channels.
    pub fn channels(&self) -> impl Iterator<Item = &ChannelRecord> {
        self.records.values().map(|record| &**record)
    }

    /// Who wrote a text.
    #[must_use]
    pub fn written(&self, text: &str) -> Option<&Written> {
        self.written.get(text)
    }

    /// Every text with its author.
    pub fn texts(&self) -> impl Iterator<Item = (&String, &Written)> {
        self.written.iter()
    }

    /// A user has written something.
    pub fn on_written(&mut self, text: String, written: Written) {
        self.names.insert((written.key, written.node), text.clone());
        self.written.insert(text, written);
    }

    /// A process starts: the names of what was not promised may be used by other messages, also by changes of access.
    pub fn on_start(&mut self, node: NodeId) {
        let written = &self.written;
        let stays = |text: &String| written.get(text).is_some_and(|one| one.node != node || one.promised);
        self.names.retain(|_, text| stays(text));
    }

    /// Another image lies on a node's disk. Returns the names of its messages that are not committed: others may have
    /// them from now on.
    pub fn on_disk_replaced(
        &mut self,
        node: NodeId,
        committed: impl Fn(&str, &ChannelId) -> bool,
    ) -> BTreeSet<MessageKey> {
        self.restored.insert(node);
        let own = self.written.iter_mut().filter(|(_, one)| one.node == node);
        let open = own.filter(|(text, one)| !committed(text, &one.channel));
        let keys = open.map(|(_, one)| {
            one.promised = false;
            one.stored = false;
            one.key
        });
        keys.collect()
    }

    /// An author is told that a message is on their disk.
    pub fn on_promised(&mut self, node: NodeId, key: &MessageKey, stored: bool) {
        if let Some(written) = self.names.get(&(*key, node)).and_then(|text| self.written.get_mut(text)) {
            written.promised = true;
            written.stored |= stored;
        }
    }

    /// Whether another image has lain on a node's disk.
    #[must_use]
    pub fn is_restored(&self, node: NodeId) -> bool {
        self.restored.contains(&node)
    }

    /// A device has two processes from now on.
    pub fn on_twin(&mut self, device: &DeviceId) {
        self.twins.insert(*device);
    }

    /// Whether a device has, or had, two processes: what one of them has written may stand where the other's would.
    #[must_use]
    pub fn is_twin(&self, device: &DeviceId) -> bool {
        self.twins.contains(device)
    }

    /// The text of this name. Where two processes of a device have given it to two texts, nobody can say.
    #[must_use]
    pub fn text_of(&self, key: &MessageKey) -> Option<&String> {
        let mut texts = self.names.range((*key, NodeId(0))..=(*key, NodeId(u16::MAX))).map(|(_, text)| text);
        texts.next().filter(|_| texts.next().is_none())
    }

    /// The text to which the user at a node has given this name.
    #[must_use]
    pub fn own_text(&self, node: NodeId, key: &MessageKey) -> Option<&str> {
        self.names.get(&(*key, node)).map(String::as_str)
    }

    /// An author is told that a message is refused for good.
    pub fn on_refused(&mut self, text: &str) {
        if let Some(written) = self.written.get_mut(text) {
            written.refused = true;
        }
    }

    /// An author is told that nobody knows what became of a message.
    pub fn on_forgotten(&mut self, text: &str) {
        if let Some(written) = self.written.get_mut(text) {
            written.promised = false;
        }
    }

    /// Whether another image has lain on any disk.
    #[must_use]
    pub fn is_any_restored(&self) -> bool {
        !self.restored.is_empty()
    }

    /// A message has another name from now on.
    pub fn on_signed_again(&mut self, node: NodeId, old: &MessageKey, new: MessageKey) {
        let Some(text) = self.names.remove(&(*old, node)) else { return };
        if let Some(written) = self.written.get_mut(&text) {
            written.key = new;
        }
        self.names.insert((new, node), text);
    }

    /// Whether a session wants to be seen by nobody.
    #[must_use]
    pub fn is_hidden(&self, session: &SessionId) -> bool {
        self.hidden.contains(session)
    }

    /// Something reaches the tracker.
    pub fn on_received(&mut self, link: LinkId, id: RequestId, message: &Message) {
        let presence = match message {
            Message::Register(m) => m.presence,
            Message::RegisterAgain(m) => m.presence,
            Message::Login(m) => m.presence,
            Message::ResumeSession(m) => m.presence,
            Message::SetStatus(m) => m.presence,
            _ => return,
        };
        self.wishes.insert((link, id), presence);
        let session = self.sessions.get(&link).map(|(session, _)| *session);
        if let Some(session) = session.filter(|_| presence != Presence::Invisible) {
            self.hidden.remove(&session);
        }
    }

    /// The tracker has answered.
    pub fn on_answered(&mut self, link: LinkId, id: RequestId, message: &Message) {
        match message {
            Message::LoggedIn(m) => {
                self.accounts.insert(m.certificate.device, m.who.account);
                self.sessions.insert(link, (m.session, m.who.account));
            }
            Message::Done(_) => {}
            _ => return,
        }
        let wish = self.wishes.remove(&(link, id));
        let Some((session, _)) = self.sessions.get(&link).copied() else { return };
        match wish {
            Some(Presence::Invisible) => drop(self.hidden.insert(session)),
            Some(_) => drop(self.hidden.remove(&session)),
            None => {}
        }
    }

    /// The tracker has shown what a channel is.
    pub fn on_record(&mut self, record: &Signed<ChannelRecord>) {
        let known = self.records.get(&record.channel);
        if known.is_none_or(|known| known.revision < record.revision) {
            self.records.insert(record.channel, record.clone());
        }
    }
}
