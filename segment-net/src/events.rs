//! Streams of events, each with its own bounded queue: a consumer that lags harms nobody else.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

/// What an event stream yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening<E> {
    /// An event, in order.
    Event(E),
    /// The consumer was too slow: so many events were dropped here, oldest first.
    Missed(u64),
}

/// One consumer's stream of events, from the moment it was made.
#[derive(Debug)]
pub struct Events<E> {
    mailbox: Arc<Mailbox<E>>,
}

impl<E> Events<E> {
    /// The next event; `None` once the driver has stopped and everything was taken.
    ///
    /// Cancelling it loses nothing.
    pub async fn next(&mut self) -> Option<Happening<E>> {
        loop {
            {
                let mut queue = self.mailbox.queue();
                if let Some(happening) = queue.take() {
                    return Some(happening);
                }
                if queue.ended {
                    return None;
                }
            }
            self.mailbox.changed.notified().await;
        }
    }

    /// The next event, if there is one already.
    pub fn try_next(&mut self) -> Option<Happening<E>> {
        self.mailbox.queue().take()
    }
}

struct Mailbox<E> {
    queue: Mutex<Queue<E>>,
    changed: Notify,
    wants: Wants<E>,
}

/// Which events a consumer wants.
type Wants<E> = Box<dyn Fn(&E) -> bool + Send + Sync>;

impl<E: fmt::Debug> fmt::Debug for Mailbox<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("queue", &self.queue).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Queue<E> {
    events: VecDeque<E>,
    missed: u64,
    ended: bool,
    max: usize,
}

impl<E> Mailbox<E> {
    fn queue(&self) -> MutexGuard<'_, Queue<E>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> Queue<E> {
    fn take(&mut self) -> Option<Happening<E>> {
        if self.missed > 0 {
            return Some(Happening::Missed(std::mem::take(&mut self.missed)));
        }
        self.events.pop_front().map(Happening::Event)
    }

    fn put(&mut self, event: E) {
        if self.events.len() >= self.max && self.events.pop_front().is_some() {
            self.missed += 1;
        }
        self.events.push_back(event);
    }
}

/// Where events come from: hands each to every stream that is still held.
#[derive(Debug)]
pub(crate) struct EventHub<E> {
    mailboxes: Arc<Mutex<Mailboxes<E>>>,
    max: usize,
}

#[derive(Debug)]
struct Mailboxes<E> {
    open: Vec<Weak<Mailbox<E>>>,
    ended: bool,
}

impl<E> Clone for EventHub<E> {
    fn clone(&self) -> Self {
        Self { mailboxes: Arc::clone(&self.mailboxes), max: self.max }
    }
}

impl<E: Clone> EventHub<E> {
    pub(crate) fn new(max: usize) -> Self {
        let mailboxes = Mailboxes { open: Vec::new(), ended: false };
        Self { mailboxes: Arc::new(Mutex::new(mailboxes)), max }
    }

    fn lock(&self) -> MutexGuard<'_, Mailboxes<E>> {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn subscribe(&self) -> Events<E> {
        self.subscribe_to(self.max, |_| true)
    }

    /// Only what is wanted, and no more of it at once than `max`.
    pub(crate) fn subscribe_to(&self, max: usize, wants: impl Fn(&E) -> bool + Send + Sync + 'static) -> Events<E> {
        let mut mailboxes = self.lock();
        let queue = Queue { events: VecDeque::new(), missed: 0, ended: mailboxes.ended, max };
        let mailbox = Arc::new(Mailbox { queue: Mutex::new(queue), changed: Notify::new(), wants: Box::new(wants) });
        mailboxes.open.push(Arc::downgrade(&mailbox));
        Events { mailbox }
    }

    pub(crate) fn publish(&self, event: &E) {
        self.each(|mailbox| {
            if (mailbox.wants)(event) {
                mailbox.queue().put(event.clone());
                mailbox.changed.notify_one();
            }
        });
    }

    /// No more events will come.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.each(|mailbox| {
            mailbox.queue().ended = true;
            mailbox.changed.notify_one();
        });
    }

    fn each(&self, mut change: impl FnMut(&Mailbox<E>)) {
        self.lock().open.retain(|mailbox| {
            let Some(mailbox) = mailbox.upgrade() else {
                return false;
            };
            change(&mailbox);
            true
        });
    }
}
