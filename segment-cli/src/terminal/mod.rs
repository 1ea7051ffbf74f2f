//! The terminal: one thread that reads keys and draws, and nothing between it and the rest but two
//! bounded queues and a bell.
//!
//! `keys` makes keys of bytes, `editor` says what they do to the `line`, `layout` makes rows of it, `drawing` puts them
//! below what is printed, and `front` is the loop that does one after the other.
//!
//! The buffer, its movements, words and cuts, and what completions have in common are rustyline's; the loop, the drawing,
//! the keys and the history's file are ours. rustyline's own loop fixes the prompt's width when a line is begun, leaves
//! the keyboard to the kernel between two lines, draws once for each print and keeps columns in 16 bits. Its history
//! empties the file before writing it anew, and reads none that a crash has cut within a character.

mod attention;
mod complete;
mod drawing;
mod editor;
mod front;
mod hints;
mod history;
mod keys;
mod layout;
mod line;
mod lines;
mod notify;
mod offers;
mod outside;
mod printer;
mod restore;
mod screen;
mod signals;
mod tty;
mod wake;

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use complete::{COMPLETIONS_MAX, Known, complete};
pub use history::{HISTORY_LINES_MAX, is_kept};
pub use keys::Focus;
pub use lines::{Turn, Typed};
pub use printer::QUEUED_ARRIVALS_MAX;
pub use restore::Restore;
pub use screen::Screen;

use crate::commands::Aliases;
use crate::render::{Drawn, PromptState, Style};
use front::{Front, Seat};
use printer::{Order, Printing, QUEUED_PRINTS_MAX};
use screen::Paging;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use wake::{Waker, Wakes, wakes};

/// Lines typed ahead of what is understood. A turn is answered before the next line is read.
const QUEUED_LINES_MAX: usize = 1;
/// The terminal is put in order within this at the end.
const CLOSED_MAX: Duration = Duration::from_millis(500);

/// Nothing is ever sent: what counts is that it is dropped.
type Gate = std::sync::mpsc::Sender<()>;
type Opened = std::sync::mpsc::Receiver<()>;

/// The end of the terminal from which typed lines come.
#[derive(Debug)]
pub struct Terminal {
    typed: mpsc::Receiver<Typed>,
    /// Held until the first line is wanted: a prompt that came earlier could not say how things stand.
    gate: Option<Gate>,
    screen: Screen,
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
    /// What long answers go through, if anything.
    pub pager: Shared<Option<String>>,
    pub attention: attention::Attention,
    pub signals: signals::Signals,
    pub focus: Shared<Focus>,
    /// Another program has the terminal.
    pub lent: Shared<bool>,
}

impl Terminal {
    /// Starts the threads; within a runtime. Where standard input or output is no terminal, or a
    /// dumb one, or the style is a plain one, lines are read and printed plainly.
    ///
    /// # Errors
    /// The threads cannot be started.
    pub fn start(history: Option<PathBuf>, style: Style) -> io::Result<(Self, Screen)> {
        let is_drawn = style.drawn == Drawn::Redrawn;
        let signals = if is_drawn { signals::Signals::start() } else { signals::Signals::default() };
        let state = SharedState { style: Shared::new(style.clone()), signals, ..SharedState::default() };
        let (sender, typed) = mpsc::channel(QUEUED_LINES_MAX);
        let (orders, printed) = mpsc::channel(QUEUED_PRINTS_MAX);
        let (gate, opened) = std::sync::mpsc::channel();
        let (arriving, restore) = (Arc::default(), Restore::remember(style.drawn));
        let tty = if is_drawn { tty::Tty::open() } else { None };
        let (waker, paging) = match tty {
            Some(tty) => {
                let (waker, wakes) = wakes()?;
                let printing = Printing::new(printed, Arc::clone(&arriving));
                let front = front(tty, &state, sender, printing, (waker.clone(), wakes));
                let run = move || Front { history: history::History::open(history), ..front }.run();
                thread::Builder::new().name("terminal".into()).spawn(run)?;
                wake_on_resize(waker.clone())?;
                (waker, Paging::Pager)
            }
            None => {
                lines::spawn_plain(sender, state.clone(), opened, orders.clone())?;
                printer::spawn_plain(printed, Arc::clone(&arriving))?;
                (Waker::default(), Paging::Never)
            }
        };
        let screen = Screen { orders, waker, arriving, skipped: Arc::default(), state, paging };
        Ok((Self { typed, gate: Some(gate), screen: screen.clone(), _restore: restore }, screen))
    }

    /// What was typed next; `None` after the end.
    pub async fn next(&mut self) -> Option<Typed> {
        if self.gate.take().is_some() {
            // Where nobody reads the orders any more, no line comes either.
            let _ = self.screen.orders.send(Order::Open).await;
            self.screen.waker.wake();
        }
        self.typed.recv().await
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let (done, is_done) = std::sync::mpsc::channel();
        if self.screen.orders.try_send(Order::Close(done)).is_ok() {
            self.screen.waker.wake();
            let _ = is_done.recv_timeout(CLOSED_MAX);
        }
    }
}

fn front(
    tty: tty::Tty,
    state: &SharedState,
    typed: mpsc::Sender<Typed>,
    printing: Printing,
    (waker, wakes): (Waker, Wakes),
) -> Front {
    Front {
        tty,
        state: state.clone(),
        history: history::History::default(),
        typed,
        printing,
        wakes,
        waker,
        editor: editor::Editor::default(),
        decoder: keys::Decoder::default(),
        drawing: drawing::Drawing::default(),
        seat: Seat::Closed,
        ahead: VecDeque::new(),
        heard: Instant::now(),
        ended: false,
    }
}

/// A window of another size is drawn anew.
fn wake_on_resize(waker: Waker) -> io::Result<()> {
    let mut resized = signal(SignalKind::window_change())?;
    tokio::spawn(async move {
        while resized.recv().await.is_some() {
            waker.wake();
        }
    });
    Ok(())
}

/// Whether a person can be asked something.
#[must_use]
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

#[cfg(test)]
mod tests;
