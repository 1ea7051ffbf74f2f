//! One identity that is started twice: a second process has the same key, and a copy of the disk or an empty one. Each
//! login replaces the other process. In the end somebody closes the second one, once what it has written is settled.

use segment_core::peer::ChannelView;
use segment_core::peer::{Peer, TrackerState};

use super::World;
use crate::checkers::Check;
use crate::dice::Dice;
use crate::image::Image;
use crate::network::{NodeId, Notice};
use crate::user::User;
use crate::world::resting::{CONVERGENCE, LOOK};

impl World {
    /// The second process of a node, which does not run yet.
    pub(super) fn add_twin(&mut self, original: NodeId, dice: &Dice) {
        let Some(first) = self.users.get(usize::from(original.0) - 1) else { return };
        let tag = u16::try_from(self.users.len() + 1).unwrap_or(u16::MAX);
        let twin = User::new(first.name.clone(), first.role.clone(), tag, dice.child("user", u64::from(tag)));
        self.users.push(twin);
        let device = self.fleet.network.device(original);
        let node = self.add_node(Some(device));
        self.fleet.plan_in(core::time::Duration::from_millis(u64::from(tag)), super::Plan::Settle(node));
    }

    /// The second process starts, while the first runs.
    pub(crate) fn start_twin(&mut self, original: NodeId, image: Image) {
        let twin = self.shape.twin().filter(|_| self.shape.twin_of == Some(original));
        let Some(twin) = twin.filter(|_| self.fleet.machine(original).is_some()) else { return };
        if self.held_back.remove(&twin) {
            self.fleet.disk(twin).replace(image);
            self.checkers.on_twin(&self.fleet.network.device(original));
            self.start(twin);
        }
    }

    /// The storm is over: the first process is closed until the second one has settled what it has written. One that was
    /// never started never is.
    pub(crate) fn leave_to_twin(&mut self) {
        let (Some(original), Some(twin)) = (self.shape.twin_of, self.shape.twin()) else { return };
        if self.held_back.contains(&twin) {
            self.gone.insert(twin);
        } else {
            self.fleet.crash(original, Notice::Reset);
            self.held_back.insert(original);
        }
    }

    /// Closes the second process, as soon as nothing of it is open, and lets the first one go on.
    pub(crate) fn close_twin(&mut self) {
        let (Some(original), Some(twin)) = (self.shape.twin_of, self.shape.twin()) else { return };
        if !self.held_back.contains(&original) {
            return;
        }
        let end = self.now() + CONVERGENCE;
        while !self.peer(twin).is_some_and(is_settled) && self.checkers.findings.all().is_empty() {
            if self.now() >= end {
                self.checkers.findings.look_at(twin, self.now());
                self.checkers.findings.add(Check::RestOutboxes, "the second process does not come to rest".into());
            }
            self.run_for(LOOK);
        }
        let waiting = self.peer(twin).map(waiting).unwrap_or_default();
        self.checkers.kept_waiting.extend(waiting);
        self.fleet.crash(twin, Notice::Reset);
        self.gone.insert(twin);
        self.held_back.remove(&original);
        self.start(original);
        self.fleet.deliver(&mut self.checkers);
    }
}

/// Whether all that was written is settled; who is no member keeps what waits. A refusal that is being put on disk has
/// left the outbox, and is told only then.
fn is_settled(peer: &Peer) -> bool {
    let cut = |view: &ChannelView| peer.host_report(view.record.channel).map_or(0, |report| report.resubmit);
    let settled = |view: ChannelView| !view.member || (view.waiting == 0 && cut(&view) == 0);
    peer.tracker_state() == TrackerState::LoggedIn && peer.operations() == 0 && peer.channels().all(settled)
}

/// What a process has in its outboxes.
fn waiting(peer: &Peer) -> Vec<String> {
    let outgoing = |view: ChannelView| peer.outgoing(view.record.channel).into_iter().flatten();
    peer.channels().flat_map(outgoing).filter_map(|item| item.text).collect()
}
