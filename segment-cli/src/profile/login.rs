//! Staying logged in: what a profile needs to come back without a password.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use segment_proto::{SessionId, Token, UserName};
use uuid::Uuid;

use super::ProfileError;
use super::files::{read_small, require_private, write_atomically};

const LOGIN_FILE: &str = "login";
const FILE_BYTES_MAX: u64 = 4096;
const LINES: usize = 4;

/// Who is logged in at which tracker. The token is a secret: the file is 0600.
#[derive(Clone, PartialEq, Eq)]
pub struct SavedLogin {
    /// `host:port` of the tracker.
    pub tracker: String,
    /// The account.
    pub user: UserName,
    /// The session to go on with.
    pub session: SessionId,
    /// What proves that it is ours.
    pub token: Token,
}

impl SavedLogin {
    /// Reads the login of a profile's directory, if there is one.
    ///
    /// # Errors
    /// [`ProfileError::Damaged`], [`ProfileError::Exposed`] or [`ProfileError::Disk`].
    pub fn load(dir: &Path) -> Result<Option<Self>, ProfileError> {
        let path = dir.join(LOGIN_FILE);
        let Some(bytes) = read_small(&path, FILE_BYTES_MAX)? else {
            return Ok(None);
        };
        require_private(&path)?;
        let login = std::str::from_utf8(&bytes).ok().and_then(Self::parse);
        let what = "it is not `tracker`, `user`, `session` and `token` on four lines";
        login.map(Some).ok_or(ProfileError::Damaged { path, what })
    }

    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().collect();
        let [tracker, user, session, token] = <[&str; LINES]>::try_from(lines).ok()?;
        let session = SessionId(Uuid::parse_str(session).ok()?);
        let (user, token) = (UserName::new(user).ok()?, Token::from_hex(token)?);
        Some(Self { tracker: tracker.to_owned(), user, session, token })
    }

    /// Keeps this login in a profile's directory.
    ///
    /// # Errors
    /// [`ProfileError::Disk`]: the old one is still there.
    pub fn save(&self, dir: &Path) -> Result<(), ProfileError> {
        let text = format!("{}\n{}\n{}\n{}\n", self.tracker, self.user, self.session, self.token.expose_hex());
        write_atomically(&dir.join(LOGIN_FILE), text.as_bytes())
    }

    /// Forgets the login of a profile's directory.
    ///
    /// # Errors
    /// [`ProfileError::Disk`]: it is still there.
    pub fn forget(dir: &Path) -> Result<(), ProfileError> {
        let path = dir.join(LOGIN_FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ProfileError::disk(&path, "removed")(error)),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for SavedLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SavedLogin({} at {})", self.user, self.tracker)
    }
}
