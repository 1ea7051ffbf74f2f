//! What the tracker hands on: judged as any other, for who has brought it there.

use alloc::string::String;
use alloc::vec::Vec;

use segment_proto::messages::Forward;
use segment_proto::{AccountId, LinkId, SignedEnvelope};

use super::rig::{HostRig, TRACKER_LINK};
use crate::outbox::Asker;
use crate::sync::tests::kit::{Author, channel, device, fence};

fn forward(rig: &mut HostRig, link: u64, epoch: u32, envelopes: &[SignedEnvelope]) -> Vec<String> {
    let from = Asker { link: LinkId(link), ..rig.peer.asker(link) };
    let (account, device, envelopes) = (AccountId(4), device(4), envelopes.to_vec());
    let forward = Forward { channel: channel(), fence: fence(epoch), account, device, envelopes, authors: Vec::new() };
    rig.host.on_forward(from, forward, &mut rig.peer.cx());
    rig.peer.seen()
}

#[test]
fn who_is_no_member_here_writes_by_way_of_the_tracker() {
    let mut rig = HostRig::owning();
    let texts = Author::new(4).texts(2);
    assert_eq!(forward(&mut rig, TRACKER_LINK, 2, &texts), ["write: append host 1..2"]);
    assert_eq!(
        rig.done(),
        ["99= submitted stored@1, stored@2", "2+3! entries 1..2", "99! replicate 1..2", "(replicated 1..2)"]
    );
    assert_eq!(forward(&mut rig, TRACKER_LINK, 2, &texts[..1]), ["99= submitted stored@1"]);
}

#[test]
fn only_the_tracker_hands_on_and_only_in_this_epoch() {
    let mut rig = HostRig::owning();
    let texts = Author::new(4).texts(1);
    assert_eq!(forward(&mut rig, 2, 2, &texts), ["2= failure out_of_order"]);
    assert_eq!(forward(&mut rig, TRACKER_LINK, 1, &texts), ["99! fenced 1.2", "99= failure fenced"]);
    let mut rig = HostRig::new();
    rig.tracker_up();
    assert_eq!(forward(&mut rig, TRACKER_LINK, 2, &texts), ["99= failure not_now 500"]);
}
