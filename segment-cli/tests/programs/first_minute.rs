//! Somebody new: what the program says, what it suggests, and that it shows when it waits.

use std::process::Command;

use crate::support::Town;

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

#[test]
fn a_first_start_says_in_five_lines_what_it_does_and_what_to_type() {
    let town = Town::without_tracker();
    let mut new = town.person("new", 80);
    let rows = new.wait_for_last("segment ❯");
    assert!(rows.len() <= 6, "five lines and the prompt: {rows:#?}");
    let text = rows.concat();
    for wanted in ["this program runs yours now", "segment 0.1.0", "/register NAME", "/guest", "/help"] {
        assert!(text.contains(wanted), "{wanted}: {rows:#?}");
    }
    new.type_line("/register ken");
    new.wait_for("/create #channel makes a channel, /join #channel comes into one.");
    new.type_line("/create #general");
    new.wait_for("Others come in with /join #general.");
    new.type_line("hello");
    new.wait_for("ken       hello");
}

#[test]
fn help_fits_the_screen_and_a_narrow_one() {
    let town = Town::new();
    let mut ken = town.person("ken", 80);
    ken.type_line("/help");
    let rows = ken.wait("all of it", |rows| rows.iter().any(|row| row.contains("/help COMMAND explains")));
    assert!(rows.iter().any(|row| row.contains("Commands")), "its beginning is still on the screen: {rows:#?}");
    ken.type_line("/help join");
    ken.wait("an example", |rows| rows.iter().any(|row| row.starts_with("    /join #general")));
    drop(ken);
    let mut ken = town.person("ken", 40);
    ken.type_line("/help send");
    let rows = ken.wait_for("separate --. What cannot be sent now");
    assert!(rows.iter().any(|row| row.starts_with("  The text is everything")), "{rows:#?}");
}

#[test]
fn near_words_are_suggested() {
    let town = Town::new();
    town.done("ken", &["/register ken", "/create #general"]);
    let mut ken = town.person("ken", 100);
    let cases = [
        ("/jion #general", "did you mean /join?"),
        ("/join #genral", "did you mean #general?"),
        ("/send #genarel hi", "did you mean #general?"),
        ("/create #x --veiw public", "did you mean --view?"),
        ("/view #general publc", "did you mean public?"),
        ("/set thmee dark", "did you mean theme?"),
        ("/help histroy", "did you mean /history?"),
    ];
    for (line, suggested) in cases {
        ken.type_line(line);
        ken.wait_for(suggested);
        // What was refused may stay in the editor.
        ken.press("\u{15}");
        ken.type_line("/clear");
        ken.wait("a clear screen", |rows| !rows.concat().contains("did you mean"));
    }
}

#[test]
fn a_slow_step_shows_that_it_is_alive() {
    let town = Town::new();
    town.done("ken", &["/register ken", "/create #general"]);
    let mut ken = town.person("ken", 100);
    ken.wait_for("ken ·");
    signal(town.tracker_pid(), "-STOP");
    ken.type_line("/ping");
    ken.wait_for("(waiting for /ping, 1 s; Ctrl-C gives up)");
    signal(town.tracker_pid(), "-CONT");
    ken.wait_for("The tracker answers in");
    ken.wait_for_last("segment ❯");
    signal(town.tracker_pid(), "-STOP");
    ken.type_line("/send #general --wait committed hello");
    ken.wait_for("(waiting for /send, ");
    signal(town.tracker_pid(), "-CONT");
    ken.wait_for_last("segment ❯");
    drop(ken);
    signal(town.tracker_pid(), "-STOP");
    let late = town.starting("ken", 100);
    late.wait_for("(waiting for connecting to");
    signal(town.tracker_pid(), "-CONT");
    late.wait_for("segment 0.1.0");
}
