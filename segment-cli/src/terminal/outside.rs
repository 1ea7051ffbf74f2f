//! Programs that get the terminal for a while: the person's editor and pager.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::{env, fs};

use super::keys::cleaned;
use crate::grammar::LINE_BYTES_MAX;
use crate::profile::private_file;

const EDITOR: &str = "vi";
/// Ends at once where everything fits, shows colours, leaves the text on the screen, and says how to go on.
const PAGER_OPTIONS: &str = "FRXPsSpace goes on, q comes back to the chat";
/// How a shell says that there is no such program.
const NOT_FOUND: i32 = 127;

/// Lets the person's editor change a text.
///
/// # Errors
/// There is no such editor, it has failed, or the text cannot be written: the text stays as it was.
pub(super) fn edit(text: &str) -> io::Result<String> {
    let file = Draft::new(text)?;
    let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| EDITOR.to_owned());
    let status = shell(&format!("{editor} \"$1\"")).arg("segment").arg(&file.path).status()?;
    if !status.success() {
        return Err(io::Error::other(format!("{editor} has ended with {status}: the line is as it was")));
    }
    file.read()
}

/// Shows a text page by page. Says whether it could.
pub(super) fn page(text: &str, pager: &str) -> io::Result<bool> {
    let mut command = shell(pager);
    if env::var_os("LESS").is_none() {
        command.env("LESS", PAGER_OPTIONS);
    }
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // Who has seen enough reads no further.
        let _ = input.write_all(text.as_bytes());
    }
    Ok(was_found(child.wait()?))
}

fn was_found(status: ExitStatus) -> bool {
    status.code() != Some(NOT_FOUND)
}

fn shell(line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line);
    command
}

fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// A file that only its owner may read, and that is gone with this value.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn new(text: &str) -> io::Result<Self> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let name = format!("segment-{:016x}.txt", u64::from_le_bytes(random));
        let path = env::temp_dir().join(name);
        let mut file = private_file().create_new(true).open(&path)?;
        let draft = Self { path };
        file.write_all(text.as_bytes())?;
        Ok(draft)
    }

    fn read(&self) -> io::Result<String> {
        let mut text = String::new();
        fs::File::open(&self.path)?.take(LINE_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
        if text.len() > LINE_BYTES_MAX {
            return Err(io::Error::other("the text is longer than any message: the line is as it was"));
        }
        Ok(cleaned(text.trim_end_matches(['\n', '\r'])))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
