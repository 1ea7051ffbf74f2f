//! Lines that Up recalls, kept with the profile.

use std::fs;
use std::path::{Path, PathBuf};

use rustyline::history::FileHistory;
use rustyline::{Editor, Helper};

use crate::commands::{Aliases, parse};
use crate::grammar::Origin;
use crate::profile::private_file;

/// Older lines are forgotten.
pub const HISTORY_LINES_MAX: usize = 1_000;

/// Whether a line is kept: one that was understood and does not begin with a space. A password
/// typed behind `/login NAME` by mistake is not understood, so it is not kept.
#[must_use]
pub fn is_kept(line: &str, aliases: &Aliases) -> bool {
    !line.starts_with(char::is_whitespace) && matches!(parse(&aliases.expand(line), Origin::Prompt), Ok(Some(_)))
}

/// The file, if there is a profile to keep it in and the disk lets us. Without it lines are
/// recalled only as long as the program runs.
pub(super) struct History {
    path: Option<PathBuf>,
}

impl History {
    pub fn open(path: Option<PathBuf>) -> Self {
        Self { path: path.filter(|path| prepare(path).is_ok()) }
    }

    pub fn load<H: Helper>(&self, editor: &mut Editor<H, FileHistory>) {
        let Some(path) = &self.path else { return };
        if let Err(error) = editor.load_history(path) {
            tracing::warn!(%error, path = %path.display(), "the history of typed lines cannot be read");
        }
    }

    pub fn remember<H: Helper>(&self, editor: &mut Editor<H, FileHistory>, line: &str, aliases: &Aliases) {
        if !is_kept(line, aliases) || editor.add_history_entry(line).is_err() {
            return;
        }
        let Some(path) = &self.path else { return };
        if let Err(error) = editor.append_history(path) {
            tracing::warn!(%error, path = %path.display(), "a typed line cannot be kept");
        }
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
