//! `segment-tracker backup` and `restore`, with the real binary.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

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
    assert!(refused(&tracker(&["restore", "--from"], &empty, &file)).contains("cannot be used"));
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
    assert!(told["text"].as_str().unwrap().contains("/join #general"), "{told}");
    assert_eq!(texts(&ken.history("#general")), ["one"], "the second is at ada's only");
    let known = town.script("ada", &["/whoami"]);
    let known = text(&known.stdout) + &text(&known.stderr);
    assert!(known.contains("/register NAME makes it again"), "{known}");
    let made = town.done("ada", &["/register ada", "/join #general", "/send --wait committed #general three"]);
    assert!(made.iter().any(|fact| fact.to_string().contains("had lost the account and has it again")), "{made:?}");
    // What only she had comes back with her, in the order of its author.
    until("all of them", || texts(&ken.history("#general")) == ["one", "two", "three"]);
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
