//! A program that never outlives its owner: it is killed with it, and a pipe that breaks ends it where there is no owner
//! left to kill it.

use std::io::{self, Read};
use std::process::{self, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What is kept of what it says. Policy: the beginning.
const SAID_BYTES_MAX: usize = 2 * 1024;
const PATIENCE_STEP: Duration = Duration::from_millis(10);

/// A child process.
#[derive(Debug)]
pub(crate) struct Child {
    process: Mutex<process::Child>,
    said: Arc<Mutex<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Child {
    pub fn start(command: &mut Command) -> io::Result<Self> {
        // A Ctrl-C that is meant for us is not meant for it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut process = command.stderr(Stdio::piped()).spawn()?;
        let said = Arc::new(Mutex::new(String::new()));
        if let Some(stderr) = process.stderr.take() {
            let kept = Arc::clone(&said);
            thread::Builder::new().name("what ffmpeg says".into()).spawn(move || listen(stderr, &kept))?;
        }
        Ok(Self { process: Mutex::new(process), said })
    }

    pub fn stdin(&self) -> Option<ChildStdin> {
        lock(&self.process).stdin.take()
    }

    pub fn stdout(&self) -> Option<ChildStdout> {
        lock(&self.process).stdout.take()
    }

    /// What it has complained of, in one line without control characters.
    pub fn said(&self) -> String {
        let said = lock(&self.said);
        let line = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
        line.chars().filter(|character| !character.is_control()).collect()
    }

    /// Its status, if it ends within this.
    pub fn wait(&self, patience: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + patience;
        loop {
            match lock(&self.process).try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => {}
                _ => return None,
            }
            thread::sleep(PATIENCE_STEP);
        }
    }

    pub fn kill(&self) {
        let mut process = lock(&self.process);
        // It may have ended by itself.
        let _ = process.kill();
        let _ = process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

fn listen(mut stderr: impl Read, said: &Mutex<String>) {
    let mut buffer = [0; 512];
    while let Ok(count @ 1..) = stderr.read(&mut buffer) {
        let mut said = lock(said);
        if said.len() < SAID_BYTES_MAX {
            said.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    }
}
