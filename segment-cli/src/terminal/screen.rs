//! Where everything that is shown goes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::printer::{Order, QUEUED_ARRIVALS_MAX};
use super::wake::Waker;
use super::{Focus, Known, SharedState, is_interactive};
use crate::commands::Aliases;
use crate::render::{Look, PromptState, Style};

/// A terminal that stands still is not waited for longer than this at the end.
const FLUSH_MAX: Duration = Duration::from_secs(2);

/// Prints above the line being typed; cheap to clone.
#[derive(Clone, Debug)]
pub struct Screen {
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) waker: Waker,
    pub(super) arriving: Arc<AtomicUsize>,
    pub(super) skipped: Arc<AtomicUsize>,
    pub(super) state: SharedState,
    pub(super) paging: Paging,
}

/// What is done with a text that is longer than the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paging {
    /// The person's pager shows it.
    Pager,
    /// It is printed as it is.
    Never,
}

impl Screen {
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
        self.order(Order::Print(text.into())).await
    }

    /// Whether a typed line stands on the screen already, as the terminal itself has shown it.
    #[must_use]
    pub fn has_echo(&self) -> bool {
        self.paging == Paging::Never && is_interactive()
    }

    /// Whether this is a terminal in which more can be shown than lines.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        self.paging == Paging::Pager
    }

    /// Whether a person's pager can be used.
    #[must_use]
    pub fn has_pager(&self) -> bool {
        self.paging == Paging::Pager
    }

    /// Shows a text page by page where it is longer than the screen, and waits until it was seen.
    ///
    /// # Errors
    /// Nobody reads the output any more.
    pub async fn page(&self, text: String) -> io::Result<()> {
        let fits = self.style().rows.is_none_or(|rows| text.lines().count() < rows);
        let Some(pager) = self.state.pager.get().filter(|_| self.paging == Paging::Pager && !fits) else {
            return self.answer(text).await;
        };
        let (done, is_done) = oneshot::channel();
        self.order(Order::Page { text, pager, done }).await?;
        is_done.await.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Shows what arrives by itself. Never waits: what the terminal has no room for is counted, and
    /// the count shown once there is room.
    pub fn notify(&self, text: impl Into<String>) {
        self.notify_or(text, |count| format!("* {count} more messages, /history shows them"));
    }

    /// [`Screen::notify`] with a line of its own for what was skipped.
    pub fn notify_or(&self, text: impl Into<String>, say_skipped: impl FnOnce(usize) -> String) {
        if self.arriving.fetch_add(1, Ordering::AcqRel) >= QUEUED_ARRIVALS_MAX {
            self.arriving.fetch_sub(1, Ordering::AcqRel);
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let skipped = self.skipped.swap(0, Ordering::Relaxed);
        let text = match skipped {
            0 => text.into(),
            count => format!("{}\n{}", say_skipped(count), text.into()),
        };
        if self.orders.try_send(Order::Arrived(text)).is_err() {
            self.arriving.fetch_sub(1, Ordering::AcqRel);
            self.skipped.fetch_add(skipped + 1, Ordering::Relaxed);
        }
        self.waker.wake();
    }

    /// Changes the prompt; a line being typed keeps its text and its cursor.
    pub fn set_prompt(&self, prompt: PromptState) {
        self.state.prompt.set(prompt);
        self.waker.wake();
    }

    /// The prompt that is shown.
    #[must_use]
    pub fn prompt(&self) -> PromptState {
        self.state.prompt.get()
    }

    /// Changes how things look from now on.
    pub fn set_look(&self, look: Look) {
        let style = self.state.style.get();
        self.state.style.set(Style { look, ..style });
        self.waker.wake();
    }

    /// Changes what long answers go through.
    pub fn set_pager(&self, pager: Option<String>) {
        self.state.pager.set(pager);
    }

    /// Changes which aliases there are.
    pub fn set_aliases(&self, aliases: Aliases) {
        self.state.aliases.set(Arc::new(aliases));
    }

    /// Changes what Tab knows.
    pub fn set_known(&self, known: Known) {
        self.state.known.set(Arc::new(known));
    }

    /// Whether the person looks at this window, where the terminal says so.
    #[must_use]
    pub fn focus(&self) -> Focus {
        self.state.focus.get()
    }

    /// Whether another program has the terminal now: a pager or an editor.
    #[must_use]
    pub fn is_lent(&self) -> bool {
        self.state.lent.get()
    }

    /// What has arrived and waits to be shown.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.arriving.load(Ordering::Acquire) + self.skipped.load(Ordering::Relaxed)
    }

    /// Gives the terminal to somebody else until `run` returns; in the terminal's thread. What arrives meanwhile is
    /// printed afterwards.
    ///
    /// # Errors
    /// This terminal is none, or has gone.
    pub async fn lend<T: Send + 'static>(&self, run: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let (done, is_done) = oneshot::channel();
        let run = move || {
            // Whoever wanted it may be gone.
            let _ = done.send(run());
        };
        self.order(Order::Lend(Box::new(run))).await?;
        is_done.await.map_err(|_| io::ErrorKind::Unsupported.into())
    }

    /// Returns once everything is shown, or after two seconds.
    pub async fn flush(&self) {
        let (done, is_done) = oneshot::channel();
        let flushed = async {
            if self.order(Order::Flush(done)).await.is_ok() {
                let _ = is_done.await;
            }
        };
        let _ = timeout(FLUSH_MAX, flushed).await;
    }

    async fn order(&self, order: Order) -> io::Result<()> {
        let sent = self.orders.send(order).await.map_err(|_| io::ErrorKind::BrokenPipe.into());
        self.waker.wake();
        sent
    }
}
