//! What a replica has asked for, of its store and of whoever serves it, and where each end of it goes.

use alloc::vec::Vec;

use segment_proto::messages::Failure;
use segment_proto::{Message, MessageKey, Position, Reason};

use crate::peer::context::{Answer, Context, Unanswered};
use crate::peer::events::{PeerEvent, Source};
use crate::replica::aside::Copying;
use crate::replica::bring::{Gap, GapStep};
use crate::replica::generations::CommonSearch;
use crate::replica::history::{HistoryJob, HistoryPart};
use crate::replica::outbox::Submission;
use crate::replica::paging::Span;
use crate::replica::{Kept, Replica};
use crate::store::StoreOutcome;

/// What an operation of a replica is for.
#[derive(Debug)]
pub enum ReplicaTask {
    /// An own message is on disk.
    Queued(MessageKey),
    /// Entries are on disk.
    Kept(Kept),
    /// Own messages that were signed again are on disk.
    SignedAgain(Vec<MessageKey>),
    /// Own messages are refused on disk.
    Refused(Vec<MessageKey>),
    /// An own message was looked for in the cache.
    LookedUp(MessageKey),
    /// What an own message builds on was looked for in the cache.
    Bring(Gap, GapStep),
    /// The last place that two logs share is being looked for.
    Common(CommonSearch),
    /// What follows this place was read, for the tracker.
    Reseed(Position),
    /// A page of what is to be put aside was read.
    Copied(Copying),
    /// A page of what was put aside was read.
    Aside,
    /// Messages to be shown were read.
    History(HistoryPart),
    /// Nobody waits.
    Nothing,
}

/// What a request of a replica is for.
#[derive(Debug)]
pub struct ReplicaRequest {
    /// Of which attachment: what was asked of another link says nothing about this one.
    pub(super) attachment: u64,
    pub(super) wanted: Wanted,
}

impl ReplicaRequest {
    /// What is asked, for people.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.wanted {
            Wanted::Subscribe => "subscribe",
            Wanted::Tail => "the newest messages",
            Wanted::Sync(_) | Wanted::Ahead(_) => "what follows here",
            Wanted::Submit(_) => "take an own message",
            Wanted::Carried(_) => "take what was cut here",
            Wanted::Brought => "take what an own message builds on",
            Wanted::Reseeded => "take what the tracker has lost",
            Wanted::Parting => "where another log parts from this one",
            Wanted::Own => "own messages after a fork",
            Wanted::History(_) => "older messages",
        }
    }

    /// Whether it asks to be let in.
    #[must_use]
    pub fn is_subscribe(&self) -> bool {
        matches!(self.wanted, Wanted::Subscribe)
    }

    /// Whether it asks for a page of the log.
    #[must_use]
    pub fn is_page(&self) -> bool {
        matches!(self.wanted, Wanted::Tail | Wanted::Sync(_) | Wanted::Ahead(_) | Wanted::History(_))
    }
}

/// What a replica wants to know.
#[derive(Debug)]
pub(super) enum Wanted {
    /// `Subscribe`.
    Subscribe,
    /// `ReadTail`, for the first screen.
    Tail,
    /// `Sync`, from behind this place.
    Sync(Position),
    /// `ReadRange`, of what follows what was asked for already.
    Ahead(Span),
    /// `Submit`.
    Submit(Submission),
    /// `Submit`, of what was cut here.
    Carried(Submission),
    /// `Submit`, of what an own message builds on.
    Brought,
    /// `Reseed`.
    Reseeded,
    /// `Sync`, by who may not read.
    Parting,
    /// `ReadOwn`, after a fork.
    Own,
    /// `ReadRange`, for older messages.
    History(HistoryJob),
}

impl Replica {
    /// A request of this replica has ended.
    pub fn on_answer(&mut self, request: ReplicaRequest, answer: Answer, cx: &mut Context<'_>) {
        let needs_no_server = matches!(request.wanted, Wanted::Parting | Wanted::Reseeded);
        if (self.attachment.is_none() && !needs_no_server) || request.attachment != self.attachments {
            return self.on_outdated_answer(request.wanted, cx);
        }
        let answer = answer.into_result();
        if is_damaged(&request.wanted, &answer) {
            cx.out.event(PeerEvent::DamageFound { channel: self.channel(), at: self.source() });
        }
        match (request.wanted, answer) {
            (Wanted::Subscribe, Ok(Message::Subscribed(subscribed))) => self.on_subscribed(subscribed, cx),
            (Wanted::Subscribe, Err(unanswered)) => self.on_not_subscribed(&unanswered, cx),
            (Wanted::Tail, Ok(Message::EntryPage(page))) => self.on_tail(page, cx),
            (Wanted::Sync(at), Ok(Message::SyncPage(page))) => self.on_sync_page(at, page, cx),
            (Wanted::Ahead(span), Ok(Message::EntryPage(page))) => self.on_page_ahead(span, page, cx),
            (Wanted::Ahead(span), _) => self.on_no_page_ahead(span, cx),
            (Wanted::Submit(submission), Ok(Message::Submitted(submitted))) => {
                self.on_submitted(&submission, submitted, cx);
            }
            (Wanted::Submit(submission), Err(unanswered)) => self.on_not_submitted(&submission, &unanswered, cx),
            (Wanted::History(job), Ok(Message::EntryPage(page))) => self.on_history_page(job, page, cx),
            (Wanted::Carried(submission), Ok(Message::Submitted(submitted))) => {
                self.on_carried(&submission, &submitted, cx);
            }
            (Wanted::Carried(submission), Err(unanswered)) => self.on_not_carried(&submission, &unanswered, cx),
            (Wanted::Carried(submission), Ok(_)) => {
                self.on_not_carried(&submission, &Unanswered::Refused(another()), cx);
            }
            (Wanted::Brought, Ok(Message::Submitted(submitted))) => self.on_brought(Some(&submitted), cx),
            (Wanted::Brought, _) => self.on_brought(None, cx),
            (Wanted::Reseeded, Ok(Message::Reseeded(reseeded))) => self.on_reseeded(Some(reseeded), cx),
            (Wanted::Reseeded, _) => self.on_reseeded(None, cx),
            (Wanted::Parting, answered) => self.on_parting(answered, cx),
            (Wanted::Own, Ok(Message::OwnEntries(page))) => self.on_own_entries(page, cx),
            (Wanted::Own, _) => self.give_up_search(cx),
            (Wanted::History(job), _) => self.show_history(job, cx),
            (Wanted::Submit(submission), Ok(_)) => {
                self.on_not_submitted(&submission, &Unanswered::Refused(another()), cx);
            }
            (Wanted::Subscribe | Wanted::Tail | Wanted::Sync(_), _) => self.subscribe_later(cx),
        }
    }

    /// Whoever was asked serves this channel no more: what was under way goes again by itself, and a
    /// page that somebody waits for is shown as far as it is here.
    fn on_outdated_answer(&mut self, wanted: Wanted, cx: &mut Context<'_>) {
        if let Wanted::History(job) = wanted {
            self.show_history(job, cx);
        }
    }

    /// An operation is done.
    pub fn on_performed(&mut self, task: ReplicaTask, outcome: StoreOutcome, cx: &mut Context<'_>) {
        match (task, outcome) {
            (ReplicaTask::Queued(key), _) => self.on_queued(key, cx),
            (ReplicaTask::Kept(kept), _) => {
                self.on_kept(kept, cx);
                self.on_page_written(cx);
            }
            (ReplicaTask::SignedAgain(keys), _) => self.on_signed_again(&keys, cx),
            (ReplicaTask::Refused(keys), _) => self.on_given_up(&keys, cx),
            (ReplicaTask::Bring(gap, step), StoreOutcome::Found(found)) => self.on_gap_found(gap, step, found, cx),
            (ReplicaTask::Bring(gap, _), StoreOutcome::Entries { entries, .. }) => self.on_gap_read(gap, entries, cx),
            (ReplicaTask::Common(search), StoreOutcome::Entries { entries, .. }) => {
                self.on_common_read(search, &entries, cx);
            }
            (ReplicaTask::Reseed(after), StoreOutcome::Entries { before, entries }) => {
                self.on_reseed_read(after, before, entries, cx);
            }
            (ReplicaTask::Copied(copying), StoreOutcome::Entries { entries, .. }) => {
                self.on_copied(copying, entries, cx);
            }
            (ReplicaTask::Aside, StoreOutcome::Entries { entries, .. }) => self.on_aside_read(entries, cx),
            (ReplicaTask::LookedUp(key), StoreOutcome::Found(found)) => self.on_looked_up(key, found.as_ref(), cx),
            (ReplicaTask::History(part), StoreOutcome::Entries { entries, .. }) => {
                self.on_history_read(part, entries, cx)
            }
            (ReplicaTask::History(part), _) => {
                cx.out.event(PeerEvent::DamageFound { channel: self.channel(), at: Source::Local });
                self.on_history_read(part, Vec::new(), cx);
            }
            _ => {}
        }
    }
}

/// Whether whoever was asked for entries cannot read them.
fn is_damaged(wanted: &Wanted, answer: &Result<Message, Unanswered>) -> bool {
    let is_read = matches!(wanted, Wanted::Tail | Wanted::Sync(_) | Wanted::Ahead(_) | Wanted::History(_));
    is_read && matches!(answer, Err(Unanswered::Refused(failure)) if failure.reason == Reason::StorageFailed)
}

fn another() -> Failure {
    Failure::new(Reason::Malformed, "the answer is another's")
}
