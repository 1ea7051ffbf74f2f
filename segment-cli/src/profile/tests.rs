#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;

use segment_proto::{DeviceId, SessionId, Token, UserName};
use tempfile::{TempDir, tempdir};

use super::*;
use crate::exit::ExitCode;

fn paths(dir: &TempDir) -> Paths {
    Paths::find(Some(dir.path())).unwrap()
}

fn name(text: &str) -> ProfileName {
    text.parse().unwrap()
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_profile_keeps_its_device_and_is_used_by_one_at_a_time() {
    let dir = tempdir().unwrap();
    let first = Profile::open(&paths(&dir), name("ken")).unwrap();
    let secret = *first.device().expose();
    assert_ne!(secret, [0; 32]);

    let error = Profile::open(&paths(&dir), name("ken")).unwrap_err();
    let pid = std::process::id();
    assert_eq!(error.to_string(), format!("profile ken is in use by pid {pid}; choose another with -P"));
    assert_eq!(error.exit_code(), ExitCode::Refused);

    let other = Profile::open(&paths(&dir), name("ada")).unwrap();
    assert_ne!(*other.device().expose(), secret);

    drop(first);
    let again = Profile::open(&paths(&dir), name("ken")).unwrap();
    assert_eq!(*again.device().expose(), secret);
    assert!(!format!("{again:?}").contains(&format!("{}, {}", secret[0], secret[1])));
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    let dir = tempdir().unwrap();
    let profile_dir = paths(&dir).profile(&name("ken"));
    fs::create_dir_all(&profile_dir).unwrap();
    set_mode(&profile_dir, 0o755);
    let profile = Profile::open(&paths(&dir), name("ken")).unwrap();
    let key = profile.dir().join("device.key");
    assert_eq!((mode(profile.dir()), mode(&key)), (0o700, 0o600));
    assert_eq!(mode(&profile.dir().join("lock")), 0o600);

    drop(profile);
    set_mode(&key, 0o644);
    let error = Profile::open(&paths(&dir), name("ken")).unwrap_err().to_string();
    assert!(error.contains("mode 644") && error.contains("chmod 600"), "{error}");
}

#[test]
fn a_damaged_key_is_refused_and_left_as_it_is() {
    for content in [&b""[..], b"short", &[7; 33]] {
        let dir = tempdir().unwrap();
        let profile_dir = paths(&dir).profile(&name("ken"));
        private_dir(&profile_dir).unwrap();
        let key = profile_dir.join("device.key");
        write_atomically(&key, content).unwrap();
        let error = Profile::open(&paths(&dir), name("ken")).unwrap_err();
        assert!(matches!(error, ProfileError::Damaged { .. }), "{error}");
        assert_eq!(fs::read(&key).unwrap(), content);
    }
}

#[test]
fn profile_names_stay_inside_their_directory() {
    for good in ["ken", "a", "a.b_c-9", &"x".repeat(32)] {
        assert_eq!(name(good).as_str(), good);
    }
    for bad in ["", ".", "..", ".x", "-x", "a/b", "a\\b", "Ken", "a b", "\u{e9}", "a\n", "a\0", &"x".repeat(33)] {
        let error = bad.parse::<ProfileName>().unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::BadCommand, "{bad:?}");
        assert!(!error.to_string().contains(char::is_control));
    }
}

#[test]
fn a_file_is_replaced_whole_even_where_a_crash_left_half_of_the_next() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("file");
    write_atomically(&path, b"old").unwrap();
    fs::write(dir.path().join("file.new"), b"half of a new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    write_atomically(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_tracker_is_trusted_on_first_use_and_a_changed_key_refused_loudly() {
    let dir = tempdir().unwrap();
    let (key, other) = (DeviceId([1; 32]), DeviceId([2; 32]));
    let mut pins = Pins::load(dir.path()).unwrap();
    assert_eq!(pins.expected("h:1"), None);
    assert_eq!(pins.check("h:1", key).unwrap(), PinOutcome::FirstUse);
    assert_eq!(pins.check("h:2", other).unwrap(), PinOutcome::FirstUse);

    let mut pins = Pins::load(dir.path()).unwrap();
    assert_eq!(pins.expected("h:1"), Some(key));
    assert_eq!(pins.check("h:1", key).unwrap(), PinOutcome::Known);
    let error = pins.check("h:1", other).unwrap_err().to_string();
    assert!(error.contains("HAS CHANGED") && error.contains("nothing was sent"), "{error}");
    assert!(error.contains(&key.to_string()) && error.contains(&other.to_string()), "{error}");
    assert_eq!(Pins::load(dir.path()).unwrap().expected("h:1"), Some(key));
}

#[test]
fn pins_that_cannot_be_read_are_not_taken_for_none() {
    let long = format!("{}\n", "x".repeat(600_000));
    for content in [&b"h:1"[..], b"h:1 0011\n", b"h:1 zz\n", b"\xff\xfe h", long.as_bytes()] {
        let dir = tempdir().unwrap();
        fs::write(dir.path().join("trackers"), content).unwrap();
        assert!(matches!(Pins::load(dir.path()), Err(ProfileError::Damaged { .. })));
    }
}

#[test]
fn pins_are_bounded() {
    let dir = tempdir().unwrap();
    let lines: String = (0..pins::PINS_MAX).map(|n| format!("h:{n} {}\n", DeviceId([3; 32]))).collect();
    fs::write(dir.path().join("trackers"), format!("# mine\n\n{lines}")).unwrap();
    let mut pins = Pins::load(dir.path()).unwrap();
    assert!(matches!(pins.check("new:1", DeviceId([3; 32])), Err(ProfileError::TooManyPins { .. })));
    assert_eq!(pins.check("h:7", DeviceId([3; 32])).unwrap(), PinOutcome::Known);
}

#[test]
fn a_login_is_kept_and_forgotten() {
    let dir = tempdir().unwrap();
    assert_eq!(SavedLogin::load(dir.path()).unwrap(), None);
    let user = UserName::new("ken").unwrap();
    let (session, token) = (SessionId::from_random([7; 16]), Token([0xab; 32]));
    let login = SavedLogin { tracker: "h:1".into(), user, session, token };
    login.save(dir.path()).unwrap();
    assert_eq!(SavedLogin::load(dir.path()).unwrap(), Some(login.clone()));
    assert!(!format!("{login:?}").contains("abab"));
    #[cfg(unix)]
    {
        assert_eq!(mode(&dir.path().join("login")), 0o600);
        set_mode(&dir.path().join("login"), 0o640);
        assert!(matches!(SavedLogin::load(dir.path()), Err(ProfileError::Exposed { .. })));
    }
    SavedLogin::forget(dir.path()).unwrap();
    SavedLogin::forget(dir.path()).unwrap();
    assert_eq!(SavedLogin::load(dir.path()).unwrap(), None);
}

#[test]
fn a_damaged_login_is_said_to_be_damaged() {
    let (id, key) = ("67e55044-10b1-426f-9247-bb680e5fe0c8", "ab".repeat(32));
    let whole = format!("h:1\nken\n{id}\n{key}\n");
    let contents = [
        String::new(),
        "h:1\nken\n".to_owned(),
        format!("h:1\nken\n{id}\nnot hex\n"),
        format!("h:1\n/ken\n{id}\n{key}\n"),
        format!("h:1\nken\nno id\n{key}\n"),
        format!("{whole}more\n"),
    ];
    for content in contents {
        let dir = tempdir().unwrap();
        write_atomically(&dir.path().join("login"), content.as_bytes()).unwrap();
        assert!(matches!(SavedLogin::load(dir.path()), Err(ProfileError::Damaged { .. })), "{content:?}");
    }
}

#[test]
fn one_process_runs_the_embedded_tracker_and_another_takes_over() {
    let dir = tempdir().unwrap();
    let LockOutcome::Taken(lock) = take_tracker(&paths(&dir)).unwrap() else {
        panic!("nobody had it");
    };
    let LockOutcome::Held { pid } = take_tracker(&paths(&dir)).unwrap() else {
        panic!("it was taken");
    };
    assert_eq!(pid, Some(std::process::id()));
    drop(lock);
    assert!(matches!(take_tracker(&paths(&dir)).unwrap(), LockOutcome::Taken(_)));
}

#[test]
fn a_disk_that_refuses_is_named_with_a_way_on() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("profiles");
    fs::write(&file, "in the way").unwrap();
    let error = Profile::open(&paths(&dir), name("ken")).unwrap_err().to_string();
    assert!(error.contains("cannot be made") && error.contains("choose another directory"), "{error}");
}
