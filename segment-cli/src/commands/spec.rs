//! What one row of the command table says.

use std::fmt;

use super::Command;
use crate::grammar::{Matched, UsageError};

/// One command.
pub struct CommandSpec {
    /// Without the slash.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [Alias],
    /// Where it stands in the help.
    pub group: Group,
    /// In the order in which they are written.
    pub args: &'static [Slot],
    /// Written as `--name`.
    pub options: &'static [Slot],
    /// The name of the raw text at the end of the line, for a command that takes one.
    pub text: Option<&'static str>,
    /// Whether a script may use it.
    pub scripts: InScripts,
    /// What must be there before it can work.
    pub needs: Needs,
    /// One line.
    pub help: &'static str,
    /// More lines, for `/help COMMAND`; may be empty.
    pub details: &'static str,
    /// At least one.
    pub examples: &'static [Example],
    /// Makes the command from the words of a line.
    pub build: fn(&Matched) -> Result<Command, UsageError>,
}

/// Another name of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Without the slash.
    pub name: &'static str,
    /// Words that the alias stands for in addition, such as `invisible` in `/status invisible`.
    pub preset: &'static str,
}

/// A line and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// As typed.
    pub line: &'static str,
    /// What happens.
    pub does: &'static str,
}

/// An argument or an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// An option is written `--name`.
    pub name: &'static str,
    /// What can stand there.
    pub kind: Kind,
    /// Whether the command can do without.
    pub presence: SlotPresence,
    /// How the value is shown in a usage line; empty where the kind says enough.
    pub shown: &'static str,
}

/// Whether a command can do without an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotPresence {
    /// It cannot.
    Required,
    /// It can.
    Optional,
}

/// What can stand in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `#name`
    Channel,
    /// `@name`
    User,
    /// The name of an account, with or without `@`.
    Name,
    /// `!12`, `!last`, `!-2`
    Message,
    /// The address of a tracker.
    Url,
    /// Any word.
    Word,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Some of these words, with commas between them.
    Choices(&'static [&'static str]),
    /// From 1 to `max`.
    Number {
        /// The largest number allowed.
        max: u32,
    },
    /// `640x360`
    Size,
    /// `2mbit`
    Rate,
    /// An option without a value.
    Flag,
}

/// The part of the help in which a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Who am I, and where.
    Session,
    /// Channels and being in them.
    Channels,
    /// Who may do what.
    People,
    /// Where a channel lives.
    Hosting,
    /// Writing and reading.
    Messages,
    /// Live pictures and sound.
    Streams,
    /// Finding out what is wrong.
    Faults,
    /// The program itself.
    Own,
}

impl Group {
    /// Every group, in the order of the help.
    pub const ALL: [Self; 8] = [
        Self::Session,
        Self::Channels,
        Self::People,
        Self::Hosting,
        Self::Messages,
        Self::Streams,
        Self::Faults,
        Self::Own,
    ];

    /// Its heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Channels => "channels",
            Self::People => "people",
            Self::Hosting => "hosting",
            Self::Messages => "messages",
            Self::Streams => "streams",
            Self::Faults => "faults",
            Self::Own => "own",
        }
    }
}

/// Whether a script may use a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InScripts {
    /// It may.
    Allowed,
    /// It makes sense only at the prompt.
    Refused,
}

/// What must be there before a command can work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// A connection to a tracker.
    Connection,
    /// A session, if only of a visitor.
    Session,
    /// A session of an account.
    Account,
}

impl Needs {
    /// For the documentation.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Connection => "a connection to a tracker",
            Self::Session => "a login, or a visit as guest",
            Self::Account => "a login",
        }
    }
}

impl Slot {
    /// One that the command cannot do without.
    #[must_use]
    pub const fn required(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, presence: SlotPresence::Required, shown: "" }
    }

    /// One that may be left out.
    #[must_use]
    pub const fn optional(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, presence: SlotPresence::Optional, shown: "" }
    }

    /// How the value is shown in a usage line.
    #[must_use]
    pub const fn shown(self, shown: &'static str) -> Self {
        Self { shown, ..self }
    }

    /// Whether the command cannot do without it.
    #[must_use]
    pub const fn is_required(&self) -> bool {
        matches!(self.presence, SlotPresence::Required)
    }

    fn value(&self) -> String {
        match self.kind {
            _ if !self.shown.is_empty() => self.shown.to_owned(),
            Kind::Channel => "#channel".to_owned(),
            Kind::User => "@user".to_owned(),
            Kind::Message => "!message".to_owned(),
            Kind::Url => "URL".to_owned(),
            Kind::Number { .. } => "N".to_owned(),
            Kind::Size => "WxH".to_owned(),
            Kind::Rate => "RATE".to_owned(),
            Kind::Choice(choices) => choices.join("|"),
            Kind::Choices(choices) => choices.join(","),
            Kind::Name | Kind::Word | Kind::Flag => self.name.to_uppercase(),
        }
    }

    fn as_option(&self) -> String {
        match self.kind {
            Kind::Flag => format!("[--{}]", self.name),
            _ => format!("[--{} {}]", self.name, self.value()),
        }
    }

    fn as_argument(&self) -> String {
        match self.presence {
            SlotPresence::Required => self.value(),
            SlotPresence::Optional => format!("[{}]", self.value()),
        }
    }
}

impl CommandSpec {
    /// How it is written, in one line.
    #[must_use]
    pub fn usage(&self) -> String {
        let mut parts = vec![format!("/{}", self.name)];
        parts.extend(self.args.iter().map(Slot::as_argument));
        parts.extend(self.options.iter().map(Slot::as_option));
        parts.extend(self.text.map(str::to_owned));
        parts.join(" ")
    }
}

impl fmt::Debug for CommandSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandSpec(/{})", self.name)
    }
}

/// Names are unique (a test sees to it), so rows are equal if their names are.
impl PartialEq for CommandSpec {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for CommandSpec {}
