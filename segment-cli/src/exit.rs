//! How a program of ours ends.

use std::process;

/// The exit code of `segment-peer` and `segment-tracker`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// Everything asked for was done.
    Done = 0,
    /// Understood, but refused, by the other side or by this machine.
    Refused = 1,
    /// The command line or a command in it could not be understood; nothing was sent.
    BadCommand = 2,
    /// The tracker could not be reached.
    NoConnection = 3,
    /// Not logged in, or without the right.
    NotAllowed = 4,
    /// There is no such channel, user or message.
    NotFound = 5,
    /// Kept on this machine and sent later; the id is on standard output.
    WaitingInOutbox = 6,
    /// Ended by Ctrl-C.
    Interrupted = 130,
    /// Whoever read the output has gone, as `head` does; nothing is said about it.
    Unread = 141,
}

impl ExitCode {
    /// Every code, lowest first.
    pub const ALL: [Self; 9] = [
        Self::Done,
        Self::Refused,
        Self::BadCommand,
        Self::NoConnection,
        Self::NotAllowed,
        Self::NotFound,
        Self::WaitingInOutbox,
        Self::Interrupted,
        Self::Unread,
    ];

    /// The number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What it means, for the documentation.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::BadCommand => "bad command",
            Self::NoConnection => "no connection",
            Self::NotAllowed => "not allowed",
            Self::NotFound => "not found",
            Self::WaitingInOutbox => "waiting in the outbox",
            Self::Interrupted => "interrupted",
            Self::Unread => "nobody reads the output any more",
        }
    }

    /// What a script with `--keep-going` ends with: the first code that was not [`ExitCode::Done`].
    #[must_use]
    pub const fn then(self, next: Self) -> Self {
        match self {
            Self::Done => next,
            first => first,
        }
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.code())
    }
}

#[cfg(test)]
mod tests {
    use super::ExitCode;

    #[test]
    fn the_numbers_are_those_of_the_documentation() {
        let numbers = ExitCode::ALL.map(ExitCode::code);
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 130, 141]);
    }

    #[test]
    fn the_first_failure_decides() {
        let ends = [ExitCode::Done, ExitCode::NotFound, ExitCode::Refused, ExitCode::Done];
        assert_eq!(ends.into_iter().fold(ExitCode::Done, ExitCode::then), ExitCode::NotFound);
    }
}
