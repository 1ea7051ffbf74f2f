//! A message as people and programs are shown it.

use segment_core::peer::events::{ChannelMessage, Content, Source};
use segment_proto::{AccessChange, AccountId, ChannelName, MessageKey};
use serde::Serialize;

use super::{rights, source_name, stage_name};
use crate::chat::output::Answer;
use crate::render::{Author, Delivery, MessageLine, Style};

/// A message of a channel.
#[derive(Debug, Serialize)]
pub struct MessageShown {
    channel: String,
    pos: u64,
    key: MessageKey,
    author: Option<String>,
    account: AccountId,
    sent_ms: u64,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<AccessChange>,
    stage: &'static str,
    from: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    #[serde(skip)]
    is_elsewhere: bool,
    /// When the message above it was written.
    #[serde(skip)]
    above_ms: Option<u64>,
    /// The columns of the number of its place, where that is shown.
    #[serde(skip)]
    place_columns: Option<usize>,
}

impl MessageShown {
    /// A message as it is shown where `current` is the current channel.
    pub fn new(message: &ChannelMessage, channel: &str, current: Option<&str>, source: &Source) -> Self {
        let (kind, text, access) = match &message.content {
            Content::Text(text) => ("text", Some(text.clone()), None),
            Content::Access(change) => ("access", None, Some(change.clone())),
            Content::Unreadable => ("unreadable", None, None),
            Content::Damaged => ("damaged", None, None),
        };
        Self {
            channel: format!("#{channel}"),
            pos: message.pos,
            key: message.key,
            author: message.author.as_ref().map(ToString::to_string),
            account: message.account,
            sent_ms: message.sent.0,
            kind,
            text,
            access,
            stage: stage_name(message.stage),
            from: source_name(source),
            event: None,
            is_elsewhere: current != Some(channel),
            above_ms: None,
            place_columns: None,
        }
    }

    /// The same, with its place before it, in so many columns.
    pub fn with_place(self, place_columns: Option<usize>) -> Self {
        Self { place_columns, ..self }
    }

    /// The same, below what was written then: a new day begins with a line of its own.
    pub fn below(self, above_ms: u64) -> Self {
        Self { above_ms: Some(above_ms), ..self }
    }

    fn line(&self, style: &Style) -> String {
        let name = self.author_name();
        let channel = self.channel.strip_prefix('#').filter(|_| self.is_elsewhere);
        let elsewhere = channel.and_then(|channel| ChannelName::new(channel).ok());
        match (&self.text, &self.access) {
            (Some(text), _) => style.message(&MessageLine {
                at_ms: self.sent_ms,
                author: Author::User { name: &name, account: self.account },
                text,
                channel: elsewhere.as_ref(),
                delivery: Delivery::Settled,
            }),
            (None, Some(change)) => style.notice(self.sent_ms, &change_text(&name, change, &self.channel)),
            (None, None) if self.kind == "damaged" => {
                style.notice(self.sent_ms, &format!("{name}: a message that this disk has damaged; /verify heals it"))
            }
            (None, None) => style.notice(self.sent_ms, &format!("{name}: a message that this version cannot show")),
        }
    }

    /// The same, as something that happened and nobody asked for.
    pub fn received(self) -> Self {
        Self { event: Some("received"), ..self }
    }

    fn author_name(&self) -> String {
        self.author.clone().unwrap_or_else(|| format!("user {}", self.account))
    }
}

answer!(MessageShown, "message", |self, style| {
    let line = match self.place_columns {
        Some(columns) => style.at_place(&format!("{:>columns$}", place(self.pos)), |style| self.line(style)),
        None => self.line(style),
    };
    match self.above_ms.is_some_and(|above| style.is_new_day(above, self.sent_ms)) {
        true => format!("{}\n{line}", style.day(self.sent_ms, &[])),
        false => line,
    }
});

/// `!12`
pub fn place(pos: u64) -> String {
    format!("!{pos}")
}

fn change_text(author: &str, change: &AccessChange, channel: &str) -> String {
    use segment_proto::access::AccessOp as Op;
    let user = &change.name;
    match change.op {
        Op::Allow => format!("{author} allowed {user} in {channel}: {}", rights(change.rights)),
        Op::Deny => format!("{author} took all rights in {channel} from {user}"),
        Op::Kick => format!("{author} removed {user} from {channel}"),
        Op::SetView => format!("{author} made {channel} {}", segment_proto::View::from_code(change.setting)),
        Op::SetVisitors => {
            format!("{author} set visitors of {channel} to {}", segment_proto::Visitors::from_code(change.setting))
        }
        Op::Designate => {
            let device = change.device.as_ref().map(segment_proto::ids::short).unwrap_or_default();
            format!("{author} moved {channel} to {user}, device {device}")
        }
        Op::Retain => format!("{author} set what is kept of {channel}: {}", kept(change)),
        other => format!("{author} changed {channel}: {other}"),
    }
}

fn kept(change: &AccessChange) -> String {
    use segment_proto::access::Measure;
    match (Measure::from_code(change.setting), change.amount) {
        (_, 0) => "everything; nothing is dropped by that measure".to_owned(),
        (Measure::Count, count) => format!("the newest {count} messages; older ones are dropped"),
        (Measure::Age, seconds) => format!("{} days; older messages are dropped", seconds.div_ceil(86_400)),
        (Measure::Bytes, bytes) => format!("the newest {} MiB; older messages are dropped", bytes >> 20),
        (measure, amount) => format!("{amount} by {measure}"),
    }
}

/// What stands below was not read yet.
#[derive(Debug, Serialize)]
pub struct NewBelow {
    /// How much; not known where it has only begun to come.
    pub new: Option<usize>,
}
answer!(NewBelow, "new_below", |self, style| match self.new {
    Some(new) => style.divider(&format!("{new} new")),
    None => style.divider("new"),
});

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(sent_ms: u64) -> MessageShown {
        MessageShown {
            channel: "#general".into(),
            pos: 1,
            key: MessageKey {
                channel: segment_proto::ChannelId(uuid::Uuid::nil()),
                device: segment_proto::DeviceId([7; 32]),
                incarnation: 1,
                seq: 1,
            },
            author: Some("ben".into()),
            account: AccountId(7),
            sent_ms,
            kind: "text",
            text: Some("hi".into()),
            access: None,
            stage: "committed",
            from: "host",
            event: None,
            is_elsewhere: false,
            above_ms: None,
            place_columns: None,
        }
    }

    #[test]
    fn a_new_day_begins_with_a_line_of_its_own() {
        const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
        let style = Style::plain();
        let text = |above: u64, sent: u64| shown(sent).below(above).text(&style);
        assert_eq!(text(DAY_MS, DAY_MS + 60_000), "00:01  ben       hi");
        assert_eq!(text(DAY_MS - 1, DAY_MS), "\u{2500}\u{2500} Fri 2 Jan \u{2500}\u{2500}\n00:00  ben       hi");
        assert_eq!(shown(DAY_MS).text(&style), "00:00  ben       hi", "nothing stands above it");
    }
}
