//! The terminal: a thread that edits lines, a thread that prints, and nothing between them and the
//! rest but two bounded queues.

mod attention;
mod complete;
mod editor;
mod history;
mod lines;
mod notify;
mod printer;
mod restore;
mod screen;
mod signals;
mod wiping;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

pub use complete::{COMPLETIONS_MAX, Known, complete};
pub use history::{HISTORY_LINES_MAX, is_kept};
pub use lines::{Turn, Typed};
pub use printer::QUEUED_PRINTS_MAX;
pub use restore::Restore;
pub use screen::Screen;

use crate::commands::Aliases;
use crate::render::{PromptState, Style};
use tokio::sync::mpsc;

/// Lines typed ahead of what is understood. A turn is answered before the next line is read.
const QUEUED_LINES_MAX: usize = 1;

/// Nothing is ever sent: what counts is that it is dropped.
type Gate = std::sync::mpsc::Sender<()>;
type Opened = Arc<Mutex<std::sync::mpsc::Receiver<()>>>;

/// Waits until lines are wanted.
fn wait_until(opened: &Opened) {
    let _ = opened.lock().unwrap_or_else(PoisonError::into_inner).recv();
}

/// The end of the terminal from which typed lines come.
#[derive(Debug)]
pub struct Terminal {
    typed: mpsc::Receiver<Typed>,
    /// Held until the first line is wanted: a prompt that came earlier could not say how things stand.
    gate: Option<Gate>,
    _restore: Restore,
}

/// State that the editor shows while a line is being typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared<T>(Arc<Mutex<T>>);

impl<T: Clone> Shared<T> {
    pub fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(value)))
    }

    pub fn get(&self) -> T {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }
}

/// What editor and screen share.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedState {
    pub style: Shared<Style>,
    pub prompt: Shared<PromptState>,
    pub known: Shared<Arc<Known>>,
    pub aliases: Shared<Arc<Aliases>>,
    pub title: Shared<String>,
    pub attention: attention::Attention,
    pub signals: signals::Signals,
}

impl Terminal {
    /// Starts the threads. Where standard input or output is no terminal, or a dumb one, lines are
    /// read and printed plainly.
    ///
    /// # Errors
    /// The threads cannot be started.
    pub fn start(history: Option<PathBuf>) -> io::Result<(Self, Screen)> {
        let style = Style::detect();
        let state = SharedState {
            style: Shared::new(style.clone()),
            signals: signals::Signals::start(),
            ..SharedState::default()
        };
        let (sender, typed) = mpsc::channel(QUEUED_LINES_MAX);
        let restore = Restore::remember();
        let (gate, opened) = std::sync::mpsc::channel();
        let opened = Arc::new(Mutex::new(opened));
        let printer = match editor::spawn(history, &style, &state, &sender, &opened) {
            Some(printer) => printer,
            None => {
                lines::spawn_plain(sender, state.clone(), opened)?;
                printer::Sink::Plain
            }
        };
        let screen = Screen::start(printer, state)?;
        Ok((Self { typed, gate: Some(gate), _restore: restore }, screen))
    }

    /// What was typed next; `None` after the end.
    pub async fn next(&mut self) -> Option<Typed> {
        drop(self.gate.take());
        self.typed.recv().await
    }
}

/// Whether a person can be asked something.
#[must_use]
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

#[cfg(test)]
mod tests;
