//! Links come up, are greeted, and go.

use alloc::string::ToString;
use core::net::SocketAddr;

use segment_proto::messages::{Failure, Goodbye, Greeter, Guest, Hello, Ping, Presence, ResumeSession, Welcome};
use segment_proto::pending::NoAnswer;
use segment_proto::{DeviceId, LinkId, Now, ProtocolVersion, Reason};

use crate::contract::{DialFailure, Direction};
use crate::peer::Peer;
use crate::peer::context::{Answer, Unanswered};
use crate::peer::events::{PeerEvent, Reply, Source};
use crate::peer::links::{Link, LinkRole, Rhythm};
use crate::peer::requests::{LoginBy, PeerRequest};
use crate::peer::session::Comeback;

impl Peer {
    pub(super) fn rhythm(&self) -> Rhythm {
        if self.channels.hosts_any() { Rhythm::hosting(&self.core.limits) } else { Rhythm::joined(&self.core.limits) }
    }

    /// Dials what is due, pings who is due, and gives up who is silent.
    pub(super) fn keep_links(&mut self, now: Now) {
        let due = self.links.take_due(now.mono, &self.rhythm());
        for link in due.silent {
            self.hang_up(link, Reason::NotNow, now);
        }
        for link in due.ping {
            // A table that is full of requests is a sign of life that is asked for already.
            let _ = self.core.request(link, &Ping {}, PeerRequest::KeepAlive, now);
        }
        self.dial_tracker(now);
        self.dial_hosts(now);
        if self.hosts.take_impatience(now.mono) {
            self.channels.unsettle();
        }
    }

    pub(super) fn dial_tracker(&mut self, now: Now) {
        let Some(dialler) = self.tracker.dialler_mut().filter(|dialler| dialler.is_due(now.mono)) else {
            return;
        };
        let dial = dialler.dial(self.links.next_id());
        self.core.out.dial(dial);
    }

    pub(super) fn on_link_up(
        &mut self,
        id: LinkId,
        direction: Direction,
        peer: DeviceId,
        address: SocketAddr,
        now: Now,
    ) {
        let Some(role) = self.role_of(id, direction) else {
            return self.core.out.hangup(id, Reason::NotNow);
        };
        let expected = self.expected_key(id, role);
        if expected.is_some_and(|key| key != peer) {
            self.core.out.hangup(id, Reason::BadSignature);
            return self.on_dial_failed(id, DialFailure::WrongKey(peer), now);
        }
        if role == LinkRole::Member && self.links.len() >= self.core.limits.links_max {
            return self.core.out.hangup(id, Reason::LimitReached);
        }
        let link = Link::new(role, direction, peer, address, now.mono);
        self.core.out.event(PeerEvent::LinkUp { link: id, source: link.source(), peer, address, direction });
        self.links.insert(id, link);
        match role {
            LinkRole::Tracker => self.greet(id, Greeter::Client, now),
            LinkRole::Host => {
                self.hosts.on_link_up(&peer, id);
                self.greet(id, Greeter::Member, now);
            }
            LinkRole::Member => {}
        }
    }

    /// What a link is for that has come up; nothing where nobody wants it any more.
    fn role_of(&self, id: LinkId, direction: Direction) -> Option<LinkRole> {
        match direction {
            Direction::Inbound if self.closing || self.core.session.presence == Presence::Invisible => None,
            Direction::Inbound => Some(LinkRole::Member),
            Direction::Outbound if self.tracker.is_dialling(id) => Some(LinkRole::Tracker),
            Direction::Outbound if self.hosts.is_dialling(id) => Some(LinkRole::Host),
            Direction::Outbound => None,
        }
    }

    fn expected_key(&self, id: LinkId, role: LinkRole) -> Option<DeviceId> {
        match role {
            LinkRole::Tracker => self.tracker.endpoint().and_then(|endpoint| endpoint.key),
            LinkRole::Host => self.hosts.by_link(id).map(|(device, _)| device),
            LinkRole::Member => None,
        }
    }

    fn greet(&mut self, id: LinkId, greeter: Greeter, now: Now) {
        if greeter == Greeter::Client
            && let Some(dialler) = self.tracker.dialler_mut()
        {
            dialler.on_link_up(id);
        }
        let software = self.core.software.clone();
        let hello = Hello { protocol: ProtocolVersion::CURRENT, greeter, software };
        if self.core.request(id, &hello, PeerRequest::Hello(id), now).is_err() {
            self.hang_up(id, Reason::SlowDown, now);
        }
    }

    /// A hello has ended.
    pub(super) fn on_greeted(&mut self, id: LinkId, welcome: Result<Welcome, Unanswered>, now: Now) {
        let Some(link) = self.links.get(id).cloned() else { return };
        let negotiated = welcome.and_then(|welcome| match ProtocolVersion::CURRENT.negotiate(welcome.protocol) {
            Ok(_) => Ok(welcome),
            Err(mismatch) => {
                Err(Unanswered::Refused(Failure::new(Reason::ProtocolMismatch, &alloc::format!("{mismatch}"))))
            }
        });
        match negotiated {
            Ok(welcome) => self.on_welcome(id, &link, &welcome, now),
            Err(error) => self.on_unwelcome(id, &link, error, now),
        }
    }

    fn on_welcome(&mut self, id: LinkId, link: &Link, welcome: &Welcome, now: Now) {
        self.links.set_greeted(id);
        if link.role == LinkRole::Host {
            self.hosts.on_welcome(&link.peer, id, now.mono);
            self.stream_link_up(id, now);
            return self.channels.forgive();
        }
        if let Some(dialler) = self.tracker.dialler_mut() {
            dialler.endpoint.key = Some(link.peer);
            dialler.on_welcome(id, now.mono);
        }
        self.core.session.set_clock(welcome.wall, now);
        let writes = self.core.session.pin(link.peer);
        self.core.write(writes);
        self.core.out.event(PeerEvent::TrackerConnected { key: link.peer, address: link.address });
        if let Some(by) = self.tracker.take_wanted_by() {
            self.core.reply(by, Ok(Reply::Done));
        }
        self.come_back(id, now);
    }

    /// Logs in as before the link was lost.
    fn come_back(&mut self, link: LinkId, now: Now) {
        let presence = self.core.session.presence;
        let purpose = PeerRequest::Login { by: LoginBy::Itself, presence };
        let sent = match self.core.session.comeback.clone() {
            None => return,
            Some(Comeback::Token(session, token)) => {
                self.core.request(link, &ResumeSession { session, token, presence }, purpose, now)
            }
            Some(Comeback::Guest(name)) => {
                self.core.request(link, &Guest { name: name.as_str().to_string() }, purpose, now)
            }
        };
        if sent.is_err() {
            self.hang_up(link, Reason::SlowDown, now);
        }
    }

    /// Another major version stays another one: a tracker that speaks it is not dialled again by itself.
    fn on_unwelcome(&mut self, id: LinkId, link: &Link, error: Unanswered, now: Now) {
        let mismatch = matches!(&error, Unanswered::Refused(failure) if failure.reason == Reason::ProtocolMismatch);
        if link.role == LinkRole::Tracker {
            if mismatch {
                self.tracker.stop();
            }
            if let Some(by) = self.tracker.take_wanted_by() {
                self.core.reply(by, Err(error));
            }
        }
        let reason = if mismatch { Reason::ProtocolMismatch } else { Reason::NotNow };
        self.hang_up(id, reason, now);
    }

    pub(super) fn on_dial_failed(&mut self, id: LinkId, reason: DialFailure, now: Now) {
        let tracker = self.tracker.link() == Some(id);
        let (source, endpoint) = match self.hosts.by_link(id) {
            Some((host, endpoint)) => (Source::Host(host), Some(endpoint)),
            None => (Source::Tracker, self.tracker.endpoint().filter(|_| tracker)),
        };
        let Some(endpoint) = endpoint else { return };
        self.core.out.event(PeerEvent::DialFailed { source, address: endpoint.address, reason });
        if !tracker {
            self.hosts.on_lost(id, now.mono, &mut self.core.random, &self.core.limits);
            return self.channels.unsettle();
        }
        if matches!(reason, DialFailure::WrongKey(_)) {
            self.tracker.stop();
        }
        self.tracker_not_there(now);
    }

    /// A link is gone, or is given up: everything that hangs on it ends.
    pub(super) fn lose_link(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.remove(id) else { return };
        for channel in self.channels.served_on(id) {
            if let Some(channel) = self.channels.get_mut(&channel) {
                channel.replica.detach(&mut self.core.cx(now));
            }
        }
        if link.role == LinkRole::Tracker {
            self.log_out_of_link(now);
        }
        for (request, purpose) in self.core.pending.fail_link(id) {
            self.deliver(request, purpose, Answer::Nothing(NoAnswer::LinkLost), now);
        }
        self.stream_link_down(id, link.peer, now);
        self.naming.on_link_down(id);
        self.advance_names();
        self.core.out.event(PeerEvent::LinkLost { link: id, source: link.source() });
        match link.role {
            LinkRole::Tracker => self.tracker_not_there(now),
            LinkRole::Host => {
                self.hosts.on_lost(id, now.mono, &mut self.core.random, &self.core.limits);
                self.channels.unsettle();
            }
            LinkRole::Member => {
                let core = &mut self.core;
                self.channels.hosts().for_each(|host| host.on_link_down(id, &mut core.cx(now)));
            }
        }
    }

    fn log_out_of_link(&mut self, now: Now) {
        if self.core.session.link().is_none() {
            return;
        }
        self.core.session.on_link_lost();
        let core = &mut self.core;
        self.channels.hosts().for_each(|host| host.on_tracker_down(&mut core.cx(now)));
    }

    /// No tracker for now; when it is dialled again, if it is.
    fn tracker_not_there(&mut self, now: Now) {
        let retry_in = self.tracker.on_lost(now.mono, &mut self.core.random, &self.core.limits);
        self.core.out.event(PeerEvent::TrackerLost { retry_in });
        if let Some(by) = self.tracker.take_wanted_by() {
            self.core.reply(by, Err(Unanswered::NoAnswer(NoAnswer::LinkLost)));
        }
        self.channels.unsettle();
    }

    /// Closes a link; it counts as lost at once, whenever the driver is done with it. One that is
    /// still being dialled is closed when it comes up.
    pub(super) fn hang_up(&mut self, id: LinkId, reason: Reason, now: Now) {
        if self.links.get(id).is_none() {
            return;
        }
        self.core.out.hangup(id, reason);
        self.lose_link(id, now);
    }

    /// Closes a link that works: the other side need not wait for a silence.
    pub(super) fn say_goodbye(&mut self, id: LinkId, now: Now) {
        if self.links.get(id).is_some_and(|link| link.greeted) {
            self.core.out.push(id, &Goodbye { reason: Reason::ShuttingDown });
        }
        self.hang_up(id, Reason::ShuttingDown, now);
    }
}
