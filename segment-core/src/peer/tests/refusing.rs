//! An own message that is refused for good stays on disk until the embedder was told.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use segment_proto::frame::Role;
use segment_proto::messages::{Fate, FateCode, Submitted, Subscribed};
use segment_proto::{EpochOwner, EpochRecord, Fence, Message, Position, Reason, SignedEnvelope};

use super::bench::{Bench, HOST, LINK, brief, channel, message, row, sign};
use super::serving::subscribed;
use crate::contract::Output;
use crate::peer::events::PeerEvent;
use crate::store::{LogId, LogRole, Table};
use crate::sync::persist::encode;

/// A message that is submitted to the copy, and refused.
fn refused() -> (Bench, SignedEnvelope) {
    let mut bench = Bench::connected();
    bench.log_in(vec![row(1, HOST, None)]);
    let fence = Fence { generation: 1, epoch: 1 };
    let (owner, base) = (EpochOwner::Tracker, Position::START);
    let epoch = Some(sign(EpochRecord { channel: channel(1), fence, owner, base }));
    bench.answer(LINK, "Subscribe", Subscribed { epoch, ..subscribed() });
    let now = bench.now();
    bench.peer.send(channel(1), "hello", now).unwrap();
    let outputs = bench.take();
    let Message::Submit(submit) = message(&outputs, "Submit") else { panic!("not submitted") };
    let ask = outputs.iter().find(|output| brief(output) == "to 1: ask Submit");
    let Some(Output::Transmit { frame, .. }) = ask else { panic!("not submitted") };
    let envelope = submit.envelopes[0].clone();
    let bad = Fate { reason: Some(Reason::BadEnvelope), ..Fate::new(envelope.key, FateCode::Refused) };
    let submitted = Submitted { channel: channel(1), fence, fates: vec![bad] };
    bench.receive(LINK, Role::Response, frame.header().unwrap().correlation, submitted);
    (bench, envelope)
}

fn told(bench: &mut Bench) -> Vec<Option<String>> {
    let told = |event| if let PeerEvent::MessageRefused { text, .. } = event { Some(text) } else { None };
    bench.events().into_iter().filter_map(told).collect()
}

#[test]
fn it_is_forgotten_behind_what_was_told() {
    let (mut bench, _) = refused();
    let out = bench.out();
    assert_eq!(
        out.iter().filter(|line| *line != "to 1: ask ReadOwn").collect::<Vec<_>>(),
        ["write", "MessageRefused", "write"]
    );
    assert_eq!((bench.store.count(Table::Refused), bench.store.count(Table::Outgoing)), (0, 0));
    let mut bench = bench.restarted();
    bench.wait(core::time::Duration::from_secs(1));
    assert_eq!(told(&mut bench), []);
}

#[test]
fn what_an_earlier_process_did_not_tell_is_told_at_the_first_opportunity() {
    let (mut bench, envelope) = refused();
    let key = LogId { channel: channel(1), role: LogRole::Cache }.key(&1_u64.to_be_bytes());
    bench.store.tables.insert((Table::Refused, key), encode(&(1_u64, envelope, Reason::MayNotSend)));
    let mut bench = bench.restarted();
    bench.wait(core::time::Duration::from_secs(1));
    assert_eq!(told(&mut bench), [Some("hello".into())]);
    assert_eq!(bench.store.count(Table::Refused), 0);
}
