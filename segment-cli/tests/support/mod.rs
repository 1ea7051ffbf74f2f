//! Trackers and peers for tests: the real binaries, in a directory of their own, on ports of their own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "../pty/mod.rs"]
pub mod pty;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pty::Pty;
use serde_json::Value;
use tempfile::TempDir;

pub const PASSWORD: &str = "correct-horse-battery";
pub const PATIENCE: Duration = Duration::from_secs(40);

pub const PEER: &str = env!("CARGO_BIN_EXE_segment-peer");
pub const TRACKER: &str = env!("CARGO_BIN_EXE_segment-tracker");

/// A port that is free now, and not one that outgoing connections are given. Suites that run beside each other begin
/// far from each other.
pub fn free_port() -> u16 {
    static NEXT: Mutex<u32> = Mutex::new(0);
    let mut next = NEXT.lock().unwrap();
    loop {
        *next += 1;
        let port = u16::try_from(20_000 + (std::process::id() % 12_000 * 601 + *next) % 12_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A tracker and the people around it.
pub struct Town {
    pub dir: TempDir,
    pub port: u16,
    tracker: Option<Child>,
    pub url: String,
}

impl Town {
    /// With a tracker at work.
    pub fn new() -> Self {
        let mut town = Self { dir: tempfile::tempdir().unwrap(), port: free_port(), tracker: None, url: String::new() };
        town.start_tracker();
        town
    }

    /// Without: peers run their own.
    pub fn without_tracker() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), port: free_port(), tracker: None, url: String::new() }
    }

    pub fn start_tracker(&mut self) {
        let mut child = Command::new(TRACKER)
            .args(["--bind", &format!("127.0.0.1:{}", self.port), "--json", "--data"])
            .arg(self.tracker_dir())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let started: Value = serde_json::from_str(&line).unwrap();
        self.url = started["invite"].as_str().unwrap().to_owned();
        self.tracker = Some(child);
    }

    /// kill -9
    pub fn kill_tracker(&mut self) {
        let mut child = self.tracker.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub fn stop_tracker(&mut self) {
        let mut child = self.tracker.take().unwrap();
        interrupt(child.id());
        assert!(child.wait().unwrap().success());
    }

    pub fn tracker_dir(&self) -> PathBuf {
        self.dir.path().join("tracker")
    }

    pub fn profile_dir(&self, profile: &str) -> PathBuf {
        self.dir.path().join("profiles").join(profile)
    }

    fn arguments(&self, profile: &str) -> Vec<String> {
        let dir = self.dir.path().to_str().unwrap().to_owned();
        let mut arguments = vec!["--dir".to_owned(), dir, "-P".to_owned(), profile.to_owned()];
        arguments.extend(["--tracker-port".to_owned(), self.port.to_string()]);
        if !self.url.is_empty() {
            arguments.push(self.url.clone());
        }
        arguments
    }

    /// `segment-peer` with a password, for scripts.
    pub fn command(&self, profile: &str) -> Command {
        let mut command = Command::new(PEER);
        command.args(self.arguments(profile)).env("SEGMENT_PASSWORD", PASSWORD).env("TZ", "UTC");
        command.stdin(Stdio::null());
        command
    }

    /// Runs commands, and returns what came of them.
    pub fn script(&self, profile: &str, lines: &[&str]) -> Output {
        let mut command = self.command(profile);
        command.args(lines.iter().flat_map(|line| ["-c".to_owned(), String::from(*line)]));
        command.output().unwrap()
    }

    /// Runs commands that must all be done; the objects that were written.
    pub fn done(&self, profile: &str, lines: &[&str]) -> Vec<Value> {
        let mut command = self.command(profile);
        command.arg("--json");
        command.args(lines.iter().flat_map(|line| ["-c".to_owned(), String::from(*line)]));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{lines:?}\n{}", text(&output.stdout));
        objects(&output.stdout)
    }

    /// A person at a terminal.
    pub fn person(&self, profile: &str, columns: u16) -> Pty {
        self.person_with(profile, columns, &[], &[])
    }

    /// Somebody new at a terminal, in #general.
    pub fn member(&self, name: &str, columns: u16) -> Pty {
        let mut pty = self.person(name, columns);
        pty.type_line(&format!("/register {name}"));
        pty.wait_for(&format!("You are {name}"));
        pty.type_line("/join #general");
        pty.wait_for("You are in #general");
        pty.wait_for_last("#general ❯");
        pty
    }

    /// The process of its tracker.
    pub fn tracker_pid(&self) -> u32 {
        self.tracker.as_ref().unwrap().id()
    }

    /// A person at a terminal, before there is a prompt.
    pub fn starting(&self, profile: &str, columns: u16) -> Pty {
        let arguments = self.arguments(profile);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Pty::start(Path::new(PEER), &arguments, &[("SEGMENT_PASSWORD", PASSWORD)], columns)
    }

    /// A person at a terminal, with an environment and flags of their own.
    pub fn person_with(&self, profile: &str, columns: u16, env: &[(&str, &str)], flags: &[&str]) -> Pty {
        let arguments = self.arguments(profile);
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.extend(flags);
        let env: Vec<(&str, &str)> = [("SEGMENT_PASSWORD", PASSWORD)].iter().chain(env).copied().collect();
        let pty = Pty::start(Path::new(PEER), &arguments, &env, columns);
        pty.wait("a prompt", |rows| rows.iter().any(|row| row.contains("❯") || row.ends_with(':')));
        pty
    }

    /// A person who types passwords.
    pub fn person_who_is_asked(&self, profile: &str, columns: u16) -> Pty {
        let arguments = self.arguments(profile);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let pty = Pty::start(Path::new(PEER), &arguments, &[], columns);
        pty.wait("a prompt", |rows| rows.iter().any(|row| row.contains("❯")));
        pty
    }

    /// A program that talks to a peer in JSON.
    pub fn program(&self, profile: &str) -> Program {
        Program::start(self.command(profile).arg("--json"))
    }

    /// The connection log of a profile.
    pub fn log(&self, profile: &str) -> Vec<String> {
        lines_of(&self.profile_dir(profile).join("connection_log.txt"))
    }

    pub fn tracker_log(&self) -> Vec<String> {
        lines_of(&self.tracker_dir().join("connection_log.txt"))
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        if let Some(mut child) = self.tracker.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn lines_of(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

pub fn interrupt(pid: u32) {
    let killed = Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap();
    assert!(killed.success());
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub fn objects(bytes: &[u8]) -> Vec<Value> {
    text(bytes).lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}

/// The objects of one type.
pub fn of_type<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["type"] == kind).collect()
}

/// The texts of messages.
pub fn texts(objects: &[Value]) -> Vec<String> {
    let texts = of_type(objects, "message").into_iter().filter(|message| message["kind"] == "text");
    texts.map(|message| message["text"].as_str().unwrap().to_owned()).collect()
}

/// Ken hosts #general, in which ben is.
pub fn ken_and_ben() -> (Town, Program) {
    let town = Town::new();
    let mut ken = town.program("ken");
    ken.done("/register ken");
    ken.done("/create #general");
    town.done("ben", &["/register ben", "/join #general"]);
    (town, ken)
}

/// Waits until something is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

type Heard = Arc<(Mutex<Vec<Value>>, Condvar)>;

/// A peer that is talked to in JSON; it is killed when the value is dropped.
pub struct Program {
    child: Child,
    input: Option<ChildStdin>,
    heard: Heard,
    answered: usize,
}

impl Program {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let heard: Heard = Arc::default();
        let hearing = Arc::clone(&heard);
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
                hearing.0.lock().unwrap().push(value);
                hearing.1.notify_all();
            }
        });
        let input = child.stdin.take();
        Self { child, input, heard, answered: 0 }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line and does not wait.
    pub fn say(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    /// Writes a line, if anybody reads it.
    pub fn try_say(&mut self, line: &str) {
        let _ = self.input.as_mut().unwrap().write_all(format!("{line}\n").as_bytes());
    }

    /// Waits for an object, among all that were heard from `from` on; its index.
    fn find(&self, from: usize, what: &str, is_it: impl Fn(&Value) -> bool) -> usize {
        let (lock, changed) = &*self.heard;
        let started = Instant::now();
        let mut heard = lock.lock().unwrap();
        let mut next = from;
        loop {
            if let Some(at) = heard.iter().skip(next).position(&is_it) {
                return next + at;
            }
            next = next.max(heard.len());
            let left = PATIENCE.checked_sub(started.elapsed());
            let left = left
                .unwrap_or_else(|| panic!("not heard: {what}\n{:#?}", heard.iter().rev().take(20).collect::<Vec<_>>()));
            heard = changed.wait_timeout(heard, left).unwrap().0;
        }
    }

    /// Waits for an event or a message, whenever it was.
    pub fn hear(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let at = self.find(0, what, is_it);
        self.heard.0.lock().unwrap()[at].clone()
    }

    /// Everything that was heard so far.
    pub fn heard(&self) -> Vec<Value> {
        self.heard.0.lock().unwrap().clone()
    }

    /// Waits for a text message.
    pub fn hear_text(&self, text: &str) -> Value {
        self.hear(text, |value| value["type"] == "message" && value["text"] == text)
    }

    /// Waits for the end of the next command that was said: its objects, `done` or `error` last, without events.
    pub fn answer(&mut self) -> Vec<Value> {
        let is_end = |value: &Value| value["type"] == "done" || value["type"] == "error";
        let end = self.find(self.answered, "an answer", is_end);
        let heard = self.heard.0.lock().unwrap();
        let objects = heard[self.answered..=end].iter().filter(|object| object["event"].is_null()).cloned();
        self.answered = end + 1;
        objects.collect()
    }

    /// Says a line and waits for its answer.
    pub fn ask(&mut self, line: &str) -> Vec<Value> {
        self.say(line);
        self.answer()
    }

    /// Says a line that must be done.
    pub fn done(&mut self, line: &str) -> Vec<Value> {
        let answer = self.ask(line);
        assert_eq!(answer.last().unwrap()["type"], "done", "{line}: {answer:#?}");
        answer
    }

    /// Says a line that must be refused.
    pub fn refused(&mut self, line: &str) -> Value {
        let answer = self.ask(line);
        let last = answer.last().unwrap().clone();
        assert_eq!(last["type"], "error", "{line}: {answer:#?}");
        last
    }

    /// The newest messages of a channel.
    pub fn history(&mut self, channel: &str) -> Vec<Value> {
        self.done(&format!("/history {channel} --last 10000"))
    }

    /// kill -9
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended by itself.
    pub fn ended(mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }

    /// Ends it in order.
    pub fn quit(mut self) -> i32 {
        drop(self.input.take());
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
