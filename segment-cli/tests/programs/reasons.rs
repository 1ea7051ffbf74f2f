//! Every reason that a program of ours gives, provoked in the real programs; and a list of those that cannot be.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use segment_cli::errors::{LocalReason, of_local};
use serde_json::Value;

use crate::support::{PASSWORD, PEER, Program, Town, interrupt, objects, of_type};

/// Reasons that no test provokes in the real programs, and why not.
const ELSEWHERE: &[(LocalReason, &str)] = &[(
    LocalReason::TooManyChannels,
    "it takes 1,025 channels of five owners; the tests of the machines lower the limit, errors/tests.rs has its words",
)];

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
    let mut command = Command::new(PEER);
    command.arg("--dir").arg(town.dir.path()).args(["--json", "--no-tracker"]).args(arguments);
    errors(&command.env_remove("SEGMENT_PASSWORD").output().unwrap())
}

/// Of a script that streams, and of one that would watch.
fn of_streams(town: &Town) -> Vec<Value> {
    let file = town.dir.path().join("a file");
    fs::write(&file, "no film").unwrap();
    let streams = [
        "/stream stop",
        "/stream start #general nosuch.mp4",
        "/stream start #general --size 100x100",
        "/stream start #general --seconds 1",
        "/stream start #general --seconds 1",
        "/stream start #general --seconds 1 --title other",
        "/stream stop",
        &format!("/stream start #general '{}'", file.display()),
    ];
    let mut command = town.command("ken");
    command.args(["--json", "--keep-going"]).args(streams.iter().flat_map(|line| ["-c", line]));
    let mut given = errors(&command.env("PATH", "").output().unwrap());
    let mut ken = town.program("ken");
    ken.done("/stream start #general");
    let out = format!("/stream watch #general --out '{}'", file.display());
    given.extend(of_lines(town, "ben", &["/stream watch #general", &out]));
    given
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
    given.extend(of_streams(&town));
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
    given.extend(of_arguments(&town, &["-P", "new", "--bind", "192.0.2.1", "-c", "/version"]));
    let mut seen = checked(&given);
    assert_eq!(exit_without_reader(&town), i32::from(of_local(LocalReason::Unread).exit.code()));
    seen.insert(LocalReason::Unread);
    seen.extend(checked(&of_silence()));
    seen.extend(checked(&of_damage()));
    seen.extend(checked(&[of_a_full_disk()]));
    let all: BTreeSet<_> = LocalReason::ALL.iter().copied().collect();
    let elsewhere = ELSEWHERE.iter().map(|(reason, _)| *reason).collect();
    let expected: BTreeSet<_> = all.difference(&elsewhere).copied().collect();
    assert_eq!(seen, expected);
}

/// Each says what, and what next, and has the exit code of the table.
fn checked(given: &[Value]) -> BTreeSet<LocalReason> {
    let of = |error: &Value| {
        let name = error["reason"].as_str().unwrap();
        let reason = LocalReason::parse(name).unwrap_or_else(|| panic!("{error}"));
        assert_eq!(error["exit"].as_u64().unwrap(), u64::from(of_local(reason).exit.code()), "{error}");
        assert!(error["text"].as_str().unwrap().len() > 20, "{error}");
        reason
    };
    given.iter().map(of).collect()
}

fn exit_without_reader(town: &Town) -> i32 {
    let mut command = town.command("new");
    let mut child = command.args(["-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(b"/version\n/version\n").unwrap();
    child.wait().unwrap().code().unwrap()
}

/// A message is damaged, and nobody is there who has it whole.
fn of_damage() -> Vec<Value> {
    let mut town = Town::new();
    town.done("ken", &["/register ken", "/create #general", "/send --wait committed #general find me here"]);
    town.stop_tracker();
    crate::healing::damage(&town.profile_dir("ken").join("store.sqlite"), "find me here");
    of_lines(&town, "ken", &["/verify #general"])
}

/// Host and tracker are connected, and stand still.
fn of_silence() -> Vec<Value> {
    const OUTBOX: usize = 1_024;
    let town = Town::new();
    let mut ken = town.program("ken");
    ken.done("/register ken");
    ken.done("/create #general");
    let mut ben = town.program("ben");
    ben.done("/register ben");
    ben.done("/join #general");
    ben.done("/send #general --wait committed before");
    [ken.pid(), town.tracker_pid()].iter().for_each(|pid| signal(*pid, "-STOP"));
    ben.done("/send #general on its way");
    let mut given = vec![ben.refused("/outbox drop all"), ben.refused("/leave #general")];
    ben.say("/verify #general");
    sleep(Duration::from_millis(500));
    interrupt(ben.pid());
    given.push(ben.refused("/verify #general"));
    given.push(ben.refused("/ping"));
    (1..OUTBOX).for_each(|number| ben.say(&format!("/send #general {number}")));
    (1..OUTBOX).for_each(|_| drop(ben.answer()));
    given.push(ben.refused("/send #general one too many"));
    signal(town.tracker_pid(), "-CONT");
    signal(ken.pid(), "-CONT");
    given
}

/// Files may not grow beyond so many blocks.
fn of_a_full_disk() -> Value {
    let town = Town::new();
    town.done("ken", &["/register ken", "/create #general"]);
    let command = town.command("ken");
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 1500; exec \"$0\" \"$@\""]);
    limited.arg(command.get_program()).args(command.get_args()).env("SEGMENT_PASSWORD", PASSWORD);
    let mut ken = Program::start(limited.arg("--json"));
    let text = "x".repeat(8_000);
    (0..400).for_each(|_| ken.try_say(&format!("/send #general {text}")));
    let end = ken.hear("the end", |value| value["command"] == "segment-peer");
    assert_eq!(ken.ended(), 1);
    end
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}
