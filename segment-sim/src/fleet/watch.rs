//! Who looks on, and what there is to see.

use segment_core::Machine;
use segment_proto::{Frame, Header, Instant, LinkId, Message};

use crate::disk::Disk;
use crate::image::Image;
use crate::network::{Network, NodeId};

/// What a bystander sees when something happens.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The time of the world.
    pub now: Instant,
    /// All connections.
    pub network: &'a Network,
    pub(super) disks: &'a [Disk],
}

impl<'a> Scene<'a> {
    /// Every node.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..u16::try_from(self.disks.len()).unwrap_or(u16::MAX)).map(NodeId)
    }

    /// What is durable at a node at this instant.
    #[must_use]
    pub fn durable(&self, node: NodeId) -> &'a Image {
        self.disks[usize::from(node.0)].durable()
    }
}

/// Who looks on, sees everything and changes nothing.
pub trait Watch<M: Machine> {
    /// A frame leaves a node.
    fn transmitted(&mut self, scene: Scene<'_>, node: NodeId, to: &[LinkId], frame: &Frame);
    /// A message reaches a machine.
    fn received(&mut self, scene: Scene<'_>, node: NodeId, link: LinkId, header: &Header, message: &Message);
    /// A machine tells its embedder.
    fn told(&mut self, scene: Scene<'_>, node: NodeId, event: M::Event);
    /// A machine has ended a step.
    fn stepped(&mut self, scene: Scene<'_>, node: NodeId, machine: &M);
    /// The contract between machine and driver was broken.
    fn broke_contract(&mut self, scene: Scene<'_>, node: NodeId, what: String);
}
