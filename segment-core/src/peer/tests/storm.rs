//! Whatever is killed and cut, in whatever order: afterwards everybody has every message once.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::ChannelId;
use segment_proto::messages::{Presence, Secret};

use super::world::{ADA, KEN, TRACKER, World, ZOE, two};
use crate::peer::events::{PeerEvent, Serving};
use crate::peer::{TrackerState, Unsent};
use crate::random::Random;

pub(super) const NAMES: [(usize, &str); 3] = [(KEN, "ken"), (ADA, "ada"), (ZOE, "zoe")];
pub(super) const STEPS: u64 = 60;

impl World {
    /// What a person does at each terminal: connects, and logs in where that is needed.
    pub(super) fn tend(&mut self) {
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

    pub(super) fn revive(&mut self) {
        for node in [TRACKER, KEN, ADA, ZOE] {
            if self.nodes[node].is_none() {
                self.start(node);
            }
        }
    }

    /// What people do besides writing.
    fn whim(&mut self, channel: ChannelId, random: &mut Random) {
        let (node, _) = NAMES[usize::try_from(1 + random.below(2)).unwrap()];
        if self.nodes[node].is_none() {
            return;
        }
        let presence = if random.below(2) == 0 { Presence::Online } else { Presence::Invisible };
        // Each may be refused where the tracker is away or messages wait: then nothing happens.
        let _ = self.does(node, |peer, now| match random.below(5) {
            0 => peer.logout(now),
            1 => peer.leave(channel, Unsent::Keep, now),
            2 => peer.join("#general", now),
            _ => peer.set_status(presence, now),
        });
    }

    /// Everybody is here, seen, and a member.
    pub(super) fn gather(&mut self) {
        for (node, _) in NAMES {
            let _ = self.does(node, |peer, now| peer.set_status(Presence::Online, now));
            let _ = self.does(node, |peer, now| peer.join("#general", now));
        }
    }

    pub(super) fn misfortune(&mut self, random: &mut Random) {
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
    pub(super) fn somebody_writes(&mut self, channel: ChannelId, step: u64, random: &mut Random) -> Option<String> {
        let (node, name) = NAMES[usize::try_from(random.below(3)).unwrap()];
        self.nodes[node].as_ref()?;
        let text = alloc::format!("{step}");
        self.does(node, |peer, now| peer.send(channel, &text, now)).ok()?;
        Some(alloc::format!("{name}: {text}"))
    }
}

/// Numbers of each author, in the order in which they stand.
pub(super) fn by_author(lines: &[String]) -> BTreeMap<String, Vec<u64>> {
    let mut orders: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for line in lines {
        let (author, number) = line.split_once(": ").unwrap();
        orders.entry(author.to_string()).or_default().push(number.parse().unwrap());
    }
    orders
}

/// Whether people come, go and hide besides.
#[derive(Clone, Copy, PartialEq)]
enum Whims {
    None,
    Many,
}

fn storm(seed: u64, whims: Whims) {
    let (mut world, channel) = two();
    world.register(ZOE, "zoe");
    world.join(ZOE);
    let mut random = Random::new(*blake3::hash(&seed.to_le_bytes()).as_bytes());
    let mut written = Vec::new();
    for step in 0..STEPS {
        world.tend();
        written.extend(world.somebody_writes(channel, step, &mut random));
        match random.below(6) {
            0 | 1 => world.misfortune(&mut random),
            2 if whims == Whims::Many => world.whim(channel, &mut random),
            _ => {}
        }
        world.wait(Duration::from_millis(random.below(1_500)));
    }
    world.revive();
    for _ in 0..45 {
        world.tend();
        world.wait(Duration::from_secs(1));
    }
    world.gather();
    world.wait(Duration::from_secs(45));
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
    (0..100).for_each(|seed| storm(seed, Whims::None));
}

#[test]
fn nor_is_anything_lost_where_people_come_and_go_and_hide() {
    (0..100).for_each(|seed| storm(seed, Whims::Many));
}
