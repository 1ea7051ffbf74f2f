//! Cause before effect: what was shown here and then cut is brought to whoever sequences now, before what this
//! author writes next. Envelopes prove themselves; anybody may carry them.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{Fate, FateCode, Submit, Submitted};
use segment_proto::{DeviceId, DeviceRecord, Evidence, Fence, Hash, Instant, Limits, Signed, SignedEnvelope};

use crate::peer::context::{Context, Unanswered};
use crate::peer::events::{PeerEvent, Transfer};
use crate::replica::aside::{Aside, PAGE};
use crate::replica::cache::Keeper;
use crate::replica::outbox::{Item, Submission};
use crate::replica::{Replica, ReplicaTask, Wanted};
use crate::rules::Rule;
use crate::store::{LogId, StoredEntry, Table, Write};
use crate::sync::persist::{Loaded, Meta, encode, put_meta};

/// Envelopes that one replica carries. Policy: the rest is left to the other readers.
const CARRIED_MAX: usize = 512;
/// Others may carry the same: who has nothing to say waits up to so long, to see whether they do.
const CARRY_WITHIN: Duration = Duration::from_secs(5);
/// How often one is tried by itself that builds on what nobody has brought yet, ever more patiently: for half a
/// minute in all. Policy: then it is tried with every new sequencer, and makes room where room is needed.
const TRIES_MAX: u8 = 6;
/// How long to wait where nobody has said, and after the first try.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// What was shown here, and stands nowhere any more as far as is known; in the order in which it stood.
#[derive(Debug, Default)]
pub struct Carry {
    items: VecDeque<Carried>,
    next_number: u64,
    submissions: u64,
    when: When,
    /// When to try what others have written and comes too early. Nothing waits for that.
    early_at: Option<Instant>,
    pub(super) aside: Option<Aside>,
    pub(super) is_reading: bool,
}

/// When to bring what is carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum When {
    /// As soon as there is somebody to bring it to.
    #[default]
    Now,
    /// Then, unless others have brought it; at once where something own waits for it.
    Patiently(Instant),
    /// Not before.
    Later(Instant),
}

#[derive(Debug)]
struct Carried {
    number: u64,
    envelope: SignedEnvelope,
    hash: Hash,
    progress: Progress,
    tries: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
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

    fn is_home(&self) -> bool {
        matches!(self.progress, Progress::Home(_))
    }

    /// It comes too early: how long to wait for what it builds on. `None`: that has been long enough.
    fn wait_for_cause(&mut self) -> Option<Duration> {
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

    fn has_waiting(&self) -> bool {
        self.items.iter().any(|item| matches!(item.progress, Progress::Waiting | Progress::Submitted(_)))
    }

    pub(super) fn has_room_for_a_page(&self) -> bool {
        self.items.len() + PAGE <= CARRIED_MAX
    }

    /// No page fits in any more, and nothing will change that: what is left builds on what nobody has brought.
    fn is_stuck(&self) -> bool {
        let vain = |item: &Carried| item.progress == Progress::Early && item.tries >= TRIES_MAX;
        self.aside.is_some() && !self.has_room_for_a_page() && self.items.iter().all(vain)
    }

    /// What came too early may be in time now.
    fn try_early(&mut self) {
        self.early_at = None;
        let early = |item: &&mut Carried| item.progress == Progress::Early && item.tries < TRIES_MAX;
        self.items.iter_mut().filter(early).for_each(|item| item.progress = Progress::Waiting);
    }

    fn take_batch(&mut self, fence: Fence, limits: &Limits) -> Option<(Submission, Vec<SignedEnvelope>)> {
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
    fn not_submitted(&mut self, submission: &Submission) -> bool {
        let of_it = |item: &&mut Carried| item.progress == Progress::Submitted(submission.number);
        self.items.iter_mut().filter(of_it).map(|item| item.progress = Progress::Waiting).count() > 0
    }

    /// Another generation's log begins: what stood here is in it, or is put aside.
    pub fn forget_home(&mut self, log: LogId) -> Vec<Write> {
        self.remove(log, Carried::is_home)
    }

    fn remove(&mut self, log: LogId, mut which: impl FnMut(&Carried) -> bool) -> Vec<Write> {
        let gone = self.items.iter().filter(|item| which(item)).map(|item| item.number).collect::<BTreeSet<u64>>();
        self.items.retain(|item| !gone.contains(&item.number));
        gone.into_iter().map(|number| Write::Delete { table: Table::Resubmit, key: row_key(log, number) }).collect()
    }
}

fn row_key(log: LogId, number: u64) -> bytes::Bytes {
    log.key(&number.to_be_bytes())
}

impl Replica {
    /// Entries were cut here that somebody else has written: they are carried, and what stood between them.
    pub(super) fn carry(&mut self, cut: Vec<SignedEnvelope>, cx: &mut Context<'_>) -> Vec<Write> {
        let me = cx.identity.device();
        let others = cut.iter().any(|envelope| envelope.key.device != me);
        let may_submit = cx.login.is_some_and(|login| !login.who.is_visitor());
        let is_member = self.cache.keeper == Keeper::Replica;
        if !others || !may_submit || !is_member || !cx.rules.has(Rule::CarryDisplayed) {
            return Vec::new();
        }
        self.carry_within(cx);
        self.carry.take_in(self.own_log(), cut)
    }

    fn carry_within(&mut self, cx: &mut Context<'_>) {
        let micros = u64::try_from(CARRY_WITHIN.as_micros()).unwrap_or(u64::MAX);
        let wait = Duration::from_micros(cx.random.below(micros));
        if self.carry.when == When::Now {
            self.carry.when = When::Patiently(cx.now.mono + wait);
        }
    }

    /// Somebody else sequences, or answers: what stood where it was brought may stand there no more.
    pub(super) fn carry_anew(&mut self, cx: &mut Context<'_>) {
        if self.carry.items.iter().all(Carried::is_home) {
            return;
        }
        let away = self.carry.items.iter_mut().filter(|item| !item.is_home());
        away.for_each(|item| item.progress = Progress::Waiting);
        self.carry.when = When::Now;
        self.carry_within(cx);
    }

    /// It is time to bring what is carried, to whoever is there.
    pub(super) fn carry_now(&mut self, cx: &mut Context<'_>) {
        let is_due = |at: Instant| cx.now.mono >= at;
        if self.carry.early_at.is_some_and(is_due) {
            self.carry.try_early();
        }
        if matches!(self.carry.when, When::Patiently(at) | When::Later(at) if is_due(at)) {
            self.carry.when = When::Now;
        }
        self.pump(cx);
    }

    /// Brings what is carried, if it is time: who has something to say waits for nobody.
    pub(super) fn pump_carry(&mut self, cx: &mut Context<'_>) {
        let may_go = match self.carry.when {
            When::Now => true,
            When::Patiently(_) => self.outbox.items.iter().any(Item::is_open),
            When::Later(_) => false,
        };
        let Some((link, fence)) = self.submits_to(cx).filter(|_| may_go && self.carry.is_ahead()) else {
            return;
        };
        self.carry.when = When::Now;
        if self.carry.is_stuck() {
            self.carry_no_more(|_| true, cx);
        }
        if !self.carry.has_waiting() {
            return self.read_aside(cx);
        }
        let Some((submission, envelopes)) = self.carry.take_batch(fence, cx.limits) else {
            return;
        };
        let (channel, with, transfer) = (self.channel(), self.source(), Transfer::Submitted);
        cx.out.event(PeerEvent::Transferred { channel, with, transfer, first: 0, last: 0 });
        let authors = authors_of(&envelopes, cx);
        let submit = Submit { channel, fence, envelopes, authors, evidence: Evidence::default() };
        if cx.request(link, &submit, self.purpose(Wanted::Carried(submission))).is_err() {
            self.carry.not_submitted(&submission);
            self.carry_at(TRY_AGAIN, cx);
        }
    }

    fn carry_at(&mut self, after: Duration, cx: &Context<'_>) {
        self.carry.when = When::Later(cx.now.mono + after);
    }

    pub(super) fn on_carried(&mut self, submission: &Submission, submitted: &Submitted, cx: &mut Context<'_>) {
        for fate in &submitted.fates {
            self.on_carried_fate(submission, fate, cx);
        }
        if self.carry.not_submitted(submission) && self.carry.when == When::Now {
            self.carry_at(TRY_AGAIN, cx);
        }
        self.carried_up_to(self.cache.committed(), cx);
        self.pump(cx);
    }

    pub(super) fn on_not_carried(&mut self, submission: &Submission, unanswered: &Unanswered, cx: &mut Context<'_>) {
        if !self.carry.not_submitted(submission) {
            return;
        }
        let wait = match unanswered {
            Unanswered::Refused(failure) => Duration::from_millis(u64::from(failure.retry_after_ms)),
            Unanswered::NoAnswer(_) => Duration::ZERO,
        };
        self.carry_at(wait.max(TRY_AGAIN), cx);
    }

    fn on_carried_fate(&mut self, submission: &Submission, fate: &Fate, cx: &mut Context<'_>) {
        let of_it = |item: &&mut Carried| {
            item.envelope.key == fate.key && item.progress == Progress::Submitted(submission.number)
        };
        let Some(item) = self.carry.items.iter_mut().find(of_it) else {
            return;
        };
        let (number, is_own) = (item.number, fate.key.device == cx.identity.device());
        match fate.code {
            FateCode::Stored | FateCode::Committed => item.progress = Progress::Placed(fate.pos),
            FateCode::SlowDown => {
                item.progress = Progress::Waiting;
                self.carry_at(Duration::from_millis(u64::from(fate.retry_after_ms.max(10))), cx);
            }
            FateCode::Expected if is_own => match item.wait_for_cause() {
                Some(wait) => {
                    // What is written next builds on it.
                    item.progress = Progress::Waiting;
                    self.carry_at(wait, cx);
                }
                None => self.carry_as_own(number, cx),
            },
            FateCode::Expected => {
                item.progress = Progress::Early;
                let at = item.wait_for_cause().map(|wait| cx.now.mono + wait);
                self.carry.early_at = self.carry.early_at.into_iter().chain(at).min();
            }
            FateCode::Fork if is_own => self.carry_as_own(number, cx),
            _ => self.carry_no_more(|item| item.number == number, cx),
        }
    }

    /// An own message cannot be accepted as it is. Perhaps it was settled in an older generation: what it says is
    /// looked for, and signed again.
    fn carry_as_own(&mut self, number: u64, cx: &mut Context<'_>) {
        if let Some(item) = self.carry.items.iter().find(|item| item.number == number) {
            let own = item.envelope.clone();
            self.take_back(own, cx);
        }
        self.carry_no_more(|item| item.number == number, cx);
    }

    /// It stands here again.
    pub(super) fn carried_home(&mut self, fresh: &[StoredEntry], cx: &mut Context<'_>) {
        for item in &mut self.carry.items {
            if let Some(stored) = fresh.iter().find(|stored| stored.hash == item.hash) {
                item.progress = Progress::Home(stored.entry.pos);
            }
        }
        self.carried_up_to(self.cache.committed(), cx);
    }

    /// It stands there for good.
    pub(super) fn carried_up_to(&mut self, committed: u64, cx: &mut Context<'_>) {
        let stands =
            |item: &Carried| matches!(item.progress, Progress::Placed(pos) | Progress::Home(pos) if pos <= committed);
        if self.carry.items.iter().any(stands) {
            self.carry_no_more(stands, cx);
            self.pump_carry(cx);
        }
    }

    fn carry_no_more(&mut self, which: impl FnMut(&Carried) -> bool, cx: &mut Context<'_>) {
        let writes = self.carry.remove(self.own_log(), which);
        if writes.is_empty() {
            return;
        }
        let task = self.task(ReplicaTask::Nothing);
        cx.out.write(task, writes);
        if self.carry.items.is_empty() {
            self.carry.when = When::Now;
        }
    }
}

/// Whose devices others are who have written these.
pub(super) fn authors_of(envelopes: &[SignedEnvelope], cx: &Context<'_>) -> Vec<Signed<DeviceRecord>> {
    let devices: BTreeSet<DeviceId> = envelopes.iter().map(|envelope| envelope.key.device).collect();
    let others = devices.iter().filter(|device| **device != cx.identity.device());
    others.filter_map(|device| cx.authors.record(device).cloned()).collect()
}
