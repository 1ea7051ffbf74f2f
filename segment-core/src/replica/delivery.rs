//! How far this device has the channel on disk, said to whoever serves it; and how far others have it.

use core::time::Duration;

use segment_proto::Instant;
use segment_proto::messages::{Delivered, Deliveries, Presence};

use crate::peer::context::Context;
use crate::peer::events::PeerEvent;
use crate::replica::Replica;

/// Between two times of saying it.
const SAY_EVERY: Duration = Duration::from_secs(1);

/// What is on disk, and what was said of it.
#[derive(Debug, Default)]
pub struct Delivery {
    durable: u64,
    /// Counts cuts, so that a write from before one is not taken for what stands there now.
    cuts: u64,
    said: Option<u64>,
    said_at: Option<Instant>,
    /// When to say it next.
    pub at: Option<Instant>,
    /// What was heard last.
    heard: Option<Deliveries>,
}

/// Entries up to a place were written, unless some of them were cut since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    pos: u64,
    cuts: u64,
}

/// How many accounts have a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveredTo {
    /// That have it on disk.
    pub accounts: u32,
    /// That count.
    pub of: u32,
}

impl Delivery {
    /// A cache that is on disk up to here.
    pub fn restored(durable: u64) -> Self {
        Self { durable, ..Self::default() }
    }

    /// What the end of a write up to this place means.
    pub fn kept(&self, pos: u64) -> Kept {
        Kept { pos, cuts: self.cuts }
    }

    /// Everything behind this place is void.
    pub fn cut(&mut self, pos: u64) {
        self.cuts += 1;
        self.durable = self.durable.min(pos);
    }

    /// Another serves the channel: it is said anew.
    pub fn forget(&mut self) {
        (self.said, self.said_at, self.at) = (None, None, None);
    }
}

impl Replica {
    pub(super) fn on_kept(&mut self, kept: Kept, cx: &mut Context<'_>) {
        if kept.cuts == self.delivery.cuts {
            self.delivery.durable = self.delivery.durable.max(kept.pos);
            self.say_delivered(cx);
        }
    }

    /// Who is invisible says nothing, and a visitor counts for nobody.
    pub(super) fn say_delivered(&mut self, cx: &mut Context<'_>) {
        let visible = cx.presence != Presence::Invisible && cx.login.is_some_and(|login| !login.who.is_visitor());
        let subscribed = self.attachment.as_ref().filter(|attachment| attachment.is_subscribed());
        let pos = self.delivery.durable;
        let Some(link) = subscribed.map(|attachment| attachment.link).filter(|_| visible && pos > 0) else {
            return;
        };
        if self.delivery.said == Some(pos) {
            return;
        }
        let next = self.delivery.said_at.map(|at| at + SAY_EVERY).filter(|next| *next > cx.now.mono);
        self.delivery.at = next;
        if next.is_none() {
            (self.delivery.said, self.delivery.said_at) = (Some(pos), Some(cx.now.mono));
            cx.out.push(link, &Delivered { channel: self.channel(), pos });
        }
    }

    pub(super) fn on_deliveries(&mut self, deliveries: Deliveries, cx: &mut Context<'_>) {
        let (channel, of, steps) = (self.channel(), deliveries.of, deliveries.steps.clone());
        self.delivery.heard = Some(deliveries);
        cx.out.event(PeerEvent::Delivered { channel, of, steps });
    }

    /// How many have the message at a place on their disks, as far as is known.
    #[must_use]
    pub fn delivered(&self, pos: u64) -> Option<DeliveredTo> {
        let heard = self.delivery.heard.as_ref()?;
        let step = heard.steps.iter().filter(|step| step.pos >= pos).min_by_key(|step| step.pos);
        Some(DeliveredTo { accounts: step.map_or(0, |step| step.accounts), of: heard.of })
    }
}
