//! What the simulation of the directory says without a clock: every answer is right, and all of it is there again.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};

#[test]
fn ten_thousand_users_find_each_other_and_are_known_again() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-directory"));
    command.args(["--users", "10000", "--channels", "1000", "--online", "500", "--operations", "5000"]);
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("| 5000 operations |"), "{said}");
    assert!(said.contains("started anew with 10000 users, 1000 channels, "), "{said}");
}
