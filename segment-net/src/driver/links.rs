//! All links of a driver.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use segment_core::{Direction, Input, Recipients};
use segment_proto::messages::{LoggedIn, Submit, Subscribed, Watermarks};
use segment_proto::{DeviceId, Frame, Kind, LinkId, Payload};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::debug;

use crate::limits::{DriverLimits, PATIENCE};
use crate::link::{End, Level, Link, Notice, Notices, Urgency};
use crate::traffic::Counters;
use crate::transport::{Connection, Role};

/// Names of links that others opened have this bit, so that they never meet those of dials.
const INBOUND: u64 = 1 << 63;

/// Link ids are counted by this process, so nobody can choose ones that collide.
#[derive(Default)]
struct LinkHasher(u64);

impl Hasher for LinkHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}

/// Links by their id, with what is staged on them.
pub(super) struct Links {
    open: HashMap<LinkId, Link, BuildHasherDefault<LinkHasher>>,
    staged: Vec<LinkId>,
    /// Those with nothing but patient frames; perhaps some that were flushed since.
    patient: Vec<LinkId>,
    patient_until: Option<Instant>,
    notices: Notices,
    next_inbound: u64,
    limits: DriverLimits,
    counters: Counters,
}

impl Links {
    pub(super) fn new(limits: DriverLimits, counters: Counters) -> (Self, mpsc::Receiver<(LinkId, Notice)>) {
        let (notices, receiver) = mpsc::channel(limits.notices_max);
        let links = Self {
            open: HashMap::default(),
            staged: Vec::new(),
            patient: Vec::new(),
            patient_until: None,
            notices,
            next_inbound: INBOUND,
            limits,
            counters,
        };
        (links, receiver)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Takes a connection that others opened; `None` where there are too many.
    pub(super) fn accept(&mut self, connection: Connection) -> Option<Input> {
        if self.open.len() >= self.limits.protocol.links_max {
            debug!(address = %connection.address, "closed: too many links");
            return None;
        }
        self.next_inbound += 1;
        Some(self.start(LinkId(self.next_inbound), connection))
    }

    /// Starts a link on a connection.
    pub(super) fn start(&mut self, link: LinkId, connection: Connection) -> Input {
        let direction = match connection.role {
            Role::Accepted => Direction::Inbound,
            Role::Dialled => Direction::Outbound,
        };
        let (peer, address) = (DeviceId(connection.peer), connection.address);
        self.open.insert(link, Link::start(link, connection, &self.notices, &self.limits, &self.counters));
        Input::LinkUp { link, direction, peer, address }
    }

    /// Puts a frame on its links; it leaves with [`Links::flush`].
    pub(super) fn stage(&mut self, to: &Recipients, frame: Frame) {
        match to {
            Recipients::One(link) => {
                self.admit(*link, &frame);
                self.stage_one(*link, frame, Urgency::Now);
            }
            Recipients::Many(links) => {
                let urgency = urgency_of(&frame);
                links.iter().for_each(|link| self.stage_one(*link, frame.clone(), urgency));
            }
        }
    }

    /// An answer may let a stranger in.
    fn admit(&self, id: LinkId, frame: &Frame) {
        let is_admission = frame.header().is_some_and(|header| lets_in(header.kind));
        if let Some(link) = self.open.get(&id).filter(|_| is_admission) {
            link.admit(&self.limits);
        }
    }

    fn stage_one(&mut self, id: LinkId, frame: Frame, urgency: Urgency) {
        let Some(link) = self.open.get_mut(&id).filter(|link| !link.is_closing()) else {
            return;
        };
        let urgency = if link.awaits_commits() { Urgency::Now } else { urgency };
        if !link.stage(frame, urgency) {
            return;
        }
        if urgency == Urgency::Now {
            self.staged.push(id);
        } else {
            self.patient.push(id);
            self.patient_until.get_or_insert_with(|| Instant::now() + PATIENCE);
        }
    }

    /// Something came in: who has written a message waits for its commit.
    pub(super) fn hear(&mut self, id: LinkId, kind: Kind) {
        if let Some(link) = self.open.get_mut(&id).filter(|_| kind == Submit::KIND) {
            link.note_submission();
        }
    }

    /// When patient frames have waited for long enough.
    pub(super) fn due(&self) -> Option<Instant> {
        self.patient_until
    }

    /// Lets patient frames go with the next [`Links::flush`], if they have waited for long enough.
    pub(super) fn release(&mut self) {
        if self.patient_until.is_none_or(|until| until > Instant::now()) {
            return;
        }
        self.patient_until = None;
        let waiting = |id: &LinkId| self.open.get(id).is_some_and(Link::is_staged);
        self.staged.extend(self.patient.drain(..).filter(waiting));
    }

    /// Hands what is staged to the writers; adds what the machine must know about it.
    pub(super) fn flush(&mut self, inputs: &mut VecDeque<Input>) {
        for id in self.staged.drain(..) {
            let Some(link) = self.open.get_mut(&id) else {
                continue;
            };
            match link.flush() {
                Level::Calm => {}
                Level::Filled => inputs.push_back(Input::Writable { link: id, room: 0 }),
                Level::Overflow => {
                    debug!(link = %id, "closed: it asks for more than it reads");
                    self.open.remove(&id);
                    inputs.push_back(Input::LinkDown { link: id });
                }
            }
        }
    }

    /// Whether what comes from a link counts: it is there, and not being closed.
    pub(super) fn is_heard(&self, id: LinkId) -> bool {
        self.open.get(&id).is_some_and(|link| !link.is_closing())
    }

    /// A link's tasks have ended; whether it was there.
    pub(super) fn forget(&mut self, id: LinkId, end: &End) -> bool {
        debug!(link = %id, %end, "link down");
        self.open.remove(&id).is_some()
    }

    /// Closes a link once it is flushed; whether there is one.
    pub(super) fn close(&mut self, id: LinkId) -> bool {
        self.open.get_mut(&id).map(Link::close).is_some()
    }

    /// Closes all of them.
    pub(super) fn close_all(&mut self) {
        self.open.values_mut().for_each(Link::close);
    }
}

/// That something is committed is told with the next message, or soon: a member is then written to once, not twice.
fn urgency_of(frame: &Frame) -> Urgency {
    let is_watermark = frame.header().is_some_and(|header| header.kind == Watermarks::KIND);
    if is_watermark { Urgency::Patient } else { Urgency::Now }
}

/// Whether an answer tells a stranger that it is let in: from then on it may send frames of full size.
fn lets_in(kind: Kind) -> bool {
    kind == LoggedIn::KIND || kind == Subscribed::KIND
}
