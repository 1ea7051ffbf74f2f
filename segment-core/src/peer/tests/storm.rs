//! Whatever is killed and cut, in whatever order: afterwards everybody has every message once.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::ChannelId;
use segment_proto::messages::{Presence, Secret};

use super::world::{ADA, KEN, TRACKER, World, ZOE, two};
use crate::peer::TrackerState;
use crate::peer::events::{PeerEvent, Serving};
use crate::random::Random;

const NAMES: [(usize, &str); 3] = [(KEN, "ken"), (ADA, "ada"), (ZOE, "zoe")];
const STEPS: u64 = 60;

impl World {
    /// What a person does at each terminal: connects, and logs in where that is needed.
    fn tend(&mut self) {
        for (node, name) in NAMES {
            if self.nodes[node].is_none() {
                continue;
            }
            match self.peer(node).tracker_state() {
                TrackerState::Idle => self.connect(node),
                TrackerState::Connected if self.peer(node).pending() == 0 => {
                    let secret = Secret("a password".into());
                    let _ = self.does(node, |peer, now| peer.login(name, secret, Presence::Online, now));
                }
                _ => {}
            }
        }
    }

    fn revive(&mut self) {
        for node in [TRACKER, KEN, ADA, ZOE] {
            if self.nodes[node].is_none() {
                self.start(node);
            }
        }
    }

    fn misfortune(&mut self, random: &mut Random) {
        match random.below(6) {
            0 => self.kill(usize::try_from(random.below(4)).unwrap()),
            1 | 2 => self.revive(),
            _ => {
                let number = usize::try_from(random.below(self.links.len().max(1) as u64)).unwrap();
                if let Some(end) = self.links.keys().nth(number).copied() {
                    self.cut(end);
                }
            }
        }
    }

    /// The texts that were taken.
    fn somebody_writes(&mut self, channel: ChannelId, step: u64, random: &mut Random) -> Option<String> {
        let (node, name) = NAMES[usize::try_from(random.below(3)).unwrap()];
        self.nodes[node].as_ref()?;
        let text = alloc::format!("{step}");
        self.does(node, |peer, now| peer.send(channel, &text, now)).ok()?;
        Some(alloc::format!("{name}: {text}"))
    }
}

/// Numbers of each author, in the order in which they stand.
fn by_author(lines: &[String]) -> BTreeMap<String, Vec<u64>> {
    let mut orders: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for line in lines {
        let (author, number) = line.split_once(": ").unwrap();
        orders.entry(author.to_string()).or_default().push(number.parse().unwrap());
    }
    orders
}

fn storm(seed: u64) {
    let (mut world, channel) = two();
    world.register(ZOE, "zoe");
    world.join(ZOE);
    let mut random = Random::new(*blake3::hash(&seed.to_le_bytes()).as_bytes());
    let mut written = Vec::new();
    for step in 0..STEPS {
        world.tend();
        written.extend(world.somebody_writes(channel, step, &mut random));
        if random.below(3) == 0 {
            world.misfortune(&mut random);
        }
        world.wait(Duration::from_millis(random.below(1_500)));
    }
    world.revive();
    for _ in 0..90 {
        world.tend();
        world.wait(Duration::from_secs(1));
    }
    let bad = |event: &&PeerEvent| matches!(event, PeerEvent::Suspicious { .. } | PeerEvent::MessageRefused { .. });
    let bad: Vec<_> = world.events.iter().flatten().filter(bad).cloned().collect();
    assert!(bad.is_empty(), "seed {seed}: {bad:?}");
    let (first, _) = world.shows(KEN, channel);
    for (node, name) in NAMES {
        let (lines, committed) = world.shows(node, channel);
        assert_eq!(lines, first, "seed {seed}: {name} shows something else");
        assert!(committed, "seed {seed}: not all is committed at {name}");
        assert_eq!(world.peer(node).outgoing(channel).unwrap().count(), 0, "seed {seed}: {name} waits");
        let expected = if node == KEN { Serving::Here } else { Serving::Host(World::device(KEN)) };
        assert_eq!(world.serving(node, channel), expected, "seed {seed}: {name}");
    }
    assert!(by_author(&first).values().all(|numbers| numbers.is_sorted()), "seed {seed}: reordered: {first:?}");
    let mut shown = first;
    shown.sort();
    written.sort();
    assert_eq!(shown, written, "seed {seed}: lost or doubled");
    assert!(written.len() > 20, "seed {seed}: hardly anything was written");
}

#[test]
fn after_any_storm_everybody_has_every_message_once() {
    (0..100).for_each(storm);
}
