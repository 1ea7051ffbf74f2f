//! Who is served: whoever shows a ticket of the one who coordinates.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use segment_proto::{DeviceId, Reason, Signed, StreamId, Ticket, UnixMillis};

use crate::rules::Rule;
use crate::stream::StreamContext;

/// Devices that are remembered as shut out. Policy: the lowest key goes; its ticket ends by itself.
const SHUT_OUT_MAX: usize = 1_024;

/// Decides who is served.
#[derive(Debug)]
pub struct Admission {
    stream: StreamId,
    /// The device of the channel's host, and the tracker.
    coordinators: Vec<DeviceId>,
    /// Until when a ticket of theirs ends that they were given before.
    shut_out: BTreeMap<DeviceId, UnixMillis>,
}

impl Admission {
    /// To a stream that these coordinate.
    #[must_use]
    pub fn new(stream: StreamId, coordinators: Vec<DeviceId>) -> Self {
        Self { stream, coordinators, shut_out: BTreeMap::new() }
    }

    /// Whether this device may be served.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn admit(
        &self,
        ticket: &Signed<Ticket>,
        device: &DeviceId,
        cx: &StreamContext<'_>,
    ) -> Result<(), Reason> {
        if ticket.stream != self.stream {
            return Err(Reason::NoSuchStream);
        }
        if !cx.rules.has(Rule::TicketAdmits) {
            return Ok(());
        }
        let verifier = cx.identity.verifier();
        let is_shut_out = self.shut_out.get(device).is_some_and(|until| ticket.expires <= *until);
        let is_genuine = self.coordinators.iter().any(|coordinator| ticket.is_signed_by(coordinator, &verifier));
        if !is_genuine || ticket.viewer != *device || ticket.expires < cx.now.wall || is_shut_out {
            return Err(Reason::BadCertificate);
        }
        Ok(())
    }

    /// This device is not served any more, until it has a new ticket.
    pub(crate) fn shut_out(&mut self, device: DeviceId, cx: &StreamContext<'_>) {
        if self.shut_out.len() >= SHUT_OUT_MAX {
            self.shut_out.pop_first();
        }
        self.shut_out.insert(device, cx.now.wall.plus(cx.limits.ticket_life));
    }
}
