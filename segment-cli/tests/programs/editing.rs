//! What a person does with the keyboard, on the rendered screen.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::pty::Pty;
use crate::support::{Town, until};

const PASTE: &str = "\u{1b}[200~";
const PASTE_END: &str = "\u{1b}[201~";
const ALT_ENTER: &str = "\u{1b}\r";
const ALT_A: &str = "\u{1b}a";
const EDIT_OUTSIDE: &str = "\u{18}\u{5}";

fn ken_in(town: &Town, channels: &[&str], env: &[(&str, &str)]) -> Pty {
    let mut ken = town.person_with("ken", 100, env, &[]);
    ken.type_line("/register ken");
    ken.wait_for("You are ken");
    for channel in channels {
        ken.type_line(&format!("/create {channel}"));
        ken.wait_for(&format!("{channel} is made"));
    }
    ken.wait_for_last(&format!("{} ❯", channels.last().unwrap()));
    ken
}

/// A program for the person's editor or pager.
fn program(town: &Town, name: &str, lines: &str) -> String {
    let path = town.dir.path().join(name);
    fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn has_rows(rows: &[String], wanted: &[&str]) -> bool {
    rows.windows(wanted.len()).any(|part| part.iter().zip(wanted).all(|(row, wanted)| row.ends_with(wanted)))
}

#[test]
fn pasted_lines_are_shown_first_and_sent_as_one_message() {
    let town = Town::new();
    let mut ken = ken_in(&town, &["#general"], &[]);
    ken.press(&format!("{PASTE}fn main() {{\r\tprintln!(\"世界\");\r}}{PASTE_END}"));
    ken.wait("the rows before they are sent", |rows| {
        has_rows(rows, &["#general ❯ fn main() {", "        println!(\"世界\");", "}"])
    });
    let heard = town.done("ken-reads", &["/guest reader", "/join #general", "/history #general"]);
    assert!(crate::support::texts(&heard).is_empty(), "nothing is sent before Enter: {heard:?}");
    ken.press("\r");
    ken.wait("one message", |rows| {
        has_rows(rows, &["ken       fn main() {", "                         println!(\"世界\");", "                 }"])
    });
    ken.wait_for_last("#general ❯");
    let heard = town.done("ken-reads", &["/guest reader", "/join #general", "/history #general"]);
    assert_eq!(crate::support::texts(&heard), ["fn main() {\n\tprintln!(\"世界\");\n}"]);
}

#[test]
fn alt_enter_begins_a_new_row_of_the_same_message() {
    let town = Town::new();
    let mut ken = ken_in(&town, &["#general"], &[]);
    ken.press(&format!("one{ALT_ENTER}two\u{1b}[A!"));
    ken.wait("two rows", |rows| has_rows(rows, &["#general ❯ one!", "two"]));
    ken.press("\r");
    ken.wait("one message", |rows| has_rows(rows, &["ken       one!", "                 two"]));
}

#[test]
fn the_persons_editor_gets_the_line_and_gives_it_back() {
    let town = Town::new();
    let editor = program(&town, "editor", "printf ' and more\\nin two rows\\n' >> \"$1\"");
    let mut ken = ken_in(&town, &["#general"], &[("VISUAL", &editor), ("EDITOR", "false")]);
    ken.press(&format!("half a line{EDIT_OUTSIDE}"));
    ken.wait("what the editor made of it", |rows| has_rows(rows, &["#general ❯ half a line and more", "in two rows"]));
    ken.press("\r");
    ken.wait("it is sent", |rows| has_rows(rows, &["ken       half a line and more", "                 in two rows"]));
}

#[test]
fn an_editor_that_fails_leaves_the_line_as_it_was() {
    let town = Town::new();
    let mut ken = ken_in(&town, &["#general"], &[("VISUAL", "false")]);
    ken.press(&format!("half a line{EDIT_OUTSIDE}"));
    ken.wait_for("the line is as it was");
    ken.wait_for_last("#general ❯ half a line");
}

#[test]
fn alt_a_goes_to_the_next_channel_with_something_unread_and_keeps_the_line() {
    let town = Town::new();
    let mut ken = ken_in(&town, &["#ops", "#general"], &[]);
    town.done("ben", &["/register ben", "/join #ops", "/send --wait committed #ops look here"]);
    ken.wait_for("ben #ops  look here");
    ken.press("half");
    ken.press(ALT_A);
    ken.wait_for_last("#ops ❯ half");
    ken.press(ALT_A);
    ken.wait_for("(nothing is unread)");
    ken.wait_for_last("#ops ❯ half");
}

#[test]
fn tab_offers_recent_speakers_first_and_numbers_of_messages() {
    let town = Town::new();
    let mut ken = ken_in(&town, &["#general"], &[]);
    for (name, text) in [("bella", "one"), ("ben", "two")] {
        town.done(name, &[&format!("/register {name}"), "/join #general", &format!("/send #general {text}")]);
    }
    ken.wait_for("two");
    ken.press("@be\t");
    ken.wait("who spoke last, first", |rows| rows.iter().any(|row| row == "@ben    @bella"));
    ken.press("n\t");
    ken.wait_for_last("#general ❯ @ben");
    ken.press("\u{15}/history --before !\t");
    ken.wait_for("!last");
    ken.press("l\t");
    ken.wait_for_last("#general ❯ /history --before !last");
}

#[test]
fn tab_completes_commands_options_channels_and_files() {
    let town = Town::new();
    let mut ken = ken_in(&town, &["#ops", "#general"], &[]);
    fs::write(town.dir.path().join("notes of today"), "").unwrap();
    let dir = town.dir.path().display().to_string();
    let cases = [
        ("/cre\t", "/create"),
        ("/create #x --vie\t", "/create #x --view"),
        ("/create #x --view mem\t", "/create #x --view members"),
        ("/join #ge\t", "/join #general"),
        ("look into #op\t", "look into #ops"),
        (&format!("see {dir}/prof\t"), &format!("see {dir}/profiles/")),
    ];
    for (typed, whole) in cases {
        ken.press(&format!("\u{15}{typed}"));
        let begins = format!("#general ❯ {whole}");
        ken.wait(whole, |rows| rows.last().is_some_and(|row| row.starts_with(&begins)));
    }
}

#[test]
fn a_hint_says_what_a_command_takes_and_is_not_sent() {
    let town = Town::new();
    let mut ken = ken_in(&town, &["#general"], &[]);
    ken.press("/swi");
    ken.wait_for_last("#general ❯ /switch #channel");
    ken.press("\u{15}hello");
    ken.wait_for_last("#general ❯ hello");
}

#[test]
fn what_is_typed_while_a_command_is_at_work_stands_on_the_next_line() {
    let town = Town::new();
    let mut ken = ken_in(&town, &["#general"], &[]);
    ken.press("/ping\r/sync\rtyped ahead");
    ken.wait_for_last("#general ❯ typed ahead");
    let rows = ken.rows();
    assert!(rows.iter().any(|row| row == "#general ❯ /ping"), "{rows:#?}");
    assert!(rows.iter().any(|row| row == "#general ❯ /sync"), "{rows:#?}");
    assert_eq!(rows.iter().filter(|row| row.contains("typed ahead")).count(), 1, "{rows:#?}");
    assert!(rows.iter().any(|row| row.starts_with("The tracker answers in ")), "{rows:#?}");
}

#[test]
fn the_history_is_of_the_profile_and_keeps_no_secrets() {
    let town = Town::new();
    let mut ken = ken_in(&town, &["#general"], &[]);
    for line in ["a text", " a hidden text", "/login ken hunter2\u{15}", "/whoami"] {
        ken.type_line(line);
    }
    ken.wait_for("device");
    ken.wait_for_last("#general ❯");
    ken.press("\u{4}");
    assert_eq!(ken.wait_for_end(), 0);
    let path = town.profile_dir("ken").join("history");
    let kept = fs::read_to_string(&path).unwrap();
    assert!(kept.contains("a text\n/whoami\n"), "{kept}");
    assert!(!kept.contains("hunter2") && !kept.contains("hidden"), "{kept}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut ken = town.person("ken", 100);
    ken.wait_for_last("#general ❯");
    ken.press("\u{1b}[A\u{1b}[A");
    ken.wait_for_last("#general ❯ a text");
    ken.press("\u{15}\u{12}creat");
    ken.wait_for_last("(search: creat) /create #general");
}

fn many_messages(town: &Town) {
    let lines: Vec<String> = (1..=28).map(|number| format!("/send #general message {number}")).collect();
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    lines.insert(0, "/join #general");
    lines.insert(0, "/register ben");
    town.done("ben", &lines);
}

#[test]
fn an_answer_longer_than_the_screen_goes_to_the_pager_and_a_short_one_does_not() {
    let town = Town::new();
    let paged = town.dir.path().join("paged");
    let pager = program(&town, "pager", &format!("cat >> {}; echo shown by the pager", paged.display()));
    let mut ken = ken_in(&town, &["#general"], &[("PAGER", &pager)]);
    ken.type_line("/history");
    ken.wait_for("no messages");
    assert!(!paged.exists());
    many_messages(&town);
    ken.wait_for("message 28");
    ken.type_line("/history --last 500");
    ken.wait_for("shown by the pager");
    let text = fs::read_to_string(&paged).unwrap();
    assert!(text.contains("message 1\n") || text.contains("message 1\u{1b}"), "{text}");
    assert_eq!(text.matches("message ").count(), 28, "{text}");
    ken.wait_for_last("#general ❯");
    let scripted = town.script("ken-reads", &["/guest reader", "/join #general", "/history #general --last 500"]);
    assert!(String::from_utf8(scripted.stdout).unwrap().contains("message 28"));
}

#[test]
fn keys_belong_to_the_pager_while_it_is_there() {
    let town = Town::new();
    let there = town.dir.path().join("there");
    let lines = "cat > /dev/null; touch THERE; read line < /dev/tty; echo \"the pager read $line\"";
    let pager = program(&town, "pager", &lines.replace("THERE", there.to_str().unwrap()));
    let mut ken = ken_in(&town, &["#general"], &[("PAGER", &pager)]);
    many_messages(&town);
    ken.wait_for("message 28");
    ken.type_line("/history --last 500");
    until("the pager is there", || there.exists());
    ken.type_line("its own keys");
    ken.wait_for("the pager read its own keys");
    ken.wait_for_last("#general ❯");
}

#[test]
fn the_prompt_tells_how_things_stand_without_a_key_and_leaves_no_blanks() {
    let mut town = Town::new();
    let mut ken = ken_in(&town, &["#general"], &[]);
    let mut ben = town.person("ben", 100);
    ben.type_line("/register ben");
    ben.wait_for("You are ben");
    ben.type_line("/join #general");
    ben.wait_for_last("#general ❯");
    ken.type_line("/quit");
    assert_eq!(ken.wait_for_end(), 0);
    town.kill_tracker();
    ben.wait_for_last("#general · offline ❯");
    ben.type_line("are you there?");
    ben.wait_for_last("#general · offline, 1 waiting ❯");
    ben.press("half");
    ben.wait_for_last("#general · offline, 1 waiting ❯ half");
    town.start_tracker();
    ben.wait_for_last("#general ❯ half");
}

#[test]
fn control_z_gives_the_terminal_back_and_comes_back_with_the_line() {
    let town = Town::new();
    let mut shell =
        Pty::start(std::path::Path::new("/bin/bash"), &["--norc", "--noprofile", "-i"], &[("PS1", "$ ")], 100);
    shell.wait_for_last("$");
    let url = &town.url;
    let dir = town.dir.path().display();
    shell.type_line(&format!("{} --dir {dir} -P ken '{url}'", crate::support::PEER));
    shell.wait_for_last("segment ❯");
    shell.press("half a line\u{1a}");
    shell.wait_for("Stopped");
    shell.type_line("echo the shell is here");
    shell.wait("the shell", |rows| rows.iter().any(|row| row == "the shell is here"));
    shell.type_line("fg");
    shell.wait_for_last("segment ❯ half a line");
}
