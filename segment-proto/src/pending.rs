//! The requests under way: every one is completed, expires, or fails with its link. Nothing leaks.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::ids::{LinkId, RequestId};
use crate::time::Instant;

/// How a request ended without an answer. In both cases the other side may have processed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// No answer within the time limit; the other side may have processed the request.
    #[error("no answer in time; the request may or may not have been processed")]
    TimedOut,
    /// The link was lost first; the other side may have processed the request.
    #[error("the link was lost; the request may or may not have been processed")]
    LinkLost,
}

/// The table is full: the request was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests under way; wait for answers first")]
pub struct TooManyPending;

#[derive(Debug)]
struct Waiting<T> {
    link: LinkId,
    deadline: Instant,
    context: T,
}

/// A bounded map of requests, by their id; `T` is what the asker needs when the answer comes.
#[derive(Debug)]
pub struct Pending<T> {
    waiting: BTreeMap<RequestId, Waiting<T>>,
    deadlines: BTreeSet<(Instant, RequestId)>,
    capacity: usize,
    stray_answers: u64,
}

impl<T> Pending<T> {
    /// An empty table for at most `capacity` requests.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { waiting: BTreeMap::new(), deadlines: BTreeSet::new(), capacity, stray_answers: 0 }
    }

    /// Remembers a request until `deadline`. An id that is under way already starts anew.
    ///
    /// # Errors
    /// [`TooManyPending`]: do not send it.
    pub fn insert(&mut self, id: RequestId, link: LinkId, deadline: Instant, context: T) -> Result<(), TooManyPending> {
        if self.waiting.len() >= self.capacity {
            return Err(TooManyPending);
        }
        // A second deadline of one id would never leave the table, and block all behind it.
        self.remove(id);
        self.deadlines.insert((deadline, id));
        self.waiting.insert(id, Waiting { link, deadline, context });
        Ok(())
    }

    /// The context of the request that `link` answers. A late or foreign answer is counted, never an error.
    pub fn complete(&mut self, id: RequestId, link: LinkId) -> Option<T> {
        if self.waiting.get(&id).is_none_or(|waiting| waiting.link != link) {
            self.stray_answers += 1;
            return None;
        }
        self.remove(id)
    }

    /// Gives one request up.
    pub fn remove(&mut self, id: RequestId) -> Option<T> {
        let waiting = self.waiting.remove(&id)?;
        self.deadlines.remove(&(waiting.deadline, id));
        Some(waiting.context)
    }

    /// Takes out one request whose time is up.
    pub fn expire(&mut self, now: Instant) -> Option<(RequestId, T)> {
        let (deadline, id) = *self.deadlines.first()?;
        if deadline > now {
            return None;
        }
        self.remove(id).map(|context| (id, context))
    }

    /// Takes out every request of a lost link.
    pub fn fail_link(&mut self, link: LinkId) -> Vec<(RequestId, T)> {
        let lost: Vec<RequestId> =
            self.waiting.iter().filter(|(_, waiting)| waiting.link == link).map(|(id, _)| *id).collect();
        lost.into_iter().filter_map(|id| self.remove(id).map(|context| (id, context))).collect()
    }

    /// Each request under way: its id, its link, until when it is waited for, and what for.
    pub fn iter(&self) -> impl Iterator<Item = (RequestId, LinkId, Instant, &T)> {
        self.waiting.iter().map(|(id, waiting)| (*id, waiting.link, waiting.deadline, &waiting.context))
    }

    /// When the next request expires.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// When the first request of a link expires.
    #[must_use]
    pub fn first_deadline(&self, link: LinkId) -> Option<Instant> {
        let of_link = |id: &RequestId| self.waiting.get(id).is_some_and(|waiting| waiting.link == link);
        self.deadlines.iter().find(|(_, id)| of_link(id)).map(|(deadline, _)| *deadline)
    }

    /// The requests of this kind under way on a link.
    pub fn count(&self, link: LinkId, is: impl Fn(&T) -> bool) -> usize {
        self.waiting.values().filter(|waiting| waiting.link == link && is(&waiting.context)).count()
    }

    /// Requests under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Answers that nobody waited for.
    #[must_use]
    pub fn stray_answers(&self) -> u64 {
        self.stray_answers
    }
}
