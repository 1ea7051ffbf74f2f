//! A scenario: the shape of a world, and everything that is done and goes wrong in it, at which time. A seed draws
//! one; a person may write one. Whatever is left out of it shifts nothing else.

mod draw;
mod shape;
mod text;
mod words;

use core::time::Duration;

use segment_proto::Instant;

use crate::network::NodeId;
use crate::plant::Plant;
pub use draw::{Focus, Swarm};
pub use shape::Shape;
pub use text::{Unreadable, UnreadableLine};
pub use words::{Deed, FaultKind, What};

/// A world that can be lived again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Of the generators of nodes, links and disks.
    pub seed: u64,
    /// Who lives in it.
    pub shape: Shape,
    /// What is planted.
    pub plant: Plant,
    /// What happens, in the order of time.
    pub happenings: Vec<Happening>,
}

/// Something that is done or goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub at: Instant,
    /// Where.
    pub node: NodeId,
    /// What.
    pub what: What,
    /// Decides the rest: in which channel, to whom, which connection.
    pub draw: u64,
    /// The other node, where two are parted and the draw is not to decide.
    pub with: Option<NodeId>,
    /// How long it lasts, if it does.
    pub lasting: Duration,
}

impl Scenario {
    /// A world in which nothing is done and nothing goes wrong.
    #[must_use]
    pub fn calm(seed: u64, shape: Shape) -> Self {
        Self { seed, shape, plant: Plant::Nothing, happenings: Vec::new() }
    }

    /// The faults in it.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.happenings.iter().filter(|happening| matches!(happening.what, What::Fault(_))).count()
    }
}
