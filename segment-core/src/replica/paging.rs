//! Catching up without waiting for each page: the next ones are asked for while the last is on its way, is checked
//! or is written. A page counts only where it goes on from the tip, chain and all. One that does not is dropped, and
//! what is missing then is asked for by `Sync`, which alone tells where two logs part.

use alloc::collections::VecDeque;

use segment_proto::messages::{EntryPage, ReadRange};
use segment_proto::{Entry, Limits, Position};

use crate::peer::context::Context;
use crate::peer::events::Transfer;
use crate::replica::{Replica, Wanted};

/// Pages that are asked for on one link, of all its channels: they fit its send queue. Policy: a channel waits for
/// its last page before it asks for the next.
const PAGES_UNDER_WAY_MAX: usize = 4;

/// Pages of one channel that are here and not on disk yet. Policy: more are asked for once they are.
const PAGES_UNWRITTEN_MAX: usize = 64;

/// Of the places that a page would hold if all were as long as the last ones, so many parts of eight are asked for:
/// one that holds less than was asked for makes those behind it useless.
const FILL: u64 = 7;

/// Places of a page that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    from: u64,
    to: u64,
}

impl Span {
    fn places(self) -> u64 {
        self.to + 1 - self.from
    }
}

/// The pages that were asked for behind the tip.
#[derive(Debug, Default)]
pub struct Paging {
    /// In their order. What is not among them is not waited for.
    asked: VecDeque<Span>,
    /// How many may be: one more with each page that fits.
    window: usize,
    /// Places of the next page.
    places: u64,
    /// Bytes that the other side was seen to end a page with, where that is less than what is usual here; believed
    /// less and less.
    page_bytes: Option<usize>,
    /// Pages that are being written.
    unwritten: usize,
    /// The head, where it waits for what is being written.
    waits: Option<Position>,
}

impl Paging {
    /// Another link serves the channel.
    pub fn forget(&mut self) {
        *self = Self { unwritten: self.unwritten, ..Self::default() };
    }

    /// Nothing that was asked for is waited for any more.
    pub fn give_up(&mut self) {
        *self = Self { unwritten: self.unwritten, page_bytes: self.page_bytes, ..Self::default() };
    }

    /// A page is being written.
    pub fn writes(&mut self) {
        self.unwritten += 1;
    }

    fn arrived(&mut self, span: Span) -> bool {
        let at = self.asked.iter().position(|asked| *asked == span);
        at.is_some_and(|at| self.asked.remove(at).is_some())
    }

    /// What a page that fits says about the next ones.
    fn learn(&mut self, entries: &[Entry], asked: Option<Span>, limits: &Limits) {
        let bytes: usize = entries.iter().map(Entry::wire_bytes).sum();
        let count = entries.len() as u64;
        if asked.is_some_and(|span| count < span.places()) {
            // Nothing that is under way goes on from here.
            self.give_up();
            self.page_bytes = Some(bytes);
            return;
        }
        self.page_bytes =
            self.page_bytes.map(|bytes| bytes + bytes / 8).filter(|bytes| *bytes < limits.batch_bytes_max);
        let room = self.page_bytes.unwrap_or(limits.batch_bytes_max) as u64;
        let places = count.saturating_mul(room).saturating_mul(FILL) / (8 * bytes.max(1) as u64);
        self.places = places.clamp(1, limits.batch_entries_max as u64);
        self.window = (self.window + 1).min(PAGES_UNDER_WAY_MAX);
    }

    /// The next page behind those that were asked for, where one may be.
    fn next(&self, tip: u64, head: u64) -> Option<Span> {
        let from = self.asked.back().map_or(tip, |last| last.to) + 1;
        let span = Span { from, to: head.min(from.saturating_add(self.places.saturating_sub(1))) };
        (from <= head && self.asked.len() < self.window).then_some(span)
    }
}

impl Replica {
    /// What a page said that is being worked in now; then [`Self::go_on`].
    pub(super) fn learn_page(&mut self, entries: &[Entry], cx: &Context<'_>) {
        if !entries.is_empty() {
            self.paging.learn(entries, None, cx.limits);
        }
    }

    /// A page was worked in: asks for more, up to the head of which it told.
    pub(super) fn go_on(&mut self, head: Position, cx: &mut Context<'_>) {
        self.paging.waits = None;
        if head.pos > self.cache.tip().pos && self.is_fetching() {
            self.ask_ahead(head, cx);
            if !self.paging.asked.is_empty() || self.paging.waits.is_some() {
                return;
            }
        }
        self.level_with(head, cx);
    }

    fn ask_ahead(&mut self, head: Position, cx: &mut Context<'_>) {
        let Some(link) = self.link() else {
            return;
        };
        while let Some(span) = self.paging.next(self.cache.tip().pos, head.pos) {
            if self.paging.unwritten >= PAGES_UNWRITTEN_MAX {
                self.paging.waits = Some(head);
                return;
            }
            let range = ReadRange { channel: self.channel(), from: span.from, to: span.to };
            let is_free = cx.pages_under_way(link) < PAGES_UNDER_WAY_MAX;
            if !is_free || cx.request(link, &range, self.purpose(Wanted::Ahead(span))).is_err() {
                return;
            }
            self.paging.asked.push_back(span);
        }
    }

    pub(super) fn on_page_ahead(&mut self, span: Span, page: EntryPage, cx: &mut Context<'_>) {
        if !self.paging.arrived(span) {
            return;
        }
        let tip = self.cache.tip();
        let follows = page.entries.first().is_some_and(|first| first.pos == tip.pos + 1) && page.before == tip.chain;
        if !follows {
            return self.on_page_missed(cx);
        }
        self.paging.learn(&page.entries, Some(span), cx.limits);
        self.take(page.before, page.entries, Transfer::Fetched, cx);
        if let Some(receipt) = page.receipt {
            self.on_receipt(receipt, cx);
        }
        self.go_on(page.head, cx);
    }

    pub(super) fn on_no_page_ahead(&mut self, span: Span, cx: &mut Context<'_>) {
        if self.paging.arrived(span) {
            self.on_page_missed(cx);
        }
    }

    /// What is under way may still fit; only behind the last of it is asked anew.
    fn on_page_missed(&mut self, cx: &mut Context<'_>) {
        self.paging.window = 1;
        if self.paging.asked.is_empty() && self.is_fetching() {
            self.sync(cx);
        }
    }

    /// A page is on disk.
    pub(super) fn on_page_written(&mut self, cx: &mut Context<'_>) {
        self.paging.unwritten = self.paging.unwritten.saturating_sub(1);
        if let Some(head) = self.paging.waits {
            self.go_on(head, cx);
        }
    }
}
