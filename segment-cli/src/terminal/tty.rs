//! The terminal itself: its modes and its size, reading and writing.

use std::io::{self, stdin, stdout};

use rustix::io::Errno;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};

/// Bracketed paste, and telling when the window is typed into and when not.
const ASK: &str = "\x1b[?2004h\x1b[?1004h";
const NO_MORE: &str = "\x1b[?1004l\x1b[?2004l";
const COLUMNS: usize = 80;
const ROWS: usize = 24;

/// Who gets the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The terminal edits lines itself, as other programs expect it.
    Lines,
    /// We get every key.
    Keys,
    /// We get every key but those that mean a signal, such as Ctrl-C: a command is at work.
    Busy,
}

/// The terminal of this program.
pub(super) struct Tty {
    original: Termios,
    mode: Mode,
}

impl Tty {
    /// `None` where standard input or output is none.
    pub fn open() -> Option<Self> {
        tcgetwinsize(stdout()).ok()?;
        Some(Self { original: tcgetattr(stdin()).ok()?, mode: Mode::Lines })
    }

    pub fn mode(&self) -> Mode {
        self.mode
    }

    pub fn set_mode(&mut self, mode: Mode) -> io::Result<()> {
        if mode == self.mode {
            return Ok(());
        }
        let mut modes = self.original.clone();
        if mode != Mode::Lines {
            modes.input_modes -= InputModes::ICRNL | InputModes::INLCR | InputModes::IXON | InputModes::ISTRIP;
            modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN;
            modes.special_codes[SpecialCodeIndex::VMIN] = 1;
            modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        }
        if mode == Mode::Keys {
            modes.local_modes -= LocalModes::ISIG;
        }
        match (self.mode, mode) {
            (Mode::Lines, _) => write(ASK)?,
            (_, Mode::Lines) => write(NO_MORE)?,
            _ => {}
        }
        self.mode = mode;
        Ok(tcsetattr(stdin(), OptionalActions::Now, &modes)?)
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        let size = tcgetwinsize(stdout()).ok();
        let or = |given: Option<u16>, default| given.filter(|given| *given > 0).map_or(default, usize::from);
        (or(size.map(|size| size.ws_col), COLUMNS), or(size.map(|size| size.ws_row), ROWS))
    }
}

/// What was typed; empty at the end of the input.
pub(super) fn read() -> io::Result<Vec<u8>> {
    let mut buffer = [0; 4096];
    match rustix::io::read(stdin(), &mut buffer) {
        Ok(count) => Ok(buffer[..count].to_vec()),
        // The other end has gone.
        Err(Errno::IO) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Writes all of a text, in as few pieces as the terminal takes.
pub(super) fn write(text: &str) -> io::Result<()> {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match rustix::io::write(stdout(), rest) {
            Ok(count) => rest = &rest[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => std::thread::sleep(std::time::Duration::from_millis(5)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
