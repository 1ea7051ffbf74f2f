//! Reading at the copy: for who cannot reach the host, or does not want to be seen there.

use alloc::vec::Vec;

use segment_proto::messages::{Delivered, Done, Presence, Removed, Subscribed, Sync, Watermarks};
use segment_proto::{Hash, LinkId, Message, Reason, Rights};

use crate::backup::{Backup, BackupTask};
use crate::outbox::Asker;
use crate::rules::Rule;
use crate::store::StoredEntry;
use crate::sync::Subscriber;
use crate::sync::fanout::{self, no_read};
use crate::sync::serve::{self, Page, PageRequest, Serve, Served};
use crate::tracker::context::{Caller, Context};
use crate::tracker::events::TrackerEvent;

impl Backup {
    pub(super) fn on_subscribe(&mut self, from: Asker, caller: &Caller, cx: &mut Context<'_>) {
        let rights = self.access().rights(caller.who.account);
        if cx.rules.has(Rule::ReadRight) && !rights.include(Rights::READ) {
            return cx.out.fail(from, no_read(self.access().view, caller.who.is_visitor()), "");
        }
        let comes = self.readers.get(from.link).is_none();
        if comes && self.readers.len() >= cx.limits.members_per_channel_max {
            return cx.out.fail(from, Reason::LimitReached, "the channel is full");
        }
        self.cursors.on_newcomer(cx.now.mono);
        self.readers.insert(from.link, Subscriber::new(caller.who.clone(), caller.device, None));
        let row = (!caller.who.is_visitor()).then(|| self.log.base().row(caller.device, caller.who.account));
        let answer = Subscribed {
            channel: self.channel(),
            epoch: self.log.epoch().cloned(),
            head: self.log.durable_position(),
            receipt: self.log.receipt().cloned(),
            rights,
            row,
        };
        cx.out.answer(from, &answer);
    }

    pub(super) fn on_unsubscribe(&mut self, from: Asker, cx: &mut Context<'_>) {
        self.readers.remove(from.link);
        cx.out.answer(from, &Done {});
    }

    pub(super) fn watermarks(&self) -> Watermarks {
        Watermarks {
            channel: self.channel(),
            fence: self.log.fence(),
            stored: self.log.durable(),
            receipt: self.log.receipt().cloned(),
        }
    }

    /// Committed entries and their receipt, encoded once.
    pub(super) fn tell_readers(&mut self, first: u64, last: u64, cx: &mut Context<'_>) {
        if self.readers.is_empty() {
            return;
        }
        for frame in fanout::frames(&self.log, first, last, self.log.fence(), cx.limits) {
            cx.out.transmit_many(self.readers.keeping(), frame);
        }
        let frame = segment_proto::Frame::push(&self.watermarks());
        cx.out.transmit_many(self.readers.keeping(), frame);
    }

    /// What a reader has on disk, if others may know that it reads.
    pub(super) fn on_delivered(&mut self, from: LinkId, caller: &Caller, delivered: &Delivered, cx: &Context<'_>) {
        let hides = caller.presence == Presence::Invisible && cx.rules.has(Rule::HideInvisible);
        if hides || caller.who.is_visitor() || self.readers.get(from).is_none() {
            return;
        }
        let pos = delivered.pos.min(self.log.durable());
        self.cursors.note(caller.who.account, pos, cx.now.mono, cx.limits.members_per_channel_max);
    }

    pub(super) fn tell_deliveries(&mut self, cx: &mut Context<'_>) {
        if let Some(deliveries) = self.cursors.tell(self.log.id, cx.now.mono) {
            cx.out.transmit_many(self.readers.keeping(), segment_proto::Frame::push(&deliveries));
        }
        let writes = self.cursors.write(self.log.id, cx.now.mono);
        if !writes.is_empty() {
            cx.out.write(self.task(BackupTask::Nothing), writes);
        }
    }

    pub(super) fn remove_who_may_not_read(&mut self, cx: &mut Context<'_>) {
        if !cx.rules.has(Rule::ReadRight) {
            return;
        }
        let access = self.access().clone();
        let gone = self.readers.remove_if(|reader| !access.rights(reader.who.account).include(Rights::READ));
        for (link, reader) in gone {
            let (channel, account) = (self.channel(), reader.who.account);
            let reason = no_read(access.view, reader.who.is_visitor());
            cx.out.push(link, &Removed { channel, account, reason });
        }
        let forgotten = self.cursors.retain(self.log.id, |account| access.rights(account).include(Rights::READ));
        if !forgotten.is_empty() {
            cx.out.write(self.task(BackupTask::Nothing), forgotten);
        }
    }

    pub(super) fn on_read(&mut self, from: Asker, caller: &Caller, message: &Message, cx: &mut Context<'_>) {
        let request = PageRequest::from_message(message, caller.device, &self.log);
        let may_ask = |request: &PageRequest| self.may_read(from.link, request) || self.may_compare(message, cx);
        let Some(request) = request.filter(may_ask) else {
            return self.refuse_to_read(from, cx);
        };
        match serve::begin(&self.log, request, self.log.fence(), cx.limits) {
            Serve::Ready(message, served) => self.answer_page(from, &message, served, cx),
            Serve::Read(operation) => {
                cx.out.perform(self.task(BackupTask::Page(Page { asker: from, request })), operation);
            }
        }
    }

    fn may_read(&self, link: LinkId, request: &PageRequest) -> bool {
        !request.needs_subscription() || self.readers.get(link).is_some()
    }

    /// Who was removed, and holds a receipt of an older generation, may ask where that log parts from this one.
    fn may_compare(&self, message: &Message, cx: &Context<'_>) -> bool {
        let Message::Sync(Sync { at, evidence, .. }) = message else { return false };
        evidence.receipt.as_ref().is_some_and(|receipt| {
            let is_of_older = receipt.fence.generation < self.log.fence().generation && receipt.at == *at;
            let is_own = receipt.channel == self.channel();
            is_of_older && is_own && receipt.is_signed_by(&cx.identity.device(), &cx.identity.verifier())
        })
    }

    /// While something is lost, nobody knows who may read.
    fn refuse_to_read(&self, from: Asker, cx: &mut Context<'_>) {
        if self.is_deciding() {
            return cx.out.fail(from, Reason::NotNow, "what is lost is being looked for");
        }
        cx.out.fail(from, Reason::OutOfOrder, "subscribe first");
    }

    pub(super) fn on_page(&mut self, page: Page, before: Hash, entries: Vec<StoredEntry>, cx: &mut Context<'_>) {
        let (message, served) = serve::finish(&self.log, page.request, self.log.fence(), before, entries, cx.limits);
        self.answer_page(page.asker, &message, served, cx);
    }

    pub(super) fn answer_page(&mut self, to: Asker, message: &Message, (first, last): Served, cx: &mut Context<'_>) {
        if self.readers.get(to.link).is_none() && !is_for_anybody(message) {
            return self.refuse_to_read(to, cx);
        }
        cx.out.answer_message(to, message);
        if serve::is_damaged(message) {
            cx.out.event(TrackerEvent::DamageFound { channel: self.channel() });
        }
        if let Some(reader) = self.readers.get(to.link).filter(|_| last > 0) {
            cx.out.event(TrackerEvent::Served { channel: self.channel(), to: reader.device, first, last });
        }
    }
}

/// What holds nothing that others have written.
fn is_for_anybody(message: &Message) -> bool {
    match message {
        Message::SyncPage(page) => !page.diverged.is_empty(),
        Message::EntryPage(_) => false,
        _ => true,
    }
}
