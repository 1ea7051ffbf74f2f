//! `segment-tracker backup` and `restore`, with the real binary.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::{TRACKER, Town, text, texts, until};

fn tracker(words: &[&str], data: &Path, file: &Path) -> Output {
    let mut command = Command::new(TRACKER);
    command.args(words).arg(file).arg("--data").arg(data).arg("--json");
    command.output().unwrap()
}

fn object(output: &Output) -> Value {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    text(&output.stderr) + &text(&output.stdout)
}

#[test]
fn a_copy_made_at_work_is_put_in_place_and_goes_on_in_a_new_generation() {
    let mut town = Town::new();
    town.done("ken", &["/register ken", "/create #general", "/send --wait committed #general one"]);
    let copy = town.dir.path().join("copy.sqlite");
    let data = town.tracker_dir();
    let made = object(&tracker(&["backup", "--to"], &data, &copy));
    assert_eq!(made["type"], "tracker_backed_up");
    assert_eq!(made["bytes"], fs::metadata(&copy).unwrap().len());
    for secret in [copy.clone(), town.dir.path().join("copy.sqlite.key")] {
        assert_eq!(fs::metadata(secret).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let again = refused(&tracker(&["backup", "--to"], &data, &copy));
    assert!(again.contains("exists already"), "{again}");
    // The tracker was not disturbed, and its data is not where a copy can be put.
    town.done("ken", &["/send --wait committed #general two"]);
    assert!(refused(&tracker(&["restore", "--from"], &data, &copy)).contains("at work"));
    town.stop_tracker();
    assert!(refused(&tracker(&["restore", "--from"], &data, &copy)).contains("exists already"));
    let url = town.url.clone();
    fs::remove_dir_all(&data).unwrap();
    let placed = object(&tracker(&["restore", "--from"], &data, &copy));
    assert_eq!(placed["type"], "tracker_restored");
    assert!(refused(&tracker(&["restore", "--from"], &data, &copy)).contains("exists already"));
    let left: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("restor")), "{left:?}");
    town.start_tracker();
    assert_eq!(town.url, url, "it is the same tracker to everybody");
    let facts = town.done("ken", &["/channels"]);
    assert!(facts.iter().any(|fact| fact.to_string().contains("general")), "{facts:?}");
}

#[test]
fn a_copy_made_at_rest_is_the_same() {
    let mut town = Town::new();
    town.done("ken", &["/register ken"]);
    town.stop_tracker();
    let copy = town.dir.path().join("copy.sqlite");
    object(&tracker(&["backup", "--to"], &town.tracker_dir(), &copy));
    let elsewhere = town.dir.path().join("elsewhere");
    object(&tracker(&["restore", "--from"], &elsewhere, &copy));
    let key = |dir: &Path| fs::read(dir.join("device.key")).unwrap();
    assert_eq!(key(&elsewhere), key(&town.tracker_dir()));
}

#[test]
fn what_cannot_be_copied_or_put_back_is_said_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (empty, file) = (dir.path().join("empty"), dir.path().join("file"));
    assert!(refused(&tracker(&["backup", "--to"], &empty, &file)).contains("holds no tracker"));
    let missing = refused(&tracker(&["restore", "--from"], &empty, &file));
    assert!(missing.contains("file does not exist: nothing was changed; check --from"), "{missing}");
    fs::write(&file, "not a store").unwrap();
    assert!(refused(&tracker(&["restore", "--from"], &empty, &file)).contains("file.key is missing"));
    assert!(!empty.exists());
    let key = dir.path().join("file.key");
    fs::write(&key, [1; 32]).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(refused(&tracker(&["restore", "--from"], &empty, &file)).contains("not a store of Segment"));
    assert!(!empty.exists(), "what was made for it is gone again");
}

/// The tracker's data is put back from a copy.
fn put_back(town: &mut Town, copy: &Path) -> Value {
    town.stop_tracker();
    let data = town.tracker_dir();
    fs::remove_dir_all(&data).unwrap();
    let placed = object(&tracker(&["restore", "--from"], &data, copy));
    town.start_tracker();
    placed
}

#[test]
fn what_was_made_behind_a_copy_comes_back_with_its_people() {
    let mut town = Town::new();
    town.done("ken", &["/register ken"]);
    let copy = town.dir.path().join("copy.sqlite");
    object(&tracker(&["backup", "--to"], &town.tracker_dir(), &copy));
    town.done("ken", &["/create #general", "/send --wait committed #general one"]);
    town.done("ada", &["/register ada", "/join #general", "/send --wait committed #general two"]);
    put_back(&mut town, &copy);
    let mut ken = town.program("ken");
    let told = ken.hear("that it is back", |value| value["event"] == "channel_restored");
    assert!(told["text"].as_str().unwrap().contains("comes back by itself"), "{told}");
    assert_eq!(texts(&ken.history("#general")), ["one"], "the second is at ada's only");
    let known = town.script("ada", &["/whoami"]);
    let known = text(&known.stdout) + &text(&known.stderr);
    assert!(known.contains("/register NAME makes it again"), "{known}");
    let mut ada = town.program("ada");
    let said = ada.answer();
    assert_eq!(said.last().unwrap()["reason"], "session_expired", "of the saved login: {said:?}");
    let made = ada.done("/register ada");
    assert!(made.iter().any(|fact| fact.to_string().contains("had lost the account and has it again")), "{made:?}");
    ada.hear("that she is in it again", |value| value["event"] == "membership_restored");
    ada.done("/send --wait committed #general three");
    // What only she had comes back with her, in the order of its author.
    until("all of them", || texts(&ken.history("#general")) == ["one", "two", "three"]);
}

#[test]
fn who_joined_behind_a_copy_writes_on_without_joining_again() {
    let mut town = Town::new();
    town.done("ken", &["/register ken", "/create #general", "/create #private --view members"]);
    town.done("ada", &["/register ada"]);
    let copy = town.dir.path().join("copy.sqlite");
    object(&tracker(&["backup", "--to"], &town.tracker_dir(), &copy));
    town.done("ken", &["/allow @ada --to #private"]);
    town.done("ada", &["/join #general", "/send --wait committed #general one"]);
    town.done("ada", &["/join #private", "/send --wait committed #private one"]);
    let mut ada = town.program("ada");
    ada.done("/whoami");
    put_back(&mut town, &copy);
    // Her host is away: it waits.
    let lost = ada.hear("that it is lost", |value| value["event"] == "membership_lost");
    assert!(lost["text"].as_str().unwrap().contains("/join #general does not wait for the host"), "{lost}");
    ada.done("/send #general two");
    let mut ken = town.program("ken");
    for channel in ["#general", "#private"] {
        let is_again = |value: &Value| value["event"] == "membership_restored" && value["channel"] == channel;
        ada.hear("that she is in it again", is_again);
    }
    ada.done("/send --wait committed #general three");
    ada.done("/send --wait committed #private two");
    until("all of them, once", || texts(&ken.history("#general")) == ["one", "two", "three"]);
    until("both of them, once", || texts(&ken.history("#private")) == ["one", "two"]);
}

#[test]
fn who_was_kicked_behind_a_copy_does_not_come_back_by_its_loss() {
    let mut town = Town::new();
    town.done("ken", &["/register ken", "/create #general"]);
    town.done("ada", &["/register ada"]);
    let copy = town.dir.path().join("copy.sqlite");
    object(&tracker(&["backup", "--to"], &town.tracker_dir(), &copy));
    town.done("ada", &["/join #general", "/send --wait committed #general one"]);
    let mut ken = town.program("ken");
    ken.done("/kick @ada --from #general");
    ken.done("/send --wait committed #general without her");
    put_back(&mut town, &copy);
    ken.hear("that it is back", |value| value["event"] == "tracker_connected");
    let mut ada = town.program("ada");
    thread::sleep(Duration::from_secs(8));
    assert_eq!(ada.refused("/send #general two")["reason"], "not_joined");
    assert!(ada.heard().iter().all(|value| value["event"] != "membership_restored"));
    assert_eq!(texts(&ken.history("#general")), ["one", "without her"]);
    let listed = format!("{:?}", ken.done("/members #general"));
    assert!(!listed.contains("ada"), "{listed}");
}

#[test]
fn a_channel_that_cannot_come_back_is_said_and_can_be_given_up() {
    let mut town = Town::new();
    town.done("ken", &["/register ken"]);
    town.done("ada", &["/register ada"]);
    let copy = town.dir.path().join("copy.sqlite");
    object(&tracker(&["backup", "--to"], &town.tracker_dir(), &copy));
    town.done("ken", &["/create #general", "/send --wait committed #general one"]);
    put_back(&mut town, &copy);
    town.done("ada", &["/create #general"]);
    let mut ken = town.program("ken");
    let told = ken.hear("that it is not", |value| value["event"] == "channel_not_restored");
    assert!(told["text"].as_str().unwrap().contains("another one has its name now"), "{told}");
    ken.done("/leave #general");
    ken.done("/join #general");
}

#[test]
fn what_is_damaged_in_a_copy_is_named_when_it_is_put_in_place() {
    let mut town = Town::new();
    town.done("ken", &["/register ken", "/create #general"]);
    town.done("ken", &["/send --wait committed #general one", "/send --wait committed #general find me here"]);
    let copy = town.dir.path().join("copy.sqlite");
    object(&tracker(&["backup", "--to"], &town.tracker_dir(), &copy));
    let whole = put_back(&mut town, &copy);
    assert_eq!(whole["damaged"], serde_json::json!([]), "{whole}");
    assert_eq!(crate::healing::damage(&copy, "find me here"), 1);
    let placed = put_back(&mut town, &copy);
    assert_eq!(placed["damaged"], serde_json::json!([{ "channel": "#general", "pos": 2 }]), "{placed}");
}

#[test]
fn what_is_wrong_with_a_copy_is_said_of_the_copy() {
    let mut town = Town::new();
    town.done("ken", &["/register ken", "/create #general", "/send --wait committed #general one"]);
    town.stop_tracker();
    let (copy, elsewhere) = (town.dir.path().join("copy.sqlite"), town.dir.path().join("elsewhere"));
    object(&tracker(&["backup", "--to"], &town.tracker_dir(), &copy));
    let whole = fs::read(&copy).unwrap();
    for kept in [whole.len() / 2, 5_000] {
        fs::write(&copy, &whole[..kept]).unwrap();
        let damaged = refused(&tracker(&["restore", "--from"], &elsewhere, &copy));
        assert!(damaged.contains("copy.sqlite is damaged ("), "{damaged}");
        assert!(damaged.contains("nothing was changed; take another copy"), "{damaged}");
        assert!(!damaged.contains("restoring"), "{damaged}");
        assert!(!elsewhere.exists());
    }
    let nowhere = town.dir.path().join("nowhere").join("copy.sqlite");
    let not_made = refused(&tracker(&["backup", "--to"], &town.tracker_dir(), &nowhere));
    assert!(not_made.contains("nothing was copied; choose another --to"), "{not_made}");
    assert!(not_made.contains("nowhere/copy.sqlite cannot be written"), "{not_made}");
}
