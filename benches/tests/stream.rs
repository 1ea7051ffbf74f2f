//! What the measuring command of streams says without a clock: nothing is lost, everybody is served.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};

fn measure(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-stream"));
    let output = command.arg("--patient").args(arguments).stderr(Stdio::inherit()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn five_throttled_viewers_cost_five_others_nothing() {
    let said = measure(&["--only", "throttled", "--seconds", "4"]);
    assert!(said.contains("beside five on links of 140 kbit/s"), "{said}");
    assert_eq!(said.matches(" 0 lost;").count(), 2, "{said}");
}

#[test]
fn fifty_viewers_of_whom_five_are_direct_lose_nothing_when_a_relay_is_killed() {
    let said = measure(&["--only", "relays", "--seconds", "2", "--kills", "1", "--freezes", "0"]);
    assert!(said.contains("50 viewers, 15 of them pass it on, 5 are served directly"), "{said}");
    assert!(said.contains("Kill: "), "{said}");
    assert!(said.contains(" 0 frames lost"), "{said}");
}

#[test]
fn who_watches_again_and_again_sees_a_picture_each_time() {
    let said = measure(&["--only", "join", "--joins", "25"]);
    assert_eq!(said.matches("25 times").count(), 2, "{said}");
}
