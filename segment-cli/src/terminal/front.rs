//! The terminal's thread: one loop that reads keys, prints what arrives above the line being typed, and draws that line.

use std::collections::VecDeque;
use std::sync::mpsc as blocking;
use std::time::{Duration, Instant};
use std::{io, mem};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::{mpsc, oneshot};

use super::drawing::Drawing;
use super::editor::{Editor, Outcome};
use super::hints;
use super::history::History;
use super::keys::{Decoder, Key};
use super::layout::{Block, Paint};
use super::lines::{Reply, Typed, turn};
use super::offers::offered;
use super::printer::{Order, Printing};
use super::tty::{Mode, Tty, read};
use super::wake::{Waker, Wakes};
use super::{SharedState, outside};
use crate::render::{Colour, PromptState, dimmed, prompt_columns};

/// The Escape key is one when nothing has followed it for so long.
const ESCAPE: Duration = Duration::from_millis(50);
/// Keys typed ahead. Policy: further ones stay with the terminal until there is room.
const AHEAD_MAX: usize = 4_096;

pub(super) struct Front {
    pub tty: Tty,
    pub state: SharedState,
    pub history: History,
    pub typed: mpsc::Sender<Typed>,
    pub printing: Printing,
    pub wakes: Wakes,
    pub waker: Waker,
    pub editor: Editor,
    pub decoder: Decoder,
    pub drawing: Drawing,
    pub seat: Seat,
    pub ahead: VecDeque<Key>,
    /// When something was typed last.
    pub heard: Instant,
    pub ended: bool,
}

/// Whose turn it is.
pub(super) enum Seat {
    /// Nobody types: not yet, or not any more.
    Closed,
    /// The person's.
    Typing,
    /// The command's.
    Busy(Busy),
    /// A command asks the person something that is not shown.
    Asked { prompt: String, typed: String, answer: oneshot::Sender<io::Result<String>>, busy: Busy },
}

/// A command at work.
pub(super) struct Busy {
    replies: blocking::Receiver<Reply>,
}

impl Front {
    /// Until nobody prints any more.
    pub fn run(mut self) {
        loop {
            let done = self.wait().and_then(|has_keys| self.go_on(has_keys));
            match done {
                Ok(()) if self.printing.is_over() => break,
                Ok(()) => {}
                // The terminal has gone, or can be used no more.
                Err(error) => {
                    let _ = self.typed.try_send(Typed::Failed(error));
                    break;
                }
            }
        }
        let _ = self.drawing.show("", None, self.tty.size());
        let _ = self.tty.set_mode(Mode::Lines);
    }

    fn go_on(&mut self, has_keys: bool) -> io::Result<()> {
        if has_keys {
            self.read_keys()?;
        } else if self.decoder.is_waiting() && self.heard.elapsed() >= ESCAPE {
            self.ahead.extend(self.decoder.give_up());
        }
        self.hear_replies()?;
        self.press_ahead()?;
        self.print()
    }

    /// Says whether there is something to read.
    fn wait(&mut self) -> io::Result<bool> {
        let timeout = self.timeout().map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let reads = !matches!(self.seat, Seat::Closed) && !self.ended && self.ahead.len() < AHEAD_MAX;
        let stdin = io::stdin();
        let mut ways = vec![PollFd::new(&self.wakes.stream, PollFlags::IN)];
        if reads {
            ways.push(PollFd::new(&stdin, PollFlags::IN));
        }
        match poll(&mut ways, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let has_keys = ways.get(1).is_some_and(|way| !way.revents().is_empty());
        self.wakes.quiet();
        Ok(has_keys)
    }

    fn timeout(&self) -> Option<Duration> {
        let now = Instant::now();
        let escape = self.decoder.is_waiting().then(|| ESCAPE.saturating_sub(now - self.heard));
        escape.into_iter().chain(self.printing.due(now)).min()
    }

    fn read_keys(&mut self) -> io::Result<()> {
        let bytes = read()?;
        if bytes.is_empty() {
            self.ended = true;
            self.ahead.push_back(Key::Ctrl('D'));
        }
        self.heard = Instant::now();
        self.state.attention.on_key();
        self.ahead.extend(self.decoder.feed(&bytes));
        Ok(())
    }

    /// What the command at work has to say.
    fn hear_replies(&mut self) -> io::Result<()> {
        while let Seat::Busy(busy) = &self.seat {
            match busy.replies.try_recv() {
                Ok(Reply::Keep(line)) => {
                    self.history.hold(&line);
                    self.editor.give_back(&line, &self.history);
                }
                Ok(Reply::End) => return self.close(),
                Ok(Reply::AskSecret { prompt, answer }) => {
                    let Seat::Busy(busy) = mem::replace(&mut self.seat, Seat::Closed) else { return Ok(()) };
                    self.seat = Seat::Asked { prompt, typed: String::new(), answer, busy };
                    self.tty.set_mode(Mode::Keys)?;
                }
                Err(blocking::TryRecvError::Empty) => return Ok(()),
                Err(blocking::TryRecvError::Disconnected) => {
                    self.seat = Seat::Typing;
                    self.printing.hurry();
                    self.tty.set_mode(Mode::Keys)?;
                }
            }
        }
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        self.seat = Seat::Closed;
        self.tty.set_mode(Mode::Lines)
    }

    fn press_ahead(&mut self) -> io::Result<()> {
        while matches!(self.seat, Seat::Typing | Seat::Asked { .. }) {
            let Some(key) = self.ahead.pop_front() else { break };
            if let Key::Focus(focus) = key {
                self.state.focus.set(focus);
                continue;
            }
            match &self.seat {
                Seat::Typing => self.press(key)?,
                _ => self.press_secretly(&key)?,
            }
        }
        // Where the window is is known also while a command is at work.
        let focus =
            self.ahead.iter().rev().find_map(|key| if let Key::Focus(focus) = key { Some(*focus) } else { None });
        focus.into_iter().for_each(|focus| self.state.focus.set(focus));
        Ok(())
    }

    fn press(&mut self, key: Key) -> io::Result<()> {
        if key == Key::Ctrl('D') && self.ended {
            return self.end();
        }
        match self.editor.press(key, &self.state.known.get(), &self.history) {
            Outcome::Edited => Ok(()),
            Outcome::Accepted(text) => self.accept(text),
            Outcome::Interrupted => self.hand_over(Typed::Interrupted),
            Outcome::NextUnread => self.hand_over(Typed::NextUnread),
            Outcome::End => self.end(),
            Outcome::Offered(words) => self.above(&offered(&words, self.tty.size())),
            Outcome::ExternalEditor => self.edit_outside(),
            Outcome::ClearScreen => {
                self.drawing.forget();
                super::tty::write("\x1b[H\x1b[2J")
            }
            Outcome::Suspend => self.suspend(),
            Outcome::Bell => super::tty::write("\x07"),
        }
    }

    /// A text becomes its message, so it goes; a command stays to be seen above its answer.
    fn accept(&mut self, text: String) -> io::Result<()> {
        self.history.remember(&text, &self.state.aliases.get());
        if !is_message(&text) {
            let (columns, _) = self.tty.size();
            let prompt = self.state.prompt.get().text(prompt_columns(columns));
            let painted = PromptState::painted(&prompt, self.state.style.get().colour());
            let block = Block { cursor: text.len(), ..Block::of(&prompt, &painted, &text) };
            let rows = block.lay_out(columns, usize::MAX).rows;
            self.above(&format!("{}\n", rows.join("\n").trim_end_matches('\n')))?;
        }
        self.hand_over(|turn| Typed::Line { text, turn })
    }

    fn hand_over(&mut self, make: impl FnOnce(super::Turn) -> Typed) -> io::Result<()> {
        let (turn, replies) = turn(self.waker.clone());
        if self.typed.try_send(make(turn)).is_err() {
            return self.close();
        }
        self.seat = Seat::Busy(Busy { replies });
        self.tty.set_mode(Mode::Busy)
    }

    fn end(&mut self) -> io::Result<()> {
        let _ = self.typed.try_send(Typed::End);
        self.close()
    }

    fn press_secretly(&mut self, key: &Key) -> io::Result<()> {
        let Seat::Asked { typed, .. } = &mut self.seat else { return Ok(()) };
        match key {
            Key::Char(character) => typed.push(*character),
            Key::Paste(text) => typed.push_str(text.trim_end_matches('\n')),
            Key::Backspace => drop(typed.pop()),
            Key::Ctrl('U') => typed.clear(),
            Key::Enter => return self.answer(Ok),
            Key::Ctrl('C' | 'D') => return self.answer(|_| Err(io::ErrorKind::Interrupted.into())),
            _ => {}
        }
        typed.truncate(typed.floor_char_boundary(crate::grammar::LINE_BYTES_MAX));
        Ok(())
    }

    fn answer(&mut self, make: impl FnOnce(String) -> io::Result<String>) -> io::Result<()> {
        let Seat::Asked { prompt, typed, answer, busy } = mem::replace(&mut self.seat, Seat::Closed) else {
            return Ok(());
        };
        self.above(&format!("{prompt}\n"))?;
        let _ = answer.send(make(typed));
        self.seat = Seat::Busy(busy);
        self.tty.set_mode(Mode::Busy)
    }

    fn edit_outside(&mut self) -> io::Result<()> {
        let text = self.editor.text().to_owned();
        match self.lend(|| outside::edit(&text))? {
            Ok(text) => self.editor.set(&text),
            Err(error) => self.above(&format!("{}\n", self.state.style.get().resized().error(&error.to_string())))?,
        }
        Ok(())
    }

    /// Gives the terminal to another program. What arrives meanwhile is printed afterwards.
    fn lend<R>(&mut self, run: impl FnOnce() -> R) -> io::Result<R> {
        let mode = self.tty.mode();
        self.drawing.show("", None, self.tty.size())?;
        self.tty.set_mode(Mode::Lines)?;
        self.state.lent.set(true);
        let done = run();
        self.state.lent.set(false);
        self.drawing.forget();
        self.tty.set_mode(mode)?;
        Ok(done)
    }

    fn suspend(&mut self) -> io::Result<()> {
        /// Every thread has stopped by then; it goes on counting when the program goes on.
        const STOPPED: Duration = Duration::from_millis(100);
        self.lend(|| {
            let stopped = kill_process(getpid(), Signal::TSTP);
            std::thread::sleep(STOPPED);
            stopped
        })?
        .map_err(io::Error::from)
    }

    fn print(&mut self) -> io::Result<()> {
        let lines = self.printing.take(Instant::now());
        let began = Instant::now();
        let is_drawn = !lines.is_empty();
        self.above(&lines)?;
        if is_drawn {
            self.printing.took(began.elapsed());
        }
        match self.printing.next_special() {
            Some(Order::Open) => {
                self.seat = Seat::Typing;
                self.tty.set_mode(Mode::Keys)?;
            }
            Some(Order::Page { text, pager, done }) => {
                if !self.lend(|| outside::page(&text, &pager))?.unwrap_or(false) {
                    self.above(&text)?;
                }
                let _ = done.send(());
            }
            Some(Order::Lend(run)) => self.lend(run)?,
            Some(Order::Close(done)) => {
                self.close()?;
                self.above("")?;
                let _ = done.send(());
            }
            _ => return Ok(()),
        }
        self.print()
    }

    /// Prints lines, and draws what stands below them.
    fn above(&mut self, lines: &str) -> io::Result<()> {
        let size = self.tty.size();
        let (shown, painted, next);
        let block = match &self.seat {
            Seat::Closed | Seat::Busy(_) => None,
            Seat::Asked { prompt, .. } => Some(Block::of(prompt, prompt, "")),
            Seat::Typing => {
                let state = self.state.prompt.get();
                let colour = self.state.style.get().colour();
                shown = self.editor.search_prompt().unwrap_or_else(|| state.text(prompt_columns(size.0)));
                painted = PromptState::painted(&shown, colour);
                next = hints::hint(self.editor.text()).filter(|_| colour == Colour::On);
                let hint = next.as_ref().map(|next| (next.as_str(), dimmed as Paint));
                let (text, cursor) = (self.editor.text(), self.editor.cursor());
                let paint = Some(dimmed as Paint).filter(|_| self.editor.is_refused() && colour == Colour::On);
                Some(Block { cursor, hint, paint, ..Block::of(&shown, &painted, text) })
            }
        };
        self.drawing.show(lines, block, size)
    }
}

/// Whether a line is a text for the current channel.
fn is_message(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && (!line.starts_with('/') || line.starts_with("//"))
}
