//! Scripts: exit codes, JSON, and what stops them.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::support::{PEER, Town, objects, of_type, text, texts};

fn code(output: &std::process::Output) -> i32 {
    output.status.code().unwrap()
}

#[test]
fn each_way_to_end_has_its_exit_code() {
    let town = Town::new();
    assert_eq!(code(&town.script("ken", &["/register ken", "/create #general", "/send #general hello"])), 0);
    let cases: [(&str, &[&str], i32, &str); 12] = [
        ("ken", &["/create #general"], 1, "taken"),
        ("ken", &["/register ken"], 1, "logged in"),
        ("ken", &["/nonsense"], 2, "no command"),
        ("ken", &["plain text"], 2, "/send #channel"),
        ("ken", &["/send nowhere to go"], 2, "no channel is the current one"),
        ("ken", &["/leave #general"], 1, "hosted here"),
        ("ken", &["/join #nowhere"], 5, "no channel #nowhere"),
        ("ken", &["/allow @nobody --to #general"], 5, "no such user"),
        ("ken", &["/outbox drop 12345"], 5, "/outbox"),
        ("ken", &["/history #general --before !99"], 5, "no message"),
        ("vera", &["/whoami", "/create #mine"], 4, "logged in"),
        ("vera", &["/guest vera", "/join #general", "/send hi"], 4, "visitors may only read"),
    ];
    for (profile, lines, exit, says) in cases {
        let output = town.script(profile, lines);
        let error = text(&output.stderr);
        assert_eq!(code(&output), exit, "{lines:?}: {error}");
        assert!(error.contains(says), "{lines:?}: {error}");
        assert_eq!(error.is_empty(), exit == 0, "{lines:?}: {error}");
    }
}

#[test]
fn a_tracker_that_is_away_is_no_connection() {
    let mut town = Town::new();
    town.stop_tracker();
    let output = town.script("ken", &["/ping"]);
    assert_eq!(code(&output), 3, "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("nobody answers"), "{}", text(&output.stderr));
}

/// A script whose tracker dies once it runs, with what it is to do then; nobody takes its message.
fn script_without_tracker(line: &str) -> (Town, std::process::Child) {
    let mut town = Town::new();
    town.done("ken", &["/register ken", "/create #general"]);
    town.done("ben", &["/register ben", "/join #general"]);
    let mut child = town
        .command("ben")
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = child.stdin.as_mut().unwrap();
    input.write_all(b"/version\n").unwrap();
    let mut said = [0; 8];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut said).unwrap();
    town.kill_tracker();
    writeln!(child.stdin.as_mut().unwrap(), "{line}").unwrap();
    (town, child)
}

#[test]
fn what_waits_ends_with_its_id() {
    let (mut town, mut child) = script_without_tracker("/send #general are you there?");
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 6, "{}", text(&output.stderr));
    let id = text(&output.stdout).trim().lines().last().unwrap().to_owned();
    assert_eq!(id.split('-').count(), 3, "{id}");
    town.start_tracker();
    let committed = town.done("ben", &["/send --wait committed #general at last", "/history #general"]);
    assert_eq!(texts(&committed), ["are you there?", "at last"]);
}

#[test]
fn what_was_never_sent_can_be_dropped() {
    let mut town = Town::new();
    town.done("ken", &["/register ken", "/create #general"]);
    town.done("ben", &["/register ben", "/join #general"]);
    let mut ben = town.program("ben");
    ben.done("/whoami");
    town.kill_tracker();
    ben.hear("it is alone", |value| {
        value["event"] == "served_from" && value["text"].as_str().unwrap().contains("neither")
    });
    let sent = ben.done("/send #general are you there?");
    let id = of_type(&sent, "sent")[0]["id"].as_str().unwrap().to_owned();
    let dropped = ben.done(&format!("/outbox drop {id}"));
    assert_eq!(of_type(&dropped, "counted")[0]["count"], 1);
    assert!(of_type(&ben.done("/outbox"), "waiting").is_empty());
}

#[test]
fn a_script_that_waits_is_ended_by_control_c_and_its_message_is_kept() {
    let (town, mut child) = script_without_tracker("/send --wait committed #general patience");
    let log = town.profile_dir("ben").join("connection_log.txt");
    let is_queued = || fs::read_to_string(&log).unwrap_or_default().contains("outbox_queued");
    crate::support::until("the message is on disk", is_queued);
    crate::support::interrupt(child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut town = town;
    town.start_tracker();
    let said = town.done("ben", &["/send --wait committed #general at last", "/history #general"]);
    assert_eq!(texts(&said), ["patience", "at last"]);
}

#[test]
fn the_first_error_stops_a_script_unless_it_is_to_go_on() {
    let town = Town::new();
    let lines = ["/register ken", "/join #nowhere", "/nonsense", "/version"];
    let stopped = town.script("ken", &lines);
    assert_eq!(code(&stopped), 5);
    assert!(!text(&stopped.stdout).contains("segment 0."));
    let mut command = town.command("ben");
    command.args(lines.iter().flat_map(|line| ["-c".to_owned(), line.replace("ken", "ben")]));
    let went_on = command.arg("--keep-going").output().unwrap();
    assert_eq!(code(&went_on), 5);
    assert!(text(&went_on.stdout).contains("segment 0."));
}

#[test]
fn files_and_standard_input_are_scripts_with_comments() {
    let town = Town::new();
    let script =
        "#!/usr/bin/env segment-peer -f\n# make it\n/register ken\n\n/create #general\n/send #general \"raw # text\"\n";
    let path = town.dir.path().join("setup.segment");
    fs::write(&path, script).unwrap();
    let output = town.command("ken").arg("-f").arg(&path).output().unwrap();
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let mut child =
        town.command("ken").args(["-", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"/history #general\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(texts(&objects(&output.stdout)), ["\"raw # text\""]);
}

#[test]
fn every_answer_is_one_object_with_a_type_and_every_command_ends_in_one() {
    let town = Town::new();
    let lines = [
        "/register ken",
        "/whoami",
        "/status",
        "/create #general",
        "/send #general hello",
        "/channels",
        "/channels --mine",
        "/members",
        "/info",
        "/host",
        "/history",
        "/outbox",
        "/view #general members",
        "/peers",
        "/ping",
        "/log",
        "/help",
        "/help send",
        "/version",
        "/switch #general",
        "/outbox retry",
        "/disconnect",
        "/connect",
        "/logout",
    ];
    let mut command = town.command("ken");
    command.args(["--json", "--keep-going"]);
    command.args(lines.iter().flat_map(|line| ["-c", line]));
    let output = command.output().unwrap();
    let objects = objects(&output.stdout);
    assert!(objects.iter().all(|object| object["type"].is_string()), "{objects:#?}");
    let ends: Vec<_> = objects.iter().filter(|object| object["type"] == "done" || object["type"] == "error").collect();
    let commands: Vec<_> = ends.iter().map(|end| end["command"].as_str().unwrap()).collect();
    assert_eq!(commands, lines, "{objects:#?}");
    let failed: Vec<_> = ends.iter().filter(|end| end["type"] == "error").collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(output.stderr.is_empty());
}

#[test]
fn an_error_in_json_has_the_fields_of_the_documentation() {
    let town = Town::new();
    let output = town.command("ken").args(["--json", "-c", "/join #x"]).output().unwrap();
    assert_eq!(code(&output), 4);
    let objects = objects(&output.stdout);
    let error = objects.last().unwrap();
    assert_eq!(error["type"], "error");
    assert_eq!(error["command"], "/join #x");
    assert_eq!(error["status"], "unauthorized");
    assert_eq!(error["reason"], "login_required");
    assert_eq!(error["exit"], 4);
    assert!(error["text"].as_str().unwrap().contains("/login"));
}

#[test]
fn a_login_is_kept_until_logout_and_never_shown() {
    let town = Town::new();
    town.done("ken", &["/register ken"]);
    let me = town.done("ken", &["/whoami"]);
    assert_eq!(of_type(&me, "facts")[0]["user"], "ken");
    let kept = fs::read_to_string(town.profile_dir("ken").join("login")).unwrap();
    let token = kept.lines().last().unwrap();
    for log in [town.log("ken"), town.tracker_log()] {
        assert!(!log.concat().contains(token) && !log.concat().contains(crate::support::PASSWORD));
    }
    town.done("ken", &["/logout"]);
    let me = town.done("ken", &["/whoami"]);
    assert!(of_type(&me, "facts")[0]["user"].is_null(), "{me:#?}");
}

#[test]
fn without_a_password_nothing_is_sent() {
    let town = Town::new();
    let output = town.command("ken").env_remove("SEGMENT_PASSWORD").args(["-c", "/register ken"]).output().unwrap();
    assert_eq!(code(&output), 1);
    assert!(text(&output.stderr).contains("SEGMENT_PASSWORD"), "{}", text(&output.stderr));
    let output =
        town.command("ken").args(["--password-cmd", "echo from-a-command", "-c", "/register ken"]).output().unwrap();
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let wrong = town.script("other", &["/login ken"]);
    assert_eq!(code(&wrong), 4);
    assert!(text(&wrong.stderr).contains("wrong password"), "{}", text(&wrong.stderr));
}

#[test]
fn a_profile_in_use_is_refused_by_name() {
    let town = Town::new();
    let mut ken = town.program("ken");
    ken.done("/register ken");
    let output = town.script("ken", &["/whoami"]);
    assert_eq!(code(&output), 1);
    let error = text(&output.stderr);
    assert!(error.contains("profile ken is in use by pid") && error.contains("-P"), "{error}");
    let help = assert_cmd::Command::new(PEER).arg("--help").assert().success();
    assert!(text(&help.get_output().stdout).starts_with("Examples:"));
}

#[test]
fn an_error_in_a_file_names_its_line() {
    let town = Town::new();
    let path = town.dir.path().join("broken.segment");
    fs::write(&path, "# a comment\n/register ken\n\n/join #nowhere\n").unwrap();
    let output = town.command("ken").arg("-f").arg(&path).output().unwrap();
    assert_eq!(code(&output), 5);
    assert!(text(&output.stderr).contains("line 4: there is no channel #nowhere"), "{}", text(&output.stderr));
    let output = town.command("ken").arg("--json").arg("-f").arg(&path).output().unwrap();
    let errors = objects(&output.stdout);
    assert_eq!(of_type(&errors, "error")[0]["line"], 2, "{errors:?}");
}

#[test]
fn a_mistyped_key_of_an_invitation_is_called_that() {
    let town = Town::new();
    let (address, key) = town.url.rsplit_once('#').unwrap();
    let other = if key.starts_with('0') { "1" } else { "0" };
    let mistyped = format!("{address}#{other}{}", &key[1..]);
    let mut command = std::process::Command::new(PEER);
    command.args(["--dir", town.dir.path().to_str().unwrap(), "-P", "ken", "-c", "/ping", &mistyped]);
    let output = command.output().unwrap();
    let error = text(&output.stderr);
    assert_ne!(code(&output), 0);
    assert!(error.contains("Compare what stands after the #") && !error.contains("HAS CHANGED"), "{error}");
}

#[test]
fn blanks_of_a_text_are_sent_as_they_stand() {
    let town = Town::new();
    town.done("ken", &["/register ken", "/create #general", "/send #general   two more", "/send #general --   --x "]);
    let history = town.done("ken", &["/history #general"]);
    assert_eq!(texts(&history), ["  two more", "  --x "]);
}

#[test]
fn a_channel_is_proven_at_every_copy() {
    let town = Town::new();
    town.done("ken", &["/register ken", "/create #general", "/send --wait committed #general one"]);
    town.done("ben", &["/register ben", "/join #general", "/send --wait stored #general two"]);
    let report = town.done("ken", &["/send --wait committed #general three", "/verify #general"]);
    let facts = of_type(&report, "facts").pop().unwrap().clone();
    assert_eq!((&facts["holds"], &facts["healed"]), (&true.into(), &0.into()), "{facts}");
    assert!(facts["entries"].as_u64() >= Some(2) && facts["to"] == facts["entries"], "{facts}");
    assert_eq!(
        (&facts["copies"][0]["at"], &facts["copies"][0]["head"]),
        (&"tracker".into(), &facts["mine"]),
        "{facts}"
    );
}

#[test]
fn an_owner_says_how_much_is_kept() {
    let town = Town::new();
    town.done("ken", &["/register ken", "/create #general", "/retain #general --last 10000 --days 365"]);
    town.done("ben", &["/register ben", "/join #general"]);
    assert_eq!(code(&town.script("ben", &["/retain #general --mib 5"])), 4);
    assert_eq!(code(&town.script("ken", &["/retain #general"])), 0);
}
