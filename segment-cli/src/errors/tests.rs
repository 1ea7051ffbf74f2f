#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use segment_core::peer::CommandError;
use segment_core::replica::SendError;
use segment_proto::messages::Failure;
use segment_proto::names::NameError;
use segment_proto::{DeviceId, Reason, Status};

use super::*;
use crate::exit::ExitCode;

fn rows() -> impl Iterator<Item = Row> {
    let wire = Reason::ALL.iter().copied().map(of_wire);
    wire.chain(LocalReason::ALL.iter().copied().map(of_local))
}

#[test]
fn every_reason_has_a_name_of_its_own_and_says_what_and_what_next() {
    let mut names = BTreeSet::new();
    for row in rows() {
        assert!(names.insert(row.name), "{row:?}");
        assert!(row.text.len() >= 20 && row.text.len() <= 140, "{row:?}");
        assert_ne!(row.exit, ExitCode::Done, "{row:?}");
        assert_ne!(row.status, Status::Ok, "{row:?}");
    }
}

/// What a script may rely on: the class of a reason and its exit code belong together.
#[test]
fn unauthorized_is_not_allowed_and_nothing_else_is() {
    for row in rows() {
        let is_unauthorized = row.status == Status::Unauthorized;
        assert_eq!(row.exit == ExitCode::NotAllowed, is_unauthorized, "{row:?}");
    }
}

#[test]
fn the_exit_codes_are_those_of_the_documentation() {
    let cases = [
        (Reason::NoSuchChannel, 5),
        (Reason::NoSuchUser, 5),
        (Reason::Gone, 5),
        (Reason::WrongCredentials, 4),
        (Reason::MayNotSend, 4),
        (Reason::MayNotStream, 4),
        (Reason::MembersOnly, 4),
        (Reason::NoVisitors, 4),
        (Reason::HostAway, 6),
        (Reason::TailFull, 6),
        (Reason::Replaced, 3),
        (Reason::ShuttingDown, 3),
        (Reason::NameTaken, 1),
        (Reason::SlowDown, 1),
        (Reason::BadName, 2),
    ];
    for (reason, exit) in cases {
        assert_eq!(of_wire(reason).exit.code(), exit, "{reason}");
    }
    assert_eq!(of_local(LocalReason::Waiting).exit, ExitCode::WaitingInOutbox);
    assert_eq!(of_local(LocalReason::Unreachable).exit, ExitCode::NoConnection);
}

#[test]
fn every_refused_command_becomes_a_problem_of_the_table() {
    let key = DeviceId([7; 32]);
    let errors = [
        (CommandError::NotConnected, "not_connected"),
        (CommandError::NotLoggedIn, "login_required"),
        (CommandError::Busy, "busy"),
        (CommandError::ShutDown, "stopped"),
        (CommandError::BadName(NameError::Empty), "bad_name"),
        (CommandError::BadPassword, "bad_password"),
        (CommandError::OtherTracker { known: key, given: key }, "other_tracker"),
        (CommandError::NotJoined, "not_joined"),
        (CommandError::TooManyChannels(9), "too_many_channels"),
        (CommandError::HostedHere, "hosted_here"),
        (CommandError::NotHosted, "not_host"),
        (CommandError::Unsent(3), "unsent"),
        (CommandError::OwnerOnly, "owner_only"),
        (CommandError::Send(SendError::TooLong(8)), "too_long"),
        (CommandError::Send(SendError::OutboxFull(8)), "outbox_full"),
        (CommandError::Send(SendError::NotAllowed(Reason::MayNotSend)), "may_not_send"),
    ];
    let known: BTreeSet<_> = rows().map(|row| row.name).collect();
    for (error, reason) in errors {
        let problem = Problem::from(error);
        assert_eq!(problem.reason, reason);
        assert!(known.contains(problem.reason));
    }
}

#[test]
fn what_the_other_side_says_is_passed_on() {
    let failure = Failure { detail: "the tests are busy".into(), ..Failure::retry_after(Reason::SlowDown, 2_500) };
    let problem = Problem::from(failure);
    assert_eq!((problem.reason, problem.retry_after_ms), ("slow_down", 2_500));
    assert!(problem.text.contains("the tests are busy") && problem.text.ends_with("again in 3 s"), "{problem}");
}

#[test]
fn the_errors_of_the_documentation_are_those_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors.md");
    if env::var_os("SEGMENT_BLESS").is_some() {
        fs::write(&path, reference()).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, reference(), "run: SEGMENT_BLESS=1 cargo test -p segment-cli errors");
}
