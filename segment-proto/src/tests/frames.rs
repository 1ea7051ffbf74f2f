use alloc::vec;
use alloc::vec::Vec;

use crate::frame::{FrameError, HEADER_BYTES, Header, LENGTH_BYTES, Parser, Role};
use crate::limits::{FRAME_BEFORE_LOGIN_BYTES_MAX, FRAME_BYTES_MAX};
use crate::messages::{Done, Kind, Payload, Ping};
use crate::*;

fn stream(length: u32, behind: usize) -> Vec<u8> {
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.resize(LENGTH_BYTES + behind, 0);
    bytes
}

fn next(bytes: &[u8], limit: usize) -> Result<Option<Frame>, FrameError> {
    let mut parser = Parser::default();
    parser.extend(bytes);
    parser.next_frame(limit)
}

#[test]
fn the_header_is_laid_out_as_written_down() {
    let id = RequestId::from_random([0xff; 16]);
    let frame = Frame::request(id, &Ping {});
    let mut expected = vec![0, 0, 0, 20, 1, 1, 0x01, 0x0c];
    expected.extend_from_slice(id.as_bytes());
    assert_eq!(frame.bytes(), &expected);
    assert_eq!(frame.len(), LENGTH_BYTES + HEADER_BYTES);
    assert!(frame.payload().is_empty());
    let header = Header { version: 1, role: Role::Request, kind: Ping::KIND, correlation: id };
    assert_eq!(frame.header(), Some(header));
}

#[test]
fn each_role_has_its_bits() {
    let id = RequestId::from_random([1; 16]);
    let flags = [Frame::push(&Done {}), Frame::request(id, &Done {}), Frame::response(id, &Done {})]
        .map(|frame| frame.bytes()[LENGTH_BYTES + 1]);
    assert_eq!(flags, [0, 1, 2]);
    assert_eq!(Frame::push(&Done {}).header().map(|header| header.correlation), Some(RequestId::NONE));
}

#[test]
fn flags_kept_for_later_are_ignored() {
    for (flags, role) in [(0xfc, Role::Push), (0xfd, Role::Request), (0xfe, Role::Response), (3, Role::Push)] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[1] = flags;
        assert_eq!(Header::parse(&bytes).map(|header| header.role), Some(role));
    }
}

#[test]
fn an_id_in_a_push_is_dropped() {
    for (flags, id) in [(0, RequestId::NONE), (3, RequestId::NONE), (1, RequestId::from_random([9; 16]))] {
        let mut bytes = RequestId::from_random([9; 16]).as_bytes().to_vec();
        bytes.splice(..0, [1, flags, 1, 12]);
        assert_eq!(Header::parse(&bytes).map(|header| header.correlation), Some(id));
    }
}

#[test]
fn a_header_with_a_byte_missing_is_none() {
    for length in 0..HEADER_BYTES {
        assert_eq!(Header::parse(&vec![0; length]), None);
        assert_eq!(Frame::from_body(&vec![0; length]), None);
    }
}

#[test]
fn a_frame_cut_by_another_codec_is_the_same_frame() {
    let frame = Frame::push(&Ping {});
    assert_eq!(Frame::from_body(&frame.bytes()[LENGTH_BYTES..]), Some(frame));
}

#[test]
fn the_longest_frame_passes_and_the_next_byte_does_not() {
    for limit in [FRAME_BEFORE_LOGIN_BYTES_MAX, FRAME_BYTES_MAX] {
        let length = u32::try_from(limit - LENGTH_BYTES).unwrap();
        let longest = next(&stream(length, limit - LENGTH_BYTES), limit).unwrap().unwrap();
        assert_eq!(longest.len(), limit);
        let refused = Err(FrameError::TooLong { length: limit + 1, limit });
        assert_eq!(next(&stream(length + 1, 0), limit), refused);
    }
}

#[test]
fn an_absurd_length_is_refused_from_four_bytes() {
    let length = usize::try_from(u32::MAX).unwrap() + LENGTH_BYTES;
    assert_eq!(next(&[0xff; 4], FRAME_BYTES_MAX), Err(FrameError::TooLong { length, limit: FRAME_BYTES_MAX }));
}

#[test]
fn a_frame_without_room_for_a_header_is_refused() {
    for announced in 0..u32::try_from(HEADER_BYTES).unwrap() {
        let length = usize::try_from(announced).unwrap() + LENGTH_BYTES;
        assert_eq!(next(&stream(announced, 64), FRAME_BYTES_MAX), Err(FrameError::TooShort { length }));
    }
}

#[test]
fn a_lost_boundary_stays_lost() {
    let mut parser = Parser::default();
    parser.extend(&[0; 4]);
    assert!(parser.next_frame(FRAME_BYTES_MAX).is_err());
    parser.extend(&Frame::push(&Ping {}).bytes());
    assert!(parser.next_frame(FRAME_BYTES_MAX).is_err());
}

#[test]
fn frames_before_a_broken_one_still_arrive() {
    let mut parser = Parser::default();
    parser.extend(&Frame::push(&Ping {}).bytes());
    parser.extend(&[0xff; 4]);
    assert_eq!(parser.next_frame(FRAME_BYTES_MAX), Ok(Some(Frame::push(&Ping {}))));
    assert!(parser.next_frame(FRAME_BYTES_MAX).is_err());
}

#[test]
fn kinds_read_as_numbers() {
    assert_eq!(alloc::format!("{}", Kind(0x0102)), "0x0102");
}
