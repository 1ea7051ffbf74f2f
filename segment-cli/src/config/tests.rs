#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::env::VarError;
use std::fs;
use std::path::Path;

use super::*;
use crate::commands::Wait;
use crate::render::{Theme, TimeFormat};

fn values(pairs: &[(Key, &str)]) -> Values {
    pairs.iter().map(|(key, word)| (*key, key.read(word).unwrap())).collect()
}

fn layers(flags: &[(Key, &str)], variables: &[(Key, &str)], profile: &str, user: &str) -> Layers {
    let dir = tempfile::tempdir().unwrap();
    let (of_profile, of_user) = (dir.path().join("profile.toml"), dir.path().join("config.toml"));
    fs::write(&of_profile, profile).unwrap();
    fs::write(&of_user, user).unwrap();
    Layers::load(values(flags), values(variables), &of_profile, &of_user).unwrap()
}

#[test]
fn the_table_has_a_sound_row_for_every_key() {
    for (key, setting) in Key::ALL.iter().zip(SETTINGS) {
        assert_eq!(*key, setting.key);
        assert!(setting.help.len() > 15, "{key}");
        if !setting.default.is_empty() {
            assert_eq!(key.read(setting.default).as_deref(), Ok(setting.default), "{key}");
        }
        let documented = reference();
        assert!(documented.contains(&format!("| `{key}` |")) && documented.contains(&key.variable()));
    }
    assert_eq!(Key::ALL.len(), SETTINGS.len());
}

#[test]
fn the_higher_source_wins_for_each_setting_alone() {
    let layers = layers(
        &[(Key::Wait, "stored")],
        &[(Key::Wait, "committed"), (Key::Theme, "dark")],
        "theme = 'light'\ntracker = 'segment://profile:1'\nname_width = 12",
        "tracker = 'segment://user:1'\nbind = '127.0.0.1:0'\nname_width = 5",
    );
    let got = |key| (layers.get(key).value, layers.get(key).source);
    assert_eq!(got(Key::Wait), (Some("stored"), Source::Flag));
    assert_eq!(got(Key::Theme), (Some("dark"), Source::Variable));
    assert_eq!(got(Key::Tracker), (Some("segment://profile:1"), Source::Profile));
    assert_eq!(got(Key::Bind), (Some("127.0.0.1:0"), Source::User));
    assert_eq!(got(Key::Timeout), (Some("30"), Source::Default));
    assert_eq!(got(Key::Advertise), (None, Source::Default));
    let settings = layers.settings();
    assert_eq!((settings.wait, settings.look.theme, settings.look.name_columns), (Some(Wait::Stored), Theme::Dark, 12));
    assert_eq!((settings.notify, settings.look.time), (NotifyPlan::default(), TimeFormat::Minutes));
    assert_eq!(settings.pager.as_deref(), Some("less -FRX"));
    assert_eq!(settings.tracker.unwrap().host, "profile");
}

#[test]
fn values_are_checked_with_their_limits() {
    let good = [
        (Key::NameWidth, "4", "4"),
        (Key::NameWidth, " 24 ", "24"),
        (Key::Theme, "none", "none"),
        (Key::Bind, "::1", "::1"),
        (Key::Tracker, "Chat.example", "segment://chat.example:22236"),
        (Key::Pager, "less -S", "less -S"),
    ];
    for (key, word, kept) in good {
        assert_eq!(key.read(word).as_deref(), Ok(kept), "{key}");
    }
    let long = "x".repeat(1_025);
    let bad = [
        (Key::NameWidth, "3", "a number from 4 to 24"),
        (Key::NameWidth, "25", "a number from 4 to 24"),
        (Key::NameWidth, "+8", "a number from 4 to 24"),
        (Key::Timeout, "0", "a number from 1 to 86400"),
        (Key::Theme, "purple", "one of: auto, dark, light, none"),
        (Key::Notify, "", "one of: auto, bell"),
        (Key::Bind, "nowhere", "an IP address"),
        (Key::Advertise, "192.0.2.1:4000", "an IP address, such as"),
        (Key::Tracker, "http://h", "segment://"),
        (Key::Pager, &long, "at most 1024 bytes"),
        (Key::Pager, "a\u{1b}b", "a command"),
    ];
    for (key, word, hint) in bad {
        let error = key.read(word).unwrap_err().to_string();
        assert!(error.contains(hint) && error.starts_with(key.as_str()), "{error}");
        assert!(!error.contains(char::is_control), "{error:?}");
    }
}

#[test]
fn bad_files_are_refused_with_their_line() {
    let long = format!("# {}", "x".repeat(70_000));
    let cases = [
        ("wait =", "not TOML"),
        ("\n\nwait = 'soon'", "line 3: wait cannot be"),
        ("wait = 3", "one of: stored, committed"),
        ("wait = true", "neither a text nor a number"),
        ("tracker = 'http://h'", "segment://"),
        ("# colours\nthene = 'dark'", "line 2: there is no setting thene (did you mean theme?)"),
        ("colour = 'red'", "known are tracker, bind"),
        ("[alias]\nhi = '/nosuch'", "line 2: an alias stands for a command"),
        ("[alias]\n'a b' = '/help'", "not the name of an alias"),
        ("[alias]\nhi = 3", "line 2: hi is neither"),
        ("alias = 'x'", "there is no setting alias"),
        ("\u{0}", "not TOML"),
        (&long, "too long"),
    ];
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    for (text, hint) in cases {
        fs::write(&path, text).unwrap();
        let error = FileSettings::load(&path).unwrap_err().to_string();
        assert!(error.contains("config.toml") && error.contains(hint), "{text:?}: {error}");
        assert!(error.contains("correct the file"), "{error}");
    }
    fs::write(&path, b"\xff\xfe").unwrap();
    assert!(FileSettings::load(&path).is_err());
    fs::remove_file(&path).unwrap();
    assert_eq!(FileSettings::load(&path).unwrap(), FileSettings::default());
    fs::create_dir(&path).unwrap();
    assert!(FileSettings::load(&path).is_err());
}

#[test]
fn a_change_touches_nothing_else_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("profile.toml");
    let begun = "# mine\ntheme = 'dark' # at night\nname_width = 9\n\n[alias]\nhi = '/send hi'\n";
    fs::write(&path, begun).unwrap();
    let mut layers = Layers::load(Values::new(), Values::new(), &path, Path::new("none.toml")).unwrap();
    layers.change(Key::Theme, Some("light")).unwrap();
    layers.change(Key::NameWidth, Some("10")).unwrap();
    layers.change(Key::Time, Some("seconds")).unwrap();
    layers.change_alias("bye", Some("/quit")).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let wanted = "# mine\ntheme = \"light\" # at night\nname_width = 10\ntime = \"seconds\"\n\n\
                  [alias]\nhi = '/send hi'\nbye = \"/quit\"\n";
    assert_eq!(text, wanted);
    assert_eq!((layers.get(Key::Theme).value, layers.aliases().get("bye")), (Some("light"), Some("/quit")));
    layers.change(Key::Time, None).unwrap();
    layers.change_alias("hi", None).unwrap();
    assert_eq!((layers.get(Key::Time).source, layers.aliases().get("hi")), (Source::Default, None));
    fs::write(&path, "broken =").unwrap();
    assert!(layers.change(Key::Theme, Some("dark")).is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "broken =", "a file that is not understood is not touched");
}

#[test]
fn the_environment_is_checked_and_an_empty_variable_sets_nothing() {
    let read = |name: &str| match name {
        "SEGMENT_THEME" => Ok("dark".to_owned()),
        "SEGMENT_WAIT" => Ok(String::new()),
        _ => Err(VarError::NotPresent),
    };
    assert_eq!(variables(read).unwrap(), values(&[(Key::Theme, "dark")]));
    let error = variables(|_| Ok("wrong wrong".to_owned())).unwrap_err().to_string();
    assert!(error.contains("SEGMENT_TRACKER") && error.contains("unset it"), "{error}");
}

#[test]
fn secrets_are_not_printed() {
    let layers = layers(&[(Key::PasswordCmd, "echo hunter2")], &[], "", "");
    let printed = Printed::of(&layers.get(Key::PasswordCmd));
    assert!(!format!("{printed:?}").contains("hunter2"));
    assert!(!format!("{:?}", Printed::all(&layers)).contains("hunter2"));
}
