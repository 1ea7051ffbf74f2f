//! What a sender holds in its hands.

use segment_core::peer::events::Stage;
use segment_proto::{MessageKey, Reason};
use thiserror::Error;
use tokio::sync::watch;

use super::waiters::Progress;

/// A message that is on this device's disk: it is sent by itself, whatever becomes of this.
#[derive(Clone, Debug)]
pub struct Receipt {
    key: MessageKey,
    progress: watch::Receiver<Progress>,
}

/// The message did not come as far as was waited for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotDelivered {
    /// It is refused for good, and was sent to nobody. Write it again, or elsewhere.
    #[error("refused: {reason:?}")]
    Refused {
        /// Why.
        reason: Reason,
        /// What it said.
        text: Option<String>,
    },
    /// This peer has stopped. The message is on disk and goes out after the next start.
    #[error("this peer has stopped; the message is kept and goes out after the next start")]
    Stopped,
}

impl Receipt {
    pub(super) fn new(key: MessageKey, progress: watch::Receiver<Progress>) -> Self {
        Self { key, progress }
    }

    /// Waits until the message is on this device's disk.
    pub(super) async fn kept(&self) -> Result<(), NotDelivered> {
        self.until(Stage::Queued).await
    }

    /// The message's name.
    #[must_use]
    pub fn key(&self) -> MessageKey {
        self.key
    }

    /// How far it has come; `None` where it was refused.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        match *self.progress.borrow() {
            Progress::Begun => Some(Stage::Queued),
            Progress::Reached(stage) => Some(stage),
            Progress::Refused { .. } => None,
        }
    }

    /// Waits until the message has come as far as `stage`.
    ///
    /// There is no time limit: a host that is away may come back tomorrow. Dropping the future
    /// gives up the waiting, not the message.
    ///
    /// # Errors
    /// [`NotDelivered`] says what became of it.
    pub async fn until(&self, stage: Stage) -> Result<(), NotDelivered> {
        let mut progress = self.progress.clone();
        let arrived = progress.wait_for(|progress| match progress {
            Progress::Begun => false,
            Progress::Reached(reached) => *reached >= stage,
            Progress::Refused { .. } => true,
        });
        match arrived.await.as_deref() {
            Ok(Progress::Refused { reason, text }) => {
                Err(NotDelivered::Refused { reason: *reason, text: text.clone() })
            }
            Ok(_) => Ok(()),
            Err(_) => Err(NotDelivered::Stopped),
        }
    }
}
