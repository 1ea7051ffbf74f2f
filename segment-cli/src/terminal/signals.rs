//! What the terminal is told besides text: its title, and that somebody is wanted. In a thread of its own: a terminal
//! that stands still holds up nobody.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::{Focus, Screen};
use crate::render::UnreadIn;

/// Signals on their way. Policy: further ones are dropped; the next title says how things stand then.
const QUEUED_MAX: usize = 16;
/// The title that the terminal had is put back at the end.
const KEEP_TITLE: &str = "\x1b[22;2t";
/// See [`KEEP_TITLE`].
pub(super) const RESTORE_TITLE: &str = "\x1b[23;2t";

/// The way to the terminal for what is not text; to nowhere where there is none that would understand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals(Option<SyncSender<String>>);

impl Signals {
    /// To standard output, if that is a terminal that is not dumb.
    pub fn start() -> Self {
        let is_dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        if is_dumb || !io::stdout().is_terminal() {
            return Self::default();
        }
        let (sender, signals) = sync_channel::<String>(QUEUED_MAX);
        let run = move || {
            for signal in signals {
                // One write: what others write at the same time stands before or behind it.
                let mut out = io::stdout().lock();
                if out.write_all(signal.as_bytes()).and_then(|()| out.flush()).is_err() {
                    return;
                }
            }
        };
        Self(thread::Builder::new().name("signals".into()).spawn(run).ok().map(|_| sender))
    }

    fn send(&self, signal: String) {
        if let Some(sender) = self.0.as_ref().filter(|_| !signal.is_empty()) {
            let _ = sender.try_send(signal);
        }
    }
}

impl Screen {
    /// Tells the terminal something that is not text.
    pub fn signal(&self, sequence: String) {
        self.state.signals.send(sequence);
    }

    /// Sets the title of the window. It must not come from others.
    pub fn set_title(&self, title: &str) {
        let before = self.state.title.get();
        if before == title {
            return;
        }
        self.state.title.set(title.to_owned());
        let keep = if before.is_empty() { KEEP_TITLE } else { "" };
        self.signal(format!("{keep}\x1b]2;{title}\x1b\\"));
    }

    /// Shows in the prompt what is unread in other channels.
    pub fn set_unread(&self, unread: Vec<UnreadIn>) {
        let mut prompt = self.state.prompt.get();
        if prompt.unread != unread {
            prompt.unread = unread;
            self.set_prompt(prompt);
        }
    }

    /// Somebody is at the keyboard.
    pub fn on_key(&self) {
        self.state.attention.on_key();
    }

    /// Nobody looks: another window is typed into, or no key came for so long.
    #[must_use]
    pub fn is_away(&self, after: Duration) -> bool {
        self.state.focus.get() == Focus::Elsewhere || self.state.attention.is_idle(after)
    }
}
