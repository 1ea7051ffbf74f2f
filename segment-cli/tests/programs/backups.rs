//! `segment-tracker backup` and `restore`, with the real binary.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{TRACKER, Town, text};

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
    assert!(!empty.join("store.sqlite").exists());
}
