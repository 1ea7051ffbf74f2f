//! What the tracker hands on of members who cannot, or do not want to, be linked to this host.

use segment_proto::Reason;
use segment_proto::messages::{Forward, Submit};

use crate::host::Host;
use crate::outbox::Asker;
use crate::peer::context::Context;
use crate::sync::sequencer::{SubmitJob, Submitter};

impl Host {
    /// The tracker vouches for who brings it; nobody else is believed that.
    pub fn on_forward(&mut self, from: Asker, forward: Forward, cx: &mut Context<'_>) {
        if self.tenure.tracker != Some(from.link) {
            return cx.out.fail(from, Reason::OutOfOrder, "only a tracker hands on");
        }
        let Forward { channel, fence, account, device, envelopes, authors } = forward;
        let submit = Submit { authors, ..Submit::new(channel, fence, envelopes) };
        if self.may_judge(from, &submit, cx) {
            let job = SubmitJob::new(from, Submitter { account, device }, submit, cx.terms());
            self.run_submit(job, None, cx);
        }
    }
}
