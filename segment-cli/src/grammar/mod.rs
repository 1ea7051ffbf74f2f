//! The grammar of a line, without any input or output.
//!
//! ```text
//! line     = blank | command | text | comment          comment ("# ", "#!") only in files
//! command  = "/" name *( ws word ) [ ws TAIL ]
//! text     = "//" rest -> sends "/" rest  |  anything else -> the current channel
//! word     = bare | "dq \n \t \" \\" | 'sq'            TAIL is raw to the end of the line
//! option   = "--" key [ "=" word | ws word ]           from the leading words only; "--" starts the text
//! channel  = [ "#" ] name  user = "@" name      message = "!" ( number | "last" | "-" number )
//! ```
//!
//! The `#` is needed where something else than a channel can stand, too: `/send general hi` sends both words.

mod error;
mod matching;
mod near;
mod words;

use std::borrow::Cow;

pub use error::{UsageError, UsageReason};
pub use matching::{FromValue, Matched, Value, match_words};
pub use near::nearest;
pub use words::Words;

/// The longest line that is read: a message of the longest kind, every byte of it escaped.
pub const LINE_BYTES_MAX: usize = 32 * 1024;

/// Where a line comes from, which decides what it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Typed by a person: text goes to the current channel.
    Prompt,
    /// Given with `-c`: commands only.
    Argument,
    /// Read from a file or from standard input: commands and comments only.
    File,
}

/// What a line is, before its command is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Nothing to do.
    Blank,
    /// A comment of a file.
    Comment,
    /// Text for the current channel.
    Text(Cow<'a, str>),
    /// A command: its name without the slash, and the rest of the line.
    Command {
        /// As typed, without the slash.
        name: &'a str,
        /// Everything after the name, leading white space included.
        rest: &'a str,
    },
}

/// Tells commands, text and comments apart.
///
/// # Errors
/// [`UsageError::LineTooLong`], or [`UsageError::NoCommandName`] for a slash alone.
pub fn classify(line: &str, origin: Origin) -> Result<Line<'_>, UsageError> {
    if line.len() > LINE_BYTES_MAX {
        return Err(UsageError::LineTooLong { bytes: line.len() });
    }
    let line = line.trim_end_matches(['\r', '\n']);
    let trimmed = line.trim_start();
    if trimmed.is_empty() {
        return Ok(Line::Blank);
    }
    if origin == Origin::File && is_comment(trimmed) {
        return Ok(Line::Comment);
    }
    match trimmed.strip_prefix('/') {
        None => Ok(Line::Text(Cow::Borrowed(line))),
        Some(text) if text.starts_with('/') => Ok(Line::Text(Cow::Borrowed(text))),
        Some(command) => split_command(command),
    }
}

fn is_comment(line: &str) -> bool {
    line.starts_with("# ") || line.starts_with("#!") || line.trim_end() == "#"
}

fn split_command(command: &str) -> Result<Line<'_>, UsageError> {
    let end = command.find(char::is_whitespace).unwrap_or(command.len());
    let (name, rest) = command.split_at(end);
    if name.is_empty() {
        return Err(UsageError::NoCommandName);
    }
    Ok(Line::Command { name, rest })
}

#[cfg(test)]
mod tests;
