//! Where everything that is shown goes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::printer::{self, Order, Sink};
use super::{Known, SharedState};
use crate::commands::Aliases;
use crate::render::{Look, PromptState, Style};

/// A terminal that stands still is not waited for longer than this at the end.
const FLUSH_MAX: Duration = Duration::from_secs(2);

/// Prints above the line being typed; cheap to clone.
#[derive(Clone, Debug)]
pub struct Screen {
    orders: mpsc::Sender<Order>,
    skipped: Arc<AtomicUsize>,
    pub(super) state: SharedState,
}

impl Screen {
    pub(super) fn start(sink: Sink, state: SharedState) -> io::Result<Self> {
        let orders = printer::spawn(sink)?;
        Ok(Self { orders, skipped: Arc::default(), state })
    }

    /// How things look here and now.
    #[must_use]
    pub fn style(&self) -> Style {
        self.state.style.get().resized()
    }

    /// Shows what a command answers: nothing of it is ever left out. Waits for a slow terminal.
    ///
    /// # Errors
    /// Nobody reads the output any more.
    pub async fn answer(&self, text: impl Into<String>) -> io::Result<()> {
        let print = Order::Print(text.into());
        self.orders.send(print).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Shows what arrives by itself. Never waits: what a terminal that stands still has no room
    /// for is counted, and the count shown once there is room.
    pub fn notify(&self, text: impl Into<String>) {
        self.notify_or(text, |count| format!("* {count} lines were not shown here; /history shows them"));
    }

    /// [`Screen::notify`] with a line of its own for what was skipped.
    pub fn notify_or(&self, text: impl Into<String>, say_skipped: impl FnOnce(usize) -> String) {
        let skipped = self.skipped.swap(0, Ordering::Relaxed);
        let text = match skipped {
            0 => text.into(),
            count => format!("{}\n{}", say_skipped(count), text.into()),
        };
        if let Err(mpsc::error::TrySendError::Full(_)) = self.orders.try_send(Order::Print(text)) {
            self.skipped.fetch_add(skipped + 1, Ordering::Relaxed);
        }
    }

    /// Changes the prompt. A line being typed shows it with the next key or print, in the width
    /// that its prompt had: call this before the notice that says what has happened.
    pub fn set_prompt(&self, prompt: PromptState) {
        self.state.prompt.set(prompt);
    }

    /// Changes how things look from now on.
    pub fn set_look(&self, look: Look) {
        let style = self.state.style.get();
        self.state.style.set(Style { look, ..style });
    }

    /// Changes which aliases there are.
    pub fn set_aliases(&self, aliases: Aliases) {
        self.state.aliases.set(Arc::new(aliases));
    }

    /// Changes what Tab knows.
    pub fn set_known(&self, known: Known) {
        self.state.known.set(Arc::new(known));
    }

    /// Returns once everything is shown, or after two seconds.
    pub async fn flush(&self) {
        let (done, is_done) = oneshot::channel();
        let flushed = async {
            if self.orders.send(Order::Flush(done)).await.is_ok() {
                let _ = is_done.await;
            }
        };
        let _ = timeout(FLUSH_MAX, flushed).await;
    }
}
