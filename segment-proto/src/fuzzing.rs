//! What the fuzz targets run; the committed corpora run through the same functions in the tests.

use alloc::vec::Vec;

use crate::ed25519::{Claim, are_valid};
use crate::frame::{Header, Parser, Role};
use crate::limits::FRAME_BEFORE_LOGIN_BYTES_MAX;
use crate::messages::{Encoder, Message, Payload};
use crate::signed::Signature;
use crate::{DeviceId, Frame, Verifier};

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

/// A signature, and the message that it is said to be of.
const SIGNED_BYTES: usize = 64 + 8;

/// `bytes` are a key and what it is said to have signed: all of it together is what each is alone.
///
/// # Panics
/// Where it is not.
pub fn signature_check(bytes: &[u8]) {
    let Some((signer, rest)) = bytes.split_first_chunk() else {
        return;
    };
    let signer = DeviceId(*signer);
    let signed = rest.chunks_exact(SIGNED_BYTES).filter_map(<[u8]>::split_first_chunk);
    let signed: Vec<(Signature, &[u8])> = signed.map(|(signature, message)| (Signature(*signature), message)).collect();
    let claims: Vec<Claim<'_>> =
        signed.iter().map(|(signature, message)| Claim { message: [*message, &[], &[]], signature }).collect();
    let alone = claims.iter().all(|claim| are_valid(&signer, &[*claim]));
    assert!(claims.is_empty() || are_valid(&signer, &claims) == alone, "together they are judged otherwise");
}
