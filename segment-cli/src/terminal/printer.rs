//! Printing, in its own thread: a terminal that stands still holds up nobody but itself.

use std::io::{self, Write};
use std::thread;

use rustyline::ExternalPrinter;
use tokio::sync::{mpsc, oneshot};

use super::wiping::Pause;

/// Prints on their way to the terminal. Answers wait for room; arriving text beyond it is
/// counted and the count shown.
pub const QUEUED_PRINTS_MAX: usize = 4_096;

/// Where text is printed.
pub(super) enum Sink {
    /// Above the line being typed, which stays whole.
    AboveTheLine(Box<dyn ExternalPrinter + Send>, Pause),
    /// To standard output.
    Plain,
}

pub(super) enum Order {
    Print(String),
    Flush(oneshot::Sender<()>),
}

impl Sink {
    fn print(&mut self, mut text: String) -> io::Result<()> {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        match self {
            Self::AboveTheLine(printer, pause) => {
                let _passing = pause.pass();
                printer.print(text).map_err(io::Error::other)
            }
            Self::Plain => {
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes())?;
                out.flush()
            }
        }
    }
}

pub(super) fn spawn(mut sink: Sink) -> io::Result<mpsc::Sender<Order>> {
    let (sender, mut orders) = mpsc::channel(QUEUED_PRINTS_MAX);
    let run = move || {
        while let Some(order) = orders.blocking_recv() {
            match order {
                Order::Print(text) => {
                    // A reader that has gone (`segment-peer | head`) ends the printing.
                    if sink.print(text).is_err() {
                        return;
                    }
                }
                Order::Flush(done) => drop(done.send(())),
            }
        }
    };
    thread::Builder::new().name("printer".into()).spawn(run)?;
    Ok(sender)
}
