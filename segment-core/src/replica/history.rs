//! Showing older messages: from the cache where it has them, else from whoever serves the channel.

use alloc::vec::Vec;

use segment_proto::messages::{EntryPage, ReadRange};
use segment_proto::{Entry, Hash, RequestId};

use crate::peer::context::Context;
use crate::peer::events::{ChannelMessage, Content, PeerEvent, Reply, Source, Stage, Transfer};
use crate::replica::{Replica, ReplicaTask, Wanted};
use crate::store::{Operation, StoreOperation, StoredEntry};

/// Messages that are being fetched to be shown.
#[derive(Debug)]
pub struct HistoryJob {
    id: RequestId,
    from: u64,
    to: u64,
    missing_to: u64,
    before: Hash,
    fetched: Vec<Entry>,
    /// Who is asked.
    source: Source,
    /// How far the log was committed when this was asked: what comes was read then, and a log that
    /// was cut and has grown again since says nothing about it.
    committed: u64,
}

/// Messages that are being read to be shown, behind those that were fetched.
#[derive(Debug)]
pub struct HistoryPart {
    id: RequestId,
    from: u64,
    fetched: Vec<StoredEntry>,
    source: Source,
    /// How far the log was committed when it was read.
    committed: u64,
}

impl Replica {
    /// Asks for messages to show: the newest (`before` is `None`) or those before a place. At most a
    /// page of them; ends in [`PeerEvent::Replied`] with [`Reply::History`].
    pub fn history(&mut self, id: RequestId, before: Option<u64>, count: usize, cx: &mut Context<'_>) {
        let tip = self.cache.tip().pos;
        let to = before.map_or(tip, |before| before.saturating_sub(1).min(tip));
        let count = count.clamp(1, cx.limits.page_rows_max) as u64;
        let from = (to + 1).saturating_sub(count).max(1);
        let missing_to = to.min(self.cache.low().saturating_sub(1));
        let (before, fetched, source, committed) = (Hash::ZERO, Vec::new(), self.source(), self.cache.committed());
        let job = HistoryJob { id, from, to, missing_to, before, fetched, source, committed };
        if from > missing_to || self.link().is_none() {
            return self.show_history(job, cx);
        }
        self.fetch_history(job, cx);
    }

    fn fetch_history(&mut self, job: HistoryJob, cx: &mut Context<'_>) {
        let from = job.fetched.last().map_or(job.from, |entry| entry.pos + 1);
        let range = ReadRange { channel: self.channel(), from, to: job.missing_to };
        let (id, from, to, committed) = (job.id, job.from, job.to, job.committed);
        let Some(link) = self.link() else {
            return self.show_history(job, cx);
        };
        if cx.request(link, &range, self.purpose(Wanted::History(job))).is_err() {
            // Not sent: what is here is shown.
            let (before, fetched, source) = (Hash::ZERO, Vec::new(), Source::Local);
            let job = HistoryJob { id, from, to, missing_to: 0, before, fetched, source, committed };
            self.show_history(job, cx);
        }
    }

    pub(super) fn on_history_page(&mut self, mut job: HistoryJob, page: EntryPage, cx: &mut Context<'_>) {
        let next = job.fetched.last().map_or(job.from, |entry| entry.pos + 1);
        let dense = page.entries.iter().zip(next..).all(|(entry, pos)| entry.pos == pos);
        if page.entries.is_empty() || !dense {
            return self.show_history(job, cx);
        }
        if job.fetched.is_empty() {
            job.before = page.before;
        }
        job.fetched.extend(page.entries);
        if job.fetched.last().is_some_and(|entry| entry.pos < job.missing_to) {
            return self.fetch_history(job, cx);
        }
        self.show_history(job, cx);
    }

    /// Shows what was fetched, and behind it what the cache has.
    pub(super) fn show_history(&mut self, job: HistoryJob, cx: &mut Context<'_>) {
        let source = if job.fetched.is_empty() { Source::Local } else { job.source };
        let mut chain = job.before;
        let mut fetched = Vec::with_capacity(job.fetched.len());
        for entry in job.fetched {
            let stored = StoredEntry::new(entry, &chain);
            chain = stored.chain;
            fetched.push(stored);
        }
        self.keep_fetched(&fetched, job.before, cx);
        if let (Some(first), Some(last)) = (fetched.first(), fetched.last()) {
            let (channel, first, last) = (self.channel(), first.entry.pos, last.entry.pos);
            cx.out.event(PeerEvent::Transferred { channel, with: source, transfer: Transfer::Fetched, first, last });
        }
        let cached_from = fetched.last().map_or(job.from.max(self.cache.low()), |stored| stored.entry.pos + 1);
        let from = fetched.first().map_or(cached_from, |stored| stored.entry.pos);
        let part = HistoryPart { id: job.id, from, fetched, source, committed: job.committed };
        if cached_from > job.to || self.cache.is_empty() {
            return self.on_history_read(part, Vec::new(), cx);
        }
        let read = StoreOperation::Read {
            log: self.cache.entries,
            from: cached_from,
            to: job.to,
            entries_max: cx.limits.page_rows_max,
            bytes_max: usize::MAX,
        };
        let task = self.task(ReplicaTask::History(part));
        cx.out.perform(task, Operation::Store(read));
    }

    /// Keeps what stands right before the cache, if its chain leads there.
    fn keep_fetched(&mut self, fetched: &[StoredEntry], before: Hash, cx: &mut Context<'_>) {
        let Some(last) = fetched.last() else {
            return;
        };
        if last.entry.pos + 1 == self.cache.low() && last.chain == self.cache.chain_before_low() {
            let writes = self.cache.extend_down(fetched, before);
            let task = self.task(ReplicaTask::Nothing);
            cx.out.write(task, writes);
        }
    }

    pub(super) fn on_history_read(&mut self, part: HistoryPart, cached: Vec<StoredEntry>, cx: &mut Context<'_>) {
        let mut messages = show(&part.fetched, part.committed, cx);
        messages.extend(show(&cached, part.committed, cx));
        if messages.iter().any(|message| message.content == Content::Damaged) {
            cx.out.event(PeerEvent::DamageFound { channel: self.channel(), at: Source::Local });
        }
        let more = messages.first().is_some_and(|first| first.pos > 1) || (messages.is_empty() && part.from > 1);
        let reply = Reply::History { channel: self.channel(), messages, more, source: part.source };
        cx.out.event(PeerEvent::Replied { id: part.id, reply: Ok(reply) });
    }
}

/// Messages as a reader sees them, of a log that is committed up to a place.
pub(super) fn show(entries: &[StoredEntry], committed: u64, cx: &Context<'_>) -> Vec<ChannelMessage> {
    entries.iter().map(|stored| show_one(stored, committed, cx)).collect()
}

/// What is not what was written is not shown as somebody's words.
fn show_one(stored: &StoredEntry, committed: u64, cx: &Context<'_>) -> ChannelMessage {
    let entry = &stored.entry;
    let envelope = &entry.envelope;
    let text = || envelope.text().map(|text| Content::Text(text.into()));
    let content = match envelope.hash() == stored.hash {
        true => text().or_else(|| envelope.access().map(Content::Access)).unwrap_or(Content::Unreadable),
        false => Content::Damaged,
    };
    let stage = if entry.pos <= committed { Stage::Committed } else { Stage::Stored };
    ChannelMessage {
        pos: entry.pos,
        key: envelope.key,
        account: envelope.account,
        author: cx.authors.who(envelope),
        sent: envelope.sent,
        epoch: entry.epoch,
        sequenced: entry.sequenced,
        content,
        stage,
    }
}
