//! The line editor in a real terminal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(unix)]

mod pty;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use pty::{Pty, example};

fn editor(columns: u16) -> Pty {
    let pty = Pty::start(&example("line_editor"), &[], &[], columns);
    pty.wait_for_last("segment ❯");
    pty
}

/// Arriving text goes above the line being typed and leaves it whole.
fn arriving_text_leaves_the_line_whole(columns: u16, typed: &str) {
    let mut pty = editor(columns);
    pty.type_line("/ping");
    pty.wait("the next prompt", |rows| rows.iter().filter(|row| row.starts_with("segment ❯")).count() == 2);
    pty.press(typed);
    let before = pty.wait_for("ben");
    assert!(before.iter().any(|row| row.contains("wide 世界")), "{before:?}");
    assert!(before.iter().any(|row| row.contains("\\u{1b}[2J")), "{before:?}");
    assert!(before.iter().all(|row| !row.contains("❯") || !row.contains("ben")), "{before:?}");
    pty.press("END");
    pty.wait("the whole line", |rows| {
        let at = rows.iter().rposition(|row| row.starts_with("segment !")).unwrap_or(0);
        rows[at..].concat().replace(' ', "").ends_with(&format!("{typed}END").replace(' ', ""))
    });
    pty.press("\r");
    let answer = format!("you said {typed}END");
    pty.wait("the answer", |rows| rows.concat().replace(' ', "").contains(&answer.replace(' ', "")));
}

#[test]
fn arriving_text_leaves_the_line_whole_at_120_columns() {
    arriving_text_leaves_the_line_whole(120, "half of a line");
}

#[test]
fn arriving_text_leaves_the_line_whole_at_40_columns() {
    arriving_text_leaves_the_line_whole(40, "half of a line that is longer than the terminal is wide");
}

#[test]
fn arriving_text_leaves_a_wide_line_whole() {
    arriving_text_leaves_the_line_whole(40, "世界世界世界世界世界世界世界世界世界");
}

#[test]
fn a_line_that_is_refused_stays_in_the_editor() {
    let mut pty = editor(100);
    pty.type_line("/jion #general");
    pty.wait_for("did you mean /join?");
    pty.wait_for_last("segment ❯ /jion #general");
    pty.press("\u{15}/join #general\r");
    pty.wait_for_last("#general ❯");
}

#[test]
fn tab_completes_and_up_recalls() {
    let mut pty = editor(100);
    pty.press("/versi\t");
    pty.wait_for("segment ❯ /version");
    pty.press("\r");
    pty.wait_for("Version");
    pty.press("\u{1b}[A");
    pty.wait_for_last("segment ❯ /version show the version");
}

#[test]
fn a_password_is_not_shown_and_not_recalled() {
    let mut pty = editor(100);
    pty.type_line("/login ken");
    pty.wait_for("Password of ken:");
    std::thread::sleep(std::time::Duration::from_millis(200));
    pty.type_line("hunter2");
    let rows = pty.wait_for("a password of 7 characters");
    assert!(!rows.concat().contains("hunter2"), "{rows:?}");
    pty.wait_for_last("segment ❯");
    pty.press("\u{1b}[A");
    pty.wait_for_last("segment ❯ /login ken");
}

#[test]
fn control_c_drops_the_line_and_control_d_ends() {
    let mut pty = editor(100);
    pty.press("half\u{3}");
    pty.wait_for("(dropped)");
    pty.wait_for_last("segment ❯");
    pty.press("\u{4}");
    assert_eq!(pty.wait_for_end(), 0);
    pty.wait_for("bye");
}

#[test]
fn a_program_that_ends_while_a_line_is_typed_leaves_the_terminal_as_it_was() {
    let script = format!("{}; stty -a; echo finished", example("line_editor").display());
    let mut pty = Pty::start(std::path::Path::new("/bin/sh"), &["-c", &script], &[], 100);
    pty.wait_for_last("segment ❯");
    pty.type_line("/disconnect");
    pty.press("half");
    let modes = pty.wait_for("finished").join(" ");
    for mode in ["icanon", "echo", "isig", "icrnl", "opost"] {
        assert!(modes.split([' ', ';']).any(|word| word == mode), "{mode}: {modes}");
    }
}

#[test]
fn the_history_is_private_and_outlives_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let history = path.to_str().unwrap();
    let start = || {
        let pty = Pty::start(&example("line_editor"), &[history], &[], 100);
        pty.wait_for_last("segment ❯");
        pty
    };
    let mut pty = start();
    for line in ["remember me", "/login ken hunter2\u{15}", " not me"] {
        pty.type_line(line);
    }
    pty.wait_for("you said  not me");
    pty.press("\u{4}");
    pty.wait_for_end();

    let kept = fs::read_to_string(&path).unwrap();
    assert!(kept.contains("remember me"), "{kept}");
    assert!(!kept.contains("hunter2") && !kept.contains("not me"), "{kept}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let mut pty = start();
    pty.press("\u{1b}[A");
    pty.wait_for_last("segment ❯ remember me");
}

#[test]
fn no_color_and_dumb_terminals_have_no_colours() {
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let mut pty = Pty::start(&example("line_editor"), &[], &[(name, value)], 80);
        pty.wait_for_last("segment ❯");
        pty.type_line("hi");
        pty.wait_for("you said hi");
        assert!(!pty.has_colours(), "{name}={value}");
    }
    let mut pty = editor(80);
    pty.type_line("/nonsense");
    pty.wait_for("there is no command");
    assert!(pty.has_colours());
}

#[test]
fn a_pipe_gets_plain_lines() {
    let mut child = Command::new(example("line_editor")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all("hi there\n/join one two\n//slash\n".as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text,
        "you said hi there\n! \"two\" is one word too many; usage: /join #channel\nyou said /slash\nbye\n"
    );
}

/// Counts and bounds only: how long a key takes is measured by `bench-terminal`.
#[test]
fn the_line_stays_whole_while_a_thousand_messages_arrive_in_a_second() {
    let mut pty = editor(60);
    let before = pty.resident();
    pty.type_line("/peers");
    pty.wait_for("message 1");
    let mut typed = String::new();
    for key in "typed while very many messages arrive \u{4e16}\u{754c} and none of it is lost".chars() {
        typed.push(key);
        pty.press(&key.to_string());
        let wanted = typed.trim_end().replace(' ', "");
        pty.wait("the whole line", |rows| {
            let at = rows.iter().rposition(|row| row.starts_with("segment ❯")).unwrap_or(0);
            rows[at..].concat().replace(' ', "") == format!("segment❯{wanted}")
        });
    }
    let rows = pty.wait("the end", |rows| rows.iter().any(|row| row.starts_with("that was all")));
    assert!(rows.iter().filter(|row| row.contains('❯')).count() <= 2, "the prompt is drawn once: {rows:#?}");
    let (shown, skipped) = counted(&pty.raw());
    assert_eq!(shown + skipped, 3_000, "what is not shown is counted: {shown} shown, {skipped} not");
    let grown = pty.resident().saturating_sub(before);
    assert!(grown < 16 * 1024 * 1024, "{grown} bytes more than before");
    pty.press("\r");
    pty.wait("the text", |rows| rows.concat().contains("none of it is lost"));
}

/// Messages in an output, and those that it says it has left out.
fn counted(printed: &str) -> (usize, usize) {
    let shown = printed.matches("       message ").count();
    let skipped = printed.split("* ").filter_map(|part| part.split_once(" more messages, /history shows them"));
    (shown, skipped.filter_map(|(count, _)| count.parse::<usize>().ok()).sum())
}

/// The program, in a shell that says the modes of the terminal when it has ended.
fn broken_below_a_picture(place: &str) -> String {
    let command = format!("'{}' {place}; stty -a", example("breaking_picture").display());
    let mut pty = Pty::start(Path::new("/bin/sh"), &["-c", &command], &[], 100);
    pty.wait_for_end();
    pty.wait("the modes", |_| pty.raw().contains("icanon"));
    pty.raw()
}

#[test]
fn a_program_that_breaks_below_a_picture_leaves_the_terminal_whole_and_says_why() {
    for (place, reason) in [("main", "the main thread is broken"), ("terminal", "the terminal's thread is broken")] {
        let raw = broken_below_a_picture(place);
        assert!(raw.contains('▀'), "{place}: no picture\n{raw}");
        let (_, after) = raw.rsplit_once("\x1b[?1049l").unwrap();
        assert!(after.contains(reason), "{place}: {after}");
        assert!(!after.contains("\x1b[?25l") && !after.contains('▀'), "{place}: {after}");
        let is_cooked = |mode: &str| after.split_whitespace().any(|word| word.trim_end_matches(';') == mode);
        assert!(["icanon", "echo", "isig"].into_iter().all(is_cooked), "{place}: {after}");
    }
}
