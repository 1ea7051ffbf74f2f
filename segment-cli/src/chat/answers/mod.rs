//! What commands answer.

use std::fmt::Write;
use std::net::SocketAddr;

use segment_core::peer::events::{Serving, Source, Stage};
use segment_proto::access::Access;
use segment_proto::messages::{ChannelRow, MemberRow, Presence, UserRow};
use segment_proto::{AccountId, ChannelName, MessageKey, Untrusted};
use serde::Serialize;

use super::output::Answer;
use crate::render::{Author, Delivery, MessageLine, Style};

macro_rules! answer {
    ($name:ty, $kind:literal, |$self:ident, $style:ident| $text:expr) => {
        impl Answer for $name {
            const TYPE: &'static str = $kind;

            fn text(&$self, $style: &Style) -> String {
                $text
            }
        }
    };
}

pub(in crate::chat) use answer;

mod message;

pub use message::{MessageShown, NewBelow, place};

/// The id of an own message, for people and `/outbox`.
pub fn message_id(key: &MessageKey) -> String {
    format!("{}-{}-{}", segment_proto::ids::short(&key.channel), key.incarnation, key.seq)
}

pub(super) const fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Queued => "queued",
        Stage::Stored => "stored",
        Stage::Committed => "committed",
    }
}

pub(super) const fn source_name(source: &Source) -> &'static str {
    match source {
        Source::Host(_) => "host",
        Source::Tracker => "tracker",
        Source::Peer(_) => "peer",
        Source::Local => "self",
    }
}

pub(super) const fn serving_name(serving: Serving) -> &'static str {
    match serving {
        Serving::Here => "here",
        Serving::Host(_) => "host",
        Serving::Copy => "copy",
        Serving::Nowhere => "nowhere",
    }
}

/// `read, send`
pub(super) fn rights(rights: segment_proto::Rights) -> String {
    rights.to_string().replace('+', ", ")
}

/// An own message as it was typed; its fate is told where it takes long.
#[derive(Debug, Serialize)]
pub struct Typed {
    pub author: (String, AccountId),
    pub text: String,
    pub elsewhere: Option<ChannelName>,
    pub at_ms: u64,
    #[serde(skip)]
    pub delivery: Delivery,
}
answer!(Typed, "typed", |self, style| style.message(&MessageLine {
    at_ms: self.at_ms,
    author: Author::User { name: &self.author.0, account: self.author.1 },
    text: &self.text,
    channel: self.elsewhere.as_ref(),
    delivery: self.delivery,
}));

/// A message was written.
#[derive(Debug, Serialize)]
pub struct Sent {
    pub channel: String,
    pub id: String,
    pub key: MessageKey,
    pub stage: &'static str,
}
answer!(Sent, "sent", |self, _style| String::new());

/// A message that waits.
#[derive(Debug, Serialize)]
pub struct Waiting {
    pub id: String,
    pub channel: String,
    pub stage: &'static str,
    pub text: Option<String>,
    pub key: MessageKey,
}
answer!(Waiting, "waiting", |self, _style| {
    let text = self.text.as_deref().unwrap_or("(a change of rights)");
    format!("{}  {:<9}  {}  {}", self.id, self.stage, self.channel, Untrusted(text))
});

/// A number of things that were done.
#[derive(Debug, Serialize)]
pub struct Counted {
    pub what: &'static str,
    pub count: usize,
}
answer!(Counted, "counted", |self, _style| format!("{}: {}", self.what, self.count));

/// A plain sentence with its facts.
#[derive(Debug, Serialize)]
pub struct Said {
    pub text: String,
}
answer!(Said, "text", |self, style| style.answer(&self.text));

/// Something that happened, in a sentence.
#[derive(Debug, Serialize)]
pub struct Notice {
    pub event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    pub text: String,
    #[serde(skip)]
    pub at_ms: u64,
}
answer!(Notice, "event", |self, style| style.notice(self.at_ms, &self.text));

/// Who sequences a channel has changed.
#[derive(Debug, Serialize)]
pub struct EpochTold {
    pub event: &'static str,
    pub channel: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubled: Option<usize>,
    pub text: String,
    #[serde(skip)]
    pub at_ms: u64,
}
answer!(EpochTold, "event", |self, style| style.notice(self.at_ms, &self.text));

/// A message was not accepted.
#[derive(Debug, Serialize)]
pub struct NotSent {
    pub event: &'static str,
    pub channel: String,
    pub key: MessageKey,
    pub reason: &'static str,
    pub text: String,
    pub message: Option<String>,
}
answer!(NotSent, "event", |self, style| {
    let mut text = self.text.clone();
    if let Some(message) = &self.message {
        let _ = write!(text, "\n{message}");
    }
    style.error(&text)
});

/// An own message has come further.
#[derive(Debug, Serialize)]
pub struct Progress {
    pub event: &'static str,
    pub key: MessageKey,
    pub id: String,
    pub stage: &'static str,
    pub pos: Option<u64>,
}
answer!(Progress, "event", |self, _style| String::new());

/// A channel in a list.
#[derive(Debug, Serialize)]
pub struct ChannelListed {
    name: String,
    id: segment_proto::ChannelId,
    owner: String,
    view: segment_proto::View,
    visitors: segment_proto::Visitors,
    host_present: bool,
    hosted_here: bool,
    joined: bool,
    address: Option<SocketAddr>,
    #[serde(skip)]
    owner_account: AccountId,
    #[serde(skip)]
    is_mine: bool,
}

impl From<(&ChannelRow, segment_proto::DeviceId)> for ChannelListed {
    fn from((row, here): (&ChannelRow, segment_proto::DeviceId)) -> Self {
        Self {
            name: format!("#{}", row.record.name),
            id: row.record.channel,
            owner: row.record.owner.to_string(),
            view: row.view,
            visitors: row.visitors,
            host_present: row.host_present,
            hosted_here: row.record.host == here,
            joined: row.joined,
            address: row.host,
            owner_account: row.record.owner.account,
            is_mine: false,
        }
    }
}

impl ChannelListed {
    /// The same, as its owner or somebody else sees it.
    pub fn seen_by(self, account: Option<AccountId>) -> Self {
        Self { is_mine: account == Some(self.owner_account), ..self }
    }
}
answer!(ChannelListed, "channel", |self, style| {
    let host = match (self.hosted_here, self.host_present) {
        (true, _) => "hosted by you",
        (false, true) if self.is_mine => "hosted by another device, which is there",
        (false, false) if self.is_mine => "hosted by another device, which is away",
        (false, true) => "host is there",
        (false, false) => "host is away",
    };
    let mut text = format!("{:<20} {:<12} {:<8} {host}", self.name, self.owner, self.view.to_string());
    if self.visitors == segment_proto::Visitors::Nothing {
        text.push_str(", no visitors");
    }
    if self.joined {
        text.push_str(", joined");
    }
    style.answer(&text)
});

/// A member in a list.
#[derive(Debug, Serialize)]
pub struct MemberListed {
    name: String,
    account: AccountId,
    presence: Presence,
    /// Known where the channel is hosted here.
    #[serde(skip_serializing_if = "Option::is_none")]
    rights: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    owner: bool,
    #[serde(skip)]
    is_me: bool,
}

impl MemberListed {
    /// A member, as somebody sees them.
    pub fn new(row: &MemberRow, access: Option<&Access>, me: Option<AccountId>) -> Self {
        let account = row.who.account;
        Self {
            name: row.who.to_string(),
            account,
            presence: row.presence,
            rights: access.map(|access| access.rights(account).to_string()),
            owner: access.is_some_and(|access| access.owner == account),
            is_me: me == Some(account),
        }
    }
}
answer!(MemberListed, "member", |self, style| {
    let rights = match &self.rights {
        Some(_) if self.owner => format!("{:<19} ", "owner"),
        Some(rights) => format!("{:<19} ", rights.replace('+', ", ")),
        None => String::new(),
    };
    let name = if self.is_me { format!("{} (you)", self.name) } else { self.name.clone() };
    let presence = self.presence.to_string();
    style.answer(&format!("{name:<20} {rights}{presence}"))
});

/// How many members there are, and whether visitors may read.
#[derive(Debug, Serialize)]
pub struct MembersCounted {
    pub what: &'static str,
    pub count: usize,
    pub online: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visitors: Option<bool>,
}
answer!(MembersCounted, "counted", |self, _style| {
    let members = if self.count == 1 { "member" } else { "members" };
    let visitors = match self.visitors {
        Some(true) => "; visitors may read, and are not listed",
        Some(false) => "; no visitors",
        None => "",
    };
    format!("{} {members}, {} online{visitors}", self.count, self.online)
});

/// A session in the user list.
#[derive(Debug, Serialize)]
pub struct UserListed {
    name: String,
    account: AccountId,
    session: segment_proto::SessionId,
    address: Option<SocketAddr>,
    device: segment_proto::DeviceId,
}

impl From<&UserRow> for UserListed {
    fn from(row: &UserRow) -> Self {
        Self {
            name: row.who.to_string(),
            account: row.who.account,
            session: row.session,
            address: row.address,
            device: row.device,
        }
    }
}
answer!(UserListed, "user", |self, _style| {
    let address = self.address.map_or("does not listen".to_owned(), |address| address.to_string());
    let session = segment_proto::ids::short(&self.session);
    format!("  {:<20} {address:<22} session {session}", self.name)
});

/// An open link.
#[derive(Debug, Serialize)]
pub struct LinkListed {
    pub link: u64,
    pub to: &'static str,
    pub device: segment_proto::DeviceId,
    pub address: SocketAddr,
    pub direction: &'static str,
}
answer!(LinkListed, "link", |self, _style| {
    let device = segment_proto::ids::short(&self.device);
    format!("  {:<8} {:<22} {} {device}", self.to, self.address.to_string(), self.direction)
});

/// Names with values, in lines.
#[derive(Debug, Serialize)]
pub struct Facts<F: Serialize> {
    #[serde(flatten)]
    pub facts: F,
    #[serde(skip)]
    pub text: String,
}

impl<F: Serialize> Answer for Facts<F> {
    const TYPE: &'static str = "facts";

    fn text(&self, style: &Style) -> String {
        style.answer(&self.text)
    }
}

/// Names and values in two columns.
pub(super) fn table(lines: &[(&str, String)]) -> String {
    let lines: Vec<String> = lines.iter().map(|(name, value)| format!("  {name:<9} {value}")).collect();
    lines.join("\n")
}
