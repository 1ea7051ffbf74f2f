//! A command that was not carried out.

use std::fmt;

use segment_core::peer::CommandError;
use segment_core::replica::SendError as MachineSendError;
use segment_net::{NotDelivered, RequestError, SendError, Stopped};
use segment_proto::messages::Failure;
use segment_proto::pending::NoAnswer;
use segment_proto::{Reason, Status};

use super::table::{LocalReason, Row, of_local, of_wire};
use crate::exit::ExitCode;
use crate::grammar::UsageError;
use crate::password::PasswordError;
use crate::profile::ProfileError;

/// What went wrong: its row of the table, and what is special about this time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The stable name of the reason.
    pub reason: &'static str,
    /// The class.
    pub status: Status,
    /// How a script ends.
    pub exit: ExitCode,
    /// What happened, and what to do next.
    pub text: String,
    /// Try again after so many milliseconds; 0: as you like, or never.
    pub retry_after_ms: u32,
    /// The message that it is about, for what waits in the outbox.
    pub id: Option<String>,
    /// The line of a script.
    pub line: Option<usize>,
}

impl Problem {
    fn of(row: Row) -> Self {
        let Row { name, status, exit, text } = row;
        Self { reason: name, status, exit, text: text.to_owned(), retry_after_ms: 0, id: None, line: None }
    }

    /// A reason of this program itself.
    #[must_use]
    pub fn local(reason: LocalReason) -> Self {
        Self::of(of_local(reason))
    }

    /// A reason of the other side.
    #[must_use]
    pub fn wire(reason: Reason) -> Self {
        Self::of(of_wire(reason))
    }

    /// The same with another text.
    #[must_use]
    pub fn saying(self, text: impl fmt::Display) -> Self {
        Self { text: text.to_string(), ..self }
    }

    /// The same in a line of a script.
    #[must_use]
    pub fn at_line(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }

    /// The same about a message.
    #[must_use]
    pub fn about(self, id: String) -> Self {
        Self { id: Some(id), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let mut problem = Self::wire(failure.reason);
        if !failure.detail.is_empty() {
            problem.text = format!("{} ({})", problem.text, failure.detail);
        }
        if failure.retry_after_ms > 0 {
            let seconds = failure.retry_after_ms.div_ceil(1_000);
            problem.text = format!("{}; again in {seconds} s", problem.text);
        }
        Self { status: failure.status, retry_after_ms: failure.retry_after_ms, ..problem }
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        use LocalReason as Local;
        match error {
            CommandError::NotConnected => Self::local(Local::NotConnected),
            CommandError::NotLoggedIn => Self::wire(Reason::LoginRequired),
            CommandError::Busy => Self::local(Local::Busy),
            CommandError::ShutDown => Self::local(Local::Stopped),
            CommandError::BadName(why) => Self::wire(Reason::BadName).saying(why),
            CommandError::BadPassword => Self::wire(Reason::BadPassword),
            CommandError::OtherTracker { .. } => Self::local(Local::OtherTracker).saying(error),
            CommandError::NotJoined => Self::local(Local::NotJoined),
            CommandError::TooManyChannels(_) => Self::local(Local::TooManyChannels).saying(error),
            CommandError::HostedHere => Self::local(Local::HostedHere),
            CommandError::NotHosted => Self::wire(Reason::NotHost),
            CommandError::Unsent(count) => {
                let text = of_local(Local::Unsent).text;
                Self::local(Local::Unsent).saying(format_args!("{count} {text}"))
            }
            CommandError::OwnerOnly => Self::wire(Reason::OwnerOnly),
            CommandError::NoSuchStream => Self::wire(Reason::NoSuchStream),
            CommandError::TooManyStreams(_) => Self::wire(Reason::LimitReached).saying(error),
            CommandError::Send(MachineSendError::NotAllowed(reason)) => Self::wire(reason),
            CommandError::Send(error @ MachineSendError::TooLong(_)) => Self::local(Local::TooLong).saying(error),
            CommandError::Send(error @ MachineSendError::OutboxFull(_)) => Self::local(Local::OutboxFull).saying(error),
        }
    }
}

impl From<NoAnswer> for Problem {
    fn from(_: NoAnswer) -> Self {
        Self::local(LocalReason::NoAnswer)
    }
}

impl From<Stopped> for Problem {
    fn from(_: Stopped) -> Self {
        Self::local(LocalReason::Stopped)
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Command(error) => error.into(),
            RequestError::Refused(failure) => failure.into(),
            RequestError::NoAnswer(error) => error.into(),
            RequestError::OtherAnswer => Self::wire(Reason::Malformed),
            RequestError::Stopped(error) => error.into(),
        }
    }
}

impl From<NotDelivered> for Problem {
    fn from(error: NotDelivered) -> Self {
        match error {
            NotDelivered::Refused { reason, .. } => Self::wire(reason),
            NotDelivered::Stopped => Self::local(LocalReason::Stopped),
        }
    }
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Command(error) => error.into(),
            SendError::NotDelivered(error) => error.into(),
            SendError::Stopped(error) => error.into(),
        }
    }
}

impl From<UsageError> for Problem {
    fn from(error: UsageError) -> Self {
        Self {
            reason: error.reason().as_str(),
            status: Status::RequestError,
            exit: ExitCode::BadCommand,
            text: error.to_string(),
            retry_after_ms: 0,
            id: None,
            line: None,
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        Self::local(LocalReason::NoPassword).saying(error)
    }
}

impl From<ProfileError> for Problem {
    fn from(error: ProfileError) -> Self {
        Self { exit: error.exit_code(), ..Self::local(LocalReason::Profile).saying(error) }
    }
}
