use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::blessed;
use super::draw::Draw;
use super::samples::{PASSWORD, every_message, frame};
use crate::readable::Hex;
use crate::*;

fn line(name: &str, bytes: &[u8]) -> String {
    format!("{name} {}\n", Hex(bytes))
}

fn content<T: Serialize>(name: &str, value: &T) -> String {
    line(name, &postcard::to_allocvec(value).unwrap())
}

#[test]
fn every_message_has_a_sample() {
    let samples: Vec<_> =
        every_message(&mut Draw::fixed()).iter().map(|message| (message.kind(), message.name())).collect();
    assert_eq!(samples, Message::TABLE);
}

#[test]
fn no_number_is_used_twice() {
    let numbers: BTreeSet<u16> = Message::TABLE.iter().map(|(kind, _)| kind.0).collect();
    assert_eq!(numbers.len(), Message::TABLE.len());
}

#[test]
fn frames_are_encoded_as_ever() {
    let lines: String =
        every_message(&mut Draw::fixed()).iter().map(|message| line(message.name(), &frame(message).bytes())).collect();
    blessed::check("segment-proto/golden/frames.txt", lines.as_bytes());
}

#[test]
fn contents_are_encoded_as_ever() {
    let d = &mut Draw::fixed();
    let mut lines = String::new();
    for kind in [EnvelopeKind::Text, EnvelopeKind::Access, EnvelopeKind::Unknown(77)] {
        lines += &content(&format!("Envelope/{kind}"), &d.envelope_of(kind));
    }
    lines += &content("SignedEnvelope", &d.signed_envelope());
    lines += &content("Entry", &d.entry());
    lines += &content("AccessChange", &d.change());
    lines += &content("Access", &d.access());
    lines += &content("Row", &d.row());
    lines += &content("EpochRecord", &d.epoch_record());
    lines += &content("EpochRecord/tracker", &EpochRecord { owner: EpochOwner::Tracker, ..d.epoch_record() });
    lines += &content("Receipt", &d.receipt());
    lines += &content("Certificate", &d.certificate());
    lines += &content("DeviceRecord", &d.device_record());
    lines += &content("ChannelRecord", &d.channel_record());
    lines += &content("Snapshot", &d.snapshot());
    lines += &content("StreamDescription", &d.stream_description());
    lines += &content("FrameHeader", &d.frame_header());
    lines += &content("Ticket", &d.ticket());
    blessed::check("segment-proto/golden/contents.txt", lines.as_bytes());
}

#[test]
fn json_is_rendered_as_ever() {
    let lines: String = every_message(&mut Draw::fixed()).iter().map(|message| message.to_json() + "\n").collect();
    blessed::check("segment-proto/golden/messages.jsonl", lines.as_bytes());
}

#[test]
fn json_describes_itself_and_keeps_secrets() {
    for seed in 0..200 {
        for message in every_message(&mut Draw::seeded(seed)) {
            let json = message.to_json();
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(value["message"], message.name());
            assert!(!json.contains(PASSWORD), "{json}");
            assert!(!json.chars().any(untrusted::is_deceptive), "{json:?}");
            if value.get("token").is_some() {
                assert_eq!(value["token"], "***");
            }
        }
    }
}

#[test]
fn json_says_in_hexadecimal_what_is_no_text() {
    let mut draw = Draw::fixed();
    let mut envelope = draw.envelope_of(EnvelopeKind::Text);
    envelope.body = bytes::Bytes::from_static(&[0xff, 0x00]);
    let message = Message::from(messages::Submit::new(
        envelope.key.channel,
        Fence::default(),
        alloc::vec![draw.signed(envelope)],
    ));
    let value: serde_json::Value = serde_json::from_str(&message.to_json()).unwrap();
    assert_eq!(value["envelopes"][0]["content"]["body"]["hex"], "ff00");
}
