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
/// On each side of what a divider says.
const DIVIDER_COLUMNS: usize = 3;

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

/// Who wrote a row, and where, if that is not here.
struct By {
    name: String,
    colour: &'static str,
    channel: Option<String>,
}

impl By {
    /// As it looks, and how many columns it takes.
    fn shown(&self, style: &Style) -> (String, usize) {
        let name = style.paint(self.colour, &self.name);
        match &self.channel {
            Some(channel) => (format!("{name} {}", style.paint(DIM, channel)), width(&self.name) + 1 + width(channel)),
            None => (name, width(&self.name)),
        }
    }

    fn spoken(&self) -> String {
        match &self.channel {
            Some(channel) => format!("{} in {channel}: ", self.name),
            None if self.name == "*" => String::new(),
            None => format!("{}: ", self.name),
        }
    }
}

impl Style {
    /// `14:02  ben       deploy at 3?`, or `14:02  ben #ops  deploy at 3?` where that is not the current channel: no
    /// text can look like it, for no name has a blank in it.
    #[must_use]
    pub fn message(&self, message: &MessageLine<'_>) -> String {
        let (name, colour) = self.shown_author(&message.author);
        let waiting = if message.delivery == Delivery::Waiting { " (waiting)" } else { "" };
        let channel = message.channel.map(|channel| format!("#{channel}"));
        self.row(message.at_ms, &By { name, colour, channel }, &format!("{}{waiting}", message.text))
    }

    /// `!12  14:02  ben       deploy at 3?`: a line with the place of what it shows before it.
    #[must_use]
    pub fn at_place(&self, place: &str, line: impl FnOnce(&Self) -> String) -> String {
        let used = width(place) + GAP.len();
        let narrower = Self { columns: self.columns.map(|columns| columns.saturating_sub(used)), ..self.clone() };
        let line = line(&narrower).replace('\n', &format!("\n{:used$}", ""));
        format!("{}{GAP}{line}", self.paint(DIM, place))
    }

    /// `14:12  *         cleo watches`
    #[must_use]
    pub fn notice(&self, at_ms: u64, text: &str) -> String {
        self.row(at_ms, &By { name: "*".to_owned(), colour: DIM, channel: None }, text)
    }

    /// `! Not sent: ...`
    #[must_use]
    pub fn error(&self, text: &str) -> String {
        self.indented(&format!("{} ", self.paint(RED, "!")), 2, text)
    }

    /// `── Sat 22 Nov ── #general · hosted by you ──`; facts for which there is no room stand below it.
    #[must_use]
    pub fn day(&self, at_ms: u64, facts: &[&str]) -> String {
        let day = self.zoned(at_ms).strftime("%a %-d %b").to_string();
        match facts {
            [] => self.divider(&day),
            facts if self.drawn == Drawn::Spoken => self.divider(&format!("{day}: {}", facts.join(", "))),
            facts => self.heading(&day, facts),
        }
    }

    fn heading(&self, day: &str, facts: &[&str]) -> String {
        let text = |facts: &[&str]| format!("{day} ── {}", facts.join(" · "));
        let fits = |count: &usize| {
            self.columns.is_none_or(|columns| width(&text(&facts[..*count])) + 2 * DIVIDER_COLUMNS <= columns)
        };
        let count = (1..=facts.len()).rev().find(fits).unwrap_or(1);
        let heading = self.divider(&text(&facts[..count]));
        match facts[count..].join(" · ") {
            rest if rest.is_empty() => heading,
            rest => format!("{heading}\n{}", self.answer(&format!("   {rest}"))),
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

    /// An answer of a command: its lines stay lines, everything else is escaped. A line that is too wide goes on below
    /// its second column, where it has one.
    #[must_use]
    pub fn answer(&self, text: &str) -> String {
        let lines: Vec<String> = text.split('\n').map(|line| self.hanging(&without_tabs(line))).collect();
        lines.join("\n")
    }

    fn hanging(&self, line: &str) -> String {
        let line = Untrusted(line).to_string();
        let Some(columns) = self.columns.filter(|columns| width(&line) > *columns) else { return line };
        let blanks = line.len() - line.trim_start_matches(' ').len();
        let (head, indent) = match second_column(&line).filter(|at| width(&line[..*at]) <= columns / 2) {
            Some(at) => (&line[..at], width(&line[..at])),
            None => (&line[..blanks], blanks + 2),
        };
        self.indented_at(head, indent, indent, &line[head.len()..])
    }

    /// Whether two moments are on different days here, so that a day line belongs between them.
    #[must_use]
    pub fn is_new_day(&self, before_ms: u64, after_ms: u64) -> bool {
        self.zoned(before_ms).date() != self.zoned(after_ms).date()
    }

    fn row(&self, at_ms: u64, by: &By, text: &str) -> String {
        let (time, time_columns) = self.time(at_ms);
        if self.drawn == Drawn::Spoken {
            return self.indented(&format!("{}{}", time.replace(GAP, " "), by.spoken()), 0, text);
        }
        let (shown, columns) = by.shown(self);
        let padding = self.look.name_columns.saturating_sub(columns);
        let lead = format!("{time}{shown}{:padding$}{GAP}", "");
        let used = time_columns + columns + padding + GAP.len();
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

/// Where the second column of a line begins: behind the first gap of more than one blank.
fn second_column(line: &str) -> Option<usize> {
    let first = line.find(|character| character != ' ')?;
    let gap = first + line[first..].find(GAP)?;
    Some(gap + line[gap..].find(|character| character != ' ')?)
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
