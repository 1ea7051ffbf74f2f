//! What the messages say: who wrote them, where, and the how manieth it was.

use std::fmt;
use std::str::FromStr;

/// The text of a message, such as `m2/c5/317`: member 2's message 317 to channel 5; all count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// Who wrote it.
    pub member: u16,
    /// Where.
    pub channel: u16,
    /// Dense per member and channel.
    pub number: u32,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}/c{}/{}", self.member, self.channel, self.number)
    }
}

/// Not the text of a message of a chaos run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoLabel;

impl FromStr for Label {
    type Err = NoLabel;

    fn from_str(text: &str) -> Result<Self, NoLabel> {
        let read = || {
            let mut parts = text.split('/');
            let member = parts.next()?.strip_prefix('m')?.parse().ok()?;
            let channel = parts.next()?.strip_prefix('c')?.parse().ok()?;
            let number = parts.next()?.parse().ok()?;
            parts.next().is_none().then_some(Self { member, channel, number })
        };
        read().ok_or(NoLabel)
    }
}
