//! The rows, one file for each part of the help.

mod channels;
mod keeping;
mod messages;
mod own;
mod people;
mod session;
mod streams;

use super::{Alias, Command, CommandSpec, Example, Group, InScripts, Kind, Needs, Slot};

/// Defaults of a row: a row writes only what differs.
const ROW: CommandSpec = CommandSpec {
    name: "",
    aliases: &[],
    group: Group::Own,
    args: &[],
    options: &[],
    text: None,
    scripts: InScripts::Allowed,
    needs: Needs::Nothing,
    help: "",
    details: "",
    examples: &[],
    build: |_| Ok(Command::Version),
};

/// The current channel, unless one is named.
const TARGET: Slot = Slot::optional("channel", Kind::Channel);
const CHANNEL: Slot = Slot::required("channel", Kind::Channel);
const USER: Slot = Slot::required("user", Kind::User);

static PARTS: [&[CommandSpec]; 7] =
    [session::ROWS, channels::ROWS, people::ROWS, keeping::ROWS, messages::ROWS, streams::ROWS, own::ROWS];

const fn alias(name: &'static str) -> Alias {
    Alias { name, preset: "" }
}

const fn example(line: &'static str, does: &'static str) -> Example {
    Example { line, does }
}

/// Every command, in the order of the help.
pub fn table() -> impl Iterator<Item = &'static CommandSpec> {
    PARTS.iter().flat_map(|part| part.iter())
}

/// The commands of one part of the help.
pub fn of_group(group: Group) -> impl Iterator<Item = &'static CommandSpec> {
    table().filter(move |spec| spec.group == group)
}

/// Every name and alias, without the slash.
pub fn names() -> impl Iterator<Item = &'static str> {
    table().flat_map(|spec| std::iter::once(spec.name).chain(spec.aliases.iter().map(|alias| alias.name)))
}

/// The command of an exact name or alias, and the words that the alias adds.
#[must_use]
pub fn find(name: &str) -> Option<(&'static CommandSpec, &'static str)> {
    table().find_map(|spec| {
        if spec.name == name {
            return Some((spec, ""));
        }
        let alias = spec.aliases.iter().find(|alias| alias.name == name)?;
        Some((spec, alias.preset))
    })
}
