use alloc::vec::Vec;
use proptest::prelude::*;

use super::draw::Draw;
use super::samples::{every_message, frame};
use crate::frame::{FrameError, Header, Parser};
use crate::messages::{DecodeError, Kind};
use crate::*;

fn decode(frame: &Frame) -> Result<Message, DecodeError> {
    Message::decode(&frame.header().unwrap(), &frame.payload())
}

fn cut(chunks: &[&[u8]]) -> Result<Vec<Frame>, FrameError> {
    let mut parser = Parser::default();
    let mut frames = Vec::new();
    for chunk in chunks {
        parser.extend(chunk);
        while let Some(frame) = parser.next_frame(limits::FRAME_BYTES_MAX)? {
            frames.push(frame);
        }
    }
    assert_eq!(parser.buffered(), 0);
    Ok(frames)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_encoded_is_decoded(seed: u64) {
        for message in every_message(&mut Draw::seeded(seed)) {
            let decoded = decode(&frame(&message)).unwrap();
            prop_assert_eq!(&decoded, &message);
            // Signed things compare by their bytes, so their readings are compared as text.
            prop_assert_eq!(alloc::format!("{decoded:?}"), alloc::format!("{message:?}"));
        }
    }

    #[test]
    fn merged_and_split_frames_are_the_same_frames(seed: u64, sizes in prop::collection::vec(1_usize..700, 1..40)) {
        let frames: Vec<Frame> = every_message(&mut Draw::seeded(seed)).iter().map(frame).collect();
        let stream: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes().to_vec()).collect();
        let mut rest = stream.as_slice();
        let mut chunks = Vec::new();
        for size in sizes.iter().cycle() {
            if rest.is_empty() { break; }
            let (chunk, behind) = rest.split_at((*size).min(rest.len()));
            chunks.push(chunk);
            rest = behind;
        }
        prop_assert_eq!(cut(&chunks).unwrap(), frames);
    }

    #[test]
    fn garbage_is_an_error_or_a_message(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        crate::fuzzing::frame_parser(&bytes);
        crate::fuzzing::message_decode(&bytes);
    }

    #[test]
    fn a_message_with_flipped_bits_is_an_error_or_a_message(seed: u64, flips in prop::collection::vec(any::<(u16, u8)>(), 1..4)) {
        for message in every_message(&mut Draw::seeded(seed)) {
            let mut bytes = frame(&message).bytes().to_vec();
            for (place, mask) in &flips {
                let place = usize::from(*place) % bytes.len();
                bytes[place] ^= mask;
            }
            crate::fuzzing::frame_parser(&bytes);
            crate::fuzzing::message_decode(&bytes[frame::LENGTH_BYTES..]);
        }
    }
}

#[test]
fn a_frame_split_at_every_byte_is_the_same_frame() {
    for message in every_message(&mut Draw::fixed()) {
        let frame = frame(&message);
        for place in 0..=frame.len() {
            let bytes = frame.bytes();
            let (head, tail) = bytes.split_at(place);
            assert_eq!(cut(&[head, tail]).unwrap(), core::slice::from_ref(&frame));
        }
    }
}

#[test]
fn a_frame_byte_by_byte_is_the_same_frame() {
    for message in every_message(&mut Draw::fixed()) {
        let frame = frame(&message);
        let bytes = frame.bytes();
        let chunks: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(cut(&chunks).unwrap(), core::slice::from_ref(&frame));
    }
}

#[test]
fn a_payload_cut_anywhere_is_malformed() {
    for message in every_message(&mut Draw::fixed()) {
        let frame = frame(&message);
        for length in 0..frame.payload().len() {
            let decoded = Message::decode(&frame.header().unwrap(), &frame.payload()[..length]);
            assert_eq!(decoded, Err(DecodeError::Malformed(message.name())), "cut at {length}");
        }
    }
}

#[test]
fn what_a_newer_minor_version_appends_is_ignored() {
    for message in every_message(&mut Draw::fixed()) {
        let frame = frame(&message);
        let mut payload = frame.payload().to_vec();
        payload.extend_from_slice(b"appended later");
        assert_eq!(Message::decode(&frame.header().unwrap(), &payload), Ok(message));
    }
}

#[test]
fn what_is_appended_to_signed_content_is_kept_as_signed() {
    let mut draw = Draw::fixed();
    let signed = draw.signed_receipt();
    let mut longer = signed.bytes().to_vec();
    longer.extend_from_slice(b"appended later");
    let read = Signed::<Receipt>::from_parts(longer.clone().into(), *signed.signature()).unwrap();
    assert_eq!(read.bytes(), &longer);
    assert_eq!(*read, *signed);
    assert_ne!(read.hash(), signed.hash());
}

#[test]
fn an_unknown_kind_is_named_and_keeps_its_correlation() {
    let known: Vec<u16> = Message::TABLE.iter().map(|(kind, _)| kind.0).collect();
    let id = RequestId::from_random([5; 16]);
    for code in (0..=u16::MAX).filter(|code| !known.contains(code)) {
        let header = Header { version: 1, role: frame::Role::Request, kind: Kind(code), correlation: id };
        assert_eq!(Message::decode(&header, &[]), Err(DecodeError::UnknownKind(Kind(code))));
    }
}

#[test]
fn an_unknown_layout_version_is_named() {
    for message in every_message(&mut Draw::fixed()) {
        let frame = frame(&message);
        for version in [0, 2, 255] {
            let header = Header { version, ..frame.header().unwrap() };
            let expected = DecodeError::UnknownVersion { name: message.name(), version };
            assert_eq!(Message::decode(&header, &frame.payload()), Err(expected));
        }
    }
}

#[test]
fn an_unknown_value_of_an_open_enumeration_survives() {
    let message = Message::from(messages::Goodbye { reason: Reason::Unknown(4_711) });
    assert_eq!(decode(&frame(&message)), Ok(message));
    for code in 0..=u16::MAX {
        assert_eq!(Reason::from_code(code).code(), code);
    }
}
