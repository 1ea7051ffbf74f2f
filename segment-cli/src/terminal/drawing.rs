//! What stands at the bottom of the terminal, and what is printed above it.

use std::fmt::Write as _;
use std::io;

use super::layout::{Block, Laid};
use super::tty::write;

/// A terminal that knows these shows everything between them at once.
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// The block at the bottom: drawn only where it has changed.
#[derive(Debug, Default)]
pub(super) struct Drawing {
    laid: Option<Laid>,
}

impl Drawing {
    /// Prints lines above the block, and draws it anew; all in one write.
    pub fn show(&mut self, lines: &str, block: Option<Block<'_>>, size: (usize, usize)) -> io::Result<()> {
        let laid = block.map(|block| block.lay_out(size.0, size.1.saturating_sub(1)));
        if lines.is_empty() && laid == self.laid {
            return Ok(());
        }
        let mut out = BEGIN.to_owned();
        self.erase(&mut out);
        out.push_str(lines);
        if let Some(laid) = &laid {
            draw(laid, &mut out);
        }
        self.laid = laid;
        out.push_str(END);
        write(&out)
    }

    /// The screen was used by somebody else: what stood there is not ours to erase.
    pub fn forget(&mut self) {
        self.laid = None;
    }

    fn erase(&self, out: &mut String) {
        let Some(laid) = &self.laid else { return };
        if laid.row > 0 {
            let _ = write!(out, "\x1b[{}A", laid.row);
        }
        out.push_str("\r\x1b[J");
    }
}

fn draw(laid: &Laid, out: &mut String) {
    out.push_str(&laid.rows.join("\r\n"));
    let below = laid.rows.len() - 1 - laid.row;
    if below > 0 {
        let _ = write!(out, "\x1b[{below}A");
    }
    out.push('\r');
    if laid.column > 0 {
        let _ = write!(out, "\x1b[{}C", laid.column);
    }
}
