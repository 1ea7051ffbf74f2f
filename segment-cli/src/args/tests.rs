#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use clap::Parser;

use super::peer::EmbeddedTracker;
use super::*;
use crate::config::Key;

fn peer(words: &[&str]) -> Result<PeerOptions, clap::Error> {
    PeerArgs::try_parse_from(std::iter::once(&"segment-peer").chain(words))?.check()
}

fn tracker(words: &[&str]) -> Result<TrackerOptions, clap::Error> {
    Ok(TrackerArgs::try_parse_from(std::iter::once(&"segment-tracker").chain(words))?.check())
}

#[test]
fn the_definitions_are_sound() {
    PeerArgs::definition().debug_assert();
    TrackerArgs::definition().debug_assert();
}

#[test]
fn without_arguments_it_is_a_prompt() {
    let options = peer(&[]).unwrap();
    assert_eq!(options.input, Input::Prompt);
    assert_eq!(options.output, Output::Text);
    assert_eq!(options.failures, Failures::Stop);
    assert_eq!(options.profile.as_str(), "default");
    assert_eq!(options.embedded_tracker, EmbeddedTracker::WhenNeeded);
    assert!(options.given.is_empty());
}

#[test]
fn commands_come_from_arguments_a_file_or_standard_input() {
    let cases: [(&[&str], Input); 6] = [
        (
            &["-c", "/join #a", "-c", "/send #a -- -x"],
            Input::Commands(vec!["/join #a".into(), "/send #a -- -x".into()]),
        ),
        (&["-f", "a.txt"], Input::File(PathBuf::from("a.txt"))),
        (&["-f", "-"], Input::Stdin),
        (&["-"], Input::Stdin),
        (&["segment://h:1", "-"], Input::Stdin),
        (&["segment://h:1"], Input::Prompt),
    ];
    for (words, expected) in cases {
        assert_eq!(peer(words).unwrap().input, expected, "{words:?}");
    }
}

#[test]
fn flags_become_types() {
    let options = peer(&[
        "-P",
        "ken",
        "--dir",
        "/x",
        "--json",
        "--keep-going",
        "--wait",
        "committed",
        "--password-cmd",
        "pass show it",
        "--timeout",
        "5",
        "--no-tracker",
        "--bind",
        "127.0.0.1:0",
        "--advertise",
        "192.0.2.1",
        "--set",
        "theme=none",
        "--set",
        "wait=stored",
        "segment://h:5",
        "-",
    ])
    .unwrap();
    assert_eq!(options.profile.as_str(), "ken");
    assert_eq!(options.dir, Some(PathBuf::from("/x")));
    assert_eq!((options.output, options.failures), (Output::Json, Failures::KeepGoing));
    assert_eq!((options.input, options.embedded_tracker), (Input::Stdin, EmbeddedTracker::Never));
    let given = [
        (Key::Tracker, "segment://h:5"),
        (Key::Bind, "127.0.0.1:0"),
        (Key::Advertise, "192.0.2.1"),
        (Key::PasswordCmd, "pass show it"),
        (Key::Wait, "committed"),
        (Key::Timeout, "5"),
        (Key::Theme, "none"),
    ];
    assert_eq!(options.given, given.map(|(key, word)| (key, word.to_owned())).into());
    for (words, host) in [(&["--tracker", "a", "-"][..], "a"), (&["--tracker", "a", "b"], "b")] {
        assert_eq!(peer(words).unwrap().given[&Key::Tracker], format!("segment://{host}:22236"));
    }
}

#[test]
fn bad_arguments_end_with_2_and_say_what_to_write() {
    let cases: [(&[&str], &str); 19] = [
        (&["--nonsense"], "--nonsense"),
        (&["-P"], "NAME"),
        (&["-P", "../x"], "profile name"),
        (&["-P", "A"], "a-z"),
        (&["-c"], "LINE"),
        (&["-f"], "FILE"),
        (&["-c", "/quit", "-f", "x"], "cannot be used with"),
        (&["-c", "/quit", "-"], "one of them"),
        (&["-f", "x", "-"], "one of them"),
        (&["-", "-"], "at most"),
        (&["http://h"], "segment://"),
        (&["h:0"], "1 to 65535"),
        (&["h#12"], "64 hexadecimal"),
        (&["a", "b"], "at most"),
        (&["--wait", "soon"], "one of: stored, committed"),
        (&["--timeout", "0"], "from 1 to 86400"),
        (&["--set", "theme"], "KEY=VALUE"),
        (&["--set", "thene=dark"], "did you mean theme?"),
        (&["--set", "theme=purple"], "one of: auto"),
    ];
    for (words, hint) in cases {
        let error = peer(words).expect_err(&format!("{words:?}"));
        assert_eq!(error.exit_code(), 2, "{words:?}");
        assert!(error.to_string().contains(hint), "{words:?}: {error}");
    }
}

#[test]
fn the_tracker_takes_an_address_and_a_directory() {
    let options = tracker(&[]).unwrap();
    assert_eq!(options.bind.to_string(), "0.0.0.0:22236");
    assert_eq!(options.data, None);
    let cases =
        [("0.0.0.0:1", "0.0.0.0:1"), ("[::1]:0", "[::1]:0"), ("0.0.0.0", "0.0.0.0:22236"), ("::1", "[::1]:22236")];
    for (word, expected) in cases {
        assert_eq!(tracker(&["--bind", word]).unwrap().bind.to_string(), expected);
    }
    for bad in ["", "localhost:1", "1.2.3", "0.0.0.0:99999", "0.0.0.0:"] {
        assert_eq!(tracker(&["--bind", bad]).unwrap_err().exit_code(), 2, "{bad}");
    }
    let copy = tracker(&["backup", "--data", "d", "--to", "f"]).unwrap();
    assert_eq!((copy.action, copy.data), (Some(TrackerAction::Backup { to: "f".into() }), Some("d".into())));
    let back = tracker(&["--data", "d", "restore", "--from", "f"]).unwrap();
    assert_eq!((back.action, back.data), (Some(TrackerAction::Restore { from: "f".into() }), Some("d".into())));
    assert_eq!(tracker(&["backup"]).unwrap_err().exit_code(), 2);
    assert_eq!(tracker(&["surplus"]).unwrap_err().exit_code(), 2);
}

#[test]
fn help_begins_with_examples_and_version_is_there() {
    for mut definition in [PeerArgs::definition(), TrackerArgs::definition()] {
        let help = definition.render_help().to_string();
        assert!(help.starts_with("Examples:"), "{help}");
        assert!(help.contains("Usage:") && help.contains("--version"), "{help}");
    }
    assert_eq!(peer(&["--version"]).unwrap_err().exit_code(), 0);
    assert_eq!(peer(&["--help"]).unwrap_err().exit_code(), 0);
}
