//! Where a password comes from when nobody types it, and how it is kept from view.

use std::fmt;
use std::io::{self, Read};
use std::process::{Command, Stdio};

/// A longer one is not read.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// What is read of a command's output: a password of the longest kind and the end of its line.
const OUTPUT_BYTES_MAX: usize = PASSWORD_BYTES_MAX + 2;

/// A password; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Where the password comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// The first line that a command prints.
    Command(String),
    /// The variable `SEGMENT_PASSWORD`.
    Variable(Password),
    /// Whoever is at the terminal.
    Ask,
}

/// There is no password; nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The command cannot be started or read.
    #[error("the password command cannot be run ({0}); correct --password-cmd")]
    Unrunnable(io::Error),
    /// The command ended with an error.
    #[error("the password command failed ({0}); correct --password-cmd")]
    Failed(std::process::ExitStatus),
    /// An empty first line.
    #[error("the password is empty; give one")]
    Empty,
    /// More than [`PASSWORD_BYTES_MAX`] bytes.
    #[error("the password has more than {PASSWORD_BYTES_MAX} bytes; give a shorter one")]
    TooLong,
    /// Not UTF-8.
    #[error("the password is not UTF-8 text; give another one")]
    NotText,
    /// The second one differs from the first one.
    #[error("the two passwords differ; try again")]
    Differ,
    /// Ctrl-C in place of a password.
    #[error("given up: no password was typed, and nothing was done")]
    GivenUp,
    /// Nobody can be asked.
    #[error("there is no terminal to ask for the password ({0}); use --password-cmd or SEGMENT_PASSWORD")]
    NoTerminal(io::Error),
}

impl Password {
    /// Checks what was given.
    ///
    /// # Errors
    /// [`PasswordError::Empty`] or [`PasswordError::TooLong`].
    pub fn new(text: String) -> Result<Self, PasswordError> {
        match text.len() {
            0 => Err(PasswordError::Empty),
            1..=PASSWORD_BYTES_MAX => Ok(Self(text)),
            _ => Err(PasswordError::TooLong),
        }
    }

    /// The same, where it was given twice.
    ///
    /// # Errors
    /// [`PasswordError::Differ`]
    pub fn confirmed(self, second: &str) -> Result<Self, PasswordError> {
        if self.0 == second { Ok(self) } else { Err(PasswordError::Differ) }
    }

    /// The text, for the one who sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl PasswordSource {
    /// Flags and `SEGMENT_PASSWORD_CMD` win over `SEGMENT_PASSWORD`, this over the settings files.
    ///
    /// # Errors
    /// A variable that is set, but holds no password.
    pub fn choose(
        from_arguments: Option<String>,
        variable: Option<String>,
        from_files: Option<String>,
    ) -> Result<Self, PasswordError> {
        match (from_arguments, variable, from_files) {
            (Some(command), _, _) | (None, None, Some(command)) => Ok(Self::Command(command)),
            (None, Some(password), _) => Password::new(password).map(Self::Variable),
            (None, None, None) => Ok(Self::Ask),
        }
    }
}

/// Runs a command and takes the first line of its output. It may ask at the terminal itself, so it
/// may take long: keep it off the threads that carry messages.
///
/// # Errors
/// [`PasswordError`]
pub fn from_command(command: &str) -> Result<Password, PasswordError> {
    let mut shell = shell(command);
    let mut child = shell.stdout(Stdio::piped()).spawn().map_err(PasswordError::Unrunnable)?;
    let mut output = Vec::new();
    let read = match child.stdout.take() {
        Some(stdout) => stdout.take(OUTPUT_BYTES_MAX as u64).read_to_end(&mut output),
        None => Ok(0),
    };
    let status = child.wait().map_err(PasswordError::Unrunnable)?;
    read.map_err(PasswordError::Unrunnable)?;
    let line = output.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.len() > PASSWORD_BYTES_MAX {
        return Err(PasswordError::TooLong);
    }
    // A command whose output is not read to its end may well end with an error.
    let is_whole = output.len() < OUTPUT_BYTES_MAX;
    if is_whole && !status.success() {
        return Err(PasswordError::Failed(status));
    }
    let text = str::from_utf8(line).map_err(|_| PasswordError::NotText)?;
    Password::new(text.trim_end_matches('\r').to_owned())
}

#[cfg(unix)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    shell
}

#[cfg(not(unix))]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    shell.args(["/C", command]);
    shell
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn arguments_win_over_the_variable_and_this_over_the_files() {
        let choose = PasswordSource::choose;
        let variable = PasswordSource::Variable(Password::new("v".into()).unwrap());
        assert_eq!(choose(some("a"), some("v"), some("f")).unwrap(), PasswordSource::Command("a".into()));
        assert_eq!(choose(None, some("v"), some("f")).unwrap(), variable);
        assert_eq!(choose(None, None, some("f")).unwrap(), PasswordSource::Command("f".into()));
        assert_eq!(choose(None, None, None).unwrap(), PasswordSource::Ask);
        assert!(matches!(choose(None, some(""), None), Err(PasswordError::Empty)));
    }

    #[cfg(unix)]
    #[test]
    fn the_first_line_of_a_command_is_the_password() {
        for command in
            ["echo 'pass word'", "echo 'pass word'; yes", "printf 'pass word\\r\\nsecond'", "printf 'pass word'"]
        {
            assert_eq!(from_command(command).unwrap().expose(), "pass word", "{command}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn commands_without_a_password_are_refused() {
        type Check = fn(&PasswordError) -> bool;
        let cases: [(&str, Check); 7] = [
            ("echo half; exit 3", |e| matches!(e, PasswordError::Failed(_))),
            ("exit 3", |e| matches!(e, PasswordError::Failed(_))),
            ("no-such-command-here 2>/dev/null", |e| matches!(e, PasswordError::Failed(_))),
            ("true", |e| matches!(e, PasswordError::Empty)),
            ("echo", |e| matches!(e, PasswordError::Empty)),
            ("printf '\\377\\n'", |e| matches!(e, PasswordError::NotText)),
            ("yes | tr -d '\\n'", |e| matches!(e, PasswordError::TooLong)),
        ];
        for (command, is_expected) in cases {
            let error = from_command(command).unwrap_err();
            assert!(is_expected(&error), "{command}: {error}");
        }
    }

    #[test]
    fn a_password_is_not_shown_and_a_new_one_is_given_twice() {
        let password = Password::new("hunter2".into()).unwrap().confirmed("hunter2").unwrap();
        assert!(!format!("{password:?}").contains("hunter2"));
        assert!(matches!(password.confirmed("b"), Err(PasswordError::Differ)));
        assert!(matches!(Password::new("x".repeat(1025)), Err(PasswordError::TooLong)));
    }
}
