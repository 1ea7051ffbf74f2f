//! What one party says a channel holds.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::Arc;

use serde::Deserialize;

use super::evidence::EvidenceError;
use super::ledger::Key;
use crate::Label;

/// One place of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Who signed it.
    pub device: Arc<str>,
    /// The rest of its key.
    pub key: Key,
    /// What it says: a message of this run, or something else.
    pub says: Said,
    /// Whether it is committed.
    pub committed: bool,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A message of this run.
    Message(Label),
    /// A text that is none.
    Text(String),
    /// A change of rights, or what cannot be read.
    Other,
}

/// Everything that one party has, by channel and place; `None` is a place that is missing.
#[derive(Clone, Debug, Default)]
pub struct Export {
    /// The places of each channel; place `n` is at `n - 1`.
    pub channels: BTreeMap<u16, Vec<Option<Row>>>,
    /// Places that were told twice, differently.
    pub contradictions: Vec<(u16, u64)>,
}

/// As `segment-peer --json` shows a message; other fields do not matter.
#[derive(Deserialize)]
struct Shown<'a> {
    #[serde(rename = "type", borrow)]
    kind_of_object: &'a str,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    pos: u64,
    key: Option<ShownKey<'a>>,
    #[serde(default)]
    kind: &'a str,
    text: Option<String>,
    #[serde(default)]
    stage: &'a str,
    event: Option<&'a str>,
}

#[derive(Deserialize)]
struct ShownKey<'a> {
    #[serde(borrow)]
    device: &'a str,
    incarnation: u32,
    seq: u64,
}

/// More places than this are no channel of a chaos run.
const PLACES_MAX: u64 = 100_000_000;

impl Export {
    /// Reads what a program printed: one JSON object per line.
    ///
    /// # Errors
    /// [`EvidenceError::Export`]: a line is not what a program writes.
    pub fn parse(party: &str, lines: impl BufRead) -> Result<Self, EvidenceError> {
        let mut export = Self::default();
        let mut devices: BTreeMap<String, Arc<str>> = BTreeMap::new();
        for (number, line) in lines.lines().enumerate() {
            let bad = |why: String| EvidenceError::Export { party: party.to_owned(), line: number + 1, why };
            let line = line.map_err(|error| bad(error.to_string()))?;
            // Only messages matter; answers of other kinds may reuse names of fields for other types.
            if !line.starts_with("{\"type\":\"message\"") {
                continue;
            }
            let shown: Shown<'_> = serde_json::from_str(&line).map_err(|error| bad(error.to_string()))?;
            if shown.kind_of_object == "message" && shown.event.is_none() {
                export.take(shown, &mut devices).ok_or_else(|| bad("not a message of a chaos run".to_owned()))?;
            }
        }
        Ok(export)
    }

    fn take(&mut self, shown: Shown<'_>, devices: &mut BTreeMap<String, Arc<str>>) -> Option<()> {
        let channel: u16 = shown.channel.strip_prefix("#c")?.parse().ok()?;
        let key = shown.key?;
        let device = devices.entry(key.device.to_owned()).or_insert_with(|| key.device.into()).clone();
        let says = match (shown.kind, shown.text) {
            ("text", Some(text)) => text.parse().map_or(Said::Text(text), Said::Message),
            _ => Said::Other,
        };
        let key = Key { incarnation: key.incarnation, seq: key.seq };
        let row = Row { device, key, says, committed: shown.stage == "committed" };
        let pos = Some(shown.pos).filter(|pos| (1..=PLACES_MAX).contains(pos))?;
        let index = usize::try_from(pos - 1).ok()?;
        let rows = self.channels.entry(channel).or_default();
        if rows.len() <= index {
            rows.resize(index + 1, None);
        }
        let place = rows.get_mut(index)?;
        if place.as_ref().is_some_and(|before| *before != row) {
            self.contradictions.push((channel, pos));
        }
        *place = Some(row);
        Some(())
    }
}
