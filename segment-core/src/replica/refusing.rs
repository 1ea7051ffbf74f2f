//! Own messages that are refused for good. What is refused is so on disk before its author is told, and stays there
//! until then: a process that is killed in between tells again.

use alloc::vec::Vec;

use segment_proto::{MessageKey, Reason, SignedEnvelope};

use crate::peer::context::Context;
use crate::peer::events::PeerEvent;
use crate::replica::outbox::Item;
use crate::replica::{Replica, ReplicaTask};
use crate::rules::Rule;
use crate::store::{LogId, Table, Write};
use crate::sync::persist::{Loaded, encode};

/// A message that is refused, and whose author may not know yet. They are counted with those that wait: so many at most.
#[derive(Debug)]
pub(super) struct Refused {
    pub number: u64,
    envelope: SignedEnvelope,
    reason: Reason,
    progress: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Being written to disk.
    Unwritten,
    /// On disk since before this process started.
    Untold,
    /// On its way to the author.
    Telling,
}

impl Refused {
    /// As the store has them.
    pub fn restore(loaded: &Loaded) -> Vec<Self> {
        let rows = loaded.values::<(u64, SignedEnvelope, Reason)>(Table::Refused);
        rows.map(|(number, envelope, reason)| Self { number, envelope, reason, progress: Progress::Untold }).collect()
    }

    fn event(&self) -> PeerEvent {
        let (key, text) = (self.envelope.key, self.envelope.text().map(Into::into));
        PeerEvent::MessageRefused { key, reason: self.reason, text }
    }

    fn put(&self, log: LogId) -> Write {
        let value = encode(&(self.number, &self.envelope, self.reason));
        Write::Put { table: Table::Refused, key: log.key(&self.number.to_be_bytes()), value }
    }

    fn delete(&self, log: LogId) -> Write {
        Write::Delete { table: Table::Refused, key: log.key(&self.number.to_be_bytes()) }
    }
}

impl Replica {
    /// Gives up these messages for good; `writes` takes them out of the outbox on disk.
    pub(super) fn give_up(
        &mut self,
        items: impl IntoIterator<Item = Item>,
        reason: Reason,
        mut writes: Vec<Write>,
        cx: &mut Context<'_>,
    ) {
        let log = self.own_log();
        let refused =
            |Item { number, envelope, .. }| Refused { number, envelope, reason, progress: Progress::Unwritten };
        let refused: Vec<Refused> = items.into_iter().map(refused).collect();
        if !cx.rules.has(Rule::RefusedUntilTold) {
            cx.out.write(self.task(ReplicaTask::Nothing), writes);
            return refused.iter().for_each(|refused| cx.out.event(refused.event()));
        }
        writes.extend(refused.iter().map(|refused| refused.put(log)));
        let keys = refused.iter().map(|refused| refused.envelope.key).collect();
        self.outbox.refused.extend(refused);
        cx.out.write(self.task(ReplicaTask::Refused(keys)), writes);
    }

    /// They are refused on disk: their author is told.
    pub(super) fn on_given_up(&mut self, keys: &[MessageKey], cx: &mut Context<'_>) {
        self.tell_refused(
            |refused| refused.progress == Progress::Unwritten && keys.contains(&refused.envelope.key),
            cx,
        );
    }

    /// What an earlier process has written down, and perhaps not told.
    pub(super) fn tell_again(&mut self, cx: &mut Context<'_>) {
        self.tell_refused(|refused| refused.progress == Progress::Untold, cx);
    }

    fn tell_refused(&mut self, which: impl Fn(&Refused) -> bool, cx: &mut Context<'_>) {
        for refused in self.outbox.refused.iter_mut().filter(|refused| which(refused)) {
            refused.progress = Progress::Telling;
            cx.out.event(refused.event());
        }
    }

    /// Whether something is to be told that an earlier process has written down.
    pub(super) fn has_untold(&self) -> bool {
        self.outbox.refused.iter().any(|refused| refused.progress == Progress::Untold)
    }

    /// The author was told; what is to be written for that.
    pub(crate) fn on_told(&mut self, key: MessageKey) -> Option<Write> {
        let index = self.outbox.refused.iter().position(|refused| refused.envelope.key == key)?;
        Some(self.outbox.refused.remove(index).delete(self.own_log()))
    }

    /// What the author of a channel that is left has not been told.
    pub(crate) fn untold(&self) -> impl Iterator<Item = PeerEvent> + '_ {
        self.outbox.refused.iter().map(Refused::event)
    }
}
