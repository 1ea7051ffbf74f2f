//! A tracker whose store was put back from a copy.

use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::{ChannelId, EpochOwner, EpochRecord, Fence, Signed};

use super::world::{KEN, TRACKER, World, two};
use crate::store::{Store, StoreOperation, Table};
use crate::sync::persist::decode;
use crate::tracker::mark_restored;

fn epochs(world: &World, channel: ChannelId) -> Vec<Signed<EpochRecord>> {
    let of_channel = world.stores[TRACKER].tables.iter().filter(|((table, _), _)| *table == Table::Epoch);
    let records = of_channel.filter_map(|(_, value)| decode::<Signed<EpochRecord>>(value));
    records.filter(|record| record.channel == channel).collect()
}

#[test]
fn every_channel_begins_a_new_generation_once() {
    let (mut world, channel) = two();
    world.send(KEN, channel, "before the copy");
    world.wait(Duration::from_secs(1));
    let last = epochs(&world, channel).last().unwrap().clone();
    assert_eq!(last.fence.generation, 1);
    world.kill(TRACKER);
    world.stores[TRACKER].perform(&[StoreOperation::Write(alloc::vec![mark_restored()])]).unwrap();
    world.start(TRACKER);
    let opened = epochs(&world, channel).last().unwrap().clone();
    assert_eq!(opened.fence, Fence { generation: 2, epoch: last.fence.epoch + 1 });
    assert_eq!((opened.owner, opened.base.pos), (EpochOwner::Tracker, 1));
    world.wait(Duration::from_secs(10));
    assert_eq!(epochs(&world, channel).last().unwrap().fence.generation, 2);
    world.send(KEN, channel, "behind it");
    world.wait(Duration::from_secs(10));
    let shown = world.shows(KEN, channel).0;
    assert!(shown.iter().any(|line| line.contains("behind it")), "{shown:?}");
    world.kill(TRACKER);
    world.start(TRACKER);
    world.wait(Duration::from_secs(10));
    assert_eq!(epochs(&world, channel).last().unwrap().fence.generation, 2, "once is enough");
}
