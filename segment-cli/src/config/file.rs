//! A settings file: read with the place of every fault, changed without touching what else stands in it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use toml_edit::{Document, DocumentMut, Item, Table, value};

use super::error::{SettingsError, SettingsFault};
use super::{KEY_NAMES, Key, Kind, Values};
use crate::commands::Aliases;
use crate::grammar::nearest;
use crate::profile::write_atomically;

/// A settings file with more is refused.
pub const SETTINGS_BYTES_MAX: u64 = 64 * 1024;

const ALIASES: &str = "alias";

/// What one file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileSettings {
    /// Settings.
    pub values: Values,
    /// Aliases.
    pub aliases: Aliases,
}

impl FileSettings {
    /// Reads a settings file; none is as good as an empty one.
    ///
    /// # Errors
    /// [`SettingsError::File`] names the file, the line and what to write.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let failed = |why| SettingsError::File { path: path.to_owned(), why };
        let text = read(path).map_err(|error| failed(SettingsFault::Unreadable(error)))?;
        Self::parse(&text).map_err(failed)
    }

    pub(super) fn parse(text: &str) -> Result<Self, SettingsFault> {
        let document = Document::parse(text)?;
        let mut found = Self::default();
        for (name, item) in document.as_table() {
            let key = document.as_table().key(name);
            let line = line_of(text, key.and_then(toml_edit::Key::span));
            found.add(name, item, line, text)?;
        }
        Ok(found)
    }

    fn add(&mut self, name: &str, item: &Item, line: usize, text: &str) -> Result<(), SettingsFault> {
        if name == ALIASES
            && let Some(table) = item.as_table_like()
        {
            return table.iter().try_for_each(|(name, item)| self.add_alias(name, item, text));
        }
        let Some(key) = Key::parse(name) else {
            return Err(SettingsFault::Unknown { line, name: name.to_owned(), near: nearest(name, KEY_NAMES) });
        };
        let written = word_of(item).ok_or_else(|| SettingsFault::NotAValue { line, name: name.to_owned() })?;
        let kept = key.read(&written).map_err(|why| SettingsFault::Value { line, why })?;
        self.values.insert(key, kept);
        Ok(())
    }

    fn add_alias(&mut self, name: &str, item: &Item, text: &str) -> Result<(), SettingsFault> {
        let line = line_of(text, item.span());
        let words = item.as_str().ok_or_else(|| SettingsFault::NotAValue { line, name: name.to_owned() })?;
        self.aliases.keep(name, words).map_err(|why| SettingsFault::Alias { line, why })
    }
}

fn word_of(item: &Item) -> Option<String> {
    item.as_str().map(str::to_owned).or_else(|| item.as_integer().map(|number| number.to_string()))
}

fn line_of(text: &str, span: Option<std::ops::Range<usize>>) -> usize {
    let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
    before.matches('\n').count() + 1
}

/// Writes a setting into a file, or takes it out.
pub(super) fn write_setting(path: &Path, key: Key, written: Option<&str>) -> Result<(), SettingsError> {
    change(path, |document| {
        let item = written.map(|text| match key.setting().kind {
            Kind::Number { .. } => value(text.parse::<i64>().unwrap_or_default()),
            _ => value(text),
        });
        put(document.as_table_mut(), key.as_str(), item);
    })
}

/// Writes an alias into a file, or takes it out.
pub(super) fn write_alias(path: &Path, name: &str, text: Option<&str>) -> Result<(), SettingsError> {
    change(path, |document| {
        let aliases = document.entry(ALIASES).or_insert_with(|| Item::Table(Table::new()));
        if let Some(table) = aliases.as_table_like_mut() {
            match text {
                Some(text) => drop(table.insert(name, value(text))),
                None => drop(table.remove(name)),
            }
        }
    })
}

/// A value that is there keeps the comments around it.
fn put(table: &mut Table, name: &str, item: Option<Item>) {
    let Some(item) = item else {
        table.remove(name);
        return;
    };
    match (table.get_mut(name).and_then(Item::as_value_mut), item.into_value()) {
        (Some(there), Ok(mut value)) => {
            *value.decor_mut() = there.decor().clone();
            *there = value;
        }
        (None, Ok(value)) => drop(table.insert(name, Item::Value(value))),
        (_, Err(_)) => {}
    }
}

fn change(path: &Path, edit: impl FnOnce(&mut DocumentMut)) -> Result<(), SettingsError> {
    let failed = |why| SettingsError::File { path: path.to_owned(), why };
    let text = read(path).map_err(|error| failed(SettingsFault::Unreadable(error)))?;
    let mut document: DocumentMut = text.parse().map_err(|error| failed(SettingsFault::Syntax(error)))?;
    edit(&mut document);
    let text = document.to_string();
    // What is written is what can be read again.
    FileSettings::parse(&text).map_err(failed)?;
    Ok(write_atomically(path, text.as_bytes())?)
}

/// The text of a file; none is as good as an empty one.
fn read(path: &Path) -> io::Result<String> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        opened => opened?,
    };
    let mut text = String::new();
    file.take(SETTINGS_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SETTINGS_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too long"));
    }
    Ok(text)
}
