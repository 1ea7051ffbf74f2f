//! What is to be printed: as much at a time as the terminal takes, a bounded amount of it in a second.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as blocking;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

/// Prints on their way to the terminal. Answers of commands wait for room.
pub(super) const QUEUED_PRINTS_MAX: usize = 1_024;
/// Those among them that arrive by themselves. Policy: further ones are counted, and the count is shown.
pub const QUEUED_ARRIVALS_MAX: usize = 256;
/// Between two prints; what comes meanwhile is printed at once.
const FRAME: Duration = Duration::from_millis(30);
/// Printed at once at most, so that a key is not kept waiting. A terminal that is slower gets less, down to the least.
const FRAME_BYTES_MAX: usize = 16 * 1024;
const FRAME_BYTES_MIN: usize = 512;

pub(super) enum Order {
    /// The answer of a command.
    Print(String),
    /// What has arrived by itself.
    Arrived(String),
    /// A text that may be longer than the screen.
    Page {
        text: String,
        /// The command that shows it.
        pager: String,
        done: oneshot::Sender<()>,
    },
    /// Somebody else has the terminal until this returns.
    Lend(Box<dyn FnOnce() + Send>),
    Flush(oneshot::Sender<()>),
    /// Where lines are not edited: stands before what is typed.
    Prompt(String),
    /// And was ended by the Enter key.
    Entered,
    /// Lines are wanted from now on.
    Open,
    /// And from now on they are not.
    Close(blocking::Sender<()>),
}

/// The prints of a terminal in which lines are edited.
pub(super) struct Printing {
    orders: mpsc::Receiver<Order>,
    arriving: Arc<AtomicUsize>,
    next: Instant,
    bytes_max: usize,
    special: Option<Order>,
    flushed: Vec<oneshot::Sender<()>>,
    over: bool,
}

impl Printing {
    pub fn new(orders: mpsc::Receiver<Order>, arriving: Arc<AtomicUsize>) -> Self {
        let (special, flushed) = (None, Vec::new());
        Self { orders, arriving, next: Instant::now(), bytes_max: FRAME_BYTES_MAX, special, flushed, over: false }
    }

    /// Nobody prints any more.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// After which time there is something to print.
    pub fn due(&self, now: Instant) -> Option<Duration> {
        (!self.orders.is_empty()).then(|| self.next.saturating_duration_since(now))
    }

    /// What is waiting is printed now.
    pub fn hurry(&mut self) {
        self.next = Instant::now();
    }

    /// The lines that are to be printed now.
    pub fn take(&mut self, now: Instant) -> String {
        let mut lines = String::new();
        if now < self.next {
            return lines;
        }
        while lines.len() < self.bytes_max && self.special.is_none() {
            match self.orders.try_recv() {
                Ok(Order::Print(text)) => add(&text, &mut lines),
                Ok(Order::Arrived(text)) => {
                    self.arriving.fetch_sub(1, Ordering::AcqRel);
                    add(&text, &mut lines);
                }
                Ok(Order::Flush(done)) if lines.is_empty() => {
                    let _ = done.send(());
                }
                Ok(Order::Flush(done)) => self.flushed.push(done),
                Ok(special) => self.special = Some(special),
                Err(error) => {
                    self.over = error == mpsc::error::TryRecvError::Disconnected;
                    break;
                }
            }
        }
        lines
    }

    /// The terminal has taken so long for the lines.
    pub fn took(&mut self, took: Duration) {
        self.next = Instant::now() + FRAME.max(took);
        let wanted = if took > FRAME { self.bytes_max / 2 } else { self.bytes_max * 2 };
        self.bytes_max = wanted.clamp(FRAME_BYTES_MIN, FRAME_BYTES_MAX);
        for done in self.flushed.drain(..) {
            let _ = done.send(());
        }
    }

    /// What is to be done once everything before it is printed.
    pub fn next_special(&mut self) -> Option<Order> {
        self.special.take()
    }
}

fn add(text: &str, lines: &mut String) {
    lines.push_str(text);
    if !text.ends_with('\n') {
        lines.push('\n');
    }
}

/// Prints plainly, to standard output, in its own thread: a reader that stands still holds up nobody but itself.
pub(super) fn spawn_plain(mut orders: mpsc::Receiver<Order>, arriving: Arc<AtomicUsize>) -> io::Result<()> {
    let mut plain = Plain::default();
    let run = move || {
        while let Some(order) = orders.blocking_recv() {
            if matches!(order, Order::Arrived(_)) {
                arriving.fetch_sub(1, Ordering::AcqRel);
            }
            // A reader that has gone (`segment-peer | head`) ends the printing.
            if plain.carry_out(order).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("printer".into()).spawn(run).map(drop)
}

/// Prints without drawing anything.
#[derive(Default)]
struct Plain {
    /// A prompt stands at the beginning of the row.
    prompted: bool,
}

impl Plain {
    fn carry_out(&mut self, order: Order) -> io::Result<()> {
        match order {
            Order::Print(text) | Order::Arrived(text) => self.print(&text)?,
            Order::Page { text, done, .. } => {
                self.print(&text)?;
                let _ = done.send(());
            }
            Order::Flush(done) => drop(done.send(()).is_ok()),
            Order::Close(done) => drop(done.send(()).is_ok()),
            // It is told so by being dropped.
            Order::Lend(_) => {}
            Order::Prompt(text) => {
                self.prompted = true;
                write(&text)?;
            }
            Order::Entered => self.prompted = false,
            Order::Open => {}
        }
        Ok(())
    }

    fn print(&mut self, text: &str) -> io::Result<()> {
        let mut lines = if std::mem::take(&mut self.prompted) { "\n".to_owned() } else { String::new() };
        add(text, &mut lines);
        write(&lines)
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_comes_in_one_burst_is_printed_at_once_and_never_more_than_the_terminal_takes() {
        let (sender, orders) = mpsc::channel(QUEUED_PRINTS_MAX);
        let mut printing = Printing::new(orders, Arc::default());
        for number in 0..3 {
            sender.try_send(Order::Print(number.to_string())).unwrap();
        }
        assert_eq!(printing.take(Instant::now()), "0\n1\n2\n");
        printing.took(Duration::ZERO);
        sender.try_send(Order::Print("x".repeat(FRAME_BYTES_MAX))).unwrap();
        sender.try_send(Order::Print("later".into())).unwrap();
        assert_eq!(printing.take(Instant::now()), "", "one print in a frame");
        assert!(printing.due(Instant::now()).is_some_and(|due| due <= FRAME));
        let later = Instant::now() + FRAME;
        assert_eq!(printing.take(later).len(), FRAME_BYTES_MAX + 1);
        printing.took(FRAME * 3);
        assert_eq!(printing.bytes_max, FRAME_BYTES_MAX / 2);
        assert_eq!(printing.take(later), "", "a slow terminal is given time");
        assert_eq!(printing.take(later + FRAME * 4), "later\n");
    }

    #[tokio::test]
    async fn a_flush_is_answered_when_everything_before_it_is_printed() {
        let (sender, orders) = mpsc::channel(QUEUED_PRINTS_MAX);
        let mut printing = Printing::new(orders, Arc::default());
        let (done, mut is_done) = oneshot::channel();
        sender.try_send(Order::Print("a".into())).unwrap();
        sender.try_send(Order::Flush(done)).unwrap();
        sender.try_send(Order::Open).unwrap();
        sender.try_send(Order::Print("b".into())).unwrap();
        assert_eq!(printing.take(Instant::now()), "a\n");
        assert!(is_done.try_recv().is_err());
        printing.took(Duration::ZERO);
        assert!(is_done.await.is_ok());
        assert!(matches!(printing.next_special(), Some(Order::Open)));
        printing.hurry();
        assert_eq!(printing.take(Instant::now()), "b\n");
    }
}
