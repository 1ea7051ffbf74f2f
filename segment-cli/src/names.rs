//! How people name a message.

use std::fmt;

/// Which message is meant: `!12`, `!last`, `!-2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageRef {
    /// The message with this number, from 1.
    Number(u64),
    /// The newest message.
    Last,
    /// Counted from the end: 1 is the newest.
    FromEnd(u64),
}

impl MessageRef {
    /// Reads `!12`, `!last` or `!-2`; `None` for anything else, 0 included.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let rest = word.strip_prefix('!')?;
        if rest == "last" {
            return Some(Self::Last);
        }
        match rest.strip_prefix('-') {
            Some(digits) => positive(digits).map(Self::FromEnd),
            None => positive(rest).map(Self::Number),
        }
    }
}

impl fmt::Display for MessageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "!{number}"),
            Self::Last => f.write_str("!last"),
            Self::FromEnd(count) => write!(f, "!-{count}"),
        }
    }
}

/// A number from 1 written in digits only (`u64::from_str` would also take `+1`).
pub(crate) fn positive(digits: &str) -> Option<u64> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|number| *number > 0)
}
