//! The one table of commands, from which the prompt, scripts, help, completion and
//! `docs/commands.md` are made.

mod aliases;
mod command;
mod docs;
mod spec;
mod stream;
mod table;

pub use aliases::{ALIAS_NAME_BYTES_MAX, ALIAS_TEXT_BYTES_MAX, ALIASES_MAX, AliasError, Aliases};
pub use command::{
    AliasRequest, ChannelFilter, Command, HistoryFrom, Keep, NotifyChange, NotifyRequest, OutboxAction, OutboxItem,
    SetRequest, UnreadAction, Wait,
};
pub use docs::reference;
pub use spec::{Alias, CommandSpec, Example, Group, InScripts, Kind, Needs, Slot};
pub use stream::{PictureSize, StreamRef, StreamRequest, StreamSource, StreamStart, StreamWatch, WatchTo, parse_rate};
pub use table::{find, names, of_group, table};

use crate::grammar::{Line, Origin, UsageError, classify, match_words, nearest};

/// Understands one line typed at the prompt, aliases included.
///
/// # Errors
/// As [`parse`].
pub fn parse_typed(line: &str, aliases: &Aliases) -> Result<Option<Command>, UsageError> {
    let parsed = parse(&aliases.expand(line), Origin::Prompt);
    match parsed {
        Err(UsageError::UnknownCommand { name, near: None }) => {
            let near = nearest(&name, aliases.iter().map(|(name, _)| name)).map(str::to_owned);
            Err(UsageError::UnknownCommand { name, near })
        }
        parsed => parsed,
    }
}

/// Understands one line. `None` is a line with nothing to do.
///
/// # Errors
/// [`UsageError`]: nothing was sent, and the text says what to write instead.
pub fn parse(line: &str, origin: Origin) -> Result<Option<Command>, UsageError> {
    match classify(line, origin)? {
        Line::Blank | Line::Comment => Ok(None),
        Line::Text(text) if origin == Origin::Prompt => {
            Ok(Some(Command::Send { channel: None, wait: None, text: text.into_owned() }))
        }
        Line::Text(text) => Err(UsageError::PlainTextInScript { text: text.into_owned() }),
        Line::Command { name, rest } => parse_command(name, rest, origin).map(Some),
    }
}

fn parse_command(name: &str, rest: &str, origin: Origin) -> Result<Command, UsageError> {
    let Some((spec, preset)) = find(name) else {
        return Err(UsageError::UnknownCommand {
            name: name.to_owned(),
            near: nearest(name, names()).map(str::to_owned),
        });
    };
    if origin != Origin::Prompt && spec.scripts == InScripts::Refused {
        return Err(UsageError::PromptOnly { command: spec });
    }
    let matched = match preset {
        "" => match_words(spec, rest)?,
        preset => match_words(spec, &format!("{preset} {rest}"))?,
    };
    (spec.build)(&matched)
}

#[cfg(test)]
mod tests;
