//! People at terminals, judged by what they see.

use crate::support::Town;
use crate::support::pty::Pty;

fn town_with_general() -> (Town, Pty) {
    let town = Town::new();
    let mut ken = town.person("ken", 100);
    ken.type_line("/register ken");
    ken.wait_for("You are ken");
    ken.type_line("/create #general");
    ken.wait_for("#general is made");
    ken.wait_for_last("#general ❯");
    (town, ken)
}

fn visitor(town: &Town, name: &str) -> Pty {
    let mut pty = town.person(name, 100);
    pty.type_line(&format!("/guest {name}"));
    pty.wait_for(&format!("You are ~{name}"));
    pty
}

/// A message as it is shown: after its time and its author.
fn shown(author: &str, text: &str) -> impl Fn(&[String]) -> bool {
    let tail = format!("  {author:<8}  {text}");
    move |rows: &[String]| rows.iter().any(|row| row.ends_with(&tail))
}

#[test]
fn three_people_register_create_join_and_talk() {
    let (town, mut ken) = town_with_general();
    let mut ben = town.member("ben", 100);
    ken.wait_for("ben is here");
    let mut vera = visitor(&town, "vera");
    vera.type_line("/join #general");
    vera.wait_for("You are in #general");

    ken.type_line("hello everybody");
    for pty in [&ken, &ben, &vera] {
        pty.wait("ken's text", shown("ken", "hello everybody"));
    }
    ben.type_line("hi ken, wide 世界 and e\u{301}");
    for pty in [&ken, &ben, &vera] {
        pty.wait("ben's text", shown("ben", "hi ken, wide 世界 and e\u{301}"));
    }
    let times = ken.rows().iter().filter(|row| row.contains("hello everybody")).count();
    assert_eq!(times, 1, "a message is shown once: {:#?}", ken.rows());

    vera.type_line("let me write");
    vera.wait_for("! Not sent: in #general visitors may only read.");
    ken.type_line("goodbye");
    vera.wait("ken's last", shown("ken", "goodbye"));
    assert!(!ken.rows().concat().contains("let me write"));
}

#[test]
fn a_members_channel_takes_whom_its_owner_allows() {
    let (town, mut ken) = town_with_general();
    ken.type_line("/create #ops --view members");
    ken.wait_for("#ops is made");
    let mut ben = town.member("ben", 100);
    let mut vera = visitor(&town, "vera");
    for pty in [&mut ben, &mut vera] {
        pty.type_line("/join #ops");
        pty.wait("a refusal", |rows| rows.iter().any(|row| row.starts_with("! ") && row.contains("#ops")));
    }
    ken.type_line("/allow @ben --to #ops --can read");
    ken.wait_for("ben may now read in #ops.");
    ben.type_line("/join #ops");
    ben.wait_for("You are in #ops");
    ben.wait_for_last("#ops ❯");
    ben.type_line("ship it");
    ben.wait_for("! Not sent: in #ops you may read, not send. Its owner can run: /allow @ben --to #ops");
    ben.press("\u{15}");
    ken.type_line("/allow @ben --to #ops --can read,send");
    ken.wait_for("ben may now read, send in #ops.");
    ben.wait_for("in #ops you may now: read, send");
    ben.type_line("ship it now");
    ken.wait("ben's text", shown("ben", "ship it now"));
    vera.type_line("/join #ops");
    vera.wait("still refused", |rows| {
        rows.iter().filter(|row| row.starts_with("! ") && row.contains("#ops")).count() == 2
    });
}

#[test]
fn an_invisible_user_is_not_listed_and_works_as_ever() {
    let (town, mut ken) = town_with_general();
    let mut ben = town.member("ben", 100);
    ken.wait_for("ben is here");
    ken.type_line("/members");
    ken.wait("ben online", |rows| rows.iter().any(|row| row.starts_with("ben ") && row.ends_with("online")));
    ben.type_line("/invisible");
    ben.wait_for("You are invisible");
    ken.wait_for("ben has gone");
    ken.type_line("/clear");
    ken.wait("a clear screen", |rows| !rows.iter().any(|row| row.contains("ben")));
    ken.type_line("/members");
    ken.wait("ben offline", |rows| rows.iter().any(|row| row.starts_with("ben ") && row.ends_with("offline")));
    ken.type_line("/peers");
    ken.wait("the user list", |rows| rows.iter().any(|row| row.starts_with("online:")));
    let rows = ken.wait_for_last("#general ❯");
    let listed = rows.iter().rposition(|row| row.starts_with("online:")).unwrap();
    assert!(!rows[listed..].iter().any(|row| row.contains("ben")), "{rows:#?}");
    ken.type_line("nobody else here?");
    ben.wait("ken's text, through the tracker", shown("ken", "nobody else here?"));
    ken.type_line("/invisible");
    ken.wait_for("You are invisible");
    ben.type_line("not even ken?");
    ken.wait("ben's text, through the tracker", shown("ben", "not even ken?"));
}

#[test]
fn one_of_two_sessions_is_closed_and_the_user_is_still_online() {
    let (town, mut ken) = town_with_general();
    let first = town.member("ben", 100);
    ken.wait_for("ben is here");
    let mut second = town.person("bens-other-device", 100);
    second.type_line("/login ben");
    second.wait_for("You are ben.");
    second.type_line("/quit");
    assert_eq!(second.wait_for_end(), 0);
    ken.type_line("/members");
    ken.wait("ben online", |rows| rows.iter().any(|row| row.starts_with("ben ") && row.ends_with("online")));
    drop(first);
    ken.wait_for("ben has gone");
    ken.type_line("/members");
    ken.wait("ben offline", |rows| rows.iter().any(|row| row.starts_with("ben ") && row.ends_with("offline")));
}

fn the_line_being_typed_is_left_whole(columns: u16, typed: &str) {
    let (town, mut ken) = town_with_general();
    let mut ben = town.member("ben", columns);
    ben.press(typed);
    ben.wait("the half line", |rows| rows.concat().replace(' ', "").ends_with(&typed.replace(' ', "")));
    ken.type_line("first, a text that is longer than forty columns and has to be wrapped there");
    ken.type_line("second");
    ben.wait("both texts above", shown("ken", "second"));
    ben.press("END");
    ben.wait("the whole line", |rows| {
        let at = rows.iter().rposition(|row| row.starts_with("#general")).unwrap_or(0);
        rows[at..].concat().replace(' ', "").ends_with(&format!("{typed}END").replace(' ', ""))
    });
    ben.press("\r");
    let whole = format!("{typed}END");
    ken.wait("the text, unharmed", |rows| rows.concat().replace(' ', "").contains(&whole.replace(' ', "")));
}

#[test]
fn text_that_arrives_leaves_the_line_whole_at_120_columns() {
    the_line_being_typed_is_left_whole(120, "half of a line");
}

#[test]
fn text_that_arrives_leaves_the_line_whole_at_40_columns() {
    the_line_being_typed_is_left_whole(40, "half of a line that is longer than the terminal is wide 世界");
}

#[test]
fn writing_goes_to_the_tracker_while_the_host_is_away_and_both_are_told() {
    let (town, mut ken) = town_with_general();
    let mut ben = town.member("ben", 120);
    ben.type_line("good morning");
    ken.wait("ben's greeting", shown("ben", "good morning"));
    ken.type_line("/quit");
    assert_eq!(ken.wait_for_end(), 0);
    ben.type_line("are you there?");
    ben.wait_for("host ken is not answering");
    ben.wait("the text, once", shown("ben", "are you there?"));
    for text in ["it is late", "good night"] {
        ben.type_line(text);
        ben.wait("the next", shown("ben", text));
    }
    let ken = town.person("ken", 120);
    ben.wait_for("host ken is back: 3 messages taken over, none lost, none doubled (epoch ");
    ken.wait("ben's text", shown("ben", "are you there?"));
    let again = "#general is hosted by this machine again: 3 messages taken over, none lost, none doubled (epoch ";
    let rows = ken.wait_for(again);
    let place =
        |part: &str| rows.iter().position(|row| row.contains(part)).unwrap_or_else(|| panic!("{part}: {rows:#?}"));
    assert!(place("segment 0.1.0") < place(again), "{rows:#?}");
    let away = |row: &&String| row.contains("tracker copy") || row.contains("go to the tracker");
    assert_eq!(ben.rows().iter().filter(away).count(), 1, "{:#?}", ben.rows());
    ben.type_line("/host");
    let rows = ben.wait("where it is", |rows| {
        rows.iter().any(|row| row.contains("epoch") && row.contains("sequenced by the host"))
            && rows.iter().any(|row| row.starts_with("  unplaced"))
    });
    assert!(!rows.iter().any(|row| row.starts_with("  copy")), "a member does not know it: {rows:#?}");
    ben.type_line("/sync");
    ben.wait_for("#general: from its host, level at !4");
    let rows = ben.wait_for_last("#general ❯");
    assert_eq!(rows.iter().filter(|row| row.contains("are you there?")).count(), 1, "{rows:#?}");
}

#[test]
fn a_message_that_nobody_can_take_waits_visibly_and_goes_out_by_itself() {
    let (mut town, mut ken) = town_with_general();
    let mut ben = town.member("ben", 100);
    ken.type_line("/quit");
    assert_eq!(ken.wait_for_end(), 0);
    town.kill_tracker();
    ben.wait_for("#general: neither host nor tracker can be reached");
    ben.type_line("are you there?");
    ben.wait_for("your message waits here");
    ben.type_line("/outbox");
    ben.wait_for("#general · offline, 1 waiting ❯");
    ben.wait("the outbox", |rows| rows.iter().any(|row| row.ends_with("queued     #general  are you there?")));
    town.start_tracker();
    ben.wait_for("everything that waited for #general is there now");
    let ken = town.person("ken", 100);
    ken.wait("ben's text", shown("ben", "are you there?"));
    let rows = ben.rows();
    let prompt = rows.last().unwrap();
    assert!(prompt.starts_with("#general ") && prompt.ends_with('❯') && !prompt.contains("waiting"), "{prompt}");
}

#[test]
fn everything_is_there_again_after_a_restart() {
    let (town, mut ken) = town_with_general();
    ken.type_line("remember this");
    ken.wait("shown", shown("ken", "remember this"));
    ken.press("\u{4}");
    assert_eq!(ken.wait_for_end(), 0);
    let ken = town.person("ken", 100);
    ken.wait_for("segment 0.1.0 · ken ·");
    ken.wait("the old text", shown("ken", "remember this"));
    ken.wait_for_last("#general ❯");
}

#[test]
fn an_own_text_stands_on_the_screen_once_however_long_it_is() {
    let (_town, mut ken) = town_with_general();
    let long = "a text of many words, 世界 among them, that is longer than a row of this terminal is wide, so that it takes two";
    ken.type_line(long);
    ken.wait("the end of the long text", |rows| {
        rows.iter().any(|row| row.trim_start().starts_with("so that") || row.ends_with("two"))
    });
    ken.type_line("  indented");
    ken.wait("the blanks", shown("ken", "  indented"));
    let rows = ken.wait_for_last("#general ❯");
    let times = |text: &str| rows.iter().filter(|row| row.contains(text)).count();
    assert_eq!((times("a text of many words"), times("indented")), (1, 1), "{rows:#?}");
    assert!(!rows.iter().any(|row| row.starts_with("#general ❯ ")), "{rows:#?}");
}

#[test]
fn what_was_shown_is_not_shown_again_when_the_host_starts_again() {
    let (town, mut ken) = town_with_general();
    let mut ben = town.member("ben", 100);
    ken.type_line("before");
    ben.wait("ken's text", shown("ken", "before"));
    ben.type_line("answer");
    ken.wait("ben's text", shown("ben", "answer"));
    ken.type_line("/quit");
    assert_eq!(ken.wait_for_end(), 0);
    let mut ken = town.person("ken", 100);
    ken.wait("the old texts", |rows| shown("ken", "before")(rows) && shown("ben", "answer")(rows));
    ken.type_line("after");
    ben.wait("ken's next text", shown("ken", "after"));
    for pty in [&ken, &ben] {
        let rows = pty.rows();
        for text in ["before", "answer", "after"] {
            let times = rows.iter().filter(|row| row.ends_with(&format!("  {text}"))).count();
            assert_eq!(times, 1, "{text}: {rows:#?}");
        }
    }
}

#[test]
fn quitting_draws_no_further_prompt() {
    let (_town, mut ken) = town_with_general();
    ken.type_line("/quit");
    assert_eq!(ken.wait_for_end(), 0);
    let rows = ken.wait_for("/quit");
    assert!(rows.last().is_some_and(|row| row.ends_with("/quit")), "{rows:#?}");
}

#[test]
fn who_looked_around_and_registers_goes_on_in_the_same_channel() {
    let (town, _ken) = town_with_general();
    let mut vera = visitor(&town, "vera");
    vera.type_line("/join #general");
    vera.wait_for("You are in #general");
    vera.type_line("/register vera");
    vera.wait_for("You are vera: the account is made");
    vera.type_line("now I may write");
    vera.wait("her text", shown("vera", "now I may write"));
}
