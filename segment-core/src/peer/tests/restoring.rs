//! A tracker whose store was put back from a copy.

use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{Presence, Secret};
use segment_proto::{AccountId, ChannelId, EpochOwner, EpochRecord, Fence, Now, RequestId, Signed, View, Visitors};

use super::world::{ADA, KEN, TRACKER, World, ZOE, two};
use crate::peer::errors::CommandError;
use crate::peer::events::{PeerEvent, Reply};
use crate::peer::{Peer, Unsent};
use crate::store::{Store, StoreOperation, Table};
use crate::sync::persist::decode;
use crate::testing::TestStore;
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

/// The tracker's disk is put back from a copy.
pub(super) fn put_back(world: &mut World, copy: &TestStore) {
    world.kill(TRACKER);
    world.set_disk(TRACKER, copy.clone());
    world.stores[TRACKER].perform(&[StoreOperation::Write(alloc::vec![mark_restored()])]).unwrap();
    world.start(TRACKER);
}

fn account(world: &mut World, node: usize) -> AccountId {
    world.peer(node).whoami().unwrap().who.account
}

fn registers(world: &mut World, node: usize, name: &str) {
    let secret = Secret("another password".into());
    world.does(node, |peer, now| peer.register(name, secret, Presence::Online, now)).unwrap();
}

pub(super) fn make_general(peer: &mut Peer, now: Now) -> Result<RequestId, CommandError> {
    peer.create_channel("#general", View::Public, Visitors::Read, now)
}

/// Ken makes a channel behind the copy of the tracker's disk.
fn made_behind_a_copy() -> (World, TestStore) {
    let mut world = World::new(3);
    world.register(KEN, "ken");
    world.register(ADA, "ada");
    let copy = world.disk(TRACKER);
    world.does(KEN, make_general).unwrap();
    (world, copy)
}

#[test]
fn a_channel_made_behind_the_copy_comes_back_with_its_host() {
    let (mut world, copy) = made_behind_a_copy();
    world.join(ADA);
    world.wait(Duration::from_secs(1));
    let channel = world.peer(KEN).channels().next().unwrap().record.channel;
    world.send(ADA, channel, "one");
    world.send(KEN, channel, "two");
    world.wait(Duration::from_secs(1));
    put_back(&mut world, &copy);
    world.take(KEN);
    world.wait(Duration::from_secs(60));
    let told = world.take(KEN);
    assert!(told.iter().any(|event| matches!(event, PeerEvent::ChannelRestored { .. })), "{told:?}");
    assert_eq!(world.shows(KEN, channel), (alloc::vec!["ada: one".into(), "ken: two".into()], true));
    assert_eq!(epochs(&world, channel).last().unwrap().fence.generation, 2);
    world.register(ZOE, "zoe");
    world.join(ZOE);
    world.send(KEN, channel, "three");
    world.wait(Duration::from_secs(5));
    let all = alloc::vec!["ada: one".into(), "ken: two".into(), "ken: three".into()];
    assert_eq!(world.shows(ZOE, channel), (all, true));
}

#[test]
fn a_channel_whose_name_was_taken_meanwhile_can_be_left() {
    let (mut world, copy) = made_behind_a_copy();
    let channel = world.peer(KEN).channels().next().unwrap().record.channel;
    world.wait(Duration::from_secs(1));
    world.kill(KEN);
    put_back(&mut world, &copy);
    world.wait(Duration::from_secs(60));
    world.does(ADA, make_general).unwrap();
    world.return_of(KEN, "ken");
    world.wait(Duration::from_secs(10));
    let told = world.take(KEN);
    let told = told.iter().filter(|event| matches!(event, PeerEvent::ChannelNotRestored { .. })).count();
    assert_eq!(told, 1);
    world.does(KEN, |peer, now| peer.leave(channel, Unsent::Keep, now)).unwrap();
    world.join(KEN);
    let joined: Vec<ChannelId> = world.peer(KEN).channels().map(|view| view.record.channel).collect();
    assert!(joined.len() == 1 && joined[0] != channel, "{joined:?}");
}

#[test]
fn a_hosted_channel_that_the_tracker_knows_is_not_left() {
    let (mut world, channel) = two();
    let left = world.does(KEN, |peer, now| peer.leave(channel, Unsent::Keep, now));
    assert_eq!(left, Err(CommandError::HostedHere));
}

#[test]
fn an_account_made_behind_the_copy_is_made_again_and_is_nobody_elses() {
    let mut world = World::new(3);
    world.register(KEN, "ken");
    let copy = world.disk(TRACKER);
    let (mut world, channel) = two_of_registered(world);
    let ada = account(&mut world, ADA);
    world.send(ADA, channel, "one");
    world.wait(Duration::from_secs(1));
    put_back(&mut world, &copy);
    world.wait(Duration::from_secs(60));
    let asked = world.take(ADA).into_iter().any(|event| matches!(event, PeerEvent::LoginNeeded(_)));
    assert!(asked, "a person is needed: the password is gone");
    world.register(ZOE, "zoe");
    let zoe = account(&mut world, ZOE);
    assert_ne!(zoe, ada, "what ada was allowed is not zoe's");
    registers(&mut world, ADA, "ada");
    let told = world.take(ADA);
    let is_in = |event: &PeerEvent| matches!(event, PeerEvent::Replied { reply: Ok(Reply::LoggedIn { .. }), .. });
    assert!(told.iter().any(is_in), "{told:?}");
    assert_eq!(account(&mut world, ADA), ada);
    world.join(ADA);
    world.wait(Duration::from_secs(10));
    world.send(ADA, channel, "two");
    world.wait(Duration::from_secs(5));
    assert_eq!(world.shows(KEN, channel), (alloc::vec!["ada: one".into(), "ada: two".into()], true));
    world.kill(TRACKER);
    world.start(TRACKER);
    world.wait(Duration::from_secs(60));
    assert_eq!((account(&mut world, ADA), account(&mut world, ZOE)), (ada, zoe));
}

/// `ken` is registered; he hosts #general, and `ada` has joined it.
fn two_of_registered(mut world: World) -> (World, ChannelId) {
    let create = |peer: &mut crate::peer::Peer, now| peer.create_channel("#general", View::Public, Visitors::Read, now);
    world.does(KEN, create).unwrap();
    world.register(ADA, "ada");
    world.join(ADA);
    world.wait(Duration::from_secs(1));
    let channel = world.peer(ADA).channels().next().unwrap().record.channel;
    (world, channel)
}

#[test]
fn an_account_that_is_there_is_not_made_again() {
    let (mut world, _) = two();
    world.does(ADA, |peer, now| peer.disconnect(now));
    world.connect(ADA);
    world.take(ADA);
    registers(&mut world, ADA, "ada");
    let told = world.take(ADA);
    let is_in = |event: &PeerEvent| matches!(event, PeerEvent::Replied { reply: Ok(Reply::LoggedIn { .. }), .. });
    assert!(!told.iter().any(is_in), "{told:?}");
}
