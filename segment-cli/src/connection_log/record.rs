//! One record, as a line.

use std::fmt::{self, Write};

use jiff::Timestamp;

use super::EventType;
use crate::named::named_enum;

/// A record with more is cut; the cut ends with `...`.
pub const RECORD_BYTES_MAX: usize = 2048;
const SOURCE_BYTES_MAX: usize = 256;
const DETAILS_BYTES_MAX: usize = 1536;

named_enum! {
    /// What kind of party an item came from.
    SourceKind {
        /// The host of the channel.
        Host = "host",
        /// The tracker.
        Tracker = "tracker",
        /// Another peer.
        Peer = "peer",
        /// This process itself.
        Own = "self",
    }
}

/// From where an item came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    kind: SourceKind,
    which: String,
}

impl Source {
    /// A party, and which one (an address, a name).
    #[must_use]
    pub fn new(kind: SourceKind, which: &str) -> Self {
        Self { kind, which: which.to_owned() }
    }

    /// This process itself.
    #[must_use]
    pub const fn own() -> Self {
        Self { kind: SourceKind::Own, which: String::new() }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        match self.which.as_str() {
            "" => Ok(()),
            which => write!(f, " {}", escaped(which, SOURCE_BYTES_MAX)),
        }
    }
}

/// What happened, as `key=value` pairs; values are escaped and quoted where they need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details(String);

impl Details {
    /// No details yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// Adds a pair. The key is one of ours; the value may come from anybody.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        if self.0.len() >= DETAILS_BYTES_MAX {
            return self;
        }
        let separator = if self.0.is_empty() { "" } else { " " };
        let value = escaped(&value.to_string(), DETAILS_BYTES_MAX - self.0.len());
        let quote = if value.is_empty() || value.contains(' ') { "\"" } else { "" };
        let _ = write!(self.0, "{separator}{key}={quote}{value}{quote}");
        self
    }
}

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "-" } else { &self.0 })
    }
}

/// Printable ASCII without what the format itself uses; the rest as `\n` or `\u{...}`.
fn escaped(text: &str, bytes_max: usize) -> String {
    const CUT: &str = "...";
    let mut out = String::new();
    for character in text.chars() {
        let before = out.len();
        match character {
            '|' | '"' | '\\' => drop(write!(out, "{}", character.escape_unicode())),
            ' '..='~' => out.push(character),
            other => drop(write!(out, "{}", other.escape_default())),
        }
        if out.len() + CUT.len() > bytes_max {
            out.truncate(before);
            out.push_str(CUT);
            break;
        }
    }
    out
}

/// What happened, when, and from where it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Milliseconds since 1970 (UTC).
    pub at_ms: u64,
    /// What happened.
    pub event: EventType,
    /// From where it came.
    pub source: Source,
    /// The rest.
    pub details: Details,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at_ms, event, source, details } = self;
        let at = i64::try_from(*at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let at = at.unwrap_or(Timestamp::MAX);
        write!(f, "[{at:.3}] {event} | Source: {source} | Details: {details}")
    }
}
