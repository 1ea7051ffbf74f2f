//! Arguments and files that are wrong: refused by name, before anything is sent.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::{PEER, TRACKER, text};

fn run(program: &str, dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    if program == PEER {
        command.arg("--dir").arg(dir).arg("--no-tracker").env("SEGMENT_TRACKER_PORT", "1");
    }
    command.args(arguments).env_remove("SEGMENT_PASSWORD").current_dir(dir).output().unwrap()
}

#[test]
fn bad_arguments_of_the_peer_end_with_2_and_a_hint() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(600);
    let cases: [(&[&str], &str); 20] = [
        (&["--nonsense"], "--nonsense"),
        (&["http://chat.example"], "segment://"),
        (&["segment://"], "host is missing"),
        (&["segment://host:0"], "port"),
        (&["segment://host:99999"], "port"),
        (&["segment://host#00"], "64 hexadecimal"),
        (&["segment://ho st"], "host name"),
        (&[&long], "512 bytes"),
        (&["a", "b"], "one address"),
        (&["-", "-"], "one"),
        (&["-", "-c", "/version"], "give one of them"),
        (&["-c", "/version", "-f", "x"], "cannot be used with"),
        (&["-P", "../../etc", "-c", "/version"], "profile name"),
        (&["-P", "", "-c", "/version"], "profile"),
        (&["--wait", "soon", "-c", "/version"], "one of: stored, committed"),
        (&["--timeout", "0", "-c", "/version"], "0"),
        (&["--timeout", "x", "-c", "/version"], "a number from 1"),
        (&["--tracker-port", "70000"], "70000"),
        (&["-c"], "a value is required"),
        (&["--bind", "nowhere at all", "-c", "/version"], "bind"),
    ];
    for (arguments, hint) in cases {
        let output = run(PEER, dir.path(), arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(hint), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn bad_arguments_of_the_tracker_end_with_2_and_a_hint() {
    let dir = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 5] = [
        (&["--bind", "nonsense"], "0.0.0.0:22236"),
        (&["--bind", "127.0.0.1:99999"], "0.0.0.0:22236"),
        (&["--data"], "a value is required"),
        (&["extra"], "extra"),
        (&["--nonsense"], "--nonsense"),
    ];
    for (arguments, hint) in cases {
        let output = run(TRACKER, dir.path(), arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(hint), "{arguments:?}: {error}");
    }
}

/// Each case spoils one file; the program names it and changes nothing.
#[test]
fn bad_files_are_refused_by_name() {
    type Spoil = fn(&Path);
    let profile = |dir: &Path| dir.join("profiles/default");
    let cases: [(&str, Spoil, i32); 13] = [
        ("config.toml", |dir| fs::write(dir.join("config.toml"), "wait =").unwrap(), 2),
        ("config.toml", |dir| fs::write(dir.join("config.toml"), "colour = 'red'").unwrap(), 2),
        ("config.toml", |dir| fs::create_dir(dir.join("config.toml")).unwrap(), 2),
        ("config.toml", |dir| fs::write(dir.join("config.toml"), "x".repeat(70_000)).unwrap(), 2),
        ("profile.toml", |dir| fs::write(dir.join("profiles/default/profile.toml"), "tracker = 'x://'").unwrap(), 2),
        ("profile.toml", |dir| fs::write(dir.join("profiles/default/profile.toml"), b"\xff\xfe").unwrap(), 2),
        ("device.key", |dir| private(&dir.join("profiles/default/device.key"), b"short"), 1),
        ("device.key", |dir| private(&dir.join("profiles/default/device.key"), &[7; 99]), 1),
        ("device.key", |dir| public(&dir.join("profiles/default/device.key"), &[7; 32]), 1),
        ("trackers", |dir| fs::write(dir.join("profiles/default/trackers"), "no key here").unwrap(), 1),
        ("store.sqlite", |dir| private(&dir.join("profiles/default/store.sqlite"), &[b'x'; 8192]), 1),
        ("store.sqlite", |dir| fs::create_dir(dir.join("profiles/default/store.sqlite")).unwrap(), 1),
        ("lock", |dir| fs::create_dir(dir.join("profiles/default/lock")).unwrap(), 1),
    ];
    for (name, spoil, exit) in cases {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(profile(dir.path())).unwrap();
        spoil(dir.path());
        let output = run(PEER, dir.path(), &["-c", "/version"]);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{name}: {error}");
        assert!(error.contains(name), "{name}: {error}");
    }
}

#[test]
fn bad_scripts_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("binary"), b"\xff\xfe\n").unwrap();
    for (arguments, exit) in [(["-f", "missing"], 2), (["-f", "."], 2)] {
        let output = run(PEER, dir.path(), &arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {error}");
        assert!(error.contains("script cannot be read"), "{arguments:?}: {error}");
    }
}

fn private(path: &Path, content: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn public(path: &Path, content: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}
