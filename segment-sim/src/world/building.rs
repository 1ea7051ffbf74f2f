//! What a world begins with.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use segment_proto::{DeviceId, Limits};

use crate::checkers::Checkers;
use crate::clock::Clock;
use crate::dice::Dice;
use crate::disk::DiskProfile;
use crate::fleet::Fleet;
use crate::network::{Network, NodeId};
use crate::scenario::{Scenario, Shape};
use crate::trace::{Printing, Trace};
use crate::user::{Mood, Role, Town, User};
use crate::world::{Plan, World};

/// Small enough that a world gets to see what is done about old messages.
const SNAPSHOT_ENTRIES: u64 = 30;
/// How often it is looked which are too old.
const RETENTION_EVERY: Duration = Duration::from_secs(1);

impl World {
    /// The world of a scenario, with every process started, and everything planned that happens in it.
    #[must_use]
    pub fn new(scenario: &Scenario, printing: Printing) -> Self {
        let Scenario { seed, shape, plant, happenings } = scenario;
        let dice = Dice::new(*seed);
        let limits = Limits {
            send_queue_bytes_max: shape.send_queue_bytes_max,
            batch_bytes_max: (shape.send_queue_bytes_max / 2).min(48 * 1_024),
            messages_per_second: 50,
            messages_burst: 100,
            snapshot_entries: SNAPSHOT_ENTRIES,
            retention_every: RETENTION_EVERY,
            ..Limits::default()
        };
        let network = Network::new(shape.network, limits.clone(), dice.child("network", 0));
        let mut world = Self {
            fleet: Fleet::new(network, Trace::new(printing), dice.child("fleet", 0)),
            checkers: Checkers::new(shape.send_queue_bytes_max),
            shape: shape.clone(),
            dice: dice.child("world", 0),
            faults: 0,
            mood: Mood::Active,
            users: Vec::new(),
            town: Town::default(),
            plant: *plant,
            limits,
            kept: BTreeMap::new(),
            bots: BTreeMap::new(),
            gone: BTreeSet::new(),
            held_back: shape.twin().into_iter().collect(),
        };
        world.add_node(None);
        world.add_users(&dice);
        world.checkers.liar = shape.liar;
        world.checkers.strangers.extend(shape.liar.map(|liar| world.fleet.network.device(liar)));
        world.all_nodes().into_iter().for_each(|node| world.start(node));
        happenings.iter().for_each(|happening| world.fleet.plan_at(happening.at, Plan::Happen(*happening)));
        world
    }

    /// A node of its own device, or of one that there is already.
    pub(super) fn add_node(&mut self, device: Option<DeviceId>) -> NodeId {
        let number = self.users.len() as u64;
        let skew = u64::try_from(self.shape.clock_skew.as_millis()).unwrap_or(0);
        let offset = around_zero(&mut self.dice.child("skew", number), skew);
        let drift = around_zero(&mut self.dice.child("drift", number), self.shape.clock_drift_ppm);
        let device = device.unwrap_or_else(|| DeviceId(self.dice.child("device", number).bytes()));
        let disk = DiskProfile { honesty: self.plant.honesty(), ..self.shape.disk };
        self.fleet.add_node(device, disk, Clock::new(offset, drift))
    }

    fn add_users(&mut self, dice: &Dice) {
        let Shape { hosts, channels, members, visitors, second_device_permille, deputies, .. } = self.shape;
        for host in 0..hosts {
            let owned = (0..channels).map(|channel| format!("c{host}-{channel}")).collect();
            self.add_user(format!("owner{host}"), Role::Owner(owned), dice);
        }
        for member in 0..members {
            let second = member > 0 && dice.child("second", u64::from(member)).chance(second_device_permille);
            let name = match member {
                _ if member + deputies >= members => "owner0".into(),
                _ if second => "member0".into(),
                _ => format!("member{member}"),
            };
            self.add_user(name, Role::Member, dice);
        }
        for visitor in 0..visitors {
            self.add_user(format!("visitor{visitor}"), Role::Visitor, dice);
        }
        if let Some(original) = self.shape.twin_of {
            self.add_twin(original, dice);
        }
    }

    fn add_user(&mut self, name: String, role: Role, dice: &Dice) {
        let tag = u16::try_from(self.users.len() + 1).unwrap_or(u16::MAX);
        self.users.push(User::new(name, role, tag, dice.child("user", u64::from(tag))));
        let node = self.add_node(None);
        if let Some(user) = self.users.last() {
            let device = self.fleet.network.device(node);
            self.town.devices.entry(user.name.clone()).or_default().push(device);
        }
        self.fleet.plan_in(Duration::from_millis(u64::from(tag)), Plan::Settle(node));
    }
}

fn around_zero(dice: &mut Dice, most: u64) -> i64 {
    let most = most.min(u64::from(u32::MAX));
    i64::try_from(dice.between(0, 2 * most)).unwrap_or(0) - i64::try_from(most).unwrap_or(0)
}
