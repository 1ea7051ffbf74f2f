//! The keys of trackers, trusted on first use: one line `address key` each.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use segment_proto::DeviceId;

use super::ProfileError;
use super::files::{read_small, write_atomically};

const PINS_FILE: &str = "trackers";
/// So many trackers are remembered; a further one is refused, for none may be forgotten silently.
pub(super) const PINS_MAX: usize = 1_000;
const FILE_BYTES_MAX: u64 = 512 * 1024;

/// The keys of the trackers that a profile has met.
#[derive(Clone, Debug)]
pub struct Pins {
    path: PathBuf,
    keys: BTreeMap<String, DeviceId>,
}

/// What a key that a tracker has shown turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinOutcome {
    /// The one that it had before.
    Known,
    /// The first one; it is kept from now on.
    FirstUse,
}

impl Pins {
    /// Reads the keys of a profile's directory.
    ///
    /// # Errors
    /// [`ProfileError::Damaged`]: a key that cannot be read is not treated as if it were not there.
    pub fn load(dir: &Path) -> Result<Self, ProfileError> {
        let path = dir.join(PINS_FILE);
        let bytes = read_small(&path, FILE_BYTES_MAX)?.unwrap_or_default();
        let keys = std::str::from_utf8(&bytes).ok().and_then(parse);
        match keys {
            Some(keys) => Ok(Self { path, keys }),
            None => Err(ProfileError::Damaged { path, what: "a line is not `host:port key`" }),
        }
    }

    /// The key that a tracker must show, if it is known.
    #[must_use]
    pub fn expected(&self, address: &str) -> Option<DeviceId> {
        self.keys.get(address).copied()
    }

    /// Compares a shown key with the pinned one, and pins it where there is none.
    ///
    /// # Errors
    /// [`ProfileError::KeyChanged`]: hang up. The others: the key could not be kept.
    pub fn check(&mut self, address: &str, shown: DeviceId) -> Result<PinOutcome, ProfileError> {
        match self.expected(address) {
            Some(pinned) if pinned == shown => Ok(PinOutcome::Known),
            Some(pinned) => {
                Err(ProfileError::KeyChanged { address: address.to_owned(), pinned, shown, path: self.path.clone() })
            }
            None => self.pin(address, shown).map(|()| PinOutcome::FirstUse),
        }
    }

    fn pin(&mut self, address: &str, key: DeviceId) -> Result<(), ProfileError> {
        if self.keys.len() >= PINS_MAX {
            return Err(ProfileError::TooManyPins { path: self.path.clone(), max: PINS_MAX });
        }
        self.keys.insert(address.to_owned(), key);
        let mut text = String::new();
        for (address, key) in &self.keys {
            let _ = writeln!(text, "{address} {key}");
        }
        write_atomically(&self.path, text.as_bytes())
    }
}

fn parse(text: &str) -> Option<BTreeMap<String, DeviceId>> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<(String, DeviceId)> {
    let (address, key) = line.split_once(' ')?;
    Some((address.to_owned(), DeviceId::from_hex(key.trim())?))
}
