//! Those who read and write here: admitted by certificate and right, told what is new.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use segment_proto::messages::{Delivered, Diverged, Done, Removed, Revoked, Subscribe, Subscribed, Watermarks};
use segment_proto::{
    Access, AccountId, Certificate, DeviceId, Hash, LinkId, Message, Reason, Rights, SessionId, Signed, Who,
};

use crate::host::{Host, HostTask};
use crate::outbox::Asker;
use crate::peer::context::{Context, LOCAL};
use crate::peer::events::{PeerEvent, Source, Transfer};
use crate::rules::Rule;
use crate::store::StoredEntry;
use crate::sync::Subscriber;
use crate::sync::fanout::{self, no_read};
use crate::sync::serve::{self, Page, PageRequest, Serve, Served};

/// Revoked sessions that are remembered. Policy: all of a host's memory of them ends with the process,
/// certificates a day later; the lowest id goes first.
const REVOKED_MAX: usize = 1_024;

/// Sessions whose certificates are not good any more. Their devices may come again, with others.
#[derive(Debug, Default)]
pub struct Revocations(BTreeSet<SessionId>);

impl Host {
    /// A member's session was revoked.
    pub fn on_revoked(&mut self, revoked: &Revoked, cx: &mut Context<'_>) {
        if self.revocations.0.len() >= REVOKED_MAX {
            self.revocations.0.pop_first();
        }
        self.revocations.0.insert(revoked.session);
        let gone = self.members.remove_if(|member| member.device == revoked.device);
        for (link, member) in gone {
            self.say_removed(link, &member, Reason::BadCertificate, cx);
        }
    }

    pub(super) fn on_subscribe(&mut self, from: Asker, device: DeviceId, subscribe: Subscribe, cx: &mut Context<'_>) {
        let (who, expires) = match self.admit(from.link, device, subscribe.certificate.as_ref(), cx) {
            Ok(admitted) => admitted,
            Err(reason) => return cx.out.fail(from, reason, ""),
        };
        let comes = self.members.get(from.link).is_none();
        if comes && self.members.len() >= cx.limits.members_per_channel_max {
            return cx.out.fail(from, Reason::LimitReached, "the channel is full");
        }
        if let Some(record) = subscribe.device.filter(|record| record.device == device) {
            cx.learn_author(record);
        }
        self.cursors.on_newcomer(cx.now.mono);
        let account = who.account;
        if self.members.insert(from.link, Subscriber::new(who.clone(), device, expires)).is_none() {
            cx.out.event(PeerEvent::MemberLink { channel: self.channel(), account, who, came: true });
        }
        let answer = Subscribed {
            channel: self.channel(),
            epoch: self.tenure.owned().and(self.log.epoch()).cloned(),
            head: self.log.durable_position(),
            receipt: self.log.receipt().cloned(),
            rights: self.access().rights(account),
            row: (account != AccountId::NOBODY).then(|| self.log.base().row(device, account)),
        };
        cx.out.answer(from, &answer);
    }

    fn admit(
        &self,
        link: LinkId,
        device: DeviceId,
        certificate: Option<&Signed<Certificate>>,
        cx: &Context<'_>,
    ) -> Result<(Who, Option<segment_proto::UnixMillis>), Reason> {
        if link == LOCAL {
            let who = cx.login.map_or(&self.record.owner, |login| &login.who);
            return Ok((who.clone(), None));
        }
        let certificate = certificate.ok_or(Reason::BadCertificate)?;
        let genuine = cx.tracker_key.is_some_and(|key| certificate.is_signed_by(&key, &cx.identity.verifier()));
        let expired = certificate.expires.plus(cx.limits.clock_tolerance) < cx.now.wall;
        if !genuine || expired || certificate.device != device || self.revocations.0.contains(&certificate.session) {
            return Err(Reason::BadCertificate);
        }
        let may_read = |access: &Access| access.rights(certificate.who.account).include(Rights::READ);
        let may_come = may_read(self.access()) && self.access_to_come().is_none_or(|access| may_read(&access));
        if cx.rules.has(Rule::ReadRight) && !may_come {
            return Err(no_read(self.access().view, certificate.who.is_visitor()));
        }
        Ok((certificate.who.clone(), Some(certificate.expires)))
    }

    /// The rights once what was cut is sequenced again, where any waits: who was removed by that does not come in before it.
    fn access_to_come(&self) -> Option<Access> {
        (self.resubmit.len() > 0).then(|| self.resubmit.applied_to(self.access().clone()))
    }

    pub(super) fn is_expired(&self, link: LinkId, cx: &Context<'_>) -> bool {
        let expires = self.members.get(link).and_then(|member| member.expires);
        expires.is_some_and(|expires| expires.plus(cx.limits.clock_tolerance) < cx.now.wall)
    }

    pub(super) fn on_unsubscribe(&mut self, from: Asker, cx: &mut Context<'_>) {
        self.remove_member(from.link, cx);
        cx.out.answer(from, &Done {});
    }

    /// A member's link is gone.
    pub fn on_link_down(&mut self, link: LinkId, cx: &mut Context<'_>) {
        self.members.forget_link(link);
        self.remove_member(link, cx);
    }

    fn remove_member(&mut self, link: LinkId, cx: &mut Context<'_>) {
        let Some(member) = self.members.remove(link) else {
            return;
        };
        self.submits.forget(cx.now.mono);
        let (channel, account) = (self.channel(), member.who.account);
        cx.out.event(PeerEvent::MemberLink { channel, account, who: member.who, came: false });
    }

    /// The send queue of a member, or of the tracker, has crossed a mark.
    pub fn on_writable(&mut self, link: LinkId, room: usize, cx: &mut Context<'_>) {
        if self.members.set_room(link, room) {
            if let Some(at) = self.members.take_cut(link) {
                cx.out.push(link, &Diverged { channel: self.channel(), fence: self.tenure.max_fence, at });
            }
            cx.out.push(link, &self.watermarks());
        }
        self.replicate(cx);
    }

    pub(super) fn watermarks(&self) -> Watermarks {
        Watermarks {
            channel: self.channel(),
            fence: self.tenure.owned().unwrap_or_default(),
            stored: self.log.durable(),
            receipt: self.log.receipt().cloned(),
        }
    }

    pub(super) fn tell_watermarks(&mut self, cx: &mut Context<'_>) {
        let frame = segment_proto::Frame::push(&self.watermarks());
        cx.out.transmit_many(self.members.keeping(), frame);
    }

    /// Tells everybody what is on disk now; encoded once. Who may not read any more gets nothing of it.
    pub(super) fn fan_out(&mut self, from: u64, to: u64, cx: &mut Context<'_>) {
        if fanout::changes_access(&self.log, from, to) {
            self.remove_who_may_not_read(cx);
        }
        let fence = self.tenure.owned().unwrap_or_default();
        for frame in fanout::frames(&self.log, from, to, fence, cx.limits) {
            cx.out.transmit_many(self.members.keeping(), frame);
        }
    }

    /// What a member has on disk.
    pub(super) fn on_delivered(&mut self, from: LinkId, delivered: &Delivered, cx: &Context<'_>) {
        let member = self.members.get(from).map(|member| &member.who).filter(|who| !who.is_visitor());
        if let Some(who) = member {
            let pos = delivered.pos.min(self.log.durable());
            self.cursors.note(who.account, pos, cx.now.mono, cx.limits.members_per_channel_max);
        }
    }

    pub(super) fn tell_deliveries(&mut self, cx: &mut Context<'_>) {
        if let Some(deliveries) = self.cursors.tell(self.log.id, cx.now.mono) {
            cx.out.transmit_many(self.members.keeping(), segment_proto::Frame::push(&deliveries));
        }
        let writes = self.cursors.write(self.log.id, cx.now.mono);
        if !writes.is_empty() {
            cx.out.write(self.task(HostTask::Nothing), writes);
        }
    }

    pub(super) fn remove_who_may_not_read(&mut self, cx: &mut Context<'_>) {
        if !cx.rules.has(Rule::ReadRight) {
            return;
        }
        let access = self.log.fold().access().clone();
        let gone = self.members.remove_if(|member| !access.rights(member.who.account).include(Rights::READ));
        for (link, member) in gone {
            self.say_removed(link, &member, no_read(access.view, member.who.is_visitor()), cx);
        }
        let forgotten = self.cursors.retain(self.log.id, |account| access.rights(account).include(Rights::READ));
        if !forgotten.is_empty() {
            cx.out.write(self.task(HostTask::Nothing), forgotten);
        }
    }

    fn say_removed(&mut self, link: LinkId, member: &Subscriber, reason: Reason, cx: &mut Context<'_>) {
        self.submits.forget(cx.now.mono);
        let (channel, account) = (self.channel(), member.who.account);
        cx.out.push(link, &Removed { channel, account, reason });
        cx.out.event(PeerEvent::MemberLink { channel, account, who: member.who.clone(), came: false });
    }

    pub(super) fn on_read(&mut self, from: Asker, device: DeviceId, message: &Message, cx: &mut Context<'_>) {
        let request = PageRequest::from_message(message, device, &self.log);
        let Some(request) = request.filter(|request| self.may_read(from.link, request)) else {
            return cx.out.fail(from, Reason::OutOfOrder, "subscribe first");
        };
        let fence = self.tenure.owned().unwrap_or_default();
        match serve::begin(&self.log, request, fence, cx.limits) {
            Serve::Ready(message, served) => self.answer_page(from, &message, served, cx),
            Serve::Read(operation) => {
                cx.out.perform(self.task(HostTask::Page(Page { asker: from, request })), operation);
            }
        }
    }

    /// Who was admitted on a link.
    #[must_use]
    pub fn member(&self, link: LinkId) -> Option<&Who> {
        self.members.get(link).map(|member| &member.who)
    }

    /// The tracker's link, while it is there.
    #[must_use]
    pub fn tracker(&self) -> Option<segment_proto::LinkId> {
        self.tenure.tracker
    }

    /// The links of those who keep up.
    pub fn readers(&mut self) -> Arc<[LinkId]> {
        self.members.keeping().clone()
    }

    fn may_read(&self, link: LinkId, request: &PageRequest) -> bool {
        !request.needs_subscription() || self.members.get(link).is_some()
    }

    pub(super) fn on_page(&mut self, page: Page, before: Hash, entries: Vec<StoredEntry>, cx: &mut Context<'_>) {
        if !self.may_read(page.asker.link, &page.request) {
            return cx.out.fail(page.asker, Reason::OutOfOrder, "subscribe first");
        }
        let fence = self.tenure.owned().unwrap_or_default();
        let (message, served) = serve::finish(&self.log, page.request, fence, before, entries, cx.limits);
        self.answer_page(page.asker, &message, served, cx);
    }

    pub(super) fn answer_page(&mut self, to: Asker, message: &Message, served: Served, cx: &mut Context<'_>) {
        cx.out.answer_message(to, message);
        if serve::is_damaged(message) {
            cx.out.event(PeerEvent::DamageFound { channel: self.channel(), at: Source::Local });
        }
        let member = self.members.get(to.link).filter(|_| to.link != LOCAL && served.1 > 0);
        if let Some(member) = member {
            let (channel, with, (first, last)) = (self.channel(), Source::Peer(member.device), served);
            cx.out.event(PeerEvent::Transferred { channel, with, transfer: Transfer::Fetched, first, last });
        }
    }
}
