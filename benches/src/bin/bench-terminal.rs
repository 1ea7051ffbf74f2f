//! Measures the terminal: from a key to its echo while many messages arrive.
//!
//! ```text
//! cargo build --release -p segment-cli
//! cargo run --release -p segment-benches --bin bench-terminal
//! ```

use std::collections::VecDeque;
use std::io::{Read as _, Write};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use segment_benches::figures::{Latencies, millis};
use segment_benches::machine;
use segment_benches::party::{CHANNEL, PASSWORD, RAISED, config, person};
use segment_net::{Channel, Tracker};
use segment_proto::{View, Visitors};
use tempfile::TempDir;
use tokio::time::{Instant as Moment, sleep_until};

const ROWS: u16 = 40;
const COLUMNS: u16 = 100;
/// A screen that is not as it should be by then never will be.
const PATIENCE: Duration = Duration::from_secs(30);
/// Keys of a line; then it is erased.
const LINE: usize = 60;
const ERASE_LINE: &str = "\u{15}";
/// Messages are written so often, several at once.
const STEP: Duration = Duration::from_millis(10);

/// Types into the real `segment-peer` in a terminal while messages arrive, and looks when each key is on the screen.
#[derive(Debug, Parser)]
struct Arguments {
    /// Messages a second.
    #[arg(long, default_value_t = 1_000)]
    rate: usize,
    /// Seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Between two keys, in milliseconds.
    #[arg(long, default_value_t = 80)]
    every_ms: u64,
    /// Bytes of a message's text.
    #[arg(long, default_value_t = 60)]
    bytes: usize,
    /// The program; the one beside this command where nothing is said.
    #[arg(long)]
    program: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    println!("{}", machine::describe());
    println!(
        "{} messages/s of {} bytes for {} s, a key every {} ms; {COLUMNS} x {ROWS}; {RAISED}",
        arguments.rate, arguments.bytes, arguments.seconds, arguments.every_ms
    );
    let disk = TempDir::new()?;
    let tracker = Tracker::start(config(disk.path(), 255)?).await?;
    let endpoint = tracker.endpoint().context("a tracker listens")?;
    let host = person(disk.path(), 254, endpoint).await?;
    let channel = host.create(CHANNEL, View::Public, Visitors::Read).await?;
    let url = format!("segment://{}#{}", endpoint.address, tracker.key());
    let mut terminal = Terminal::start(&program(&arguments)?, &disk, &url)?;
    terminal.enter()?;
    measure(&arguments, channel, terminal).await?;
    host.shutdown().await?;
    tracker.shutdown().await?;
    println!("load at the end: {}", machine::describe());
    Ok(())
}

fn program(arguments: &Arguments) -> Result<PathBuf> {
    let beside = || Ok(std::env::current_exe()?.with_file_name("segment-peer"));
    let program = arguments.program.clone().map_or_else(beside, anyhow::Ok)?;
    ensure!(program.exists(), "{} is not there: cargo build --release -p segment-cli", program.display());
    Ok(program)
}

async fn measure(arguments: &Arguments, channel: Channel, mut terminal: Terminal) -> Result<()> {
    let quiet = terminal.type_for(Duration::from_secs(3), Duration::from_millis(arguments.every_ms))?;
    println!("nothing arrives: key to echo {quiet}, at most {}", millis(quiet.percentile(100)));
    let pid = terminal.child.process_id().context("it runs")?;
    let (seconds, every) = (Duration::from_secs(arguments.seconds), Duration::from_millis(arguments.every_ms));
    let (rate, bytes) = (arguments.rate, arguments.bytes);
    let writing = tokio::spawn(async move { write(&channel, rate, bytes, seconds).await });
    // What is kept for the first time is not what grows.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = machine::resident(pid)?;
    let typing = tokio::task::spawn_blocking(move || {
        let typed = terminal.type_for(seconds.saturating_sub(Duration::from_secs(4)), every);
        (typed, terminal)
    });
    let (typed, terminal) = typing.await?;
    let typed = typed?;
    let after = machine::resident(pid)?;
    let written = writing.await??;
    println!("messages arrive: key to echo {typed}, at most {}", millis(typed.percentile(100)));
    println!("written: {written}; the line was whole after every key");
    println!("resident memory: {} KiB at 3 s, {} KiB at the end", before / 1024, after / 1024);
    println!("{}", terminal.shown());
    Ok(())
}

/// Writes at a rate; says how many, with the rate that was reached.
async fn write(channel: &Channel, rate: usize, bytes: usize, seconds: Duration) -> Result<String> {
    let began = Moment::now();
    let (mut sent, mut step) = (0, 0);
    while began.elapsed() < seconds {
        step += 1;
        sleep_until(began + STEP * step).await;
        let due = usize::try_from(u128::from(step) * STEP.as_millis())? * rate / 1_000;
        let texts: Vec<String> = (sent..due).map(|number| format!("{number:<bytes$}").replace(' ', "x")).collect();
        let id = channel.id();
        let call = move |peer: &mut segment_core::peer::Peer, now| {
            texts.iter().map(|text| peer.send(id, text, now)).find(Result::is_err)
        };
        if let Some(Err(error)) = channel.peer().call(call).await? {
            return Err(error.into());
        }
        sent = due;
    }
    let rate = sent as f64 / began.elapsed().as_secs_f64();
    Ok(format!("{sent} messages, {rate:.0} a second"))
}

type Seen = Arc<(Mutex<vt100::Parser>, Condvar)>;

/// The program in its terminal.
struct Terminal {
    screen: Seen,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    fn start(program: &std::path::Path, disk: &TempDir, url: &str) -> Result<Self> {
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size)?;
        let mut command = CommandBuilder::new(program);
        command.arg("--dir");
        command.arg(disk.path().join("reader"));
        command.arg(url);
        command.env("TERM", "xterm-256color");
        command.env("SEGMENT_PASSWORD", PASSWORD);
        let child = pair.slave.spawn_command(command)?;
        let keyboard = pair.master.take_writer()?;
        let mut output = pair.master.try_clone_reader()?;
        let screen: Seen = Arc::new((Mutex::new(parser()?), Condvar::new()));
        let drawn = Arc::clone(&screen);
        thread::spawn(move || {
            let mut buffer = [0; 64 * 1024];
            while let Ok(read @ 1..) = output.read(&mut buffer) {
                drawn.0.lock().unwrap_or_else(PoisonError::into_inner).process(&buffer[..read]);
                drawn.1.notify_all();
            }
        });
        Ok(Self { screen, keyboard, child, _master: pair.master })
    }

    fn enter(&mut self) -> Result<()> {
        self.wait("segment ❯")?;
        self.press("/register reader\r")?;
        self.wait("segment ❯")?;
        self.press(&format!("/join {CHANNEL}\r"))?;
        self.wait(&format!("{CHANNEL} ❯"))?;
        Ok(())
    }

    fn press(&mut self, keys: &str) -> Result<()> {
        self.keyboard.write_all(keys.as_bytes())?;
        Ok(self.keyboard.flush()?)
    }

    /// Waits until the last row is this; how long that took.
    fn wait(&self, wanted: &str) -> Result<Duration> {
        let (lock, changed) = &*self.screen;
        let began = Instant::now();
        let mut screen = lock.lock().unwrap_or_else(PoisonError::into_inner);
        while last_row(&screen) != wanted {
            let left = PATIENCE.checked_sub(began.elapsed());
            let left = left.with_context(|| format!("not seen: {wanted:?}, but {:?}", last_row(&screen)))?;
            screen = changed.wait_timeout(screen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(began.elapsed())
    }

    /// Types key after key; each is looked for at the end of the whole line.
    fn type_for(&mut self, time: Duration, every: Duration) -> Result<Latencies> {
        let (began, mut latencies, mut typed) = (Instant::now(), Latencies::default(), String::new());
        let mut keys: VecDeque<char> = VecDeque::new();
        while began.elapsed() < time {
            if typed.len() >= LINE {
                typed.clear();
                self.press(ERASE_LINE)?;
                self.wait(&format!("{CHANNEL} ❯"))?;
            }
            if keys.is_empty() {
                keys.extend('a'..='z');
            }
            let key = keys.pop_front().unwrap_or('-');
            typed.push(key);
            self.press(key.encode_utf8(&mut [0; 4]))?;
            latencies.add(self.wait(&format!("{CHANNEL} ❯ {typed}"))?);
            thread::sleep(every);
        }
        self.press(ERASE_LINE)?;
        self.wait(&format!("{CHANNEL} ❯"))?;
        Ok(latencies)
    }

    /// What the screen says of messages that it had no room for.
    fn shown(&self) -> String {
        let screen = self.screen.0.lock().unwrap_or_else(PoisonError::into_inner);
        let contents = screen.screen().contents();
        let skipped = contents.lines().rev().find(|row| row.contains("more messages, /history shows them"));
        skipped.map_or_else(|| "no message was left out on the last screen".to_owned(), str::to_owned)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parser() -> Result<vt100::Parser> {
    Ok(vt100::Parser::new(ROWS.try_into()?, COLUMNS.try_into()?, 0))
}

fn last_row(parser: &vt100::Parser) -> String {
    let contents = parser.screen().contents();
    contents.lines().last().unwrap_or_default().trim_end().to_owned()
}
