//! What a disk holds for certain: what was synced. The rest it may hold, have lost, or have torn.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::random::Random;
use crate::trace::{Call, Done};

/// The files of one directory, as a failure of the power may leave them.
#[derive(Debug, Default)]
pub struct Disk {
    contents: BTreeMap<PathBuf, Contents>,
    names: BTreeSet<PathBuf>,
    synced_names: BTreeSet<PathBuf>,
}

#[derive(Debug, Default)]
struct Contents {
    synced: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate(usize),
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Truncate(len) => file.resize(*len, 0),
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                file.resize(file.len().max(end), 0);
                file[*offset..end].copy_from_slice(bytes);
            }
        }
    }
}

/// What becomes of that which was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is lost: each file is cut at what was synced.
    Lost,
    /// Garbage stands where it was written, and behind the end.
    Garbage,
    /// Some of it is there, some is lost, some is torn.
    Mixed,
}

impl Disk {
    pub fn apply(&mut self, call: &Call) {
        match call {
            Call::Create(path) => {
                self.names.insert(path.clone());
                self.contents.entry(path.clone()).or_default();
            }
            Call::Remove(path) => {
                self.names.remove(path);
            }
            Call::Write { path, offset, bytes, result: Done::Well } => {
                self.pending(path).push(Change::Write { offset: *offset as usize, bytes: bytes.clone() });
            }
            Call::Truncate { path, len } => self.pending(path).push(Change::Truncate(*len as usize)),
            Call::Sync { path, result } => self.sync(path, *result),
            Call::Write { result: Done::Failed, .. } | Call::Say(_) => {}
        }
    }

    fn pending(&mut self, path: &Path) -> &mut Vec<Change> {
        &mut self.contents.get_mut(path).unwrap_or_else(|| panic!("{} was never made", path.display())).pending
    }

    /// After a failed sync the system forgets what it could not write: no later sync brings it back.
    fn sync(&mut self, path: &Path, result: Done) {
        let Some(contents) = self.contents.get_mut(path) else {
            if result == Done::Well {
                self.synced_names.clone_from(&self.names);
            }
            return;
        };
        let pending = std::mem::take(&mut contents.pending);
        if result == Done::Well {
            pending.iter().for_each(|change| change.apply(&mut contents.synced));
        }
    }

    /// Whether something of this file, or a name in this directory, is not on the disk.
    pub fn is_unsynced(&self, path: &Path) -> bool {
        match self.contents.get(path) {
            Some(contents) => !contents.pending.is_empty(),
            None => self.names != self.synced_names,
        }
    }

    /// The first file that is not on the disk as a whole.
    pub fn unsynced(&self) -> Option<&Path> {
        let named = |path: &&PathBuf| self.synced_names.contains(*path);
        let name = self.names.iter().find(|path| !named(path));
        let file = self.names.iter().find(|path| self.is_unsynced(path));
        name.or(file).map(PathBuf::as_path)
    }

    /// The files that are found after the power has failed now.
    pub fn image(&self, fate: Fate, random: &mut Random) -> BTreeMap<PathBuf, Vec<u8>> {
        let found = |path: &PathBuf| (path.clone(), self.contents[path].image(fate, random));
        self.synced_names.iter().map(found).collect()
    }
}

impl Contents {
    fn image(&self, fate: Fate, random: &mut Random) -> Vec<u8> {
        let mut file = self.synced.clone();
        for change in &self.pending {
            match fate {
                Fate::Lost => {}
                Fate::Garbage => change.garbage(random).apply(&mut file),
                Fate::Mixed => match random.below(4) {
                    0 => {}
                    1 => change.torn(random).apply(&mut file),
                    2 => change.garbage(random).apply(&mut file),
                    _ => change.apply(&mut file),
                },
            }
        }
        // Nothing can stand behind the end of a file that nothing was ever written to.
        if fate == Fate::Garbage && !file.is_empty() {
            let count = random.below(10_000) as usize;
            file.extend(random.bytes(count));
        }
        file
    }
}

impl Change {
    fn garbage(&self, random: &mut Random) -> Self {
        match self {
            Self::Write { offset, bytes } => Self::Write { offset: *offset, bytes: random.bytes(bytes.len()) },
            other => other.clone(),
        }
    }

    fn torn(&self, random: &mut Random) -> Self {
        match self {
            Self::Write { offset, bytes } => {
                let kept = random.below(bytes.len() as u64 + 1) as usize;
                Self::Write { offset: *offset, bytes: bytes[..kept].to_vec() }
            }
            other => other.clone(),
        }
    }
}
