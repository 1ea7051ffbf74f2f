//! What must be reachable from every world, by fresh steps alone: everything stands, and the host is back.

use crate::envelope::{A, Content};
use crate::steps::Model;
use crate::world::World;

impl Model {
    /// Whether everything has come to rest as it should.
    #[must_use]
    pub fn converged(&self, world: &World) -> bool {
        let tracker = &world.tracker;
        tracker.at_rest()
            && tracker.losing.is_empty()
            && world.authors.iter().all(|author| !author.alive || author.disk.outbox.is_empty())
            && world.hosts.iter().all(|host| host.resubmit.is_empty())
            && self.promises_kept(world)
            && self.host_is_back(world)
    }

    fn promises_kept(&self, world: &World) -> bool {
        let log = &world.tracker.log;
        let stands = |content: Content| log.says(content) || !self.must_come(world, content);
        let a_lives = world.author(A).is_some_and(|author| author.alive);
        let caches = world.authors.iter().all(|author| !author.alive || log.starts_with(&author.cache));
        let queued = world.said.queued.iter().all(|content| stands(content) || !a_lives);
        world.said.stored.iter().all(stands) && world.said.committed.iter().all(stands) && queued && caches
    }

    fn host_is_back(&self, world: &World) -> bool {
        let tracker = &world.tracker;
        if world.hosts.iter().all(|host| !host.alive) {
            return true;
        }
        let Some(host) = tracker.owning_host().map(|owner| &world.hosts[usize::from(owner)]) else { return false };
        host.alive
            && host.fence() == tracker.fence()
            && host.log == tracker.log
            && usize::from(host.committed) == tracker.log.len()
    }
}
