//! Where a profile was last: nothing that could not be found out again.

use std::path::Path;

use super::ProfileError;
use super::files::{read_small, write_atomically};

const FILE: &str = "last";
const FILE_BYTES_MAX: u64 = 4096;

/// Where a profile was last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// `host:port` of the tracker.
    pub tracker: Option<String>,
    /// The current channel, without its sigil.
    pub channel: Option<String>,
}

impl Remembered {
    /// What a profile's directory remembers. A file that cannot be understood remembers nothing.
    #[must_use]
    pub fn load(dir: &Path) -> Self {
        let bytes = read_small(&dir.join(FILE), FILE_BYTES_MAX).ok().flatten().unwrap_or_default();
        let text = String::from_utf8(bytes).unwrap_or_default();
        let value = |key| text.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
        Self { tracker: value("tracker "), channel: value("channel ") }
    }

    /// Keeps it.
    ///
    /// # Errors
    /// [`ProfileError::Disk`]: what was remembered before still is.
    pub fn save(&self, dir: &Path) -> Result<(), ProfileError> {
        let line = |key, value: &Option<String>| value.as_ref().map(|value| format!("{key} {value}\n"));
        let text = [line("tracker", &self.tracker), line("channel", &self.channel)].into_iter().flatten();
        write_atomically(&dir.join(FILE), text.collect::<String>().as_bytes())
    }
}
