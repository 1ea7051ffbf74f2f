//! What the fuzz targets run; the committed corpora run through the same functions in the tests.

use alloc::vec::Vec;

use crate::frame::{Header, Parser, Role};
use crate::limits::FRAME_BEFORE_LOGIN_BYTES_MAX;
use crate::messages::{Encoder, Message, Payload};
use crate::{Frame, Verifier};

/// The stream `bytes`, whole and byte by byte, is cut into the same frames, and ends in the same way.
///
/// # Panics
/// Where it is not.
pub fn frame_parser(bytes: &[u8]) {
    assert_eq!(frames(bytes.chunks(bytes.len().max(1))), frames(bytes.chunks(1)), "splitting changed the frames");
}

fn frames<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> (Vec<Frame>, bool) {
    let mut parser = Parser::default();
    let mut frames = Vec::new();
    for chunk in chunks {
        parser.extend(chunk);
        loop {
            match parser.next_frame(FRAME_BEFORE_LOGIN_BYTES_MAX) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, false),
            }
        }
        assert!(parser.buffered() < FRAME_BEFORE_LOGIN_BYTES_MAX, "more than a frame is buffered");
    }
    (frames, true)
}

/// `bytes` is a header and a payload: it is refused, or means the same after it was encoded again.
///
/// # Panics
/// Where it does not.
pub fn message_decode(bytes: &[u8]) {
    let Some(header) = Header::parse(bytes) else {
        return;
    };
    let Ok(message) = Message::decode(&header, &bytes[crate::frame::HEADER_BYTES..]) else {
        return;
    };
    let encoded = message.encode(Again(header));
    assert_eq!(encoded.header(), Some(header));
    assert_eq!(Message::decode(&header, &encoded.payload()).as_ref(), Ok(&message), "encoding changed the message");
    assert!(message.to_json().starts_with("{\"message\":\""));
    // Hardly ever valid; it has to end without a panic.
    let _ = Verifier::ed25519().check(message);
}

struct Again(Header);

impl Encoder for Again {
    fn encode<P: Payload>(self, payload: &P) -> Frame {
        match self.0.role {
            Role::Push => Frame::push(payload),
            Role::Request => Frame::request(self.0.correlation, payload),
            Role::Response => Frame::response(self.0.correlation, payload),
        }
    }
}
