//! What is installed beside the programs: completions and man pages, from the same tables.

use std::fs;
use std::process::{Command, Output};

use segment_cli::commands::table;
use segment_cli::config::SETTINGS;

use crate::support::{PEER, TRACKER, text};

fn generated(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).arg("generate").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Whether a tool of the machine is there.
fn has(tool: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().is_ok_and(|output| output.status.success())
}

fn checked(output: std::io::Result<Output>, what: &str) -> String {
    let output = output.unwrap();
    assert!(output.status.success(), "{what}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// What bash offers for the last word of a line.
fn offered(script: &str, name: &str, words: &[&str]) -> Vec<String> {
    let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let (last, before) = (words.last().unwrap(), words[words.len() - 2]);
    let ask = format!(
        r#"{script}
        function_of() {{ while [ "$1" != -F ]; do shift; done; printf '%s' "$2"; }}
        COMP_WORDS=({line}); COMP_CWORD={}
        "$(function_of $(complete -p {name}))" {name} '{last}' '{before}'
        printf '%s\n' "${{COMPREPLY[@]}}""#,
        words.len() - 1
    );
    let shown = checked(Command::new("bash").args(["--norc", "-c", &ask]).output(), "bash");
    shown.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_flags_and_subcommands() {
    let peer = generated(PEER, &["completions", "bash"]);
    let cases: [(&[&str], &[&str]); 4] = [
        (&["segment-peer", "--pr"], &["--profile", "--print-config"]),
        (&["segment-peer", "t"], &["tail"]),
        (&["segment-peer", "tail", "--fo"], &["--follow"]),
        (&["segment-peer", "send", "--wa"], &["--wait"]),
    ];
    for (words, expected) in cases {
        let mut found = offered(&peer, "segment-peer", words);
        found.retain(|word| !word.is_empty());
        assert_eq!(found, expected, "{words:?}");
    }
    let tracker = generated(TRACKER, &["completions", "bash"]);
    assert_eq!(offered(&tracker, "segment-tracker", &["segment-tracker", "back"]), ["backup"]);
}

/// Where zsh or fish are not installed, that their scripts name every flag is all that is known.
#[test]
fn zsh_and_fish_are_given_every_flag() {
    let dir = tempfile::tempdir().unwrap();
    for (shell, check) in [("zsh", "-n"), ("fish", "--no-execute")] {
        for (program, flags) in [(PEER, ["keep-going", "print-config", "follow"]), (TRACKER, ["bind", "data", "json"])]
        {
            let script = generated(program, &["completions", shell]);
            assert!(flags.iter().all(|flag| script.contains(flag)), "{script}");
            if has(shell) {
                let path = dir.path().join(shell);
                fs::write(&path, script).unwrap();
                checked(Command::new(shell).arg(check).arg(&path).output(), shell);
            }
        }
    }
}

#[test]
fn the_man_page_has_every_command_and_setting_and_renders_without_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    for (program, name) in [(PEER, "segment-peer.1"), (TRACKER, "segment-tracker.1")] {
        let path = dir.path().join(name);
        fs::write(&path, generated(program, &["man"])).unwrap();
        let source = fs::read_to_string(&path).unwrap();
        assert!(source.contains("SH EXAMPLES") && !source.contains("/root/"), "{source}");
        if !has("man") {
            continue;
        }
        let mut man = Command::new("man");
        man.env("MANWIDTH", "80")
            .env("LC_ALL", "C.UTF-8")
            .env("MANROFFOPT", "-ww")
            .args(["--warnings", "-l"])
            .arg(&path);
        let output = man.output().unwrap();
        assert_eq!(text(&output.stderr), "", "{name}");
        let page = text(&output.stdout);
        assert!(page.contains("EXAMPLES") && page.contains("OPTIONS"), "{page}");
        if program == PEER {
            assert!(table().all(|spec| page.contains(&format!("/{}", spec.name))), "{page}");
            assert!(SETTINGS.iter().all(|setting| page.contains(&setting.key.variable())), "{page}");
            assert!(page.contains("EXIT STATUS") && page.contains("waiting in the outbox"), "{page}");
        }
    }
}
