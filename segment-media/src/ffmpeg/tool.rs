//! Finds programs, and what they can do.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program is not installed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{program} is not installed: it is needed {what}. Install it (Debian, Ubuntu: apt install {package}; Fedora: dnf install \
     {package}; Arch: pacman -S {package}; macOS: brew install {package}) and try again"
)]
pub struct Missing {
    /// Its name.
    pub program: &'static str,
    /// What it comes with.
    pub package: &'static str,
    /// What cannot be done without it.
    pub what: &'static str,
}

/// Where a program is, by the folders of a `PATH`.
#[must_use]
pub fn find_tool(name: &str, path: &OsStr) -> Option<PathBuf> {
    env::split_paths(path).map(|folder| folder.join(name)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    let Ok(known) = file.metadata() else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        known.is_file() && known.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    known.is_file()
}

/// `ffmpeg`, and what this one can do.
#[derive(Clone, Debug)]
pub struct Tool {
    program: PathBuf,
    encoders: String,
    version: String,
}

impl Tool {
    /// Looks for it in `PATH`.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn find(what: &'static str) -> Result<Self, Missing> {
        Self::find_in(&env::var_os("PATH").unwrap_or_default(), what)
    }

    /// Looks for it there.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn find_in(path: &OsStr, what: &'static str) -> Result<Self, Missing> {
        let missing = || Missing { program: "ffmpeg", package: "ffmpeg", what };
        let program = find_tool("ffmpeg", path).ok_or_else(missing)?;
        let ask = |question: &str| {
            let asked = Command::new(&program).args(["-hide_banner", question]).stdin(Stdio::null()).output();
            asked.map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned()).map_err(|_| missing())
        };
        Ok(Self { encoders: ask("-encoders")?, version: ask("-version")?, program: program.clone() })
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-hide_banner", "-nostdin", "-loglevel", "error"]);
        command
    }

    /// Whether it can write frames of this encoder.
    #[must_use]
    pub fn can(&self, encoder: &str) -> bool {
        self.encoders.lines().any(|line| line.split_whitespace().nth(1) == Some(encoder))
    }

    /// How it is told to keep the times of frames as they are.
    pub(super) fn keep_times(&self) -> &'static str {
        let version = self.version.split_whitespace().nth(2).unwrap_or_default();
        let mut numbers = version.split('.').map(|part| part.parse::<u32>());
        match (numbers.next(), numbers.next()) {
            (Some(Ok(..5)), _) | (Some(Ok(5)), Some(Ok(0))) => "-vsync",
            _ => "-fps_mode",
        }
    }
}
