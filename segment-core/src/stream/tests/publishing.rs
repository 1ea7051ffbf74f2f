use alloc::vec;

use bytes::Bytes;
use segment_proto::messages::{ShutOut, Unfollow};
use segment_proto::*;

use super::rig::*;
use crate::rules::{Rule, Rules};
use crate::stream::PushError;

#[test]
fn a_joiner_gets_the_current_group_from_its_keyframe_at_once() {
    let mut source = Source::new(vec![video()]);
    source.key();
    source.delta();
    source.key();
    source.delta();
    source.tell(9, 9, follow(9, &[]));
    let expected = ["9: group 1001 of 2 by [1]", "9: group 1001 of 2 by [1]", "9: 1001.0/0 of 2", "9: 1001.1/0 of 2"];
    assert_eq!(source.rig.said(), expected);
    source.delta();
    assert_eq!(source.rig.said(), ["9: 1001.2/0 of 2"]);
}

#[test]
fn without_its_rule_a_joiner_begins_in_the_middle() {
    let mut source = Source::new(vec![video()]);
    source.rig.rules = Rules::without(Rule::JoinAtKeyframe);
    source.key();
    source.delta();
    source.tell(9, 9, follow(9, &[]));
    assert_eq!(source.rig.said()[2..], ["9: 1000.1/0 of 2"]);
}

#[test]
fn who_comes_from_another_parent_goes_on_behind_what_it_has() {
    let resumed = |rules: Rules| {
        let mut source = Source::new(vec![video()]);
        source.rig.rules = rules;
        source.key();
        source.delta();
        source.delta();
        source.tell(9, 9, follow(9, &[(VIDEO, 1_000, 1)]));
        source.rig.said().split_off(1)
    };
    assert_eq!(resumed(Rules::all()), ["9: group 1000 of 2 by [1]", "9: 1000.2/0 of 2"]);
    let joined = ["9: group 1000 of 2 by [1]", "9: 1000.0/0 of 2", "9: 1000.1/0 of 2", "9: 1000.2/0 of 2"];
    assert_ne!(resumed(Rules::without(Rule::ResumeFromRing)), joined[..2]);
}

#[test]
fn a_large_frame_is_cut_once_and_shared() {
    let mut source = Source::new(vec![video()]);
    for link in [8, 9] {
        source.tell(link, u8::try_from(link).unwrap(), follow(u8::try_from(link).unwrap(), &[]));
    }
    source.rig.said();
    let payload = Bytes::from(vec![7; 250]);
    source.publisher.push(VIDEO, 5, FrameFlags::KEY, &payload, &mut source.rig.cx()).unwrap();
    let frames: vec::Vec<_> = source.rig.out.drain(..).collect();
    let tails = frames.iter().filter_map(|output| match output {
        crate::stream::StreamOutput::Send(_, frame) => Some(frame.parts()[1].clone()).filter(|tail| !tail.is_empty()),
        _ => None,
    });
    let tails: vec::Vec<Bytes> = tails.collect();
    assert_eq!(tails.iter().map(Bytes::len).collect::<vec::Vec<_>>(), [100, 100, 50, 100, 100, 50]);
    assert!(tails.iter().all(|tail| payload.as_ptr_range().contains(&tail.as_ptr())));
}

#[test]
fn only_a_ticket_for_this_device_and_stream_admits() {
    let mut source = Source::new(vec![video()]);
    let mut answer = |from: u8, message: Message| {
        source.tell(9, from, message);
        source.rig.said().swap_remove(0)
    };
    assert_eq!(answer(8, follow(9, &[])), "9: unserved bad_certificate");
    let Message::Follow(mut forged) = follow(9, &[]) else { panic!() };
    forged.ticket = Signed::new((*forged.ticket).clone(), &identity(9));
    assert_eq!(answer(9, forged.clone().into()), "9: unserved bad_certificate");
    forged.ticket = Signed::new(Ticket { expires: UnixMillis(999), ..(*forged.ticket).clone() }, &identity(HOST));
    assert_eq!(answer(9, forged.clone().into()), "9: unserved bad_certificate");
    let other = Ticket { stream: StreamId::from_random([9; 16]), ..(*ticket(9)).clone() };
    forged.ticket = Signed::new(other, &identity(HOST));
    assert_eq!(answer(9, forged.clone().into()), "9: unserved no_such_stream");
    assert_eq!(answer(9, follow(9, &[])), "9: group 0 of 0 by [1]");
    source.rig.rules = Rules::without(Rule::TicketAdmits);
    source.tell(8, 8, follow(9, &[]));
    assert_eq!(source.publisher.fanout().len(), 2);
}

#[test]
fn who_is_shut_out_gets_nothing_more_even_with_its_ticket() {
    let mut source = Source::new(vec![video()]);
    source.rig.limits.ticket_life = core::time::Duration::from_secs(80_000);
    source.tell(9, 9, follow(9, &[]));
    source.rig.said();
    source.tell(3, HOST, ShutOut { channel: CHANNEL, stream: stream(), viewer: device(9) }.into());
    source.tell(9, 9, follow(9, &[]));
    assert_eq!(source.rig.said(), ["9: unserved bad_certificate", "9: unserved bad_certificate"]);
    let later = Ticket { expires: UnixMillis(90_000_000), ..(*ticket(9)).clone() };
    let Message::Follow(mut again) = follow(9, &[]) else { panic!() };
    again.ticket = Signed::new(later, &identity(HOST));
    source.tell(9, 9, again.into());
    assert_eq!(source.rig.said(), ["9: group 0 of 0 by [1]"]);
}

#[test]
fn what_cannot_be_shown_or_is_too_large_is_not_taken() {
    let mut source = Source::new(vec![video()]);
    source.rig.limits.frame_bytes_max = 50;
    let mut push = |track, flags, size| {
        let payload = Bytes::from(vec![0; size]);
        source.publisher.push(track, 0, flags, &payload, &mut source.rig.cx())
    };
    assert_eq!(push(AUDIO, FrameFlags::KEY, 1), Err(PushError::NoSuchTrack));
    assert_eq!(push(VIDEO, FrameFlags::NONE, 1), Err(PushError::KeyFirst));
    assert_eq!(push(VIDEO, FrameFlags::KEY, 51), Err(PushError::TooLarge(50)));
    assert_eq!(push(VIDEO, FrameFlags::KEY, 0), Ok(FramePlace { group: 1_000, frame: 0 }));
}

#[test]
fn a_viewer_that_wants_no_more_gets_no_more() {
    let mut source = Source::new(vec![video()]);
    source.tell(9, 9, follow(9, &[]));
    source.rig.said();
    source.tell(9, 9, Unfollow { stream: stream() }.into());
    assert_eq!(source.rig.said(), ["9: unserved replaced"], "this is the end of what was under way");
    source.tell(8, 8, follow(8, &[]));
    source.publisher.on_link_down(LinkId(8));
    source.rig.said();
    source.key();
    assert!(source.rig.said().is_empty() && source.publisher.poll_timeout(&source.rig.limits).is_none());
}

#[test]
fn who_is_sent_nothing_hears_signs_of_life() {
    let mut source = Source::new(vec![video()]);
    source.key();
    source.tell(9, 9, follow(9, &[]));
    source.rig.said();
    let due = source.publisher.poll_timeout(&source.rig.limits).unwrap();
    assert_eq!(due.at.since(source.rig.now.mono).as_millis(), 50);
    source.rig.pass(50);
    source.publisher.handle_timeout(&mut source.rig.cx());
    assert_eq!(source.rig.said(), ["9: group 1000 of 2 by [1]"]);
    assert!(source.publisher.poll_timeout(&source.rig.limits).unwrap().at > source.rig.now.mono);
    source.rig.rules = Rules::without(Rule::OnlyDirectChildren);
    source.rig.pass(50);
    source.publisher.handle_timeout(&mut source.rig.cx());
    assert!(source.rig.said().is_empty());
}

#[test]
fn a_streamer_that_was_started_again_counts_on() {
    let mut source = Source::new(vec![video()]);
    let before = source.key();
    let mut again = Source::new(vec![video()]);
    again.rig.pass(5_000);
    assert!(again.key() > before);
}

#[test]
fn who_follows_again_has_no_more_under_way_than_before() {
    let mut source = Source::new(vec![video()]);
    (source.rig.limits.window_bytes_min, source.rig.limits.window_bytes_max) = (100, 100);
    source.tell(9, 9, follow(9, &[]));
    source.push(VIDEO, FrameFlags::KEY, 100);
    assert_eq!(source.rig.said().len(), 3);
    for _ in 0..10 {
        source.tell(9, 9, Unfollow { stream: stream() }.into());
        source.push(VIDEO, FrameFlags::KEY, 100);
        source.tell(9, 9, follow(9, &[]));
        let sent = source.rig.said();
        assert!(sent.iter().all(|line| line.contains("group") || line.contains("replaced")), "only signs of life go");
    }
    // What was taken while it wanted nothing counts as well.
    source.tell(9, 9, Unfollow { stream: stream() }.into());
    source.taken(9, 9, 100);
    source.tell(9, 9, follow(9, &[]));
    assert_eq!(source.rig.said().last().map(alloc::string::String::as_str), Some("9: 1010.0/0 of 2"));

    // Who has ended the count begins anew.
    source.tell(9, 9, Unfollow { stream: stream() }.into());
    source.taken(9, 9, 0);
    source.tell(9, 9, follow(9, &[]));
    assert_eq!(source.rig.said().last().map(alloc::string::String::as_str), Some("9: 1010.0/0 of 2"));
    source.taken(9, 9, 100);
    source.push(VIDEO, FrameFlags::KEY, 100);
    assert_eq!(source.rig.said().last().map(alloc::string::String::as_str), Some("9: 1011.0/0 of 2"));

    // Who has counted before, with a parent that knows nothing of it, says where the count stands.
    source.taken(8, 8, 5_000);
    source.tell(8, 8, follow(8, &[]));
    source.push(VIDEO, FrameFlags::KEY, 100);
    let said = source.rig.said();
    assert!(said.iter().any(|line| line == "8: 1011.0/0 of 2") && !said.iter().any(|line| line == "8: 1012.0/0 of 2"));
    source.taken(8, 8, 5_100);
    assert_eq!(source.rig.said().last().map(alloc::string::String::as_str), Some("8: 1012.0/0 of 2"));
}
