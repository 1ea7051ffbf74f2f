//! What an outage must not lead to; found by worlds of streams.

use alloc::vec;
use alloc::vec::Vec;

use segment_proto::Message;

use super::rig::*;

fn places(messages: &[Message]) -> Vec<u32> {
    let place = |message: &Message| if let Message::Chunk(chunk) = message { Some(chunk.place.frame) } else { None };
    messages.iter().filter_map(place).collect()
}

#[test]
fn who_resumes_behind_an_outage_gets_what_the_ring_has() {
    let mut source = Source::new(vec![video()]);
    let key = source.key();
    source.delta();
    source.rig.pass(400);
    let next = source.key();
    source.delta();
    source.rig.pass(300);
    source.tell(7, 7, follow(7, &[(VIDEO, key.group, 0)]));
    assert_eq!(next.group, key.group + 1);
    assert_eq!(places(&source.chunks(7)), [1, 0, 1]);
}
