//! What goes wrong in the network.

use core::time::Duration;

use segment_core::Input;
use segment_proto::Instant;

use super::{ConnectionId, EndState, Network, NetworkEvent, NodeId, Side};

/// How long a side may go on believing in a connection that is dead.
const HALF_OPEN_SECONDS: (u64, u64) = (3, 45);
/// Of a thousand dead connections, so many are noticed by nobody but by their silence.
const NEVER_NOTICED_PERMILLE: u64 = 400;
/// As good as never.
const NEVER: Duration = Duration::from_secs(100_000);

/// What the other sides notice when a process or a connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A reset, at once.
    Reset,
    /// Nothing, for a while.
    HalfOpen,
}

impl Network {
    /// A node's process is gone.
    pub fn crash(&mut self, node: NodeId, notice: Notice, now: Instant) {
        self.node(node).up = false;
        self.node(node).dialling.clear();
        let links: Vec<_> = self.node(node).links.values().copied().collect();
        for (id, side) in links {
            self.abandon(id, side, notice, now);
        }
        self.inputs.retain(|(whose, _)| *whose != node);
    }

    /// An end vanishes; what was on its way from it still arrives.
    fn abandon(&mut self, id: ConnectionId, side: Side, notice: Notice, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let hold = match notice {
            Notice::Reset => Duration::ZERO,
            Notice::HalfOpen => {
                let (low, high) = HALF_OPEN_SECONDS;
                let hold = connection.dice.duration(Duration::from_secs(low), Duration::from_secs(high));
                if connection.dice.chance(NEVER_NOTICED_PERMILLE) { NEVER } else { hold }
            }
        };
        let end = connection.end(side);
        end.stalled_until = end.stalled_until.max(now + hold);
        self.close(id, side, now);
    }

    /// A connection breaks. With [`Notice::HalfOpen`] the side that is named loses it, and the other does not notice for a while.
    pub fn break_connection(&mut self, id: ConnectionId, side: Side, notice: Notice, now: Instant) {
        self.abandon(id, side, notice, now);
        if notice == Notice::Reset {
            self.timetable.push((now, NetworkEvent::Ends(id, side.other())));
        }
    }

    /// Nothing leaves one end for a while.
    pub fn stall(&mut self, id: ConnectionId, side: Side, until: Instant) {
        if let Some(connection) = self.connections.get_mut(&id) {
            let end = connection.end(side);
            end.stalled_until = end.stalled_until.max(until);
        }
    }

    /// Nothing goes from one node to another until [`Network::heal`].
    pub fn block(&mut self, from: NodeId, to: NodeId) {
        self.blocked.insert((from, to));
    }

    /// Whether nothing goes that way.
    #[must_use]
    pub fn is_blocked(&self, from: NodeId, to: NodeId) -> bool {
        self.blocked.contains(&(from, to))
    }

    /// A way is open again.
    pub fn unblock(&mut self, from: NodeId, to: NodeId, now: Instant) {
        self.blocked.remove(&(from, to));
        self.pump_all(now);
    }

    /// Every way is open again; what was stalled goes on.
    pub fn heal(&mut self, now: Instant) {
        self.blocked.clear();
        for connection in self.connections.values_mut() {
            // What is dead stays dead.
            for end in connection.ends.iter_mut().filter(|end| end.state != EndState::Gone) {
                end.stalled_until = end.stalled_until.min(now);
                end.pumping = false;
            }
        }
        self.pump_all(now);
    }

    fn pump_all(&mut self, now: Instant) {
        let ids: Vec<_> = self.connections.keys().copied().collect();
        for id in ids {
            self.pump(id, Side::Dialler, now);
            self.pump(id, Side::Listener, now);
        }
    }

    /// Whether others may open connections to a node.
    pub fn set_accepts(&mut self, node: NodeId, accepts: bool) {
        self.node(node).accepts = accepts;
    }

    /// A node's connections, in the order in which it knows them.
    #[must_use]
    pub fn connections_of(&self, node: NodeId) -> Vec<(ConnectionId, Side)> {
        self.nodes[usize::from(node.0)].links.values().copied().collect()
    }

    /// Pretends that something came in; for worlds with a liar.
    pub fn inject(&mut self, node: NodeId, input: Input) {
        self.inputs.push((node, input));
    }
}
