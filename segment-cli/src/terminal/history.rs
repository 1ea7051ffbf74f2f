//! Lines that Up recalls, kept with the profile.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::commands::{Aliases, parse};
use crate::grammar::Origin;
use crate::profile::{private_file, write_atomically};

/// Older lines are forgotten.
pub const HISTORY_LINES_MAX: usize = 1_000;
/// A file of more bytes is not read: it is not ours.
const HISTORY_BYTES_MAX: u64 = 16 << 20;
/// The first line, which says how line ends are written within a line.
const HEAD: &str = "#V2";

/// Whether a line is kept: one that was understood and does not begin with a space. A password
/// typed behind `/login NAME` by mistake is not understood, so it is not kept.
#[must_use]
pub fn is_kept(line: &str, aliases: &Aliases) -> bool {
    !line.starts_with(char::is_whitespace) && matches!(parse(&aliases.expand(line), Origin::Prompt), Ok(Some(_)))
}

/// The lines, and their file if there is a profile to keep it in and the disk lets us. Without it
/// lines are recalled only as long as the program runs.
#[derive(Debug, Default)]
pub(super) struct History {
    lines: Vec<String>,
    path: Option<PathBuf>,
    /// In the file.
    written: usize,
}

impl History {
    pub fn open(path: Option<PathBuf>) -> Self {
        let Some(path) = path else { return Self::default() };
        match prepare(&path).and_then(|()| read(&path)) {
            Ok(lines) => Self { written: lines.len(), lines, path: Some(path) }.shortened(),
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "the history of typed lines cannot be used");
                Self::default()
            }
        }
    }

    /// Oldest first.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    pub fn remember(&mut self, line: &str, aliases: &Aliases) {
        if !is_kept(line, aliases) || self.lines.last().is_some_and(|last| last == line) {
            return;
        }
        self.push(line);
        if let Some(path) = &self.path {
            match append(path, line, self.written) {
                Ok(()) => self.written += 1,
                Err(error) => tracing::warn!(%error, path = %path.display(), "a typed line cannot be kept"),
            }
        }
    }

    fn push(&mut self, line: &str) {
        self.lines.push(line.to_owned());
        if self.lines.len() > HISTORY_LINES_MAX {
            self.lines.remove(0);
        }
    }

    /// A refused line is recalled as long as the program runs. It is not written down: it may be a mistyped secret.
    pub fn hold(&mut self, line: &str) {
        if !line.starts_with(char::is_whitespace) && self.lines.last().is_none_or(|last| last != line) {
            self.push(line);
        }
    }

    /// The newest lines, and the file with them only.
    fn shortened(mut self) -> Self {
        let surplus = self.lines.len().saturating_sub(HISTORY_LINES_MAX);
        if surplus > 0 {
            self.lines.drain(..surplus);
            self.written = self.lines.len();
            let lines: Vec<String> = self.lines.iter().map(|line| escaped(line)).collect();
            let content = format!("{HEAD}\n{}\n", lines.join("\n"));
            if let Some(Err(error)) = self.path.as_ref().map(|path| write_atomically(path, content.as_bytes())) {
                tracing::warn!(%error, "the history of typed lines cannot be shortened");
            }
        }
        self
    }
}

/// The file exists, and only its owner may read it.
fn prepare(path: &Path) -> std::io::Result<()> {
    let file = private_file().create(true).truncate(false).open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    drop(file);
    Ok(())
}

fn read(path: &Path) -> std::io::Result<Vec<String>> {
    if fs::metadata(path)?.len() > HISTORY_BYTES_MAX {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    let text = String::from_utf8_lossy(&fs::read(path)?).into_owned();
    Ok(text.lines().filter(|line| !line.is_empty() && *line != HEAD).map(unescaped).collect())
}

fn append(path: &Path, line: &str, written: usize) -> std::io::Result<()> {
    let head = if written == 0 { format!("{HEAD}\n") } else { String::new() };
    let mut file = fs::OpenOptions::new().append(true).open(path)?;
    file.write_all(format!("{head}{}\n", escaped(line)).as_bytes())
}

fn escaped(line: &str) -> String {
    line.replace('\\', "\\\\").replace('\n', "\\n")
}

fn unescaped(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars();
    while let Some(character) = chars.next() {
        match character {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn lines_come_back_as_they_were_and_the_oldest_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history");
        let mut history = History::open(Some(path.clone()));
        for number in 0..HISTORY_LINES_MAX + 5 {
            history.remember(&format!("line {number}\nwith \\n and \\"), &Aliases::default());
        }
        let again = History::open(Some(path.clone()));
        assert_eq!(again.lines, history.lines);
        assert_eq!(again.lines.len(), HISTORY_LINES_MAX);
        assert_eq!(again.lines[0], "line 5\nwith \\n and \\");
        assert_eq!(fs::read_to_string(path).unwrap().lines().count(), HISTORY_LINES_MAX + 1);
    }

    #[test]
    fn a_line_is_kept_once_and_secrets_never() {
        let mut history = History::default();
        for line in ["hi", "hi", " hidden", "/login ken hunter2", "/nonsense", "ho"] {
            history.remember(line, &Aliases::default());
        }
        assert_eq!(history.lines, ["hi", "ho"]);
    }

    #[test]
    fn a_refused_line_is_recalled_and_not_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history");
        let mut history = History::open(Some(path.clone()));
        history.remember("hi", &Aliases::default());
        [" hidden", "/login ken hunter2", "hi", "hi"].iter().for_each(|line| history.hold(line));
        assert_eq!(history.lines, ["hi", "/login ken hunter2", "hi"]);
        assert_eq!(fs::read_to_string(path).unwrap(), "#V2\nhi\n");
    }
}
