use core::time::Duration;

use segment_proto::{DeviceId, Frame, Header, Instant, Limits, LinkId, Message};

use super::toy::{Told, Toy};
use crate::clock::Clock;
use crate::dice::Dice;
use crate::disk::{DiskProfile, Honesty};
use crate::fleet::{Fleet, Scene, Step, Watch};
use crate::network::{Network, NetworkProfile, NodeId, Notice};
use crate::trace::{Printing, Trace};

/// Counts the answers that callers were given.
#[derive(Default)]
struct Tally {
    answered: u64,
    broken: Vec<String>,
}

impl Watch<Toy> for Tally {
    fn transmitted(&mut self, _: Scene<'_>, _: NodeId, _: &[LinkId], _: &Frame) {}
    fn received(&mut self, _: Scene<'_>, _: NodeId, _: LinkId, _: &Header, _: &Message) {}
    fn told(&mut self, _: Scene<'_>, _: NodeId, event: Told) {
        assert_eq!(event, Told::Answered);
        self.answered += 1;
    }
    fn stepped(&mut self, _: Scene<'_>, _: NodeId, _: &Toy) {}
    fn broke_contract(&mut self, _: Scene<'_>, _: NodeId, what: String) {
        self.broken.push(what);
    }
}

type Toys = Fleet<Toy, NodeId>;

fn start(toys: &mut Toys, node: NodeId, tally: &mut Tally) {
    toys.start(node, |image, seed| Toy::restore(node, image, seed), tally).unwrap();
}

fn world(seed: u64, honesty: Honesty, tally: &mut Tally) -> Toys {
    let dice = Dice::new(seed);
    let network = Network::new(NetworkProfile::default(), Limits::default(), dice.child("network", 0));
    let mut toys = Fleet::new(network, Trace::new(Printing::Silent), dice.child("fleet", 0));
    for number in 0..3 {
        let node =
            toys.add_node(DeviceId([number; 32]), DiskProfile { honesty, ..DiskProfile::default() }, Clock::default());
        start(&mut toys, node, tally);
    }
    toys
}

/// Runs for a while with crashes of every kind; a crashed node is planned to start again.
fn storm(seed: u64, honesty: Honesty) -> (Toys, Tally) {
    let mut tally = Tally::default();
    let mut toys = world(seed, honesty, &mut tally);
    let mut dice = Dice::new(seed).child("storm", 0);
    for round in 1..=20_u64 {
        let end = Instant(round * 500_000);
        while let Some(step) = toys.step(end, &mut tally) {
            if let Step::Plan(node) = step {
                start(&mut toys, node, &mut tally);
            }
        }
        let node = NodeId(u16::try_from(dice.between(0, 2)).unwrap());
        match dice.between(0, 3) {
            0 => toys.light_fuse(node, 3),
            1 => toys.crash(node, Notice::HalfOpen),
            2 => toys.crash(node, Notice::Reset),
            _ => break_all(&mut toys),
        }
        let down = (0..3).map(NodeId).filter(|node| toys.machine(*node).is_none()).collect::<Vec<_>>();
        down.into_iter().for_each(|node| start(&mut toys, node, &mut tally));
        toys.died.clear();
    }
    (toys, tally)
}

fn break_all(toys: &mut Toys) {
    let now = toys.now();
    for (id, side) in toys.network.connections_of(NodeId(0)) {
        toys.network.break_connection(id, side, Notice::HalfOpen, now);
    }
}

#[test]
fn same_seed_same_trace() {
    for seed in 0..20 {
        let (first, _) = storm(seed, Honesty::Honest);
        let (second, _) = storm(seed, Honesty::Honest);
        assert!(first.trace.steps() > 100);
        assert_eq!(first.trace.hash(), second.trace.hash(), "seed {seed}");
    }
    let traces: std::collections::BTreeSet<_> =
        (0..20).map(|seed| storm(seed, Honesty::Honest).0.trace.hash()).collect();
    assert_eq!(traces.len(), 20);
}

fn loses_counts(seed: u64, honesty: Honesty) -> bool {
    let (toys, tally) = storm(seed, honesty);
    assert_eq!(tally.broken, Vec::<String>::new());
    toys.machine(NodeId(0)).unwrap().count() < tally.answered
}

#[test]
fn nothing_answered_is_lost_unless_the_disk_never_syncs() {
    assert!(!(0..50).any(|seed| loses_counts(seed, Honesty::Honest)));
    assert!((0..50).any(|seed| loses_counts(seed, Honesty::NeverSyncs)));
}

#[test]
fn a_partition_holds_bytes_back_until_it_heals() {
    let mut tally = Tally::default();
    let mut toys = world(3, Honesty::Honest, &mut tally);
    run(&mut toys, 2, &mut tally);
    let before = tally.answered;
    assert!(before > 20);
    for node in [NodeId(1), NodeId(2)] {
        toys.network.block(node, NodeId(0));
    }
    run(&mut toys, 4, &mut tally);
    let during = tally.answered - before;
    assert!(during <= 2, "what was on its way arrives: {during}");
    let now = toys.now();
    toys.network.heal(now);
    run(&mut toys, 6, &mut tally);
    assert!(tally.answered > before + 20);
}

#[test]
fn a_link_without_progress_is_closed() {
    let mut tally = Tally::default();
    let mut toys = world(4, Honesty::Honest, &mut tally);
    run(&mut toys, 1, &mut tally);
    toys.network.block(NodeId(1), NodeId(0));
    run(&mut toys, 60, &mut tally);
    let links = toys.network.links(NodeId(1)).count();
    assert_eq!(links, 0, "closed after 30 s, and no dial gets through");
}

fn run(toys: &mut Toys, until_second: u64, tally: &mut Tally) {
    let end = Instant(0) + Duration::from_secs(until_second);
    while toys.step(end, tally).is_some() {}
}
