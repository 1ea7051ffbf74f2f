//! The program seen from inside: `/stats` and `/debug`.

use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Program, Town, of_type, until};

fn facts(program: &mut Program, line: &str) -> Value {
    let answer = program.done(line);
    of_type(&answer, "facts")[0].clone()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn own_figures_say_what_was_said_and_how_long_it_took() {
    let town = Town::new();
    let mut ken = town.program("ken");
    ken.done("/register ken");
    ken.done("/create #general");
    let mut ben = town.program("ben");
    ben.done("/register ben");
    ben.done("/join #general");
    for text in ["one", "two", "three"] {
        ken.done(&format!("/send #general --wait committed {text}"));
    }
    ben.hear_text("three");
    let stats = facts(&mut ken, "/stats");
    assert_eq!((number(&stats["sent"]), number(&stats["committed"]), number(&stats["received"])), (3, 3, 0), "{stats}");
    assert_eq!(number(&stats["settled"]["count"]), 3);
    assert!(number(&stats["settled"]["median_micros"]) > 0 && number(&stats["tracker_micros"]) > 0, "{stats}");
    assert!(number(&stats["bytes_out"]) > 300 && number(&stats["bytes_in"]) > 300, "{stats}");
    assert!(number(&stats["disk_bytes"]) > 0 && stats["per_second_last_minute"].as_f64().unwrap() > 0.0, "{stats}");
    let to: Vec<&str> = stats["links"].as_array().unwrap().iter().map(|link| link["to"].as_str().unwrap()).collect();
    assert_eq!(to, ["tracker", "peer"]);
    let stats = facts(&mut ben, "/stats");
    assert_eq!(
        (number(&stats["sent"]), number(&stats["received"]), number(&stats["received_bytes"])),
        (0, 3, 11),
        "{stats}"
    );
    assert!(stats["settled"].is_null());
}

#[test]
fn everything_that_is_waited_for_is_said_with_its_reason() {
    let mut town = Town::new();
    let mut ken = town.program("ken");
    ken.done("/register ken");
    ken.done("/create #general");
    ken.done("/create #ops");
    let mut ben = town.program("ben");
    ben.done("/register ben");
    ben.done("/join #general");
    ken.done("/send #general --wait committed hello");
    let debug = facts(&mut ken, "/debug #general");
    assert_eq!((&debug["tracker"], debug["channels"].as_array().unwrap().len()), (&"logged in".into(), 1), "{debug}");
    let timers = debug["timers"].as_array().unwrap();
    assert!(timers.iter().any(|timer| timer["why"] == "ping" && number(&timer["due_ms"]) > 0), "{debug}");
    let general = &debug["channels"][0];
    assert_eq!(
        (&general["name"], &general["served_from"], number(&general["head"])),
        (&"#general".into(), &"here".into(), 1)
    );
    let host = &general["host"];
    assert!(number(&host["epoch"]) >= 1 && number(&host["unplaced"]) == 0, "{debug}");
    assert_eq!((number(&host["stored"]), number(&host["members"])), (1, 2), "its owner is a member, too: {debug}");
    assert_eq!(facts(&mut ken, "/debug")["channels"].as_array().unwrap().len(), 2);
    town.kill_tracker();
    ken.hear("the loss", |value| value["event"] == "tracker_lost");
    let debug = facts(&mut ken, "/debug");
    let timers = debug["timers"].as_array().unwrap();
    assert!(timers.iter().any(|timer| timer["why"] == "dial the tracker"), "{debug}");
    assert_eq!(facts(&mut ken, "/stats")["tracker_micros"], Value::Null);
}

#[test]
fn both_are_read_at_a_glance_on_a_terminal() {
    let town = Town::new();
    let mut ken = town.person("ken", 100);
    ken.type_line("/register ken");
    ken.wait_for("You are ken");
    ken.type_line("/create #general");
    ken.wait_for_last("#general ❯");
    ken.type_line("hello");
    ken.wait("the text", |rows| rows.iter().any(|row| row.ends_with("ken       hello")));
    until("that it is committed", || {
        ken.type_line("/stats");
        sleep(Duration::from_millis(100));
        ken.rows().iter().any(|row| row.starts_with("  messages  1 sent, 1 of them committed"))
    });
    ken.wait("tracker", |rows| rows.iter().any(|row| row.starts_with("  tracker   ") && row.ends_with(" ms")));
    ken.type_line("/debug");
    ken.wait_for("tracker: logged in");
    ken.wait_for("#general: from here, level, !1 to !1, committed !");
    ken.wait_for("  host: epoch ");
}
