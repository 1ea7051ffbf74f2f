//! A program in a real terminal, judged on the rendered screen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

const PATIENCE: Duration = Duration::from_secs(20);
const ROWS: u16 = 24;
const SCROLLBACK: usize = 1_000;

type Keyboard = Arc<Mutex<Box<dyn Write + Send>>>;

/// A program and its terminal; it is killed when the value is dropped.
pub struct Pty {
    screen: Arc<Mutex<vt100::Parser>>,
    raw: Arc<Mutex<Vec<u8>>>,
    keyboard: Keyboard,
    answers: Arc<Mutex<Vec<(String, String)>>>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
}

impl Pty {
    /// Starts a program in a terminal of so many columns.
    pub fn start(program: &Path, args: &[&str], env: &[(&str, &str)], columns: u16) -> Self {
        let size = PtySize { rows: ROWS, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.env("TERM", "xterm-256color");
        command.env("NO_COLOR", "");
        command.env("TZ", "UTC");
        env.iter().for_each(|(name, value)| command.env(name, value));
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen =
            Arc::new(Mutex::new(vt100::Parser::new(ROWS.try_into().unwrap(), columns.try_into().unwrap(), SCROLLBACK)));
        let mut output = pair.master.try_clone_reader().unwrap();
        let parser = Arc::clone(&screen);
        let raw = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&raw);
        let keyboard: Keyboard = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let answers: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let (answering, known) = (Arc::clone(&keyboard), Arc::clone(&answers));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut buffer) {
                heard.lock().unwrap().extend_from_slice(&buffer[..read]);
                let asked = String::from_utf8_lossy(&buffer[..read]);
                for (_, answer) in known.lock().unwrap().iter().filter(|(question, _)| asked.contains(question)) {
                    let _ = answering.lock().unwrap().write_all(answer.as_bytes());
                }
                parser.lock().unwrap().process(&buffer[..read]);
            }
        });
        Self { screen, raw, keyboard, answers, child, master: pair.master }
    }

    /// From here on the terminal answers that question by itself.
    pub fn answers(&self, question: &str, answer: &str) {
        self.answers.lock().unwrap().push((question.to_owned(), answer.to_owned()));
    }

    /// What a person sees, line by line, without trailing spaces.
    pub fn rows(&self) -> Vec<String> {
        let contents = self.screen.lock().unwrap().screen().contents();
        contents.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// Every byte that was written to the terminal so far, as text.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.raw.lock().unwrap()).into_owned()
    }

    /// Waits until these bytes were written to the terminal.
    pub fn wait_for_raw(&self, wanted: &str) {
        self.wait(&format!("{wanted:?}"), |_| self.raw().contains(wanted));
    }

    /// Bytes of the program that are in memory, without pages of files; 0 where the system does not say.
    pub fn resident(&self) -> u64 {
        let pid = self.child.process_id().unwrap();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        let mut keyboard = self.keyboard.lock().unwrap();
        keyboard.write_all(keys.as_bytes()).unwrap();
        keyboard.flush().unwrap();
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        self.press(&format!("{line}\r"));
    }

    /// Waits until the screen is as wanted, and returns it.
    pub fn wait(&self, what: &str, is_reached: impl Fn(&[String]) -> bool) -> Vec<String> {
        let started = Instant::now();
        loop {
            let rows = self.rows();
            if is_reached(&rows) {
                return rows;
            }
            assert!(started.elapsed() < PATIENCE, "not seen: {what}\n{}", rows.join("\n"));
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a row contains a text.
    pub fn wait_for(&self, text: &str) -> Vec<String> {
        self.wait(text, |rows| rows.iter().any(|row| row.contains(text)))
    }

    /// Waits until the last row is this.
    pub fn wait_for_last(&self, text: &str) -> Vec<String> {
        self.wait(text, |rows| rows.last().is_some_and(|row| row == text))
    }

    /// Waits for the end, and returns the exit code.
    pub fn wait_for_end(&mut self) -> u32 {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(started.elapsed() < PATIENCE, "it does not end\n{}", self.rows().join("\n"));
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Makes the window wider or narrower.
    pub fn resize(&self, columns: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(ROWS.try_into().unwrap(), columns.try_into().unwrap());
        self.master.resize(PtySize { rows: ROWS, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// The colour of a name before a message.
    pub fn colour_of(&self, name: &str) -> vt100::Color {
        let row =
            self.rows().iter().position(|row| row.get(7..).is_some_and(|rest| rest.starts_with(&format!("{name}  "))));
        let row = u16::try_from(row.unwrap()).unwrap();
        self.screen.lock().unwrap().screen().cell(row, 7).unwrap().fgcolor()
    }

    /// Whether any cell of the screen is coloured or bold.
    pub fn has_colours(&self) -> bool {
        let parser = self.screen.lock().unwrap();
        let screen = parser.screen();
        let (rows, columns) = screen.size();
        let mut cells = (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
        cells.any(|(row, column)| {
            screen.cell(row, column).is_some_and(|cell| cell.fgcolor() != vt100::Color::Default || cell.bold())
        })
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An example of this package. `cargo test` has built it; `cargo test --test NAME` alone does not.
pub fn example(name: &str) -> PathBuf {
    static BUILD: Mutex<()> = Mutex::new(());
    let _one_at_a_time = BUILD.lock().unwrap_or_else(PoisonError::into_inner);
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples").join(name);
    if !path.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", env!("CARGO_PKG_NAME"), "--example", name]);
        assert!(build.status().unwrap().success(), "{name} does not build");
    }
    path
}
