//! The prompt, which carries the state.

use segment_proto::ChannelName;

use super::Colour;
use super::wrap::{clipped, width};

/// Wider prompts leave too little to type in.
pub(crate) const PROMPT_COLUMNS_MAX: usize = 40;
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
}

impl PromptState {
    /// `#general ❯ ` or `#general · offline, 1 waiting ❯ `, shorter where there is no room.
    #[must_use]
    pub fn text(&self, columns_max: usize) -> String {
        let name = self.name();
        let full = match self.troubles() {
            troubles if troubles.is_empty() => format!("{name} {SMOOTH}"),
            troubles => format!("{name} · {} {SMOOTH}", troubles.join(", ")),
        };
        if width(&full) <= columns_max {
            return full;
        }
        let mark = if self.troubles().is_empty() { SMOOTH } else { TROUBLED };
        let room = columns_max.saturating_sub(width(mark) + 1);
        format!("{} {mark}", clipped(&name, room))
    }

    /// The same in exactly `columns`: what stands before a line that is being typed keeps its width.
    #[must_use]
    pub fn fitted(&self, columns: usize) -> String {
        let text = self.text(columns);
        let missing = columns.saturating_sub(width(&text));
        let at = text.len() - text.chars().rev().take(2).map(char::len_utf8).sum::<usize>();
        format!("{}{:missing$}{}", &text[..at], "", &text[at..])
    }

    /// The text as the terminal shows it; its width stays.
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

    fn troubles(&self) -> Vec<String> {
        let offline = (self.link == LinkState::Down).then(|| "offline".to_owned());
        let waiting = (self.waiting > 0).then(|| format!("{} waiting", self.waiting));
        offline.into_iter().chain(waiting).collect()
    }
}
