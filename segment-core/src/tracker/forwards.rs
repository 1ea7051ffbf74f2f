//! What was handed on to hosts, and who awaits the answers. The submits themselves are not kept, so that
//! nothing that a host may have taken is ever sequenced here from memory.

use alloc::collections::BTreeMap;

use segment_proto::messages::Failure;
use segment_proto::pending::TooManyPending;
use segment_proto::{Instant, Limits, LinkId, Message, Pending, Reason, RequestId};

use crate::contract::Deadline;
use crate::outbox::Asker;
use crate::tracker::context::Context;

/// Forwards under way, to all hosts. Policy: `not_now`, the author comes again.
const FORWARDS_MAX: usize = 4_096;
/// Forwards under way to one host. Policy: as above.
const FORWARDS_PER_HOST_MAX: usize = 256;
/// When an author comes again whose forward came to nothing.
const LOST_RETRY_MS: u32 = 50;

#[derive(Debug)]
struct Relay {
    host: LinkId,
    asker: Asker,
}

/// Forwards under way.
#[derive(Debug)]
pub struct Forwards {
    pending: Pending<Relay>,
    per_host: BTreeMap<LinkId, usize>,
}

impl Default for Forwards {
    fn default() -> Self {
        Self { pending: Pending::new(FORWARDS_MAX), per_host: BTreeMap::new() }
    }
}

impl Forwards {
    /// One more goes to a host. It has as long as a host may be silent: then another sequences.
    ///
    /// # Errors
    /// [`TooManyPending`]: do not send it.
    pub fn begin(
        &mut self,
        id: RequestId,
        host: LinkId,
        asker: Asker,
        now: Instant,
        limits: &Limits,
    ) -> Result<(), TooManyPending> {
        let under_way = self.per_host.get(&host).copied().unwrap_or_default();
        if under_way >= FORWARDS_PER_HOST_MAX {
            return Err(TooManyPending);
        }
        self.pending.insert(id, host, now + limits.host_silence, Relay { host, asker })?;
        self.per_host.insert(host, under_way + 1);
        Ok(())
    }

    fn end(&mut self, relay: Relay) -> Asker {
        match self.per_host.get_mut(&relay.host) {
            Some(under_way) if *under_way > 1 => *under_way -= 1,
            _ => drop(self.per_host.remove(&relay.host)),
        }
        relay.asker
    }

    /// Who awaits what a host answers here.
    fn answered(&mut self, id: RequestId, host: LinkId) -> Option<Asker> {
        self.pending.complete(id, host).map(|relay| self.end(relay))
    }

    fn expired(&mut self, now: Instant) -> Option<Asker> {
        self.pending.expire(now).map(|(_, relay)| self.end(relay))
    }

    fn lost(&mut self, host: LinkId) -> impl Iterator<Item = Asker> {
        self.pending.fail_link(host).into_iter().map(|(_, relay)| self.end(relay))
    }

    /// When the next one expires.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.pending.next_deadline().map(|at| Deadline::new(at, "a host does not answer"))
    }
}

/// A host has answered: the author gets what it says. Where it took nothing, the author comes again.
pub fn on_answer(id: RequestId, host: LinkId, message: Message, cx: &mut Context<'_>) {
    let Some(asker) = cx.forwards.answered(id, host) else {
        return;
    };
    match message {
        Message::Submitted(submitted) => cx.out.answer(asker, &submitted),
        Message::Failure(failure) if failure.retry_after_ms > 0 => cx.out.fail_with(asker, &failure),
        _ => say_lost(asker, cx),
    }
}

/// A host's link is gone. It may have taken what was under way, or not: the author asks again.
pub fn on_link_down(host: LinkId, cx: &mut Context<'_>) {
    let lost: alloc::vec::Vec<Asker> = cx.forwards.lost(host).collect();
    lost.into_iter().for_each(|asker| say_lost(asker, cx));
}

/// The time has come, for some.
pub fn handle_timeout(cx: &mut Context<'_>) {
    while let Some(asker) = cx.forwards.expired(cx.now.mono) {
        say_lost(asker, cx);
    }
}

fn say_lost(asker: Asker, cx: &mut Context<'_>) {
    cx.out.fail_with(asker, &Failure::retry_after(Reason::NotNow, LOST_RETRY_MS));
}
