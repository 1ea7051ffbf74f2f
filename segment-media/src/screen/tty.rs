//! The terminal that this program runs in.

use std::io::{self, IsTerminal, Write, stdin, stdout};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::capability::{QUESTIONS, Replies};
use super::fit::Window;

/// Another screen, no cursor, no wrapping: the prompt stays as it was.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
/// Pictures of kitty go with it.
const LEAVE: &str = "\x1b_Ga=d,d=A,q=2\x1b\\\x1b[0m\x1b[?2026l\x1b[?7h\x1b[?25h\x1b[?1049l";
/// A terminal that has not answered by then does not answer.
const ANSWER_MAX: Duration = Duration::from_millis(300);
const REPLIES_BYTES_MAX: usize = 4_096;

/// How the terminal was before it was taken, until it is so again.
static TAKEN: Mutex<Option<Termios>> = Mutex::new(None);

/// Gives the terminal back if a picture still has it: for programs that end in a hurry.
pub fn restore() {
    let Some(modes) = TAKEN.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    // A terminal that is gone needs nothing put back.
    let _ = rustix::io::write(stdout(), LEAVE.as_bytes());
    let _ = tcsetattr(stdin(), OptionalActions::Flush, &modes);
}

/// The terminal in its other screen, with keys as they are typed; dropped, it is as it was.
pub(super) struct Tty {
    cell: Option<(u16, u16)>,
}

impl Tty {
    /// Fails where standard input or output is no terminal, or one that shows nothing but lines.
    pub fn enter(term: &str) -> io::Result<(Self, Replies)> {
        if !stdin().is_terminal() || !stdout().is_terminal() {
            return Err(io::Error::other("the input or the output is none"));
        }
        if term == "dumb" {
            return Err(io::Error::other("TERM=dumb"));
        }
        let modes = tcgetattr(stdin())?;
        let mut quiet = modes.clone();
        // Ctrl-C is a key: it ends the picture and not the program.
        quiet.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        quiet.special_codes[SpecialCodeIndex::VMIN] = 0;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(stdin(), OptionalActions::Now, &quiet)?;
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(modes);
        let mut tty = Self { cell: None };
        send(ENTER)?;
        // On the other screen: a terminal that does not understand them may print them.
        send(QUESTIONS)?;
        let replies = answers()?;
        tty.cell = replies.cell;
        Ok((tty, replies))
    }

    pub fn window(&self) -> Window {
        match tcgetwinsize(stdout()) {
            Ok(size) => Window::new(size.ws_col, size.ws_row, self.cell.or_else(|| cell(&size))),
            Err(_) => Window::new(80, 24, self.cell),
        }
    }
}

fn cell(size: &rustix::termios::Winsize) -> Option<(u16, u16)> {
    let (width, height) = (size.ws_xpixel.checked_div(size.ws_col)?, size.ws_ypixel.checked_div(size.ws_row)?);
    (width > 0 && height > 0).then_some((width, height))
}

impl Drop for Tty {
    fn drop(&mut self) {
        restore();
    }
}

/// Writes to the terminal while it is taken.
pub(super) fn send(text: &str) -> io::Result<()> {
    if TAKEN.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn answers() -> io::Result<Replies> {
    let until = Instant::now() + ANSWER_MAX;
    let mut said = Vec::new();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        said.extend(keys(left)?);
        let replies = Replies::understand(&said);
        if replies.is_all || left.is_zero() || said.len() > REPLIES_BYTES_MAX {
            return Ok(replies);
        }
    }
}

/// What has been typed, after waiting for it so long at most.
pub(super) fn keys(patience: Duration) -> io::Result<Vec<u8>> {
    let input = stdin();
    let patience = Timespec { tv_sec: 0, tv_nsec: patience.subsec_nanos().into() };
    let mut asked = [PollFd::new(&input, PollFlags::IN)];
    match poll(&mut asked, Some(&patience)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    let mut buffer = [0; 256];
    match rustix::io::read(&input, &mut buffer) {
        // It was readable and has nothing: it is closed.
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(count) => Ok(buffer[..count].to_vec()),
        Err(error) => Err(error.into()),
    }
}
