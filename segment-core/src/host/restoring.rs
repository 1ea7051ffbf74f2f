//! The tracker has lost the whole channel: its disk was put back from a copy that is older. Its own signature under the
//! channel's record proves that there was one. What was written in it is brought behind that, as with every loss.

use segment_proto::messages::{Failure, RestoreChannel};
use segment_proto::{Message, Reason};

use crate::host::{Host, HostRequest};
use crate::peer::context::{Context, Purpose, Unanswered};
use crate::peer::events::PeerEvent;

impl Host {
    /// Whether the tracker has lost this channel and does not take it back.
    #[must_use]
    pub fn is_stranded(&self) -> bool {
        self.tenure.stranded.is_some()
    }

    pub(super) fn restore_channel(&mut self, cx: &mut Context<'_>) {
        let Some(link) = self.tenure.tracker else { return };
        let restore = RestoreChannel { record: self.record.clone() };
        if cx.request(link, &restore, Purpose::Host(self.channel(), HostRequest::Restore)).is_err() {
            self.on_refused_by_tracker(cx);
        }
    }

    pub(super) fn on_restored(&mut self, answered: Result<Message, Unanswered>, cx: &mut Context<'_>) {
        match answered {
            Ok(Message::ChannelFound(_)) => {
                self.tenure.stranded = None;
                cx.out.event(PeerEvent::ChannelRestored { channel: self.channel() });
                self.greet(cx);
            }
            Err(Unanswered::Refused(failure)) => self.on_not_restored(failure, cx),
            _ => self.on_refused_by_tracker(cx),
        }
    }

    /// Its name may be free again one day: it is asked on, and told once.
    fn on_not_restored(&mut self, failure: Failure, cx: &mut Context<'_>) {
        let before: Option<Reason> = self.tenure.stranded.replace(failure.reason);
        if before != Some(failure.reason) {
            cx.out.event(PeerEvent::ChannelNotRestored { channel: self.channel(), failure });
        }
        self.on_refused_by_tracker(cx);
    }
}
