//! How far the members have it: noted for those who are here, told to all, cut with the tail.

use core::time::Duration;

use segment_proto::messages::Delivered;

use super::rig::HostRig;
use crate::sync::tests::kit::{Author, channel};

fn delivered(pos: u64) -> Delivered {
    Delivered { channel: channel(), pos }
}

#[test]
fn members_say_what_they_have_and_hear_it_of_one_another() {
    let mut rig = HostRig::owning();
    rig.submit(2, &Author::new(2).texts(2));
    rig.all_done();
    assert_eq!(rig.say(4, delivered(2)), [""; 0], "no member");
    rig.say(2, delivered(2));
    rig.say(3, delivered(1));
    rig.peer.sleep(Duration::from_millis(10));
    assert_eq!(rig.timeout(), ["2+3! delivered to 1@2 2@1 of 2"]);
    rig.say(3, delivered(7));
    rig.peer.sleep(Duration::from_secs(1));
    assert_eq!(rig.timeout(), ["2+3! delivered to 2@2 of 2"], "nobody has more than there is");
    rig.peer.sleep(Duration::from_secs(9));
    assert_eq!(rig.timeout(), ["write: put cursor, put cursor"]);
    rig.all_done();
    rig.restart();
    rig.take_office();
    rig.subscribe(3);
    rig.peer.sleep(Duration::from_millis(10));
    assert_eq!(rig.timeout(), ["3! delivered to 2@0 of 2"], "what was not committed was cut");
}
