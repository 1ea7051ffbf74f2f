//! Typed lines, and whose turn it is.

use std::io::{self, BufReader};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as blocking;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::printer::Order;
use super::wake::Waker;
use super::{Opened, SharedState, is_interactive};
use crate::render::{Drawn, PROMPT_COLUMNS_MAX};
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
    /// Alt-A: the next channel with something unread is wanted. The line stays.
    NextUnread(Turn),
    /// Ctrl-D on an empty line, or the end of the input.
    End,
    /// The terminal cannot be read any more.
    Failed(io::Error),
}

/// The turn of whoever understands lines: the keyboard is idle until this is dropped.
#[derive(Debug)]
pub struct Turn {
    replies: Option<blocking::Sender<Reply>>,
    waker: Waker,
    asking: AtomicBool,
}

pub(super) enum Reply {
    Keep(String),
    End,
    AskSecret { prompt: String, answer: oneshot::Sender<io::Result<String>> },
}

/// A turn, and where its replies come out.
pub(super) fn turn(waker: Waker) -> (Turn, blocking::Receiver<Reply>) {
    let (replies, inbox) = blocking::channel();
    (Turn { replies: Some(replies), waker, asking: AtomicBool::new(false) }, inbox)
}

impl Turn {
    /// Gives the line back to the editor, to be corrected.
    pub fn keep(self, line: String) {
        let _ = self.reply(Reply::Keep(line));
    }

    /// No further line is wanted.
    pub fn end(self) {
        let _ = self.reply(Reply::End);
    }

    /// Asks for a secret without echo.
    ///
    /// # Errors
    /// There is no terminal to ask at, or the answer was Ctrl-C.
    pub async fn ask_secret(&self, prompt: &str) -> io::Result<String> {
        let (answer, answered) = oneshot::channel();
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        self.reply(Reply::AskSecret { prompt: prompt.to_owned(), answer }).map_err(|_| gone())?;
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

    fn reply(&self, reply: Reply) -> Result<(), Closed> {
        let sent = self.replies.as_ref().ok_or(Closed)?.send(reply).map_err(|_| Closed);
        self.waker.wake();
        sent
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.replies.take());
        self.waker.wake();
    }
}

/// Hands a line over and waits until its turn is over.
fn hand_over(typed: &mpsc::Sender<Typed>, text: String) -> Result<(), Closed> {
    let (turn, inbox) = turn(Waker::default());
    typed.blocking_send(Typed::Line { text, turn }).map_err(|_| Closed)?;
    while let Ok(reply) = inbox.recv() {
        match reply {
            // A terminal that edits lines itself cannot be given one.
            Reply::Keep(_) => {}
            Reply::End => return Err(Closed),
            Reply::AskSecret { prompt, answer } => {
                let _ = answer.send(rpassword::prompt_password(prompt));
            }
        }
    }
    Ok(())
}

/// Nobody reads lines any more.
#[derive(Debug)]
struct Closed;

/// Reads lines where there is no terminal to edit them in.
pub(super) fn spawn_plain(
    typed: mpsc::Sender<Typed>,
    state: SharedState,
    opened: Opened,
    orders: mpsc::Sender<Order>,
) -> io::Result<()> {
    let run = move || {
        // Until lines are wanted.
        let _ = opened.recv();
        let mut input = BufReader::new(io::stdin());
        let is_prompted = is_interactive();
        // Where nobody prints, nothing is asked for either.
        let order = |order: Order| drop(is_prompted.then(|| orders.blocking_send(order)));
        loop {
            order(Order::Prompt(prompt(&state)));
            let outcome = match read_line(&mut input) {
                Ok(Some(text)) => {
                    order(Order::Entered);
                    hand_over(&typed, text)
                }
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

fn prompt(state: &SharedState) -> String {
    match state.style.get().drawn {
        Drawn::Spoken => state.prompt.get().spoken(),
        _ => state.prompt.get().text(PROMPT_COLUMNS_MAX),
    }
}
