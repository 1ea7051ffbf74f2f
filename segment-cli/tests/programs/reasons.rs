//! Every reason that a program of ours gives, provoked in the real programs; and a list of those that cannot be.

use std::collections::BTreeSet;
use std::fs;
use std::process::Output;

use segment_cli::errors::{LocalReason, of_local};
use serde_json::Value;

use crate::support::{PEER, Town, objects, of_type};

/// They take a broken disk, a thousand channels or a race; `errors/tests.rs` and the tests of the machines have them.
const ELSEWHERE: &[LocalReason] = &[
    LocalReason::Busy,
    LocalReason::NoAnswer,
    LocalReason::NotHostedHere,
    LocalReason::OnItsWay,
    LocalReason::OutboxFull,
    LocalReason::Start,
    LocalReason::Stopped,
    LocalReason::TooManyChannels,
    LocalReason::Unread,
    LocalReason::Unsent,
];

/// The errors of an output; each says what, and what next, and has the exit code of the table.
fn errors(output: &Output) -> Vec<Value> {
    of_type(&objects(&output.stdout), "error").into_iter().cloned().collect()
}

fn of_lines(town: &Town, profile: &str, lines: &[&str]) -> Vec<Value> {
    let mut command = town.command(profile);
    command.args(["--json", "--keep-going"]).args(lines.iter().flat_map(|line| ["-c", line]));
    errors(&command.output().unwrap())
}

fn of_arguments(town: &Town, arguments: &[&str]) -> Vec<Value> {
    let mut command = std::process::Command::new(PEER);
    command.arg("--dir").arg(town.dir.path()).args(["--json", "--no-tracker"]).args(arguments);
    errors(&command.env_remove("SEGMENT_PASSWORD").output().unwrap())
}

#[test]
fn every_reason_is_given_with_its_exit_code_and_a_way_on() {
    let mut town = Town::new();
    town.done("ken", &["/register ken", "/create #general"]);
    town.done("ben", &["/register ben", "/join #general"]);
    let long = format!("/send #general {}", "x".repeat(9_000));
    let mut given = of_lines(
        &town,
        "ken",
        &[
            "/send hi",
            "/send #nowhere hi",
            "/leave #general",
            "/allow @ken --to #general",
            "/outbox drop 12345",
            "/alias --remove nosuch",
            "/history #general --before !99",
            &long,
            "/disconnect",
            "/ping",
        ],
    );
    fs::create_dir_all(town.profile_dir("broken")).unwrap();
    fs::write(town.profile_dir("broken").join("profile.toml"), "nosuch = 1").unwrap();
    let key = town.url.rsplit('#').next().unwrap();
    let other_key = town.url.replace(key, &"7".repeat(key.len()));
    given.extend(of_arguments(&town, &["-P", "new", &town.url, "-c", "/register new"]));
    given.extend(of_arguments(&town, &["-P", "broken", "-c", "/version"]));
    given.extend(of_arguments(&town, &["-P", "other", &other_key, "-c", "/ping"]));
    given.extend(of_arguments(&town, &["-P", "new", "-f", "no-such-file"]));
    let mut ken = town.program("ken");
    ken.done("/whoami");
    given.extend(of_lines(&town, "ken", &["/version"]));
    ken.quit();
    town.stop_tracker();
    given.extend(of_lines(&town, "ben", &["/send #general waits", "/ping"]));
    let mut seen = BTreeSet::new();
    for error in &given {
        let name = error["reason"].as_str().unwrap();
        let reason = LocalReason::parse(name).unwrap_or_else(|| panic!("{error}"));
        assert_eq!(error["exit"].as_u64().unwrap(), u64::from(of_local(reason).exit.code()), "{error}");
        assert!(error["text"].as_str().unwrap().len() > 20, "{error}");
        seen.insert(reason);
    }
    let all: BTreeSet<_> = LocalReason::ALL.iter().copied().collect();
    let expected: BTreeSet<_> = all.difference(&ELSEWHERE.iter().copied().collect()).copied().collect();
    assert_eq!(seen, expected);
}
