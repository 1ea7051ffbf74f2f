//! Live streams between the real programs.

mod allowed;
mod films;
mod graphics;
mod looking;
mod players;
mod returning;
mod several;
mod sources;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Program, Town, of_type, text, until};

const CARD: &str = "/stream start card --size 320x180 --fps 20";

/// A town in which ken hosts #general, in a program; and others who are in it.
fn town_of<const COUNT: usize>(names: [&str; COUNT]) -> (Town, Program, [Program; COUNT]) {
    let town = Town::new();
    let mut ken = town.program("ken");
    ken.done("/register ken");
    ken.done("/create #general");
    let members = names.map(|name| member(&town, name));
    (town, ken, members)
}

fn member(town: &Town, name: &str) -> Program {
    let mut program = town.program(name);
    program.done(&format!("/register {name}"));
    program.done("/join #general");
    program
}

fn at(town: &Town, name: &str) -> PathBuf {
    town.dir.path().join(name)
}

fn watch(program: &mut Program, file: &Path) {
    program.done(&format!("/stream watch #general --out {}", file.display()));
}

fn event(program: &Program, name: &str) -> Value {
    program.hear(name, |value| value["event"] == name)
}

fn stats(program: &mut Program) -> Value {
    let answer = program.done("/stream stats");
    of_type(&answer, "stream_stats")[0].clone()
}

/// Waits until so many frames have come, or gone.
fn frames(program: &mut Program, least: u64) {
    until("frames", || stats(program)["frames"].as_u64().unwrap() >= least);
}

fn viewers(program: &mut Program) -> Vec<String> {
    let answer = program.done("/stream tree #general");
    let tree = of_type(&answer, "stream_tree")[0].clone();
    let names = tree["viewers"].as_array().unwrap().iter();
    names.map(|viewer| viewer["name"].as_str().unwrap().to_owned()).collect()
}

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", text(&output.stderr));
    text(&output.stdout) + &String::from_utf8_lossy(&output.stderr)
}

fn has_ffmpeg() -> bool {
    let is_there = Command::new("ffprobe").arg("-version").output().is_ok();
    if !is_there {
        eprintln!("SKIPPED: ffmpeg is not installed (apt install ffmpeg)");
    }
    is_there
}

fn probe(file: &Path, args: &[&str]) -> Vec<f64> {
    let all = [&["-v", "error", "-of", "default=nk=1:nw=1"], args, &[file.to_str().unwrap()]].concat();
    run("ffprobe", &all).lines().filter_map(|line| line.trim().parse().ok()).collect()
}

fn frames_in(file: &Path) -> u64 {
    probe(file, &["-select_streams", "v:0", "-count_frames", "-show_entries", "stream=nb_read_frames"])[0] as u64
}

/// A program of that name that does what a script says: a `PATH` in which it comes first.
fn pretend(town: &Town, name: &str, script: &str) -> String {
    let folder = at(town, &format!("pretended-{name}"));
    fs::create_dir_all(&folder).unwrap();
    let program = folder.join(name);
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

/// Whether a process is there.
fn runs(pid: &str) -> bool {
    Command::new("kill").args(["-0", pid.trim()]).output().unwrap().status.success()
}
