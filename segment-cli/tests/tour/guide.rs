//! Who walks, and what is written down about it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use segment_cli::render::wrap;

use crate::stable::stable;
use crate::support::pty::Pty;
use crate::support::{PEER, free_port};

const PASSWORD: &str = "correct-horse-battery";
const COLUMNS: u16 = 100;

const HEAD: &str = "# A tour

A first session, in about ten minutes of reading and typing. It is a recording: `scripts/tour` walks through it with the
real programs in real terminals and writes this file again. Times, ports and ids are replaced by fixed ones; passwords were
typed where they were asked for. What follows a `❯` was typed.
";

/// The recording.
pub struct Guide {
    home: tempfile::TempDir,
    port: u16,
    text: String,
    shell: String,
}

/// Somebody at a terminal.
pub struct Person {
    name: &'static str,
    pty: Pty,
    /// The line that started the program, until the screen is cleared.
    started: Option<String>,
}

impl Guide {
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), port: free_port(), text: HEAD.to_owned(), shell: String::new() }
    }

    pub fn scene(&mut self, title: &str, about: &str) {
        let _ = write!(self.text, "\n## {title}\n\n{}\n", wrap(about, 120).join("\n"));
    }

    pub fn tells(&mut self, text: &str) {
        let _ = write!(self.text, "\n{text}\n");
    }

    /// Somebody starts the program.
    pub fn person(&self, name: &'static str) -> Person {
        let (dir, port) = (self.home.path().to_str().unwrap(), self.port.to_string());
        let env = [("SEGMENT_DIR", dir), ("SEGMENT_TRACKER_PORT", &port), ("SEGMENT_NOTIFY", "none")];
        let pty = Pty::start(Path::new(PEER), &["-P", name], &env, COLUMNS);
        pty.wait_for("segment 0.");
        let person = Person { name, pty, started: Some(format!("$ segment-peer -P {name}")) };
        person.at_rest();
        person
    }

    /// The screen of somebody, as it is now.
    pub fn shows(&mut self, person: &Person) {
        let rows = person.pty.rows().into_iter().skip_while(String::is_empty).collect::<Vec<_>>();
        let rows = person.started.iter().chain(&rows).map(|row| stable(row)).collect::<Vec<_>>();
        let _ = write!(self.text, "\n```text\n{}\n```\n", rows.join("\n").trim_end());
    }

    /// A line of a shell, and what it writes.
    pub fn shell(&mut self, line: &str) {
        let path = format!("{}:{}", Path::new(PEER).parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{{ {line}\n}} 2>&1")]).env("PATH", path).env("SEGMENT_DIR", self.home.path());
        command.env("SEGMENT_TRACKER_PORT", self.port.to_string()).env("SEGMENT_PASSWORD", PASSWORD).env("TZ", "UTC");
        let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let output: Vec<String> = output.lines().map(stable).collect();
        let _ = writeln!(self.shell, "$ {line}");
        for line in output {
            let _ = writeln!(self.shell, "{line}");
        }
    }

    pub fn ends_shell(&mut self) {
        let _ = write!(self.text, "\n```text\n{}```\n", std::mem::take(&mut self.shell));
    }

    /// Writes it down, if that is asked for.
    pub fn finish(self) {
        if std::env::var_os("SEGMENT_BLESS").is_some() {
            let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/tour.md");
            fs::write(path, &self.text).unwrap();
        }
    }
}

impl Person {
    /// Makes an account, and types a new password twice.
    pub fn register(&mut self) {
        self.pty.type_line(&format!("/register {}", self.name));
        for asked in ["Password of", "The same again:"] {
            self.pty.wait_for(asked);
            self.pty.type_line(PASSWORD);
        }
        self.sees(&format!("You are {}", self.name));
        self.at_rest();
    }

    /// Types a line, and waits for what comes of it and for the next prompt.
    pub fn says(&mut self, line: &str, answer: &str) {
        self.pty.type_line(line);
        self.sees(answer);
        self.at_rest();
    }

    /// Types a line that is refused: it stays in the editor, where the next one takes its place.
    pub fn tries(&mut self, line: &str, answer: &str) {
        self.pty.type_line(line);
        self.sees(answer);
        self.pty.wait("the line again", |rows| rows.last().is_some_and(|row| row.ends_with(line)));
    }

    pub fn sees(&self, text: &str) {
        self.pty.wait_for(text);
    }

    /// Waits until nothing comes any more.
    pub fn rests(&self) {
        self.at_rest();
    }

    /// An empty prompt, and nothing that comes in between.
    fn at_rest(&self) {
        self.pty.wait("a prompt", |rows| rows.last().is_some_and(|row| row.ends_with('❯')));
        loop {
            let before = self.pty.rows();
            std::thread::sleep(std::time::Duration::from_millis(400));
            if self.pty.rows() == before {
                return;
            }
        }
    }

    pub fn clears(&mut self) {
        self.pty.type_line("/clear");
        self.pty.wait("an empty screen", |rows| rows.iter().filter(|row| !row.is_empty()).count() == 1);
        self.started = None;
        self.at_rest();
    }

    pub fn leaves(&mut self) {
        self.pty.type_line("/quit");
        assert_eq!(self.pty.wait_for_end(), 0);
    }
}
