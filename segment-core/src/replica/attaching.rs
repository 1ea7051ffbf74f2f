//! Being served: by the host, or by the tracker's copy; and what a subscription says.

use core::time::Duration;

use segment_proto::messages::{Subscribe, Subscribed};
use segment_proto::{Fence, Instant, LinkId, Reason, Request};

use crate::peer::context::{Context, Purpose, Unanswered};
use crate::peer::events::{PeerEvent, Serving};
use crate::replica::{Replica, ReplicaRequest, Wanted};

/// How long to wait before subscribing again after a failure.
const SUBSCRIBE_AGAIN: Duration = Duration::from_secs(1);

/// The link that serves a channel.
#[derive(Debug)]
pub struct Attachment {
    /// The link.
    pub link: LinkId,
    /// What is at its other end.
    pub serving: Serving,
    /// When to subscribe again.
    pub subscribe_at: Option<Instant>,
    /// The newest epoch of which its other end has spoken.
    pub fence: Fence,
    pub(super) progress: Progress,
    /// What was told last.
    pub told: Told,
}

/// What the last [`Subscribed`] stood for: rights at the head, the own row at the committed place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The head.
    pub head: u64,
    /// The last committed place.
    pub committed: u64,
}

/// How far a replica has come with what its server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It has asked to be let in.
    Subscribing,
    /// It fetches what it lacks.
    Fetching,
    /// It has everything.
    Level,
}

impl Attachment {
    fn new(link: LinkId, serving: Serving) -> Self {
        let (progress, told) = (Progress::Subscribing, Told::default());
        Self { link, serving, subscribe_at: None, fence: Fence::default(), progress, told }
    }

    /// Whether it was let in.
    pub fn is_subscribed(&self) -> bool {
        self.progress != Progress::Subscribing
    }

    /// Whether it is fetching what it lacks.
    pub fn is_fetching(&self) -> bool {
        self.progress == Progress::Fetching
    }

    /// Whether everything that was there has been fetched.
    pub fn is_level(&self) -> bool {
        self.progress == Progress::Level
    }
}

impl Replica {
    /// From now on the channel is served on this link (`LOCAL` for an own one): subscribes, catches up, sends what waits.
    pub fn attach(&mut self, link: LinkId, serving: Serving, cx: &mut Context<'_>) {
        self.stop_sending();
        self.forget_parting();
        self.attachments += 1;
        self.attachment = Some(Attachment::new(link, serving));
        self.delivery.forget();
        self.carry_anew(cx);
        self.subscribe(cx);
    }

    /// The link that serves it is gone, or not to be used any more.
    pub fn detach(&mut self, _cx: &mut Context<'_>) {
        self.attachment = None;
        self.delivery.forget();
        self.stop_sending();
    }

    fn stop_sending(&mut self) {
        self.outbox.forget_submits();
        self.outbox.retry_at = None;
        (self.search, self.searched_at) = (None, None);
        self.paging.forget();
        self.forget_bringing();
        self.forget_crossing();
    }

    pub(super) fn subscribe(&mut self, cx: &mut Context<'_>) {
        let evidence = self.evidence();
        let Some(attachment) = &mut self.attachment else {
            return;
        };
        attachment.subscribe_at = None;
        let to_host = matches!(attachment.serving, Serving::Host(_));
        let subscribe = Subscribe {
            channel: self.record.channel,
            certificate: cx.login.filter(|_| to_host).map(|login| login.certificate.clone()),
            device: cx.login.and_then(|login| login.device.clone()),
            evidence,
        };
        self.ask(&subscribe, Wanted::Subscribe, cx);
    }

    pub(super) fn ask<R: Request>(&mut self, request: &R, wanted: Wanted, cx: &mut Context<'_>) {
        let Some(link) = self.link() else {
            return;
        };
        if cx.request(link, request, self.purpose(wanted)).is_err() {
            self.subscribe_later(cx);
        }
    }

    pub(super) fn purpose(&self, wanted: Wanted) -> Purpose {
        Purpose::Replica(self.channel(), ReplicaRequest { attachment: self.attachments, wanted })
    }

    pub(super) fn subscribe_later(&mut self, cx: &Context<'_>) {
        if let Some(attachment) = &mut self.attachment {
            // Asked for again and again, it still comes.
            attachment.subscribe_at.get_or_insert(cx.now.mono + SUBSCRIBE_AGAIN);
        }
    }

    pub(super) fn on_not_subscribed(&mut self, unanswered: &Unanswered, cx: &mut Context<'_>) {
        let Unanswered::Refused(failure) = unanswered else {
            return self.subscribe_later(cx);
        };
        match failure.reason {
            Reason::MembersOnly | Reason::NoVisitors => self.on_removed(failure.reason, cx),
            _ => self.subscribe_later(cx),
        }
    }

    pub(super) fn on_subscribed(&mut self, subscribed: Subscribed, cx: &mut Context<'_>) {
        if let Some(record) = &subscribed.epoch {
            self.learn_epoch(record, cx);
        }
        if self.is_outdated(cx) {
            // It was shown what it does not know; until it has taken that in, it has nothing to say.
            return self.subscribe_later(cx);
        }
        if self.rights != Some(subscribed.rights) {
            self.rights = Some(subscribed.rights);
            cx.out.event(PeerEvent::RightsChanged { channel: self.channel(), rights: subscribed.rights });
        }
        let committed = subscribed.receipt.as_ref().map_or(0, |receipt| receipt.at.pos);
        if let Some(attachment) = &mut self.attachment {
            attachment.told = Told { head: subscribed.head.pos, committed };
        }
        // A row of an earlier place than this cache knows says nothing new.
        if let Some(row) = subscribed.row.as_ref().filter(|_| committed >= self.cache.committed()) {
            let fence = subscribed.epoch.as_ref().map(|record| record.fence);
            self.learn_row(row, fence, cx);
        }
        self.level_with(subscribed.head, cx);
        if let Some(receipt) = subscribed.receipt {
            self.on_receipt(receipt, cx);
        }
        self.say_delivered(cx);
    }
}
