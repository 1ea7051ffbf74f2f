//! What was wrong, and when: not as it was planned, but as it was carried out.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::plan::{Party, Road};

/// A process is there, but has not said anything yet; or, where it says how it stands, that it is ready.
pub const STARTING: &str = "starting";

/// Where something can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// At a process.
    Process(Party),
    /// On the way between processes.
    Between(Road),
}

impl Place {
    /// The member who alone suffers what is wrong here; none: everybody does.
    const fn member(self) -> Option<u16> {
        match self {
            Self::Process(Party::Member(number)) | Self::Between(Road::ToTracker(Party::Member(number))) => {
                Some(number)
            }
            Self::Process(_) | Self::Between(_) => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(party) => party.fmt(f),
            Self::Between(road) => road.fmt(f),
        }
    }
}

/// Something that was wrong for a while. Times are in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Where.
    pub place: String,
    /// What.
    pub how: String,
    /// The member who alone suffered it; none: everybody did.
    pub member: Option<u16>,
    /// When it began.
    pub from: u64,
    /// When it was over; as it began, where it took no time.
    pub until: u64,
}

/// Notes what is wrong; clones write the same notes.
#[derive(Clone, Debug, Default)]
pub struct Chronicle(Arc<Mutex<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    over: Vec<Trouble>,
    now: BTreeMap<Place, (&'static str, u64)>,
}

impl Chronicle {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is wrong from now on, in place of what was wrong there before.
    pub fn begins(&self, place: Place, how: &'static str) {
        let mut notes = self.notes();
        notes.end(place);
        notes.now.insert(place, (how, millis()));
    }

    /// Nothing is wrong there any more.
    pub fn ends(&self, place: Place) {
        self.notes().end(place);
    }

    /// Something goes wrong in a moment, beside what is wrong there.
    pub fn happens(&self, place: Place, how: &'static str) {
        self.notes().over.push(trouble(place, how, millis()));
    }

    /// Writes what was wrong and is over, for [`read`].
    ///
    /// # Errors
    /// The disk.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut lines = String::new();
        for trouble in &self.notes().over {
            // A string takes everything.
            let _ = writeln!(lines, "{}", serde_json::to_string(trouble)?);
        }
        fs::write(path, lines)
    }
}

impl Notes {
    fn end(&mut self, place: Place) {
        if let Some((how, from)) = self.now.remove(&place) {
            self.over.push(trouble(place, how, from));
        }
    }
}

/// One that is over now.
fn trouble(place: Place, how: &'static str, from: u64) -> Trouble {
    Trouble { place: place.to_string(), how: how.to_owned(), member: place.member(), from, until: millis() }
}

/// What a chronicle has written.
///
/// # Errors
/// The disk, or it is no chronicle.
pub fn read(path: &Path) -> io::Result<Vec<Trouble>> {
    let text = fs::read_to_string(path)?;
    text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::from)).collect()
}

/// Milliseconds since 1970.
#[must_use]
pub fn millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
