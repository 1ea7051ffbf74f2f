//! What Tab offers, from the command table and from what is known here.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::commands::{CommandSpec, Kind, find, names};
use crate::config::{self, Key};

/// At most so many are offered.
pub const COMPLETIONS_MAX: usize = 200;
/// The newest messages that are offered by number.
const MESSAGES_OFFERED: u64 = 20;
/// Entries of a directory that are looked at.
const ENTRIES_MAX: usize = 2_000;

/// Names that can be completed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Channels, without `#`.
    pub channels: BTreeSet<String>,
    /// Users, without `@`; who spoke last comes first.
    pub users: Vec<String>,
    /// The number of the newest message in the current channel.
    pub newest: u64,
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
    if word.starts_with(['/', '~', '.']) && word.contains('/') {
        return (0, of_path(word));
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
    if word.starts_with(['#', '@', '!']) {
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
        Some(Kind::Message) => (0, of_sigil(&format!("!{}", word.trim_start_matches('!')), known)),
        Some(Kind::User) => (0, of_sigil(&format!("@{}", word.trim_start_matches('@')), known)),
        _ => (0, Vec::new()),
    }
}

fn of_sigil(word: &str, known: &Known) -> Vec<String> {
    let Some(sigil) = word.chars().next() else { return Vec::new() };
    let prefix = &word[sigil.len_utf8()..];
    match sigil {
        '#' => matching(known.channels.iter().map(String::as_str), prefix, "#"),
        '@' => matching(known.users.iter().map(String::as_str), prefix, "@"),
        '!' => {
            let oldest = known.newest.saturating_sub(MESSAGES_OFFERED) + 1;
            let numbers: Vec<String> = (oldest..=known.newest).rev().map(|number| number.to_string()).collect();
            matching(std::iter::once("last").chain(numbers.iter().map(String::as_str)), prefix, "!")
        }
        _ => Vec::new(),
    }
}

/// Files; a directory ends with a slash, so that one can go on in it.
fn of_path(word: &str) -> Vec<String> {
    let (dir, prefix) = word.split_at(word.rfind('/').map_or(0, |at| at + 1));
    let Ok(entries) = fs::read_dir(expanded(dir)) else { return Vec::new() };
    let name = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let is_wanted = name.starts_with(prefix) && (prefix.starts_with('.') || !name.starts_with('.'));
        let is_plain = !name.contains(|c: char| c.is_whitespace() || c.is_control());
        let end = if entry.path().is_dir() { '/' } else { ' ' };
        (is_wanted && is_plain).then(|| format!("{dir}{name}{end}"))
    };
    let mut names: Vec<String> = entries.take(ENTRIES_MAX).filter_map(Result::ok).filter_map(name).collect();
    names.sort();
    names
}

fn expanded(dir: &str) -> PathBuf {
    match (dir.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(below), Some(home)) => PathBuf::from(home).join(below),
        _ => PathBuf::from(dir),
    }
}

/// A completed word ends with a space, so that the next one can be typed.
fn matching<'a>(words: impl Iterator<Item = &'a str>, prefix: &str, sigil: &str) -> Vec<String> {
    let found = words.filter(|word| word.starts_with(prefix)).take(COMPLETIONS_MAX);
    found.map(|word| format!("{sigil}{word} ")).collect()
}
