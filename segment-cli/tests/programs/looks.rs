//! How a conversation looks on narrow and wide, dark, light and plain terminals.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::Town;
use crate::support::pty::Pty;

fn conversation(columns: u16, env: &[(&str, &str)]) -> (Town, Pty) {
    let town = Town::new();
    town.done("ken", &["/register ken", "/create #general"]);
    town.done("ben", &["/register ben", "/join #general"]);
    let mut ken = town.person_with("ken", columns, env, &[]);
    ken.type_line("/join #general");
    ken.wait("the channel", |rows| rows.iter().any(|row| row.contains("── #general")));
    for (name, line) in [
        ("ben", "/send #general deploy at 3?"),
        ("ben", "/send #general 世界 and 🚀 in a text that is longer than forty columns are wide"),
    ] {
        town.done(name, &[line]);
    }
    ken.wait("both texts", |rows| rows.iter().any(|row| row.contains('🚀')) && rows.concat().contains("wide"));
    ken.type_line("works for me");
    ken.wait("the own text", |rows| rows.iter().any(|row| row.ends_with("ken       works for me")));
    ken.wait("the prompt", |rows| rows.last().is_some_and(|row| row.ends_with('❯')));
    (town, ken)
}

#[test]
fn a_conversation_reads_the_same_on_40_to_200_columns() {
    for columns in [40, 60, 80, 120, 200] {
        let (_town, ken) = conversation(columns, &[]);
        let rows = ken.rows();
        let said: String = rows.iter().map(|row| row.trim()).collect::<Vec<_>>().join(" ");
        assert!(said.contains("ben       deploy at 3?"), "{columns}: {rows:#?}");
        assert!(
            said.contains("世界 and 🚀 in a text that is longer than forty columns are wide"),
            "{columns}: words stay whole and in order: {rows:#?}"
        );
        let is_one = |part: &str| rows.iter().filter(|row| row.contains(part)).count() == 1;
        assert!(is_one("── #general") && is_one("🚀") && is_one("#general ❯"), "{columns}: {rows:#?}");
        assert!(
            rows.iter().any(|row| row.trim_start().starts_with("──") && row.ends_with("──")),
            "{columns}: {rows:#?}"
        );
    }
}

#[test]
fn names_have_colours_that_stay_and_no_color_has_none() {
    let colours = |env: &[(&str, &str)]| {
        let (_town, ken) = conversation(80, env);
        [ken.colour_of("ben"), ken.colour_of("ken")]
    };
    let first = colours(&[]);
    assert_eq!(first, colours(&[]), "the same accounts have the same colours");
    assert_ne!(first[0], first[1]);
    let themes: BTreeSet<String> = ["dark", "light", "none"]
        .into_iter()
        .map(|theme| format!("{:?}", colours(&[("SEGMENT_THEME", theme)])))
        .collect();
    assert_eq!(themes.len(), 3, "{themes:?}");
    let (_town, ken) = conversation(80, &[("NO_COLOR", "1")]);
    assert!(!ken.has_colours());
}

/// A zone in which the day begins at this moment, in seconds since 1970.
fn zone_of_midnight_at(at: u64) -> String {
    let of_day = i64::try_from(at % 86_400).unwrap();
    let west = if of_day > 43_200 { of_day - 86_400 } else { of_day };
    let (sign, seconds) = (if west < 0 { "-" } else { "" }, west.abs());
    format!("TST{sign}{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[test]
fn a_line_stands_between_two_days() {
    let town = Town::new();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    town.done("ken", &["/register ken", "/create #general", "/send --wait committed #general yesterday"]);
    let zone = zone_of_midnight_at(now() + 1);
    sleep(Duration::from_secs(2));
    town.done("ken", &["/send --wait committed #general today"]);
    let mut ken = town.person_with("ken", 80, &[("TZ", &zone)], &[]);
    ken.type_line("/switch #general");
    let rows = ken.wait("both", |rows| rows.iter().any(|row| row.ends_with("ken       today")));
    let at = |end: &str| rows.iter().position(|row| row.ends_with(end)).unwrap_or_else(|| panic!("{rows:#?}"));
    let (heading, yesterday) = (at("here ──"), at("ken       yesterday"));
    let (before, between) = (&rows[yesterday - 1], &rows[yesterday + 1]);
    assert!(between.starts_with("── ") && before.starts_with("── ") && before != between, "{rows:#?}");
    assert!(rows[heading].starts_with(between.trim_end_matches(" ──")), "today is the day of the heading: {rows:#?}");
    assert_eq!(yesterday + 2, at("ken       today"), "{rows:#?}");
}

#[test]
fn a_dumb_terminal_gets_lines_without_any_escape() {
    let (_town, ken) = conversation_on_dumb();
    assert!(!ken.raw().contains('\u{1b}'), "{:?}", ken.raw());
}

fn conversation_on_dumb() -> (Town, Pty) {
    let town = Town::new();
    let mut ken = town.person_with("ken", 80, &[("TERM", "dumb")], &[]);
    ken.type_line("/register ken");
    ken.wait_for("You are ken");
    ken.type_line("/create #general");
    ken.wait_for("#general is made");
    ken.type_line("/send --wait committed hello");
    ken.type_line("/history");
    ken.wait("the text", |rows| rows.iter().any(|row| row.ends_with("ken       hello")));
    (town, ken)
}

#[test]
fn a_window_that_changes_its_size_keeps_the_line() {
    let (_town, mut ken) = conversation(100, &[]);
    ken.press("half of a line");
    ken.wait_for_last("#general ❯ half of a line");
    ken.resize(50);
    ken.press(" and the rest of it, which is longer");
    ken.wait("the line", |rows| {
        rows.concat().ends_with("#general ❯ half of a line and the rest of it, which is longer")
    });
}
