//! The lines of a conversation.

use jiff::{Timestamp, Zoned};
use segment_proto::{AccountId, ChannelName, Untrusted};

use super::style::{Drawn, Style};
use super::wrap::{width, without_tabs, wrap};

/// Texts begin behind time, gap, name, gap.
pub(super) const GAP: &str = "  ";
pub(super) const DIM: &str = "2";
pub(super) const BOLD: &str = "1";
const RED: &str = "31";

/// Who wrote something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author<'a> {
    /// A user: always in the same colour.
    User {
        /// Shown.
        name: &'a str,
        /// Decides the colour.
        account: AccountId,
    },
    /// A visitor, shown as `~name`.
    Visitor {
        /// Shown.
        name: &'a str,
    },
}

/// How far a message has come, for the one who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Nothing to say about it.
    Settled,
    /// It waits on this machine.
    Waiting,
}

/// A message, to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLine<'a> {
    /// When it was written, in milliseconds since 1970 (UTC).
    pub at_ms: u64,
    /// By whom.
    pub author: Author<'a>,
    /// What.
    pub text: &'a str,
    /// Where, if that is not the current channel.
    pub channel: Option<&'a ChannelName>,
    /// How far it has come.
    pub delivery: Delivery,
}

impl Style {
    /// `14:02  ben       deploy at 3?`
    #[must_use]
    pub fn message(&self, message: &MessageLine<'_>) -> String {
        let (name, colour) = self.shown_author(&message.author);
        let mut text = String::new();
        if let Some(channel) = message.channel {
            text = format!("#{channel} ");
        }
        text.push_str(message.text);
        if message.delivery == Delivery::Waiting {
            text.push_str(" (waiting)");
        }
        self.row(message.at_ms, &name, colour, &text)
    }

    /// `14:12  *         cleo watches`
    #[must_use]
    pub fn notice(&self, at_ms: u64, text: &str) -> String {
        self.row(at_ms, "*", DIM, text)
    }

    /// `! Not sent: ...`
    #[must_use]
    pub fn error(&self, text: &str) -> String {
        self.indented(&format!("{} ", self.paint(RED, "!")), 2, text)
    }

    /// `── Sat 22 Nov ── #general · hosted by you ──`
    #[must_use]
    pub fn day(&self, at_ms: u64, facts: &[&str]) -> String {
        let day = self.zoned(at_ms).strftime("%a %-d %b").to_string();
        match facts {
            [] => self.divider(&day),
            facts if self.drawn == Drawn::Spoken => self.divider(&format!("{day}: {}", facts.join(", "))),
            facts => self.divider(&format!("{day} ── {}", facts.join(" · "))),
        }
    }

    /// `── 1 new ──`
    #[must_use]
    pub fn divider(&self, text: &str) -> String {
        match self.drawn {
            Drawn::Spoken => Untrusted(text).to_string(),
            _ => self.paint(BOLD, &format!("── {} ──", Untrusted(text))),
        }
    }

    /// An answer of a command: its lines stay lines, everything else is escaped.
    #[must_use]
    pub fn answer(&self, text: &str) -> String {
        let lines: Vec<String> = text.split('\n').map(|line| Untrusted(&without_tabs(line)).to_string()).collect();
        lines.join("\n")
    }

    /// Whether two moments are on different days here, so that a day line belongs between them.
    #[must_use]
    pub fn is_new_day(&self, before_ms: u64, after_ms: u64) -> bool {
        self.zoned(before_ms).date() != self.zoned(after_ms).date()
    }

    fn row(&self, at_ms: u64, name: &str, colour: &str, text: &str) -> String {
        let (time, time_columns) = self.time(at_ms);
        if self.drawn == Drawn::Spoken {
            let author = if name == "*" { String::new() } else { format!("{name}: ") };
            return self.indented(&format!("{}{author}", time.replace(GAP, " ")), 0, text);
        }
        let padding = self.look.name_columns.saturating_sub(width(name));
        let lead = format!("{time}{}{:padding$}{GAP}", self.paint(colour, name), "");
        let used = time_columns + width(name) + padding + GAP.len();
        self.indented(&lead, used, text)
    }

    /// Continuation lines begin under the text, so that none of them can pass for a message.
    fn indented(&self, lead: &str, used: usize, text: &str) -> String {
        let indent = self.columns.map_or(used, |columns| used.min(columns / 2));
        self.indented_at(lead, used, indent, text)
    }

    pub(super) fn indented_at(&self, lead: &str, used: usize, indent: usize, text: &str) -> String {
        let mut lines = Vec::new();
        for (at, part) in text.split('\n').enumerate() {
            let part = Untrusted(&without_tabs(part)).to_string();
            let first = if at == 0 { used.max(indent) } else { indent };
            match self.columns {
                Some(columns) => lines.extend(wrap_after(&part, columns, first, indent)),
                None => lines.push(part),
            }
        }
        let separator = format!("\n{:indent$}", "");
        format!("{lead}{}", lines.join(&separator))
    }

    /// The time and the gap behind it, and how many columns they take.
    fn time(&self, at_ms: u64) -> (String, usize) {
        match self.zoned(at_ms).strftime(self.look.time.pattern()).to_string() {
            time if time.is_empty() => (time, 0),
            time => (format!("{}{GAP}", self.paint(DIM, &time)), width(&time) + GAP.len()),
        }
    }

    pub(super) fn shown_author(&self, author: &Author<'_>) -> (String, &'static str) {
        match author {
            Author::User { name, account } => (Untrusted(name).to_string(), self.colour_of(*account)),
            Author::Visitor { name } => (format!("~{}", Untrusted(name)), DIM),
        }
    }

    /// The same account has the same colour everywhere (Fibonacci hashing of its number).
    fn colour_of(&self, account: AccountId) -> &'static str {
        let hash = account.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let colours = self.look.theme.name_colours();
        colours[usize::try_from(hash).unwrap_or(0) % colours.len()]
    }

    pub(super) fn zoned(&self, at_ms: u64) -> Zoned {
        let at = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        at.unwrap_or_default().to_zoned(self.zone.clone())
    }
}

/// Wraps a text whose first line begins at column `first`, the further ones at `indent`.
fn wrap_after(text: &str, columns: usize, first: usize, indent: usize) -> Vec<String> {
    let offset = first - indent;
    let blank = "\u{a0}".repeat(offset);
    let mut lines = wrap(&format!("{blank}{text}"), columns.saturating_sub(indent));
    match lines.first_mut() {
        Some(line) if line.starts_with(&blank) => drop(line.drain(..blank.len())),
        _ => {}
    }
    lines
}
