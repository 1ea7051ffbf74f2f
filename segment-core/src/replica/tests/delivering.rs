//! Delivery: what is on disk is said, not what has come, and not by who is invisible.

use segment_proto::messages::{Deliveries, DeliveryStep, Diverged, Presence};

use super::rig::ReplicaRig;
use crate::peer::events::Serving;
use crate::replica::DeliveredTo;
use crate::sync::tests::kit::{Author, channel, fence};

fn visible() -> (ReplicaRig, Author) {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::new();
    rig.peer.presence = Presence::Online;
    rig.write(&three.texts(2));
    rig.committed = 2;
    rig.attach();
    rig.serve();
    (rig, three)
}

fn said(rig: &ReplicaRig) -> Option<u64> {
    rig.peer.tape.messages.iter().rev().find_map(|(_, message)| match message {
        segment_proto::Message::Delivered(delivered) => Some(delivered.pos),
        _ => None,
    })
}

#[test]
fn what_is_on_disk_is_said_once_a_second() {
    let (mut rig, mut three) = visible();
    assert_eq!(said(&rig), None, "it is not on disk");
    let lines = rig.all_done();
    assert_eq!((lines, said(&rig)), (alloc::vec!["1! Delivered".into()], Some(2)));
    rig.write(&three.texts(2));
    rig.push(rig.entries(3, 3));
    rig.push(rig.entries(4, 4));
    assert_eq!(rig.all_done(), [""; 0], "a second has not passed");
    assert_eq!(rig.timeout(999), [""; 0]);
    assert_eq!(rig.timeout(1), ["1! Delivered"]);
    assert_eq!(said(&rig), Some(4));
    assert_eq!(rig.replica.poll_timeout(), None);
}

#[test]
fn another_server_is_told_anew_and_nobody_of_what_is_cut() {
    let (mut rig, mut three) = visible();
    rig.all_done();
    rig.write(&three.texts(2));
    rig.push(rig.entries(3, 4));
    rig.push(Diverged { channel: channel(), fence: fence(2), at: rig.at(2) });
    rig.log.truncate(2);
    rig.all_done();
    assert_eq!(rig.replica.poll_timeout().map(|deadline| deadline.why), Some("bring what was cut here"));
    rig.attach_to(5, Serving::Copy);
    assert_eq!(rig.answer(rig.subscribed()), ["5! Delivered"]);
    assert_eq!(said(&rig), Some(2));
}

#[test]
fn who_is_invisible_and_who_visits_says_nothing() {
    let (mut rig, _) = visible();
    rig.peer.presence = Presence::Invisible;
    assert_eq!(rig.all_done(), [""; 0]);
    let (mut rig, _) = visible();
    rig.peer.login.as_mut().unwrap().who.account = segment_proto::AccountId::NOBODY;
    assert_eq!(rig.all_done(), [""; 0]);
}

#[test]
fn what_is_heard_is_told_and_can_be_asked() {
    let (mut rig, _) = visible();
    assert_eq!(rig.replica.delivered(1), None);
    let steps = [(9, 1), (5, 2), (2, 4)].map(|(pos, accounts)| DeliveryStep { pos, accounts });
    let lines = rig.push(Deliveries { channel: channel(), of: 5, steps: steps.to_vec() });
    assert_eq!(lines, ["delivered 9:1 5:2 2:4 of 5"]);
    let asked = [1, 2, 3, 6, 10].map(|pos| rig.replica.delivered(pos).unwrap());
    assert_eq!(asked, [4, 4, 2, 1, 0].map(|accounts| DeliveredTo { accounts, of: 5 }));
}
