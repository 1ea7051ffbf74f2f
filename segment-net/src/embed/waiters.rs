//! Who waits for which event of a peer. They are told in the driver's own task, so that a consumer
//! of events that lags never costs anybody an answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use segment_core::peer::context::Unanswered;
use segment_core::peer::events::{PeerEvent, Reply, Stage};
use segment_proto::{MessageKey, Reason, RequestId};
use tokio::sync::{oneshot, watch};

/// How a request ended.
pub(super) type Replied = Result<Reply, Unanswered>;

/// How far a message has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// On its way to this device's disk.
    Begun,
    /// There, and how much further.
    Reached(Stage),
    /// Not accepted, for good.
    Refused { reason: Reason, text: Option<String> },
}

/// Bounded by what the machine bounds: requests under way, and messages in its outboxes.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiters {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    replies: HashMap<RequestId, oneshot::Sender<Replied>>,
    messages: HashMap<MessageKey, watch::Sender<Progress>>,
}

impl Waiters {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Call this where the command is called: before its events can happen.
    pub(super) fn reply(&self, id: RequestId) -> oneshot::Receiver<Replied> {
        let (answer, answered) = oneshot::channel();
        self.shared().replies.insert(id, answer);
        answered
    }

    /// Call this where the message is given to the machine.
    pub(super) fn progress(&self, key: MessageKey) -> watch::Receiver<Progress> {
        let (sender, receiver) = watch::channel(Progress::Begun);
        self.shared().messages.insert(key, sender);
        receiver
    }

    pub(super) fn on_event(&self, event: &PeerEvent) {
        match event {
            PeerEvent::Replied { id, reply } => {
                if let Some(waiting) = self.shared().replies.remove(id) {
                    // Whoever asked may have lost interest.
                    let _ = waiting.send(reply.clone());
                }
            }
            PeerEvent::MessageStage { key, stage, .. } => self.shared().advance(key, Progress::Reached(*stage)),
            PeerEvent::MessageSignedAgain { old, new } => self.shared().rename(old, *new),
            PeerEvent::MessageRefused { key, reason, text } => {
                self.shared().advance(key, Progress::Refused { reason: *reason, text: text.clone() });
            }
            _ => {}
        }
    }

    /// The driver is gone: nobody is told anything any more.
    pub(super) fn give_up(&self) {
        *self.shared() = Shared::default();
    }
}

impl Shared {
    fn rename(&mut self, old: &MessageKey, new: MessageKey) {
        if let Some(message) = self.messages.remove(old) {
            self.messages.insert(new, message);
        }
    }

    fn advance(&mut self, key: &MessageKey, progress: Progress) {
        let Some(message) = self.messages.get(key) else {
            return;
        };
        let last = matches!(progress, Progress::Reached(Stage::Committed) | Progress::Refused { .. });
        message.send_replace(progress);
        if last || message.is_closed() {
            self.messages.remove(key);
        }
    }
}
