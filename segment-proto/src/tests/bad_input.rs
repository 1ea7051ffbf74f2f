//! What a broken or hostile peer may send, and what it is told. A reason of the wire without a case fails.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::draw::Draw;
use super::samples::{every_message, frame};
use crate::frame::{FrameError, HEADER_BYTES, LENGTH_BYTES, Parser};
use crate::limits::*;
use crate::messages::{DecodeError, Hello, Kind, Secret};
use crate::*;

/// Bytes on a link, and the reason that they are answered with.
pub struct Case {
    pub name: String,
    pub bytes: Vec<u8>,
    told: Reason,
}

/// What reading the stream ends in: the way that a driver takes.
fn read(bytes: &[u8]) -> Result<Verified<Message>, Reason> {
    let mut parser = Parser::default();
    parser.extend(bytes);
    let frame = parser.next_frame(FRAME_BYTES_MAX).map_err(|error| error.reason())?.ok_or(Reason::NotNow)?;
    let header = frame.header().ok_or(Reason::Malformed)?;
    let message = Message::decode(&header, &frame.payload()).map_err(|error| error.reason())?;
    if let Message::Hello(hello) = &message {
        ProtocolVersion::CURRENT.negotiate(hello.protocol).map_err(|_| Reason::ProtocolMismatch)?;
    }
    Verifier::ed25519().check(message).map_err(|_| Reason::BadSignature)
}

fn case(name: &str, bytes: Vec<u8>, told: Reason) -> Case {
    Case { name: name.to_string(), bytes, told }
}

fn announced(length: usize) -> Vec<u8> {
    let mut bytes = u32::try_from(length - LENGTH_BYTES).unwrap().to_be_bytes().to_vec();
    bytes.resize(length, 0);
    bytes
}

fn lengths() -> Vec<Case> {
    let mut cases: Vec<Case> = [LENGTH_BYTES, LENGTH_BYTES + 1, LENGTH_BYTES + HEADER_BYTES - 1]
        .iter()
        .map(|length| case(&alloc::format!("a frame of {length} bytes"), announced(*length), Reason::Malformed))
        .collect();
    for length in [FRAME_BYTES_MAX + 1, FRAME_BYTES_MAX * 2, 10 * 1024 * 1024] {
        cases.push(case(&alloc::format!("a frame of {length} bytes"), announced(length), Reason::TooLarge));
    }
    cases.push(case("the greatest length", vec![0xff; LENGTH_BYTES], Reason::TooLarge));
    cases.push(case("another protocol", b"GET / HTTP/1.1\r\n\r\n".to_vec(), Reason::TooLarge));
    cases
}

fn over_limits() -> Vec<Case> {
    let small = Draw::with_lists_of(EPOCHS_MAX + 1);
    let texts = Draw::with_texts_of(TEXT_BYTES_MAX + 1);
    let bodies = Draw::with_bodies_of(ENVELOPE_BYTES_MAX);
    let mut cases = Vec::new();
    for (what, mut draw, name) in [
        ("too many epochs", small, "Adopt"),
        ("too long a text", texts, "JoinChannel"),
        ("too large an envelope", bodies, "Replicate"),
        ("too many rows", Draw::with_lists_of(PAGE_ROWS_MAX + 1), "MemberPage"),
        ("too many devices", Draw::with_lists_of(PAGE_ROWS_MAX + 1), "FindDevices"),
        ("too many fates", Draw::with_lists_of(BATCH_ENTRIES_MAX + 1), "Submitted"),
    ] {
        let messages = every_message(&mut draw);
        let message = messages.iter().find(|message| message.name() == name).unwrap();
        cases.push(case(what, frame(message).bytes().to_vec(), Reason::Malformed));
    }
    let long = Secret("p".repeat(TEXT_BYTES_MAX + 1));
    let login = messages::Login {
        name: String::new(),
        auth_method: messages::AuthMethod::Password,
        secret: long,
        presence: messages::Presence::Online,
    };
    cases.push(case("too long a password", Frame::push(&login).bytes().to_vec(), Reason::Malformed));
    cases
}

/// A valid frame with its payload exchanged.
fn with_payload(frame: &Frame, payload: &[u8]) -> Vec<u8> {
    let mut body = frame.bytes()[LENGTH_BYTES..LENGTH_BYTES + HEADER_BYTES].to_vec();
    body.extend_from_slice(payload);
    Frame::from_body(&body).unwrap().bytes().to_vec()
}

fn payloads() -> Vec<Case> {
    let greeting = Frame::push(&messages::JoinChannel { name: "general".to_string() });
    let mut cases: Vec<Case> = [
        ("no payload", &[][..]),
        ("a length without its text", &[7]),
        ("a text shorter than its length", &[7, b'a']),
        ("a text that is not UTF-8", &[2, 0xc3, 0x28]),
        ("a character cut in two", &[1, 0xd0]),
        ("a length that does not end", &[0xff; 12]),
        ("a length of eternity", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
    ]
    .iter()
    .map(|(name, payload)| case(name, with_payload(&greeting, payload), Reason::Malformed))
    .collect();
    let leave = Frame::push(&messages::LeaveChannel { channel: ChannelId::from_random([1; 16]) });
    cases.push(case("an id too short", with_payload(&leave, &[15; 16]), Reason::Malformed));
    cases.push(case("an id too long", with_payload(&leave, &[17; 18]), Reason::Malformed));
    let found = Frame::push(&messages::UserFound { account: AccountId(1), name: UserName::new("ana").unwrap() });
    cases.push(case("a name with an escape", with_payload(&found, b"\x01\x04\x1b[2J"), Reason::Malformed));
    let page = Frame::push(&messages::UserPage { rows: Vec::new(), more: false });
    cases.push(case("a flag that is neither", with_payload(&page, &[0, 2]), Reason::Malformed));
    let list = Frame::push(&messages::ListUsers { after: None });
    cases.push(case("an option that is neither", with_payload(&list, &[2]), Reason::Malformed));
    let announce = Frame::push(&messages::Announce { port: 1, advertise: None });
    cases.push(case("a number over its width", with_payload(&announce, &[0xff, 0xff, 0x7f, 0]), Reason::Malformed));
    cases.push(case("an address of no family", with_payload(&announce, &[1, 1, 9]), Reason::Malformed));
    cases
}

fn headers() -> Vec<Case> {
    let ping = Frame::push(&messages::Ping {}).bytes().to_vec();
    let patched = |place: usize, value: u8| {
        let mut bytes = ping.clone();
        bytes[LENGTH_BYTES + place] = value;
        bytes
    };
    vec![
        case("an unknown kind", patched(2, 0x7f), Reason::UnsupportedKind),
        case("layout version 0", patched(0, 0), Reason::UnsupportedVersion),
        case("a later layout version", patched(0, 2), Reason::UnsupportedVersion),
    ]
}

fn meanings() -> Vec<Case> {
    let hello = |major| Hello {
        protocol: ProtocolVersion { major, minor: 0 },
        greeter: messages::Greeter::Client,
        software: String::new(),
    };
    let mut draw = Draw::fixed();
    let envelope = draw.envelope();
    let forged = Signed::new(envelope, &Identity::from_secret(&[8; 32]));
    let submit = messages::Submit::new(forged.key.channel, Fence::default(), vec![forged]);
    vec![
        case("an older protocol", Frame::push(&hello(0)).bytes().to_vec(), Reason::ProtocolMismatch),
        case("a newer protocol", Frame::push(&hello(2)).bytes().to_vec(), Reason::ProtocolMismatch),
        case("a forged author", Frame::push(&submit).bytes().to_vec(), Reason::BadSignature),
    ]
}

pub fn cases() -> Vec<Case> {
    [lengths(), over_limits(), payloads(), headers(), meanings()].into_iter().flatten().collect()
}

/// Whether a reason is found out while reading. No wildcard: a new reason has to be put somewhere.
fn is_found_while_reading(reason: Reason) -> bool {
    use Reason::*;
    match reason {
        UnsupportedKind | UnsupportedVersion | ProtocolMismatch | Malformed | TooLarge | BadSignature => true,
        OutOfOrder | SlowDown | LimitReached | StorageFailed | ShuttingDown | LoginRequired | WrongCredentials
        | SessionExpired | BadCertificate | VisitorsMayOnlyRead | NoVisitors | MembersOnly | MayNotSend | OwnerOnly
        | NotTheAuthor | UnsupportedAuth | NameTaken | BadName | BadPassword | NoSuchUser | NoSuchChannel | NotHost
        | HostAway | OwnerMayNotHide | Replaced | NotNow | Fenced | ChainMismatch | Gone | BadEnvelope | TailFull
        | MayNotStream | NoSuchStream | StreamerGone | Unknown(_) => false,
    }
}

#[test]
fn bad_input_is_told_its_reason() {
    let cases = cases();
    assert!(cases.len() >= 30);
    for Case { name, bytes, told } in &cases {
        assert_eq!(read(bytes).err(), Some(*told), "{name}");
    }
}

#[test]
fn every_reason_of_the_wire_has_a_case() {
    let told: BTreeSet<Reason> = cases().iter().map(|case| case.told).collect();
    let expected: BTreeSet<Reason> =
        Reason::ALL.iter().copied().filter(|reason| is_found_while_reading(*reason)).collect();
    assert_eq!(told, expected);
}

#[test]
fn every_error_says_what_is_wrong() {
    let said = [
        DecodeError::UnknownKind(Kind(0x0999)).to_string(),
        DecodeError::UnknownVersion { name: "Ping", version: 9 }.to_string(),
        DecodeError::Malformed("Ping").to_string(),
        FrameError::TooLong { length: 5, limit: 4 }.to_string(),
        FrameError::TooShort { length: 5 }.to_string(),
    ];
    assert_eq!(
        said,
        [
            "kind 0x0999 is not known here",
            "version 9 of Ping is not known here",
            "the payload is not a valid Ping, or something in it is too long",
            "a frame of 5 bytes is over the limit of 4",
            "a frame of 5 bytes cannot hold a header",
        ]
    );
}

#[test]
fn reasons_have_distinct_numbers_and_names_and_a_status() {
    let codes: BTreeSet<u16> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    let names: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!((codes.len(), names.len()), (Reason::ALL.len(), Reason::ALL.len()));
    assert!(Reason::ALL.iter().all(|reason| !matches!(reason.status(), Status::Ok | Status::Unknown(_))));
}
