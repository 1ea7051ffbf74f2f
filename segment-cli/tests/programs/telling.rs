//! What people are told, in which words, and how often.

use std::fs;
use std::path::Path;

use crate::support::pty::Pty;
use crate::support::{PATIENCE, Town, text};

fn town_with_general() -> (Town, Pty) {
    let town = Town::new();
    let mut ken = town.person("ken", 110);
    ken.type_line("/register ken");
    ken.wait_for("You are ken");
    ken.type_line("/create #general");
    ken.wait_for_last("#general ❯");
    (town, ken)
}

/// Notices, without their times.
fn notices(pty: &Pty) -> Vec<String> {
    let rows = pty.rows();
    rows.iter().filter_map(|row| Some(row.split_once("  *         ")?.1.to_owned())).collect()
}

#[test]
fn who_loses_every_right_is_told_once_and_so_is_the_owner() {
    let (town, mut ken) = town_with_general();
    let ben = town.member("ben", 110);
    ken.type_line("/deny @ben");
    ken.wait_for("ben may do nothing in #general any more, not even read.");
    ben.wait_for("you may not read #general any more");
    let of = |pty: &Pty| notices(pty).into_iter().filter(|notice| notice.contains("#general")).collect::<Vec<_>>();
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(of(&ben).len(), 1, "{:#?}", ben.rows());
    assert_eq!(of(&ken), Vec::<String>::new(), "{:#?}", ken.rows());
}

#[test]
fn who_gets_rights_is_told_once_and_others_see_who_gave_them() {
    let (town, mut ken) = town_with_general();
    let (ben, cleo) = (town.member("ben", 110), town.member("cleo", 110));
    ken.type_line("/allow @ben --can read");
    ken.wait_for("ben may now read in #general.");
    ben.wait_for("in #general you may now: read");
    cleo.wait_for("ken allowed ben in #general: read");
    let about = |pty: &Pty| notices(pty).iter().filter(|notice| notice.contains("#general")).count();
    assert_eq!((about(&ken), about(&ben), about(&cleo)), (0, 1, 1), "{:#?}", ben.rows());
}

#[test]
fn what_is_kept_is_said_once_and_shown() {
    let (_town, mut ken) = town_with_general();
    ken.type_line("/retain --last 10000 --days 365");
    ken.wait_for("Of #general at most 10000 messages, 365 days are kept from now on. Older ones go in steps of 4096");
    ken.type_line("/info");
    ken.wait("the policy", |rows| rows.iter().any(|row| row == "  kept      at most 10000 messages, 365 days"));
    ken.type_line("/clear");
    ken.wait("a clear screen", |rows| !rows.iter().any(|row| row.contains("kept")));
    ken.type_line("/retain --all");
    ken.wait_for("Everything of #general is kept from now on.");
    ken.type_line("/info");
    ken.wait("no policy", |rows| rows.iter().any(|row| row == "  kept      everything"));
    assert!(notices(&ken).is_empty(), "{:#?}", ken.rows());
}

#[test]
fn members_are_shown_with_their_rights_and_visitors_are_counted_apart() {
    let (town, mut ken) = town_with_general();
    let mut ben = town.member("ben", 110);
    ken.type_line("/allow @ben --can read");
    ken.wait_for("ben may now read");
    ken.type_line("/members");
    ken.wait("the members", |rows| {
        let has = |wanted: &str| rows.iter().any(|row| row.split_whitespace().collect::<Vec<_>>().join(" ") == wanted);
        has("ken (you) owner online")
            && has("ben read online")
            && has("2 members, 2 online; visitors may read, and are not listed")
    });
    ben.type_line("/members");
    ben.wait_for("2 members, 2 online");
}

#[test]
fn a_script_that_looks_in_is_not_talked_about_and_a_person_is() {
    let (town, ken) = town_with_general();
    town.done("robot", &["/register robot", "/join #general", "/send #general done"]);
    ken.wait_for("done");
    let _ben = town.member("ben", 110);
    ken.wait_for("ben is here");
    assert!(!notices(&ken).iter().any(|notice| notice.contains("robot")), "{:#?}", ken.rows());
}

#[test]
fn a_moved_channel_is_named_by_whose_machine_hosts_it() {
    let (town, mut ken) = town_with_general();
    let (mut ben, mut cleo) = (town.member("ben", 110), town.member("cleo", 110));
    for number in 1..=3 {
        ken.type_line(&format!("message {number}"));
    }
    cleo.wait_for("message 3");
    ken.type_line("/host move @ben");
    ken.wait_for("#general lives on the machine of ben");
    ben.wait_for("#general is hosted by this machine from now on");
    for pty in [&mut ken, &mut cleo] {
        let started = std::time::Instant::now();
        while !pty.rows().iter().any(|row| row.contains("hosted by ben, who is there")) {
            assert!(started.elapsed() < PATIENCE, "{:#?}", pty.rows());
            pty.type_line("/info");
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        pty.type_line("/host");
        pty.wait("the host", |rows| rows.iter().any(|row| row.starts_with("  host      ben on another device")));
    }
    ken.type_line("/channels --mine");
    ken.wait_for("hosted by another device, which is there");
    ben.type_line("/quit");
    assert_eq!(ben.wait_for_end(), 0);
    cleo.wait("ben is the one that is away", |rows| {
        rows.iter().any(|row| row.contains("its host ben") || row.contains("host ben is not answering"))
    });
}

#[test]
fn a_mistyped_key_is_said_to_be_one_and_nothing_is_sent() {
    let (town, mut ken) = town_with_general();
    ken.type_line("/quit");
    assert_eq!(ken.wait_for_end(), 0);
    let (address, key) = town.url.split_once('#').unwrap();
    let wrong = format!("{address}#{}{}", if key.starts_with('0') { '1' } else { '0' }, &key[1..]);
    let mut command = std::process::Command::new(crate::support::PEER);
    command.args(["--dir", town.dir.path().to_str().unwrap(), "-P", "ken", &wrong, "-c", "/whoami"]);
    let output = command.output().unwrap();
    assert!(!output.status.success());
    let said = text(&output.stderr);
    assert!(said.contains("is not the one that it has shown before") && said.contains("If it was mistyped"), "{said}");
    assert!(!said.contains("Somebody may be in between"), "{said}");
}

#[test]
fn a_screen_reader_hears_words_only() {
    let town = Town::new();
    let mut ken = town.person_with("ken", 100, &[], &["--plain"]);
    ken.type_line("/register ken");
    ken.wait_for("You are ken");
    ken.type_line("/create #general");
    ken.wait_for("#general is made");
    ken.type_line("/send --wait committed hello");
    ken.type_line("/history");
    ken.wait("the message in words", |rows| rows.iter().any(|row| row.ends_with(" ken: hello")));
    ken.wait_for_last("#general:");
    let printed = ken.raw();
    for drawn in ["─", "❯", "│", "\u{1b}"] {
        assert!(!printed.contains(drawn), "{drawn:?} in {printed}");
    }
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => copy_dir(&entry.path(), &target),
            kind if kind.is_file() => drop(fs::copy(entry.path(), target).unwrap()),
            _ => {}
        }
    }
}

#[test]
fn who_uses_a_copied_profile_twice_at_once_is_told_what_to_do() {
    let town = Town::new();
    town.done("ken", &["/register ken", "/create #general"]);
    copy_dir(&town.profile_dir("ken"), &town.profile_dir("twin"));
    let mut ken = town.program("ken");
    ken.done("/channels");
    let mut twin = town.program("twin");
    // Its token is used up: the password is asked for.
    twin.ask("/login ken");
    let told = ken.hear("that it is used twice", |value| value["event"] == "replaced");
    let text = told["text"].as_str().unwrap();
    assert!(text.contains("/connect takes it back and closes the other"), "{text}");
    assert!(text.contains("Was the profile copied to another machine?"), "{text}");
    assert!(text.contains("/login in a new profile (-P NAME)"), "{text}");
    ken.done("/connect");
    twin.hear("that it is closed now", |value| value["event"] == "replaced");
}
