//! The two programs as they are shipped, driven through their standard input and killed without warning.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use super::{PASSWORD, patience};

/// A directory in which programs keep what they have, and the tracker that they use.
pub struct Desk {
    disk: TempDir,
    address: String,
    invite: String,
}

impl Desk {
    /// With a running tracker.
    pub fn open() -> (Self, Program) {
        let mut desk = Self { disk: TempDir::new().unwrap(), address: "127.0.0.1:0".to_owned(), invite: String::new() };
        let (tracker, started) = desk.start_tracker();
        desk.address = text(&started, "address");
        desk.invite = text(&started, "invite");
        (desk, tracker)
    }

    /// The tracker again, on its port.
    pub fn tracker(&self) -> Program {
        let (tracker, started) = self.start_tracker();
        assert_eq!(text(&started, "invite"), self.invite);
        tracker
    }

    fn start_tracker(&self) -> (Program, Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segment-tracker"));
        command.args(["--json", "--bind", &self.address, "--data"]).arg(self.path().join("tracker"));
        let program = Program::start(command);
        let started = program.hear();
        assert_eq!(started["type"], "tracker_started", "{started}");
        (program, started)
    }

    pub fn path(&self) -> &std::path::Path {
        self.disk.path()
    }

    /// A peer that goes on where it was.
    pub fn peer(&self, profile: &str) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segment-peer"));
        command.args(["--json", "--keep-going", "--bind", "127.0.0.1:0", "-P", profile, "--dir"]).arg(self.path());
        command.args([&self.invite, "-"]);
        command.env("SEGMENT_PASSWORD", PASSWORD);
        Program::start(command)
    }

    /// A peer of a new account.
    pub fn registered(&self, name: &str) -> Program {
        let mut peer = self.peer(name);
        peer.run(&format!("/register {name}"));
        peer
    }
}

pub fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_else(|| panic!("no {field} in {answer}")).to_owned()
}

/// A program that runs; it is killed when this is dropped.
pub struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<Value>,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Program {
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let (heard, hearing) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let answer = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
                if heard.send(answer).is_err() {
                    return;
                }
            }
        });
        Self { child, input, output: hearing }
    }

    /// `kill -9`
    pub fn kill(&mut self) {
        // One that has ended cannot be killed, and need not be.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Gives a line, and does not wait for what becomes of it.
    pub fn say(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").and_then(|()| input.flush()).unwrap();
    }

    /// The next thing that it says.
    pub fn hear(&self) -> Value {
        self.output.recv_timeout(patience()).expect("it says nothing")
    }

    /// What a line comes to: all that is said until it is done, or has failed.
    pub fn try_run(&mut self, line: &str) -> Result<Vec<Value>, Value> {
        self.say(line);
        let mut said = Vec::new();
        loop {
            let answer = self.hear();
            match answer["type"].as_str() {
                Some("done") => return Ok(said),
                Some("error") => return Err(answer),
                _ => said.push(answer),
            }
        }
    }

    pub fn run(&mut self, line: &str) -> Vec<Value> {
        self.try_run(line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    /// Texts of a channel, oldest first: all of them, or those that are committed.
    pub fn texts(&mut self, channel: &str, stage: Option<&str>) -> Vec<String> {
        let messages = self.run(&format!("/history {channel} --last 10000"));
        let wanted = messages.iter().filter(|message| stage.is_none_or(|stage| message["stage"] == stage));
        wanted.map(|message| text(message, "text")).collect()
    }

    /// Ends its input, and waits for its end; the exit code.
    pub fn finish(mut self) -> i32 {
        drop(self.input.take());
        self.child.wait().unwrap().code().unwrap()
    }
}
