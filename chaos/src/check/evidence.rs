//! What the checker reads.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::export::Export;
use super::ledger::Ledger;

/// The evidence cannot be read; nothing is proven.
#[derive(Debug)]
pub enum EvidenceError {
    /// A file cannot be read.
    Disk(PathBuf, io::Error),
    /// A line of a member's log is not what a member writes.
    Ledger {
        /// Whose.
        member: u16,
        /// Which line.
        line: usize,
        /// What it says.
        text: String,
    },
    /// A line of an export is not what a program writes.
    Export {
        /// Whose.
        party: String,
        /// Which line.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// No member's log, or fewer than two exports.
    Empty(PathBuf),
}

impl std::fmt::Display for EvidenceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disk(path, error) => write!(f, "{}: {error}: nothing was checked", path.display()),
            Self::Ledger { member, line, text } => {
                write!(f, "line {line} of member {member}'s log is none of a chaos run: {text:?}; nothing was checked")
            }
            Self::Export { party, line, why } => {
                write!(f, "line {line} of {party}'s export cannot be read ({why}); nothing was checked")
            }
            Self::Empty(dir) => {
                write!(f, "{} has not at least one log and two exports; nothing was checked", dir.display())
            }
        }
    }
}

impl std::error::Error for EvidenceError {}

/// The members' logs, and everybody's exports.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// By member.
    pub ledgers: BTreeMap<u16, Ledger>,
    /// By party.
    pub exports: BTreeMap<String, Export>,
}

impl Evidence {
    /// Reads `acks/mN.log` and `exports/PARTY.json` of a directory.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub fn load(dir: &Path) -> Result<Self, EvidenceError> {
        let mut evidence = Self::default();
        for (name, path) in files(&dir.join("acks"), "log")? {
            let Some(member) = name.strip_prefix('m').and_then(|number| number.parse().ok()) else { continue };
            let text = fs::read_to_string(&path).map_err(|error| EvidenceError::Disk(path, error))?;
            evidence.ledgers.insert(member, Ledger::parse(member, &text)?);
        }
        for (party, path) in files(&dir.join("exports"), "json")? {
            let file = File::open(&path).map_err(|error| EvidenceError::Disk(path, error))?;
            let export = Export::parse(&party, BufReader::new(file))?;
            evidence.exports.insert(party, export);
        }
        if evidence.ledgers.is_empty() || evidence.exports.len() < 2 {
            return Err(EvidenceError::Empty(dir.to_owned()));
        }
        Ok(evidence)
    }

    /// The part of it that is about one channel.
    #[must_use]
    pub fn of_channel(&self, channel: u16) -> Self {
        let mut part = Self::default();
        for (&member, ledger) in &self.ledgers {
            let fates = ledger.fates.get(&channel).map(|fates| (channel, fates.clone()));
            let device = ledger.device.clone();
            part.ledgers.insert(member, Ledger { device, fates: fates.into_iter().collect(), torn: 0 });
        }
        for (party, export) in &self.exports {
            let rows = export.channels.get(&channel).map(|rows| (channel, rows.clone()));
            let export = Export { channels: rows.into_iter().collect(), contradictions: Vec::new() };
            part.exports.insert(party.clone(), export);
        }
        part
    }
}

fn files(dir: &Path, ending: &str) -> Result<Vec<(String, PathBuf)>, EvidenceError> {
    let failed = |error| EvidenceError::Disk(dir.to_owned(), error);
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).map(str::to_owned);
        if let (Some(name), true) = (name, path.extension().is_some_and(|found| found == ending)) {
            found.push((name, path));
        }
    }
    Ok(found)
}
