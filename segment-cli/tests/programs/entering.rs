//! Connecting, logging in and out, being let out.

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::support::pty::Pty;
use crate::support::{PEER, Town, ken_and_ben, text};

/// What lasts is told within this.
const TOLD: Duration = Duration::from_millis(2_500);

fn ben_at(town: &Town) -> Pty {
    let mut ben = town.person("ben", 110);
    ben.type_line("/switch #general");
    ben.wait_for_last("#general ❯");
    ben
}

fn visitor_at(town: &Town, env: &[(&str, &str)]) -> Pty {
    let mut vera = town.person_with("vera", 110, env, &[]);
    vera.type_line("/guest vera");
    vera.wait_for("You are ~vera");
    vera.type_line("/join #general");
    vera.wait_for_last("#general ❯");
    vera
}

#[test]
fn a_login_is_not_kept_after_a_logout() {
    let (mut town, _ken) = ken_and_ben();
    let login = town.profile_dir("ben").join("login");
    for round in 0..8 {
        assert!(login.exists(), "round {round}");
        town.done("ben", &["/logout"]);
        assert!(!login.exists(), "round {round}");
        town.done("ben", &["/login ben"]);
    }
    town.stop_tracker();
    town.done("ben", &["/logout"]);
    assert!(!login.exists());
    town.start_tracker();
    let output = town.script("ben", &["/whoami"]);
    assert!(text(&output.stdout).contains("nobody; /login or /register"), "{}", text(&output.stdout));
}

#[test]
fn a_mistyped_address_costs_no_connection() {
    let (town, ken) = ken_and_ben();
    let other = Town::new();
    let mut ben = ben_at(&town);
    let there = other.url.split('#').next().unwrap();
    let before = format!("You are connected to 127.0.0.1:{}, as before.", town.port);
    for (address, why) in [
        ("segment://127.0.0.1:9", "nobody answers at 127.0.0.1:9"),
        (there, "is not the tracker that profile ben belongs to"),
        (other.url.as_str(), "this profile belongs to the tracker"),
    ] {
        ben.type_line("/clear");
        ben.wait("a clear screen", |rows| !rows.iter().any(|row| row.contains("as before")));
        ben.type_line(&format!("/connect {address}"));
        ben.wait_for(&before);
        assert!(ben.rows().concat().contains(why), "{:#?}", ben.rows());
        ben.wait_for_last("#general ❯");
        ben.type_line("/whoami");
        ben.wait_for("session   logged in");
        ben.wait_for(&format!("tracker   127.0.0.1:{}", town.port));
        ben.type_line(&format!("still here {}", address.len()));
        ken.hear_text(&format!("still here {}", address.len()));
    }
}

#[test]
fn who_was_not_connected_tries_the_old_address_after_a_mistyped_one() {
    let (mut town, _ken) = ken_and_ben();
    let mut ben = ben_at(&town);
    town.stop_tracker();
    ben.wait_for("the tracker is not answering");
    ben.type_line("/connect 127.0.0.1:9");
    ben.wait_for("as before; it is not answering, and tried again");
    town.start_tracker();
    ben.wait_for("the tracker is there again");
    ben.wait("the session", |rows| rows.last().is_some_and(|row| row == "#general ❯"));
    ben.type_line("/connect");
    ben.wait_for(&format!("Connected to 127.0.0.1:{}.", town.port));
    ben.type_line("/whoami");
    ben.wait_for("session   logged in");
}

#[test]
fn a_visitor_whose_login_is_refused_is_still_a_visitor() {
    let (town, mut ken) = ken_and_ben();
    for (number, (password, line)) in
        [("another-password", "/login ken"), ("another-password", "/register ken"), ("short", "/register vera")]
            .into_iter()
            .enumerate()
    {
        let mut vera = visitor_at(&town, &[("SEGMENT_PASSWORD", password)]);
        vera.type_line(line);
        vera.wait("a refusal", |rows| rows.iter().any(|row| row.starts_with("! ")));
        vera.wait_for_last("#general ❯");
        vera.type_line("/whoami");
        vera.wait_for("user      ~vera");
        ken.done(&format!("/send #general --wait committed number {number}"));
        vera.wait_for(&format!("ken       number {number}"));
        vera.type_line("/quit");
        assert_eq!(vera.wait_for_end(), 0);
    }
}

#[test]
fn a_logout_says_nothing_else() {
    let (town, _ken) = ken_and_ben();
    town.done("ben", &["/create #bens"]);
    let mut ben = ben_at(&town);
    ben.type_line("/logout");
    ben.wait_for("Logged out.");
    ben.wait_for_last("segment ❯");
    sleep(TOLD);
    let rows = ben.rows();
    let after = rows.iter().skip_while(|row| !row.contains("❯ /logout")).skip(1);
    let told: Vec<_> = after.filter(|row| !row.starts_with("Logged out.") && !row.contains('❯')).collect();
    assert!(told.is_empty(), "{told:#?}");
    ben.type_line("/quit");
    assert_eq!(ben.wait_for_end(), 0);
    let ben = town.person("ben", 110);
    let rows = ben.wait_for_last("segment ❯");
    assert!(!rows.concat().contains("hosted by"), "{rows:#?}");
}

#[test]
fn who_logs_in_again_is_where_they_were() {
    let (town, ken) = ken_and_ben();
    let mut ben = ben_at(&town);
    ben.type_line("/logout");
    ben.wait_for_last("segment ❯");
    ben.type_line("/login ben");
    ben.wait_for("You are ben.");
    ben.wait_for_last("#general ❯");
    ben.type_line("here again");
    ken.hear_text("here again");
    let mut vera = visitor_at(&town, &[]);
    vera.type_line("/logout");
    vera.wait_for_last("segment ❯");
}

#[test]
fn a_channel_that_is_denied_is_told_of_once_and_can_be_left() {
    let (town, mut ken) = ken_and_ben();
    let mut ben = ben_at(&town);
    ken.done("/deny @ben --from #general");
    ben.wait_for("you may not read #general any more");
    ben.wait_for_last("#general · no access ❯");
    ben.type_line("may I");
    ben.wait_for("! Not sent: you may not read #general any more");
    assert!(!ben.rows().concat().contains("you may read, not send"), "{:#?}", ben.rows());
    ben.press("\u{15}");
    for _ in 0..2 {
        ben.type_line("/quit");
        assert_eq!(ben.wait_for_end(), 0);
        ben = town.person("ben", 110);
        let rows = ben.wait_for_last("segment ❯");
        assert!(rows.concat().contains("/create #channel makes one"), "counted: {rows:#?}");
        sleep(TOLD);
        assert!(!ben.rows().concat().contains("any more"), "told again: {:#?}", ben.rows());
    }
    ben.type_line("/leave #general");
    ben.wait_for("You have left #general.");
    ken.done("/allow @ben --to #general");
    ben.type_line("/join #general");
    ben.wait_for_last("#general ❯");
    ben.type_line("back");
    ken.hear_text("back");
}

#[test]
fn who_is_let_in_again_reads_on() {
    let (town, mut ken) = ken_and_ben();
    ken.done("/deny @ben --from #general");
    town.script("ben", &["/history #general"]);
    ken.done("/allow @ben --to #general");
    ken.done("/send #general --wait committed welcome back");
    let mut ben = town.program("ben");
    ben.done("/join #general");
    ben.done("/send #general --wait committed thanks");
    ken.hear_text("thanks");
}

#[test]
fn passwords_are_asked_for_only_where_they_are_good_for_something() {
    let (town, _ken) = ken_and_ben();
    let mut ben = town.person_who_is_asked("ben", 110);
    for line in ["/register ben", "/login ben"] {
        ben.type_line("/clear");
        ben.wait("a clear screen", |rows| !rows.iter().any(|row| row.contains("already")));
        ben.type_line(line);
        ben.wait_for("you are logged in already, as ben: nothing was done; /logout first");
    }
    let mut new = town.person_who_is_asked("new", 110);
    new.type_line("/register new");
    new.wait_for("Password of new:");
    new.press("\u{3}");
    new.wait_for("! given up: no password was typed, and nothing was done");
    new.wait_for_last("segment ❯");
    new.type_line("/register new");
    new.wait("asked again", |rows| rows.last().is_some_and(|row| row.starts_with("Password of new:")));
    new.type_line("abc");
    new.wait_for("! a password has 8 to 256 bytes");
    assert!(!new.raw().contains("The same again"), "{:#?}", new.rows());
    new.wait_for_last("segment ❯");
    new.type_line("/login ken");
    new.wait_for("Password of ken:");
    new.type_line("abc");
    new.wait_for("! wrong password: every one has 8 to 256 bytes, not logged in; try again");
}

#[test]
fn a_mistyped_word_is_not_taken_for_a_tracker() {
    let dir = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 3] = [
        (&["tial"], "did you mean tail?"),
        (&["tial", "#general"], "did you mean tail?"),
        (&["one", "two"], "at most"),
    ];
    for (words, wanted) in cases {
        let mut command = Command::new(PEER);
        let output = command.arg("--dir").arg(dir.path()).args(words).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(text(&output.stderr).contains(wanted), "{words:?}: {}", text(&output.stderr));
    }
}

#[test]
fn a_tracker_with_another_key_is_not_said_to_be_silent() {
    let mut town = Town::new();
    let key = town.url.rsplit('#').next().unwrap().to_owned();
    town.url = town.url.replace(&key, &"7".repeat(key.len()));
    let new = town.person("new", 110);
    new.wait_for(&format!("not connected to 127.0.0.1:{}", town.port));
    let rows = new.wait_for_last("segment ❯");
    assert!(rows.concat().contains("shows another key than the address that you gave"), "{rows:#?}");
    assert!(!rows.concat().contains("is not answering"), "{rows:#?}");
}
