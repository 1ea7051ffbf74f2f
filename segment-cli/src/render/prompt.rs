//! The prompt, which carries the state.

use segment_proto::ChannelName;

use super::Colour;
use super::wrap::{clipped, width};

/// Wider prompts leave too little to type in.
pub(crate) const PROMPT_COLUMNS_MAX: usize = 40;
/// The room for a prompt in a terminal of so many columns.
pub(crate) fn prompt_columns(columns: usize) -> usize {
    PROMPT_COLUMNS_MAX.min(columns / 2)
}

const SMOOTH: &str = "❯ ";
const TROUBLED: &str = "! ";

/// Whether the current channel can be written to now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkState {
    /// It can.
    #[default]
    Up,
    /// Messages wait in the outbox.
    Down,
    /// Whoever asks may not read it any more.
    Out,
}

/// What the prompt says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromptState {
    /// The current channel.
    pub channel: Option<ChannelName>,
    /// Whether it can be written to.
    pub link: LinkState,
    /// Messages in the outbox.
    pub waiting: usize,
    /// What is unread elsewhere, most wanted first.
    pub unread: Vec<UnreadIn>,
}

/// A channel in which something is unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadIn {
    /// Which.
    pub channel: ChannelName,
    /// Messages.
    pub messages: usize,
    /// Those with one's name.
    pub mentions: usize,
}

impl PromptState {
    /// `#general ❯ ` or `#general · offline, 1 waiting ❯ `, shorter where there is no room.
    #[must_use]
    pub fn text(&self, columns_max: usize) -> String {
        let name = self.name();
        let with = |facts: Vec<String>| match facts.is_empty() {
            true => format!("{name} {SMOOTH}"),
            false => format!("{name} · {} {SMOOTH}", facts.join(", ")),
        };
        let facts = |unread: Option<String>| self.troubles().into_iter().chain(unread).collect();
        let shorter = [facts(self.unread_each()), facts(self.unread_in_all()), facts(None)];
        if let Some(text) = shorter.into_iter().map(with).find(|text| width(text) <= columns_max) {
            return text;
        }
        let mark = if self.troubles().is_empty() { SMOOTH } else { TROUBLED };
        let room = columns_max.saturating_sub(width(mark) + 1);
        format!("{} {mark}", clipped(&name, room))
    }

    /// In words: `#general, offline, 1 waiting: `
    #[must_use]
    pub fn spoken(&self) -> String {
        let words: Vec<String> = std::iter::once(self.name()).chain(self.troubles()).collect();
        format!("{}: ", words.join(", "))
    }

    /// The text as the terminal shows it.
    #[must_use]
    pub fn painted(text: &str, colour: Colour) -> String {
        match colour {
            Colour::On => format!("\x1b[1m{text}\x1b[0m"),
            Colour::Off => text.to_owned(),
        }
    }

    fn name(&self) -> String {
        self.channel.as_ref().map_or_else(|| "segment".to_owned(), |channel| format!("#{channel}"))
    }

    /// `#ops 3, #dev 1 @1`
    fn unread_each(&self) -> Option<String> {
        const NAMED_MAX: usize = 2;
        if self.unread.is_empty() || self.unread.len() > NAMED_MAX {
            return self.unread_in_all();
        }
        let each = self
            .unread
            .iter()
            .map(|unread| format!("#{} {}{}", unread.channel, unread.messages, names(unread.mentions)));
        Some(each.collect::<Vec<_>>().join(", "))
    }

    /// `4 unread @1`
    fn unread_in_all(&self) -> Option<String> {
        let messages: usize = self.unread.iter().map(|unread| unread.messages).sum();
        let mentions = self.unread.iter().map(|unread| unread.mentions).sum();
        (messages > 0).then(|| format!("{messages} unread{}", names(mentions)))
    }

    fn troubles(&self) -> Vec<String> {
        let link = match self.link {
            LinkState::Up => None,
            LinkState::Down => Some("offline".to_owned()),
            LinkState::Out => Some("no access".to_owned()),
        };
        let waiting = (self.waiting > 0).then(|| format!("{} waiting", self.waiting));
        link.into_iter().chain(waiting).collect()
    }
}

/// ` @1` where one of them has somebody's name.
fn names(mentions: usize) -> String {
    if mentions > 0 { format!(" @{mentions}") } else { String::new() }
}
