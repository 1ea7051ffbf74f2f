//! Following whoever serves the channel: fetch what is missing, take what is new, cut what is void.

use alloc::vec::Vec;

use segment_proto::messages::{Diverged, Entries, EntryPage, ReadTail, Sync, SyncPage};
use segment_proto::{Entry, Hash, Position, SignedEnvelope};

use crate::peer::context::Context;
use crate::peer::events::{PeerEvent, Serving, Transfer};
use crate::replica::attaching::Progress;
use crate::replica::history::show;
use crate::replica::{Replica, ReplicaTask, Wanted};
use crate::store::{StoredEntry, Write};

/// Messages of the first screen.
const FIRST_SCREEN: u32 = 100;

impl Replica {
    /// Fetches what the serving side has and this cache lacks; or cuts what it does not have any more.
    pub(super) fn level_with(&mut self, head: Position, cx: &mut Context<'_>) {
        let tip = self.cache.tip();
        // What is committed here and lost there is a matter of generations.
        let lacks = head.pos < self.cache.committed();
        if !lacks && self.cache.contains(head) && (head.pos == tip.pos || self.serving() == Serving::Copy) {
            return self.set_level(cx);
        }
        if let Some(attachment) = &mut self.attachment {
            attachment.progress = Progress::Fetching;
        }
        // What was sent before this cache was lost stands somewhere in the log, and has to be found there.
        if self.cache.is_empty() && head.pos > 0 && self.outbox.len() == 0 {
            let tail = ReadTail { channel: self.channel(), count: FIRST_SCREEN };
            return self.ask(&tail, Wanted::Tail, cx);
        }
        if !lacks && self.cache.contains(head) {
            self.cut(head.pos, cx);
            return self.set_level(cx);
        }
        self.sync(cx);
    }

    fn set_level(&mut self, cx: &mut Context<'_>) {
        if let Some(attachment) = &mut self.attachment {
            attachment.progress = Progress::Level;
        }
        self.settle(cx);
        self.pump(cx);
        self.doubt_shown(cx);
    }

    pub(super) fn sync(&mut self, cx: &mut Context<'_>) {
        self.paging.give_up();
        let generation = self.cache.receipt().map_or(0, |receipt| receipt.fence.generation);
        let at = self.cache.tip();
        let sync = Sync { channel: self.channel(), at, generation, evidence: self.evidence() };
        self.ask(&sync, Wanted::Sync(at), cx);
    }

    pub(super) fn on_tail(&mut self, page: EntryPage, cx: &mut Context<'_>) {
        if self.cache.is_empty() {
            let Some(first) = page.entries.first() else {
                return self.subscribe_later(cx);
            };
            let writes = self.cache.begin(first.pos, page.before);
            let task = self.task(ReplicaTask::Nothing);
            if !writes.is_empty() {
                cx.out.write(task, writes);
            }
            self.take(page.before, page.entries, Transfer::Fetched, cx);
        }
        self.level_with(page.head, cx);
        if let Some(receipt) = page.receipt {
            self.on_receipt(receipt, cx);
        }
    }

    pub(super) fn on_sync_page(&mut self, at: Position, page: SyncPage, cx: &mut Context<'_>) {
        if !self.cache.contains(at) {
            // Cut since it was asked for.
            return self.sync(cx);
        }
        if page.first > at.pos + 1 {
            // Asked before this cache began anew already.
            let is_begun = page.first <= self.cache.tip().pos + 1;
            return if is_begun { self.level_with(page.head, cx) } else { self.begin_anew(&page, cx) };
        }
        if !page.diverged.is_empty() {
            let provisional = self.cache.tip().pos > self.cache.committed();
            if !provisional && self.crosses(&page, cx) {
                return;
            }
            return if self.is_behind(&page) { self.subscribe_later(cx) } else { self.on_parted(cx) };
        }
        let before = self.cache.tip();
        self.learn_page(&page.entries, cx);
        self.take(page.before, page.entries, Transfer::Fetched, cx);
        if let Some(receipt) = page.receipt {
            self.on_receipt(receipt, cx);
        }
        if self.cache.tip() == before && !self.cache.contains(page.head) {
            return self.subscribe_later(cx);
        }
        self.go_on(page.head, cx);
    }

    /// What follows the cache is gone, by the owner's policy: the cache begins where the channel does now. Whether what
    /// is not committed here stood there, nobody can say: it is brought once more, and forgotten if it did.
    fn begin_anew(&mut self, page: &SyncPage, cx: &mut Context<'_>) {
        if self.cache.tip().pos > self.cache.committed() {
            self.cut(self.cache.committed(), cx);
        }
        let writes = self.cache.forget();
        let task = self.task(ReplicaTask::Nothing);
        if !writes.is_empty() {
            cx.out.write(task, writes);
        }
        let (below, kept) = (page.first, (page.head.pos + 1).saturating_sub(page.first));
        cx.out.event(PeerEvent::OlderRemoved { channel: self.channel(), below, kept });
        let tail = ReadTail { channel: self.channel(), count: FIRST_SCREEN };
        self.ask(&tail, Wanted::Tail, cx);
    }

    /// A host that has not adopted yet what the tracker has committed says nothing against that: it
    /// knows of no receipt for it, or of one for more than it has on its disk.
    fn is_behind(&self, page: &SyncPage) -> bool {
        let committed = self.cache.committed();
        let receipt = page.receipt.as_ref().map_or(0, |receipt| receipt.at.pos);
        self.cache.tip().pos <= committed && receipt.min(page.head.pos) < committed
    }

    /// The serving side has another log: only what is provisional here can be wrong.
    pub(super) fn on_parted(&mut self, cx: &mut Context<'_>) {
        if self.cache.tip().pos <= self.cache.committed() {
            if self.is_served_in_own_generation() {
                cx.out.event(PeerEvent::Suspicious { what: "the log differs below a committed place" });
            }
            return self.subscribe_later(cx);
        }
        self.cut(self.cache.committed(), cx);
        self.fetch(cx);
    }

    pub(super) fn on_diverged(&mut self, diverged: &Diverged, cx: &mut Context<'_>) {
        self.outbox.unplace_behind(diverged.at.pos);
        let pos = diverged.at.pos.max(self.cache.committed());
        if self.cache.tip().pos > pos {
            self.cut(pos, cx);
        }
    }

    pub(super) fn cut(&mut self, pos: u64, cx: &mut Context<'_>) {
        let pos = pos.max(self.cache.committed());
        let (writes, cut) = self.cache.cut(pos);
        self.on_cut(pos, writes, cut, cx);
    }

    /// What follows from a cut; `writes` is what it means for the entries on disk.
    pub(super) fn on_cut(&mut self, pos: u64, mut writes: Vec<Write>, cut: Vec<SignedEnvelope>, cx: &mut Context<'_>) {
        writes.extend(self.carry(cut, cx));
        self.outbox.unplace_behind(pos);
        self.delivery.cut(pos);
        let task = self.task(ReplicaTask::Nothing);
        cx.out.write(task, writes);
        cx.out.event(PeerEvent::CutBehind { channel: self.channel(), pos });
        if self.access_at > pos {
            self.access_at = 0;
            self.subscribe(cx);
        }
    }

    pub(super) fn on_entries(&mut self, entries: Entries, cx: &mut Context<'_>) {
        self.learn_fence(entries.fence, cx);
        if self.is_outdated(cx) {
            return;
        }
        let follows = entries.entries.first().is_some_and(|first| first.pos <= self.cache.tip().pos + 1);
        let begins = self.cache.is_empty() && entries.entries.first().is_some_and(|first| first.pos == 1);
        if follows || begins {
            return self.take(entries.before, entries.entries, Transfer::Live, cx);
        }
        self.fetch_if_level(cx);
    }

    pub(super) fn fetch_if_level(&mut self, cx: &mut Context<'_>) {
        if self.is_level() {
            self.fetch(cx);
        }
    }

    fn fetch(&mut self, cx: &mut Context<'_>) {
        if let Some(attachment) = &mut self.attachment {
            attachment.progress = Progress::Fetching;
        }
        self.sync(cx);
    }

    /// Takes entries that reach the tip or go on from it.
    pub(super) fn take(&mut self, before: Hash, entries: Vec<Entry>, transfer: Transfer, cx: &mut Context<'_>) {
        let tip = self.cache.tip();
        let mut chain = before;
        let mut fresh = Vec::with_capacity(entries.len());
        for entry in entries {
            let stored = StoredEntry::new(entry, &chain);
            let parted = self.cache.chain_at(stored.entry.pos).is_some_and(|chain| chain != stored.chain);
            let follows = stored.entry.pos == tip.pos + 1;
            if parted || (follows && chain != tip.chain) {
                return self.on_parted(cx);
            }
            chain = stored.chain;
            if stored.entry.pos > tip.pos {
                fresh.push(stored);
            }
        }
        if !is_dense(&fresh, tip.pos) {
            return self.fetch_if_level(cx);
        }
        self.keep(&fresh, transfer, cx);
    }

    fn keep(&mut self, fresh: &[StoredEntry], transfer: Transfer, cx: &mut Context<'_>) {
        let (Some(first), Some(last)) = (fresh.first(), fresh.last()) else {
            return;
        };
        let writes = self.cache.extend(fresh, cx.limits.memory_entries_max);
        let kept = self.delivery.kept(last.entry.pos);
        let task = self.task(ReplicaTask::Kept(kept));
        if writes.is_empty() {
            // Its host has it on disk before it shows it.
            self.on_kept(kept, cx);
        } else {
            self.paging.writes();
            cx.out.write(task, writes);
        }
        let ahead = self.cache.take_ahead();
        let (fits, parts) = (ahead.clone(), ahead);
        if let Some(receipt) = fits.filter(|receipt| self.cache.contains(receipt.at)) {
            self.on_receipt(receipt, cx);
        }
        let (channel, with) = (self.channel(), self.source());
        let (first, last) = (first.entry.pos, last.entry.pos);
        cx.out.event(PeerEvent::Transferred { channel, with, transfer, first, last });
        let messages = show(self.cache.never_had(fresh), self.cache.committed(), cx);
        if !messages.is_empty() {
            cx.out.event(PeerEvent::Received { channel, messages, source: with, transfer });
        }
        self.carried_home(fresh, cx);
        for stored in fresh {
            self.on_placed(stored, cx);
        }
        self.settle(cx);
        if self.outbox.unplace_unseen(last) {
            self.pump(cx);
        }
        let access = fresh.iter().rev().find(|stored| stored.entry.envelope.access().is_some());
        if let Some(stored) = access {
            self.on_access(stored.entry.pos, cx);
        }
        // One for another chain cuts what was shown just now.
        if let Some(receipt) = parts.filter(|receipt| !self.cache.contains(receipt.at)) {
            self.on_receipt(receipt, cx);
        }
    }
}

fn is_dense(entries: &[StoredEntry], tip: u64) -> bool {
    entries.iter().zip(tip + 1..).all(|(stored, pos)| stored.entry.pos == pos)
}
