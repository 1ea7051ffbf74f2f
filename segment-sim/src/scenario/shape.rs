//! The shape of a world: who lives in it, and how fast everything is.

use core::time::Duration;

use crate::disk::DiskProfile;
use crate::network::{NetworkProfile, NodeId};

/// Who lives in a world, and how fast everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Peers that own channels.
    pub hosts: u16,
    /// Channels of each.
    pub channels: u16,
    /// Peers that join them.
    pub members: u16,
    /// Peers without an account.
    pub visitors: u16,
    /// Permille of members that share the account of the first.
    pub second_device_permille: u64,
    /// The last so many members are further devices of the first owner.
    pub deputies: u16,
    /// How long things go wrong.
    pub storm: Duration,
    /// How fast the network is.
    pub network: NetworkProfile,
    /// How the disks behave.
    pub disk: DiskProfile,
    /// By how much wall clocks differ, at most.
    pub clock_skew: Duration,
    /// By how many parts of a million clocks go too fast or too slow, at most.
    pub clock_drift_ppm: u64,
    /// A node that lies, if there is one.
    pub liar: Option<NodeId>,
    /// A node that may be started a second time: the second process is the last node.
    pub twin_of: Option<NodeId>,
    /// The send queue of a link, in bytes.
    pub send_queue_bytes_max: usize,
}

impl Default for Shape {
    /// One host, one channel, one member.
    fn default() -> Self {
        Self {
            hosts: 1,
            channels: 1,
            members: 1,
            visitors: 0,
            second_device_permille: 0,
            deputies: 0,
            storm: Duration::from_secs(10),
            network: NetworkProfile::default(),
            disk: DiskProfile::default(),
            clock_skew: Duration::ZERO,
            clock_drift_ppm: 0,
            liar: None,
            twin_of: None,
            send_queue_bytes_max: 256 * 1_024,
        }
    }
}

impl Shape {
    /// The nodes of users; the tracker's is not among them.
    pub fn peers(&self) -> impl Iterator<Item = NodeId> + use<> {
        let twins = u16::from(self.twin_of.is_some());
        (1..=self.hosts + self.members + self.visitors + twins).map(NodeId)
    }

    /// The node of the second process of a node that may be started twice.
    #[must_use]
    pub fn twin(&self) -> Option<NodeId> {
        self.twin_of.and_then(|_| self.peers().last())
    }

    /// Whether a node's user owns channels.
    #[must_use]
    pub fn is_owner(&self, node: NodeId) -> bool {
        (1..=self.hosts).contains(&node.0)
    }
}
