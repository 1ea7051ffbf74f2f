//! What was shown here and then cut: it waits here until it stands again.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::{Fence, Hash, Instant, Limits, SignedEnvelope};

use crate::replica::aside::{Aside, PAGE};
use crate::replica::outbox::Submission;
use crate::store::{LogId, Table, Write};
use crate::sync::persist::{Loaded, Meta, encode, put_meta};

/// Envelopes that one replica carries. Policy: the rest is left to the other readers.
const CARRIED_MAX: usize = 512;
/// How often one is tried by itself that builds on what nobody has brought yet, ever more patiently: for half a
/// minute in all. Policy: then it is tried with every new sequencer, and makes room where room is needed.
const TRIES_MAX: u8 = 6;
/// How long to wait where nobody has said, and after the first try.
pub(super) const TRY_AGAIN: Duration = Duration::from_millis(500);

/// What was shown here, and stands nowhere any more as far as is known; in the order in which it stood.
#[derive(Debug, Default)]
pub struct Carry {
    pub(super) items: VecDeque<Carried>,
    next_number: u64,
    submissions: u64,
    pub(super) when: When,
    /// When to try what others have written and comes too early. Nothing waits for that.
    pub(super) early_at: Option<Instant>,
    pub(super) aside: Option<Aside>,
    pub(super) is_reading: bool,
}

/// When to bring what is carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum When {
    /// As soon as there is somebody to bring it to.
    #[default]
    Now,
    /// Then, unless others have brought it; at once where something own waits for it.
    Patiently(Instant),
    /// Not before.
    Later(Instant),
}

#[derive(Debug)]
pub(super) struct Carried {
    pub(super) number: u64,
    pub(super) envelope: SignedEnvelope,
    pub(super) hash: Hash,
    pub(super) progress: Progress,
    tries: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Waiting,
    /// On its way, with this submission.
    Submitted(u64),
    /// Its sequencer has it there. It stays until it is committed.
    Placed(u64),
    /// It stands here again. Until it is committed it keeps its place before what answers it: it may be cut again.
    Home(u64),
    /// Another's, that builds on what its sequencer does not have. Somebody else may bring that.
    Early,
}

impl Carried {
    /// It was cut again.
    fn leave_home(&mut self) {
        if self.is_home() {
            self.progress = Progress::Waiting;
        }
    }

    pub(super) fn is_home(&self) -> bool {
        matches!(self.progress, Progress::Home(_))
    }

    /// It comes too early: how long to wait for what it builds on. `None`: that has been long enough.
    pub(super) fn wait_for_cause(&mut self) -> Option<Duration> {
        let wait = TRY_AGAIN * (1 << self.tries);
        self.tries = (self.tries + 1).min(TRIES_MAX);
        (self.tries < TRIES_MAX).then_some(wait)
    }
}

impl Carry {
    /// As the store has it.
    pub fn restore(loaded: &Loaded) -> Self {
        let mut carry = Self { aside: loaded.meta(Meta::Aside), ..Self::default() };
        for (number, envelope) in loaded.values::<(u64, SignedEnvelope)>(Table::Resubmit) {
            carry.next_number = number + 1;
            carry.push(number, envelope);
        }
        carry
    }

    fn push(&mut self, number: u64, envelope: SignedEnvelope) {
        let hash = envelope.hash();
        self.items.push_back(Carried { number, envelope, hash, progress: Progress::Waiting, tries: 0 });
    }

    pub(super) fn take_in(&mut self, log: LogId, envelopes: Vec<SignedEnvelope>) -> Vec<Write> {
        let mut writes = Vec::new();
        for envelope in envelopes {
            if let Some(known) = self.items.iter_mut().find(|item| item.envelope == envelope) {
                known.leave_home();
                continue;
            }
            if self.items.len() >= CARRIED_MAX {
                continue;
            }
            let number = self.next_number;
            self.next_number += 1;
            let (key, value) = (row_key(log, number), encode(&(number, &envelope)));
            writes.push(Write::Put { table: Table::Resubmit, key, value });
            self.push(number, envelope);
        }
        writes
    }

    /// What is put aside already.
    pub fn aside(&self) -> Option<Aside> {
        self.aside
    }

    /// More was put aside, or less is left of it.
    pub fn put_aside(&mut self, log: LogId, aside: Aside) -> Write {
        self.aside = Some(aside);
        put_meta(log, Meta::Aside, &aside)
    }

    /// When to look after it.
    pub fn at(&self) -> Option<Instant> {
        let at = match self.when {
            When::Now => None,
            When::Patiently(at) | When::Later(at) => Some(at),
        };
        at.into_iter().chain(self.early_at).min()
    }

    /// Whether own messages have to wait for it.
    pub fn is_ahead(&self) -> bool {
        self.aside.is_some() || self.has_waiting()
    }

    pub(super) fn has_waiting(&self) -> bool {
        self.items.iter().any(|item| matches!(item.progress, Progress::Waiting | Progress::Submitted(_)))
    }

    pub(super) fn has_room_for_a_page(&self) -> bool {
        self.items.len() + PAGE <= CARRIED_MAX
    }

    /// No page fits in any more, and nothing will change that: what is left builds on what nobody has brought.
    pub(super) fn is_stuck(&self) -> bool {
        let vain = |item: &Carried| item.progress == Progress::Early && item.tries >= TRIES_MAX;
        self.aside.is_some() && !self.has_room_for_a_page() && self.items.iter().all(vain)
    }

    /// What came too early may be in time now.
    pub(super) fn try_early(&mut self) {
        self.early_at = None;
        let early = |item: &&mut Carried| item.progress == Progress::Early && item.tries < TRIES_MAX;
        self.items.iter_mut().filter(early).for_each(|item| item.progress = Progress::Waiting);
    }

    pub(super) fn take_batch(&mut self, fence: Fence, limits: &Limits) -> Option<(Submission, Vec<SignedEnvelope>)> {
        if self.items.iter().any(|item| matches!(item.progress, Progress::Submitted(_))) {
            return None;
        }
        let submission = Submission { number: self.submissions + 1, fence };
        let (mut envelopes, mut bytes) = (Vec::new(), 0);
        // A device record for each of them may go with it.
        let batch_max = limits.batch_entries_max.min(64);
        for item in self.items.iter_mut().filter(|item| item.progress == Progress::Waiting) {
            bytes += item.envelope.bytes().len() + 80 + 256;
            if envelopes.len() >= batch_max || (bytes > limits.batch_bytes_max && !envelopes.is_empty()) {
                break;
            }
            item.progress = Progress::Submitted(submission.number);
            envelopes.push(item.envelope.clone());
        }
        self.submissions += 1;
        (!envelopes.is_empty()).then_some((submission, envelopes))
    }

    /// What an answer has left out, or did not come for, goes again.
    pub(super) fn not_submitted(&mut self, submission: &Submission) -> bool {
        let of_it = |item: &&mut Carried| item.progress == Progress::Submitted(submission.number);
        self.items.iter_mut().filter(of_it).map(|item| item.progress = Progress::Waiting).count() > 0
    }

    /// Another generation's log begins: what stood here is in it, or is put aside.
    pub fn forget_home(&mut self, log: LogId) -> Vec<Write> {
        self.remove(log, Carried::is_home)
    }

    pub(super) fn remove(&mut self, log: LogId, mut which: impl FnMut(&Carried) -> bool) -> Vec<Write> {
        let gone = self.items.iter().filter(|item| which(item)).map(|item| item.number).collect::<BTreeSet<u64>>();
        self.items.retain(|item| !gone.contains(&item.number));
        gone.into_iter().map(|number| Write::Delete { table: Table::Resubmit, key: row_key(log, number) }).collect()
    }
}

fn row_key(log: LogId, number: u64) -> bytes::Bytes {
    log.key(&number.to_be_bytes())
}
