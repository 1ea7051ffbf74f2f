//! A tracker that knows nothing of the channel any more.

use core::time::Duration;

use segment_proto::Reason;
use segment_proto::messages::{ChannelFound, ChannelRow, Failure};

use super::rig::HostRig;
use crate::peer::context::Answer;

fn refuse(rig: &mut HostRig, reason: Reason) -> alloc::vec::Vec<alloc::string::String> {
    rig.end(Answer::Message(Failure::new(reason, "").into()))
}

fn found(rig: &HostRig) -> ChannelFound {
    let record = rig.record.clone();
    let (view, visitors) = (record.view, record.visitors);
    let row = ChannelRow { record, view, visitors, host: None, host_present: false, joined: true };
    ChannelFound { row, epoch: None }
}

#[test]
fn it_is_given_the_channel_and_greeted_again() {
    let mut rig = HostRig::new();
    assert_eq!(rig.tracker_up(), ["99? host hello after 0"]);
    assert_eq!(refuse(&mut rig, Reason::NoSuchChannel), ["99? RestoreChannel"]);
    assert!(!rig.host.is_stranded());
    let found = found(&rig);
    assert_eq!(rig.answer(found), ["channel restored", "99? host hello after 0"]);
}

#[test]
fn where_it_does_not_take_it_that_is_told_once_and_tried_again() {
    let mut rig = HostRig::new();
    rig.tracker_up();
    refuse(&mut rig, Reason::NoSuchChannel);
    assert_eq!(refuse(&mut rig, Reason::NameTaken), ["channel not restored: name_taken"]);
    assert!(rig.host.is_stranded());
    rig.peer.sleep(Duration::from_secs(1));
    assert_eq!(rig.timeout(), ["99? host hello after 0"]);
    assert_eq!(refuse(&mut rig, Reason::NoSuchChannel), ["99? RestoreChannel"]);
    assert_eq!(refuse(&mut rig, Reason::NameTaken), [""; 0]);
    rig.peer.sleep(Duration::from_secs(2));
    rig.timeout();
    refuse(&mut rig, Reason::NoSuchChannel);
    let found = found(&rig);
    assert_eq!(rig.answer(found), ["channel restored", "99? host hello after 0"]);
    assert!(!rig.host.is_stranded());
}
