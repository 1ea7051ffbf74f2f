use alloc::string::ToString;

use super::draw::Draw;
use super::samples::{every_message, frame};
use crate::ProtocolVersion;
use crate::version::ProtocolMismatch;

fn version(major: u16, minor: u16) -> ProtocolVersion {
    ProtocolVersion { major, minor }
}

#[test]
fn the_lower_minor_of_one_major_is_spoken() {
    for (ours, theirs, spoken) in [
        (version(1, 0), version(1, 0), version(1, 0)),
        (version(1, 0), version(1, 7), version(1, 0)),
        (version(1, 7), version(1, 0), version(1, 0)),
        (version(1, u16::MAX), version(1, 300), version(1, 300)),
    ] {
        assert_eq!(ours.negotiate(theirs), Ok(spoken));
        assert_eq!(theirs.negotiate(ours), Ok(spoken));
    }
}

#[test]
fn another_major_is_refused_and_both_are_named() {
    for (ours, theirs) in
        [(version(1, 0), version(2, 0)), (version(2, 3), version(1, 9)), (version(1, 0), version(0, 9))]
    {
        assert_eq!(ours.negotiate(theirs), Err(ProtocolMismatch { ours, theirs }));
        let said = ours.negotiate(theirs).unwrap_err().to_string();
        assert!(said.contains(&ours.to_string()) && said.contains(&theirs.to_string()), "{said}");
    }
}

/// However a later major lays a greeting out, these bytes come first: so it can be refused by name.
#[test]
fn a_greeting_begins_with_its_protocol() {
    for message in every_message(&mut Draw::fixed()).iter().filter(|m| matches!(m.name(), "Hello" | "Welcome")) {
        let frame = frame(message);
        assert_eq!(postcard::take_from_bytes::<ProtocolVersion>(&frame.payload()).unwrap().0, version(1, 1));
    }
}
