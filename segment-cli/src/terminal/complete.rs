//! What Tab offers, from the command table and from what is known here.

use std::collections::BTreeSet;

use crate::commands::{CommandSpec, Kind, find, names};
use crate::config::{self, Key};

/// At most so many are offered.
pub const COMPLETIONS_MAX: usize = 200;

/// Names that can be completed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Channels, without `#`.
    pub channels: BTreeSet<String>,
    /// Users, without `@`.
    pub users: BTreeSet<String>,
}

/// Where the word under the cursor begins, and what it may become.
#[must_use]
pub fn complete(line: &str, cursor: usize, known: &Known) -> (usize, Vec<String>) {
    let typed = line.get(..cursor).unwrap_or(line);
    let start = typed.rfind(char::is_whitespace).map_or(0, |at| at + char_len(typed, at));
    let (before, word) = typed.split_at(start);
    let (offset, mut found) = candidates(before, word, known);
    found.truncate(COMPLETIONS_MAX);
    (start + offset, found)
}

fn char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(1, char::len_utf8)
}

/// The offset is into the word: behind the `=` of an option, or the last comma of a list.
fn candidates(before: &str, word: &str, known: &Known) -> (usize, Vec<String>) {
    if let Some(prefix) = word.strip_prefix('/')
        && before.trim().is_empty()
    {
        return (0, matching(names(), prefix, "/"));
    }
    match command_of(before) {
        Some(spec) => of_command(spec, before, word, known),
        None => (0, of_sigil(word, known)),
    }
}

fn command_of(before: &str) -> Option<&'static CommandSpec> {
    let name = before.split_whitespace().next()?.strip_prefix('/')?;
    find(name).map(|(spec, _)| spec)
}

fn of_command(spec: &'static CommandSpec, before: &str, word: &str, known: &Known) -> (usize, Vec<String>) {
    if let Some((key, value)) = word.strip_prefix("--").and_then(|word| word.split_once('=')) {
        let (offset, found) = of_kind(option_kind(spec, key), value, known);
        return (word.len() - value.len() + offset, found);
    }
    if let Some(prefix) = word.strip_prefix("--") {
        let unused = spec.options.iter().map(|option| option.name).filter(|name| !is_used(before, name));
        return (0, matching(unused, prefix, "--"));
    }
    let previous = before.split_whitespace().next_back().and_then(|word| word.strip_prefix("--"));
    if let Some(kind) = previous.and_then(|key| option_kind(spec, key))
        && kind != Kind::Flag
    {
        return of_kind(Some(kind), word, known);
    }
    if word.starts_with(['#', '@']) {
        return (0, of_sigil(word, known));
    }
    if let Some(kind) = set_kind(spec, before) {
        return of_kind(Some(kind), word, known);
    }
    if spec.name == "help" {
        return (0, matching(names(), word.trim_start_matches('/'), ""));
    }
    let choices = spec.args.iter().map(|slot| of_kind(Some(slot.kind), word, known).1);
    (0, choices.flatten().collect())
}

/// What the value of `/set KEY` can be.
fn set_kind(spec: &CommandSpec, before: &str) -> Option<Kind> {
    let key = before.split_whitespace().nth(1).filter(|_| spec.name == "set")?;
    match Key::parse(key)?.setting().kind {
        config::Kind::Choice(choices) => Some(Kind::Choice(choices)),
        _ => Some(Kind::Word),
    }
}

fn is_used(before: &str, name: &str) -> bool {
    let keys = before.split_whitespace().filter_map(|word| word.strip_prefix("--"));
    keys.map(|key| key.split('=').next().unwrap_or(key)).any(|key| key == name)
}

fn option_kind(spec: &CommandSpec, key: &str) -> Option<Kind> {
    spec.options.iter().find(|option| option.name == key).map(|option| option.kind)
}

fn of_kind(kind: Option<Kind>, word: &str, known: &Known) -> (usize, Vec<String>) {
    match kind {
        Some(Kind::Choice(choices)) => (0, matching(choices.iter().copied(), word, "")),
        Some(Kind::Choices(choices)) => {
            let start = word.rfind(',').map_or(0, |at| at + 1);
            let found = choices.iter().filter(|choice| choice.starts_with(&word[start..]));
            (start, found.map(|choice| (*choice).to_owned()).collect())
        }
        Some(Kind::Channel) => (0, of_sigil(&format!("#{}", word.trim_start_matches('#')), known)),
        Some(Kind::User) => (0, of_sigil(&format!("@{}", word.trim_start_matches('@')), known)),
        _ => (0, Vec::new()),
    }
}

fn of_sigil(word: &str, known: &Known) -> Vec<String> {
    let (set, sigil) = match word.chars().next() {
        Some('#') => (&known.channels, "#"),
        Some('@') => (&known.users, "@"),
        _ => return Vec::new(),
    };
    matching(set.iter().map(String::as_str), &word[1..], sigil)
}

/// A completed word ends with a space, so that the next one can be typed.
fn matching<'a>(words: impl Iterator<Item = &'a str>, prefix: &str, sigil: &str) -> Vec<String> {
    let found = words.filter(|word| word.starts_with(prefix)).take(COMPLETIONS_MAX);
    found.map(|word| format!("{sigil}{word} ")).collect()
}
