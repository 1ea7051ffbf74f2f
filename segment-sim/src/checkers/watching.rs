//! What every step shows, handed to the checkers that look at it.

use segment_proto::messages::Greeter;
use segment_proto::{Frame, Header, LinkId, Message, Reason};

use crate::checkers::durable::Speaker;
use crate::checkers::{Check, Checkers, TRACKER, contents, durable, readers};
use crate::fleet::{Scene, Watch};
use crate::network::NodeId;
use crate::process::{Process, Told};

impl Watch<Process> for Checkers {
    fn transmitted(&mut self, scene: Scene<'_>, node: NodeId, to: &[LinkId], frame: &Frame) {
        self.findings.look_at(node, scene.now);
        if self.is_liar(node) {
            return;
        }
        let Some(header) = frame.header() else { return };
        let message = match Message::decode(&header, &frame.payload()) {
            Ok(message) => message,
            Err(error) => return self.findings.add(Check::Contract, format!("a frame is not readable: {error}")),
        };
        if node == TRACKER {
            self.on_tracker_says(scene, to, &header, &message);
        } else if let Some(receipt) = contents::receipt(&message) {
            self.ledger.on_shown_receipt(receipt, &mut self.findings);
        }
        let start = self.starts.get(&node).copied().unwrap_or_default();
        contents::epochs(&message).for_each(|record| self.epochs.on_record(record, &mut self.findings));
        self.damage.on_sent(&message, &mut self.findings);
        let comes_back = matches!(&message, Message::Hello(hello) if hello.greeter == Greeter::Client);
        self.findings.expect(Check::StaysReplaced, !comes_back || !self.replaced.contains(&node), || {
            "a process that was replaced comes back by itself".into()
        });
        if node != TRACKER {
            self.epochs.on_sent(node, start, &message, &mut self.findings);
            self.tenures.on_sent(node, &message, &mut self.findings);
            self.names.on_sent(&scene.network.device(node), &message, &mut self.findings);
        }
        let speaker = Speaker {
            durable: scene.durable(node),
            role: readers::role_of(node == TRACKER),
            device: scene.network.device(node),
        };
        let same = |one: &NodeId| scene.network.device(*one) == speaker.device;
        let outboxes = scene.nodes().filter(same).map(|one| scene.durable(one));
        durable::check(speaker, outboxes, &message, &self.ledger, &self.epochs, &mut self.findings);
        to.iter().for_each(|link| {
            self.check_link(scene, node, *link, header.role, &message);
            self.pushes.on_sent(node, *link, &message, &mut self.findings);
        });
    }

    fn received(&mut self, scene: Scene<'_>, node: NodeId, link: LinkId, header: &Header, message: &Message) {
        self.findings.look_at(node, scene.now);
        if let Message::Failure(failure) = message
            && self.liar.is_none()
            && matches!(failure.reason, Reason::Malformed | Reason::BadSignature | Reason::UnsupportedKind)
        {
            self.findings.add(Check::NothingSuspicious, format!("a request was refused: {failure:?}"));
        }
        if let Some(heard) = &mut self.heard {
            heard.on_received(scene, node, link, message);
        }
        if node == TRACKER {
            return self.truth.on_received(link, header.correlation, message);
        }
        self.tenures.on_received(node, message, scene.durable(node), &self.epochs);
        if let Some(peer) = scene.network.peer_of(node, link) {
            let is_tracker = peer == scene.network.device(TRACKER);
            self.sources.on_received(node, peer, is_tracker, message, scene.durable(node));
        }
    }

    fn told(&mut self, scene: Scene<'_>, node: NodeId, event: Told) {
        self.findings.look_at(node, scene.now);
        match event {
            Told::Tracker(event) => self.on_tracker_event(scene, event),
            Told::Peer(event) if self.is_liar(node) => self.unheard.push((node, *event)),
            Told::Peer(event) => {
                self.on_peer_event(node, &event);
                self.unheard.push((node, *event));
            }
        }
    }

    fn stepped(&mut self, _: Scene<'_>, node: NodeId, process: &Process) {
        if process.peer().is_some_and(|peer| peer.pending() == 0 && peer.operations() == 0) {
            self.idle.insert(node);
        }
        if let Some(peer) = process.peer().filter(|_| self.tenures.is_told(node)) {
            for view in peer.channels() {
                let fence = view.epoch.map(|epoch| epoch.fence).unwrap_or_default();
                self.tenures.on_learned(node, view.record.channel, fence);
            }
        }
    }

    fn broke_contract(&mut self, scene: Scene<'_>, node: NodeId, what: String) {
        self.findings.look_at(node, scene.now);
        self.findings.add(Check::Contract, what);
    }
}

impl Checkers {
    fn on_tracker_says(&mut self, scene: Scene<'_>, to: &[LinkId], header: &Header, message: &Message) {
        contents::records(message).for_each(|record| self.truth.on_record(record));
        to.iter().for_each(|link| self.truth.on_answered(*link, header.correlation, message));
        let durable = scene.durable(TRACKER);
        if let Some(receipt) = contents::receipt(message) {
            self.ledger.on_receipt(receipt, durable, &self.truth, &self.strangers, &mut self.findings);
        }
        if let Some((channel, pos)) = contents::committed_fates(message) {
            self.ledger.extend(channel, pos, durable, &self.truth, &self.strangers, &mut self.findings);
        }
        contents::epochs(message).for_each(|record| durable::check_epoch(durable, record, &mut self.findings));
        if let Message::Committed(committed) = message {
            let receipt = &committed.receipt;
            let designated = self.ledger.channel(&receipt.channel).and_then(|ledger| ledger.access().host);
            self.tenures.on_committed(receipt, designated, &self.epochs, &mut self.findings);
        }
        if let Message::Grant(grant) = message {
            self.epochs.on_grant(&grant.record, &mut self.findings);
        }
    }
}
