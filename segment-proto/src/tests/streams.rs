use bytes::Bytes;

use super::draw::Draw;
use crate::limits::*;
use crate::messages::*;
use crate::*;

fn chunk(payload: Bytes) -> Chunk {
    let d = &mut Draw::fixed();
    Chunk {
        stream: d.stream(),
        track: 1,
        place: FramePlace { group: u64::MAX, frame: u32::MAX },
        index: u16::MAX,
        header: Some(d.signed_frame()),
        payload,
    }
}

#[test]
fn a_chunk_is_sent_without_a_copy_and_reads_as_any_message() {
    let payload = Bytes::from(alloc::vec![7; CHUNK_BYTES_MAX]);
    let chunk = chunk(payload.clone());
    let frame = chunk.to_frame();
    assert_eq!(frame, Frame::push(&chunk));
    assert_eq!(frame.parts()[1].as_ptr(), payload.as_ptr());
    assert_eq!(frame.len(), frame.bytes().len());
    let header = frame.header().unwrap();
    assert_eq!(Message::decode(&header, &frame.payload()), Ok(Message::Chunk(chunk)));
}

#[test]
fn a_chunk_is_read_without_a_copy() {
    let chunk = chunk(Bytes::from_static(b"picture"));
    let frame = chunk.to_frame();
    let mut bytes = frame.payload().to_vec();
    bytes.extend_from_slice(b"appended by a newer version");
    let bytes = Bytes::from(bytes);
    let Ok(Message::Chunk(read)) = Message::decode_shared(&frame.header().unwrap(), &bytes) else { panic!() };
    assert_eq!(read, chunk);
    assert!(bytes.as_ptr_range().contains(&read.payload.as_ptr()));
}

#[test]
fn a_chunk_that_is_cut_short_is_malformed() {
    let frame = chunk(Bytes::from_static(b"picture")).to_frame();
    let (header, bytes) = (frame.header().unwrap(), Bytes::from(frame.payload().to_vec()));
    for length in 0..bytes.len() {
        let read = Message::decode_shared(&header, &bytes.slice(..length));
        assert_eq!(read, Err(DecodeError::Malformed("Chunk")));
    }
    let read = Message::decode_shared(&Header { version: 2, ..header }, &bytes);
    assert_eq!(read, Err(DecodeError::UnknownVersion { name: "Chunk", version: 2 }));
}

#[test]
fn the_longest_chunk_fits_what_a_stranger_may_send_at_its_usual_size() {
    let usual = Limits::default().streams.chunk_bytes;
    assert!(chunk(alloc::vec![0; usual].into()).to_frame().len() <= FRAME_BEFORE_LOGIN_BYTES_MAX);
    assert!(chunk(alloc::vec![0; CHUNK_BYTES_MAX].into()).to_frame().len() <= FRAME_BYTES_MAX);
}

#[test]
fn a_frame_is_its_streamers_and_of_its_stream() {
    let identity = Identity::from_secret(&[7; 32]);
    let header = Draw::fixed().frame_header();
    let signed = Signed::new(header, &identity);
    assert!(signed.is_signed_by(&identity.device(), &Verifier::ed25519()));
    let other = Signed::new(FrameHeader { stream: StreamId::from_random([0; 16]), ..header }, &identity);
    let swapped = Signed::<FrameHeader>::from_parts(other.bytes().clone(), *signed.signature()).unwrap();
    assert!(!swapped.is_signed_by(&identity.device(), &Verifier::ed25519()));
}
