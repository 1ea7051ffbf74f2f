//! What is unread, how far channels were read, and telling somebody who does not look.

use std::thread;
use std::time::Duration;

use crate::support::pty::Pty;
use crate::support::{Program, Town, of_type};

/// Ken hosts two channels, in which ben is.
fn ken_and_ben() -> (Town, Program) {
    let town = Town::new();
    let mut ken = town.program("ken");
    ken.done("/register ken");
    ken.done("/create #ops");
    ken.done("/create #general");
    let joined = ["/register ben", "/join #ops", "/join #general"];
    town.done("ben", &joined);
    (town, ken)
}

fn say(ken: &mut Program, channel: &str, text: &str) {
    ken.done(&format!("/send {channel} --wait committed -- {text}"));
}

/// Ben at a terminal, in #general.
fn ben_at(town: &Town, env: &[(&str, &str)]) -> Pty {
    let mut ben = town.person_with("ben", 100, env, &[]);
    ben.type_line("/switch #general");
    ben.wait_for("── #general · hosted by ken");
    ben
}

fn bells(pty: &Pty) -> usize {
    pty.raw().matches('\u{7}').count()
}

#[test]
fn what_was_written_meanwhile_is_counted_divided_off_and_then_read() {
    let (town, mut ken) = ken_and_ben();
    let mut ben = ben_at(&town, &[]);
    say(&mut ken, "#general", "read at once");
    ben.wait_for("read at once");
    ben.type_line("/quit");
    assert_eq!(ben.wait_for_end(), 0);
    for (channel, text) in [("#general", "deploy at 3?"), ("#general", "@Ben, can you?"), ("#ops", "all is well")] {
        say(&mut ken, channel, text);
    }
    let mut ben = town.person("ben", 100);
    ben.wait_for("2 channels, 3 unread, 1 mention.  /unread lists them");
    let rows = ben.wait_for_last("#general · #ops 1 ❯");
    let at = rows.iter().position(|row| row == "── 2 new ──").unwrap_or_else(|| panic!("{rows:#?}"));
    assert!(rows[at - 1].ends_with("read at once") && rows[at + 1].ends_with("deploy at 3?"), "{rows:#?}");
    ben.wait_for_raw("\x1b]2;#general (1 unread) - segment\x1b\\");
    ben.type_line("/unread");
    ben.wait("the list", |rows| {
        rows.iter().any(|row| row.starts_with("  #ops ") && row.ends_with("1 unread  from !1"))
    });
    ben.type_line("/unread next");
    ben.wait_for_last("#ops ❯");
    let rows = ben.wait_for("── 1 new ──");
    assert!(rows.iter().any(|row| row.ends_with("all is well")), "{rows:#?}");
    ben.type_line("/quit");
    assert_eq!(ben.wait_for_end(), 0);
    ben.wait_for_raw("\x1b[23;2t");
    let ben = town.person("ben", 100);
    let rows = ben.wait_for_last("#ops ❯");
    assert!(rows.iter().any(|row| row.starts_with("2 channels joined.")), "{rows:#?}");
    assert!(!rows.iter().any(|row| row.contains(" new ──")), "{rows:#?}");
}

#[test]
fn what_comes_into_another_channel_stands_in_prompt_and_title_until_it_is_read() {
    let (town, mut ken) = ken_and_ben();
    let mut ben = ben_at(&town, &[]);
    say(&mut ken, "#ops", "one");
    ben.wait_for("ken #ops  one");
    ben.type_line("");
    ben.wait_for_last("#general · #ops 1 ❯");
    say(&mut ken, "#ops", "for @ben");
    ben.wait_for("ken #ops  for @ben");
    ben.type_line("");
    ben.wait_for_last("#general · #ops 2 @1 ❯");
    ben.wait_for_raw("]2;#general (2 unread, 1 mention) - segment");
    ben.type_line("/unread clear");
    ben.wait_for("Taken as read.");
    ben.wait_for_last("#general ❯");
    assert_eq!(bells(&ben), 0, "who is there is not rung for");
    drop(ben);
    let answer = town.done("ben", &["/unread"]);
    assert_eq!(of_type(&answer, "unread").len(), 0, "also after a crash: {answer:#?}");
}

#[test]
fn a_script_sees_what_is_unread_and_does_not_read_it() {
    let (town, mut ken) = ken_and_ben();
    say(&mut ken, "#ops", "for @ben");
    say(&mut ken, "#ops", "and for @benno");
    for _ in 0..2 {
        let answer = town.done("ben", &["/unread"]);
        let unread = of_type(&answer, "unread");
        assert_eq!(unread.len(), 1, "{answer:#?}");
        let row = unread[0];
        assert_eq!(
            (&row["channel"], &row["unread"], &row["mentions"], &row["first"]),
            (&"#ops".into(), &2.into(), &1.into(), &1.into())
        );
    }
    town.done("ben", &["/unread clear #ops"]);
    let answer = town.done("ben", &["/unread"]);
    assert_eq!(of_type(&answer, "unread_total")[0]["unread"], 0);
}

#[test]
fn who_is_away_is_rung_for_once_and_finds_the_line() {
    let (town, mut ken) = ken_and_ben();
    let mut ben = ben_at(&town, &[]);
    ben.type_line("/notify --away 1");
    ben.wait_for("announced by the bell while you do not look: after 1 s without a key.");
    thread::sleep(Duration::from_millis(1_200));
    say(&mut ken, "#general", "nothing for him");
    ben.wait_for("nothing for him");
    say(&mut ken, "#general", "@ben, are you there?");
    ben.wait_for("are you there?");
    ben.wait("the bell", |_| bells(&ben) == 1);
    say(&mut ken, "#general", "@ben?");
    let rows = ben.wait_for("@ben?");
    assert_eq!(rows.iter().filter(|row| *row == "── new ──").count(), 1, "{rows:#?}");
    assert!(
        rows.iter().position(|row| row == "── new ──") < rows.iter().position(|row| row.contains("nothing for him"))
    );
    assert_eq!(bells(&ben), 1, "not again so soon");
    drop(ben);
    let ben = town.person("ben", 100);
    ben.wait_for("2 channels, 3 unread, 2 mentions.");
    ben.wait_for("── 3 new ──");
    thread::sleep(Duration::from_millis(1_500));
    assert_eq!(bells(&ben), 0, "what was rung for is not rung for again");
}

#[test]
fn the_terminal_is_told_in_its_own_way_and_never_by_others() {
    let (town, mut ken) = ken_and_ben();
    let mut ben = ben_at(&town, &[("KITTY_WINDOW_ID", "7"), ("TMUX", "")]);
    ben.type_line("/notify");
    ben.wait_for("announced by the terminal (OSC 99)");
    ben.type_line("/notify test");
    ben.wait_for_raw("\x1b]99;i=segment:d=0:p=title;segment\x1b\\");
    ben.type_line("/notify osc777 --when all --away 1");
    ben.wait_for("All messages are announced by the terminal (OSC 777)");
    thread::sleep(Duration::from_millis(1_200));
    say(&mut ken, "#ops", "a;b \u{1b}]0;owned\u{7}\u{9b}c");
    ben.wait_for_raw("\x1b]777;notify;#ops;ken: a;b  ]0;owned");
    assert!(!ben.raw().contains("\x1b]0;owned"));
    ben.type_line("/notify off");
    ben.wait_for("Nothing is announced");
    ben.type_line("/set notify");
    ben.wait_for("none");
}

#[test]
fn who_looks_at_another_window_is_told_by_the_terminal_and_who_looks_at_this_one_is_not() {
    const LOOKS_AWAY: &str = "\u{1b}[O";
    const LOOKS_HERE: &str = "\u{1b}[I";
    let (town, mut ken) = ken_and_ben();
    let mut ben = ben_at(&town, &[("TERM_PROGRAM", "iTerm.app"), ("TMUX", "")]);
    say(&mut ken, "#ops", "@ben, here you are");
    ben.wait_for("here you are");
    ben.press(LOOKS_AWAY);
    thread::sleep(Duration::from_millis(300));
    let long = format!("@ben, and now? {}", "x".repeat(2_000));
    say(&mut ken, "#ops", &long);
    ben.wait_for_raw("\x1b]9;#ops: ken: @ben, and now? xxx");
    let raw = ben.raw();
    assert!(!raw.contains("]9;#ops: ken: @ben, here"), "who looks needs no word");
    let told = raw.split("\x1b]9;").nth(1).unwrap().split('\x1b').next().unwrap().split('\u{7}').next().unwrap();
    assert!(told.len() < 400, "the text is cut: {}", told.len());
    say(&mut ken, "#general", "unread while nobody looks");
    ben.wait_for_raw("]2;#general (3 unread, 2 mentions)");
    ben.press(LOOKS_HERE);
    ben.type_line("/unread");
    let rows = ben.wait("the list", |rows| rows.iter().any(|row| row.starts_with("  #ops ")));
    assert!(!rows.iter().any(|row| row.starts_with("  #general ")), "it was looked at: {rows:#?}");
}

#[test]
fn a_dumb_terminal_is_sent_nothing_but_text() {
    let (town, mut ken) = ken_and_ben();
    let ben = town.person_with("ben", 100, &[("TERM", "dumb")], &[]);
    say(&mut ken, "#ops", "for @ben");
    ben.wait_for("for @ben");
    let raw = ben.raw();
    assert!(!raw.contains('\u{1b}') && !raw.contains('\u{7}'), "{raw:?}");
}
