//! The process's share of open files: each link takes one.

/// How many files this process may have open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFiles {
    /// The limit when the process started; `None` means without limit.
    pub before: Option<u64>,
    /// The limit from now on.
    pub now: Option<u64>,
}

/// Raises the soft limit of open files as far as the system allows, and says how far that is.
///
/// A system that refuses leaves the limit as it was: `now` tells.
#[cfg(unix)]
#[must_use]
pub fn raise_open_files() -> OpenFiles {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let now = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    OpenFiles { before: limit.current, now }
}

/// This system has no such limit.
#[cfg(not(unix))]
#[must_use]
pub fn raise_open_files() -> OpenFiles {
    OpenFiles { before: None, now: None }
}
