//! Directories and files that nobody else may read, written so that a crash leaves the old or the new.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use super::ProfileError;

/// Makes a directory for its owner only, with everything above it; closes it to others if it is open.
///
/// # Errors
/// [`ProfileError::Disk`]
pub fn private_dir(path: &Path) -> Result<(), ProfileError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(ProfileError::disk(path, "made"))?;
    close_to_others(path).map_err(ProfileError::disk(path, "closed to others"))
}

#[cfg(unix)]
fn close_to_others(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if mode(path)? & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn close_to_others(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn mode(path: &Path) -> io::Result<u32> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(path)?.permissions().mode() & 0o777)
}

/// Options for a file that only its owner may read.
#[must_use]
pub fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Replaces a file: after a crash it has its old or its new content, never half of one.
///
/// # Errors
/// [`ProfileError::Disk`]: the old content is still there.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<(), ProfileError> {
    let temporary = path.with_extension("new");
    let written =
        write_synced(&temporary, content).and_then(|()| fs::rename(&temporary, path)).and_then(|()| sync_parent(path));
    written.map_err(ProfileError::disk(path, "written"))
}

fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    // A file left by a crash may be open to others, so it is not used again.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private_file().create_new(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if cfg!(unix) => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// Reads a file of ours; `None` where there is none yet.
pub(super) fn read_small(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, ProfileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ProfileError::disk(path, "opened")(error)),
    };
    let mut content = Vec::new();
    let read = file.take(bytes_max + 1).read_to_end(&mut content);
    read.map_err(ProfileError::disk(path, "read"))?;
    if content.len() as u64 > bytes_max {
        return Err(ProfileError::Damaged { path: path.to_owned(), what: "it is too long" });
    }
    Ok(Some(content))
}

/// Refuses a secret that others may read: it may be known already.
pub(super) fn require_private(path: &Path) -> Result<(), ProfileError> {
    #[cfg(unix)]
    {
        let mode = mode(path).map_err(ProfileError::disk(path, "read"))?;
        if mode & 0o077 != 0 {
            return Err(ProfileError::Exposed { path: path.to_owned(), mode });
        }
    }
    Ok(())
}
