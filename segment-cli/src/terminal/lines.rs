//! Typed lines, and whose turn it is.

use std::io::{self, BufReader, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as blocking;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::{Opened, SharedState, wait_until};
use crate::render::PromptState;
use crate::script::read_line;

/// What came from the keyboard.
#[derive(Debug)]
pub enum Typed {
    /// A line, and the turn to answer it.
    Line {
        /// Without its end.
        text: String,
        /// Dropped, the next line is asked for.
        turn: Turn,
    },
    /// Ctrl-C: the line was dropped.
    Interrupted(Turn),
    /// Ctrl-D on an empty line, or the end of the input.
    End,
    /// The terminal cannot be read any more.
    Failed(io::Error),
}

/// The turn of whoever understands lines: the keyboard is idle until this is dropped.
#[derive(Debug)]
pub struct Turn {
    replies: blocking::Sender<Reply>,
    asking: AtomicBool,
}

enum Reply {
    Keep(String),
    End,
    AskSecret { prompt: String, answer: oneshot::Sender<io::Result<String>> },
}

impl Turn {
    /// Gives the line back to the editor, to be corrected.
    pub fn keep(self, line: String) {
        let _ = self.replies.send(Reply::Keep(line));
    }

    /// No further line is wanted.
    pub fn end(self) {
        let _ = self.replies.send(Reply::End);
    }

    /// Asks for a secret without echo.
    ///
    /// # Errors
    /// There is no terminal to ask at, or the answer was Ctrl-C.
    pub async fn ask_secret(&self, prompt: &str) -> io::Result<String> {
        let (answer, answered) = oneshot::channel();
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let ask = Reply::AskSecret { prompt: prompt.to_owned(), answer };
        self.replies.send(ask).map_err(|_| gone())?;
        self.asking.store(true, Ordering::Relaxed);
        let answer = answered.await.unwrap_or_else(|_| Err(gone()));
        self.asking.store(false, Ordering::Relaxed);
        answer
    }

    /// Whether the person is being asked for something.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        self.asking.load(Ordering::Relaxed)
    }
}

/// Hands a line over and waits until its turn is over. What is returned goes back into the editor.
pub(super) fn hand_over(
    typed: &mpsc::Sender<Typed>,
    make: impl FnOnce(Turn) -> Typed,
) -> Result<Option<String>, Closed> {
    let (replies, inbox) = blocking::channel();
    typed.blocking_send(make(Turn { replies, asking: AtomicBool::new(false) })).map_err(|_| Closed)?;
    let mut kept = None;
    while let Ok(reply) = inbox.recv() {
        match reply {
            Reply::Keep(line) => kept = Some(line),
            Reply::End => return Err(Closed),
            Reply::AskSecret { prompt, answer } => {
                let _ = answer.send(rpassword::prompt_password(prompt));
            }
        }
    }
    Ok(kept)
}

/// Nobody reads lines any more.
#[derive(Debug)]
pub(super) struct Closed;

/// Reads lines where there is no terminal to edit them in.
pub(super) fn spawn_plain(typed: mpsc::Sender<Typed>, state: SharedState, opened: Opened) -> io::Result<()> {
    let run = move || {
        wait_until(&opened);
        let mut input = BufReader::new(io::stdin());
        loop {
            show_plain_prompt(&state);
            let outcome = match read_line(&mut input) {
                Ok(Some(text)) => hand_over(&typed, |turn| Typed::Line { text, turn }),
                Ok(None) => return drop(typed.blocking_send(Typed::End)),
                Err(error) => return drop(typed.blocking_send(Typed::Failed(error))),
            };
            if outcome.is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("lines".into()).spawn(run).map(drop)
}

fn show_plain_prompt(state: &SharedState) {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return;
    }
    let prompt: PromptState = state.prompt.get();
    let mut out = io::stdout();
    let _ = write!(out, "{}", prompt.text(crate::render::PROMPT_COLUMNS_MAX));
    let _ = out.flush();
}
