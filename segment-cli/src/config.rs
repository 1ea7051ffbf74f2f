//! Settings: flags, then `SEGMENT_*`, then the profile's file, then the user's file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::commands::Wait;
use crate::url::{TrackerUrl, UrlError};

/// A settings file with more is refused.
pub const SETTINGS_BYTES_MAX: u64 = 64 * 1024;

/// What can be set. `None` leaves the decision to the next source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The tracker to connect to.
    pub tracker: Option<TrackerUrl>,
    /// The address at which other peers reach this one, if it is not the one seen by the tracker.
    pub advertise: Option<String>,
    /// The address on which this peer listens.
    pub bind: Option<String>,
    /// A command whose first line of output is the password.
    pub password_cmd: Option<String>,
    /// How far a message must have come before a send counts as done.
    pub wait: Option<Wait>,
}

impl Settings {
    /// These, and what they leave open from `lower`.
    #[must_use]
    pub fn or(self, lower: Self) -> Self {
        Self {
            tracker: self.tracker.or(lower.tracker),
            advertise: self.advertise.or(lower.advertise),
            bind: self.bind.or(lower.bind),
            password_cmd: self.password_cmd.or(lower.password_cmd),
            wait: self.wait.or(lower.wait),
        }
    }

    /// Reads a settings file; none is as good as an empty one.
    ///
    /// # Errors
    /// [`SettingsError`] names the file and the line.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let failed = |why| SettingsError { path: path.to_owned(), why };
        let text = match read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failed(SettingsFault::Unreadable(error))),
        };
        Self::parse(&text).map_err(failed)
    }

    fn parse(text: &str) -> Result<Self, SettingsFault> {
        let file: SettingsFile = toml::from_str(text)?;
        Ok(Self {
            tracker: file.tracker.map(|url| url.parse()).transpose()?,
            advertise: file.advertise,
            bind: file.bind,
            password_cmd: file.password_cmd,
            wait: file.wait.map(parse_wait).transpose()?,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsFile {
    tracker: Option<String>,
    advertise: Option<String>,
    bind: Option<String>,
    password_cmd: Option<String>,
    wait: Option<String>,
}

/// A settings file that cannot be used; nothing was connected or sent.
#[derive(Debug, thiserror::Error)]
#[error("the settings in {} cannot be used: {why}\ncorrect the file or move it away", path.display())]
pub struct SettingsError {
    /// Which file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: SettingsFault,
}

/// What is wrong with a settings file.
#[derive(Debug, thiserror::Error)]
pub enum SettingsFault {
    /// It cannot be read.
    #[error("it cannot be read ({0})")]
    Unreadable(io::Error),
    /// Not TOML, or a setting that we do not know.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// `tracker` is not an address.
    #[error("tracker: {0}")]
    Tracker(#[from] UrlError),
    /// `wait` is none of its words.
    #[error("wait: {0:?} is none of stored, committed")]
    Wait(String),
}

fn parse_wait(word: String) -> Result<Wait, SettingsFault> {
    Wait::parse(&word).ok_or(SettingsFault::Wait(word))
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(SETTINGS_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SETTINGS_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too long"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::fs;

    use super::*;

    fn settings(text: &str) -> Settings {
        Settings::parse(text).unwrap()
    }

    #[test]
    fn the_higher_source_wins_for_each_setting_alone() {
        let flags = settings("wait = 'stored'");
        let profile = settings("wait = 'committed'\ntracker = 'segment://profile:1'");
        let user = settings("tracker = 'segment://user:1'\nbind = '127.0.0.1:0'");
        let merged = flags.or(profile).or(user);
        assert_eq!(merged.wait, Some(Wait::Stored));
        assert_eq!(merged.tracker.unwrap().host, "profile");
        assert_eq!(merged.bind.as_deref(), Some("127.0.0.1:0"));
        assert_eq!(merged.advertise, None);
    }

    #[test]
    fn no_file_is_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Settings::load(&dir.path().join("none.toml")).unwrap(), Settings::default());
    }

    #[test]
    fn bad_files_are_refused_by_name() {
        let long = format!("# {}", "x".repeat(70_000));
        let cases = [
            ("wait =", ""),
            ("wait = 'soon'", "stored, committed"),
            ("wait = 3", "string"),
            ("tracker = 'http://h'", "segment://"),
            ("trackr = 'segment://h'", "tracker"),
            ("\u{0}", ""),
            (&long, "too long"),
        ];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        for (text, hint) in cases {
            fs::write(&path, text).unwrap();
            let error = Settings::load(&path).unwrap_err().to_string();
            assert!(error.contains("config.toml") && error.contains(hint), "{text:?}: {error}");
        }
        fs::write(&path, b"\xff\xfe").unwrap();
        assert!(Settings::load(&path).is_err());
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(Settings::load(&path).is_err());
    }
}
