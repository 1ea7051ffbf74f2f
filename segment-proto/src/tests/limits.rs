use alloc::collections::BTreeSet;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddr};

use super::draw::Draw;
use super::samples::{every_message, frame};
use crate::limits::*;
use crate::messages::*;
use crate::*;

fn refused(draw: &mut Draw) -> BTreeSet<&'static str> {
    let messages = every_message(draw);
    messages
        .iter()
        .filter_map(|message| {
            let frame = frame(message);
            match Message::decode(&frame.header().unwrap(), &frame.payload()) {
                Ok(decoded) => {
                    assert_eq!(decoded, *message);
                    None
                }
                Err(error) => {
                    assert_eq!(error, DecodeError::Malformed(message.name()));
                    Some(message.name())
                }
            }
        })
        .collect()
}

fn has_list(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Array(_) => true,
        serde_json::Value::Object(fields) => fields.values().any(has_list),
        _ => false,
    }
}

fn messages_with_lists() -> BTreeSet<&'static str> {
    let messages = every_message(&mut Draw::fixed());
    let with_lists = messages.iter().filter(|message| has_list(&serde_json::from_str(&message.to_json()).unwrap()));
    with_lists.map(Message::name).collect()
}

const WITH_TRACKS: [&str; 5] = ["Follow", "Plan", "StartStream", "StreamPage", "StreamStarted"];
const WITH_EPOCHS: [&str; 4] = ["Adopt", "Deliveries", "Lost", "SyncPage"];

#[test]
fn every_list_ends_at_its_limit() {
    let mut short = BTreeSet::new();
    assert_eq!(refused(&mut Draw::with_lists_of(STREAM_TRACKS_MAX)), short);
    short.extend(WITH_TRACKS);
    assert_eq!(refused(&mut Draw::with_lists_of(STREAM_TRACKS_MAX + 1)), short);
    assert_eq!(refused(&mut Draw::with_lists_of(STREAM_PATH_MAX)), short);
    short.insert("GroupHeader");
    assert_eq!(refused(&mut Draw::with_lists_of(STREAM_PATH_MAX + 1)), short);
    assert_eq!(refused(&mut Draw::with_lists_of(EPOCHS_MAX)), short);
    short.extend(WITH_EPOCHS);
    assert_eq!(refused(&mut Draw::with_lists_of(EPOCHS_MAX + 1)), short);
    assert_eq!(refused(&mut Draw::with_lists_of(PAGE_ROWS_MAX)), short);
    let with_lists = messages_with_lists();
    assert!(with_lists.len() >= 13);
    assert_eq!(refused(&mut Draw::with_lists_of(PAGE_ROWS_MAX + 1)), with_lists);
}

#[test]
fn more_items_announced_than_allowed_are_refused_before_any_is_read() {
    for (announced, behind) in [(257_u64, 0), (257, 20_000), (u64::MAX, 0), (60_000, 60_000)] {
        let mut payload = postcard::to_allocvec(&announced).unwrap();
        payload.resize(payload.len() + behind, 0);
        assert!(postcard::from_bytes::<FindDevices>(&payload).is_err());
    }
}

#[test]
fn every_text_ends_at_its_limit() {
    let with_texts = [
        "CreateChannel",
        "Failure",
        "FindChannel",
        "FindUser",
        "Guest",
        "Hello",
        "JoinChannel",
        "ListChannels",
        "Login",
        "Register",
        "StartStream",
        "StreamPage",
        "StreamStarted",
        "Welcome",
    ];
    assert_eq!(refused(&mut Draw::with_texts_of(TEXT_BYTES_MAX)), BTreeSet::new());
    assert_eq!(refused(&mut Draw::with_texts_of(TEXT_BYTES_MAX + 1)), BTreeSet::from(with_texts));
}

#[test]
fn a_password_ends_at_its_limit() {
    let decoded =
        |bytes: usize| postcard::from_bytes::<Secret>(&postcard::to_allocvec(&Secret("p".repeat(bytes))).unwrap());
    assert!(decoded(TEXT_BYTES_MAX).is_ok());
    assert!(decoded(TEXT_BYTES_MAX + 1).is_err());
}

#[test]
fn an_envelope_over_its_limit_is_submitted_in_vain_and_in_no_log() {
    let carries_entries = ["Adopt", "Entries", "EntryPage", "OwnEntries", "Replicate", "Reseed", "SyncPage"];
    assert_eq!(refused(&mut Draw::with_bodies_of(BODY_BYTES_MAX)), BTreeSet::new());
    assert_eq!(refused(&mut Draw::with_bodies_of(ENVELOPE_BYTES_MAX)), BTreeSet::from(carries_entries));
}

#[test]
fn body_and_whole_envelope_have_to_fit() {
    let limits = Limits::default();
    let signed = |body| Draw::with_bodies_of(body).signed_envelope();
    assert!(signed(BODY_BYTES_MAX).fits(&limits));
    assert!(!signed(BODY_BYTES_MAX + 1).fits(&limits));
    let small = signed(1);
    let mut padded = small.bytes().to_vec();
    padded.resize(ENVELOPE_BYTES_MAX + 1, 0);
    let padded = SignedEnvelope::from_parts(padded.into(), *small.signature()).unwrap();
    assert_eq!(padded.body.len(), 1);
    assert!(!padded.fits(&limits));
}

#[test]
fn the_largest_envelope_is_carried_by_every_message_that_has_one() {
    for message in every_message(&mut Draw::with_bodies_of(BODY_BYTES_MAX)) {
        assert!(frame(&message).len() <= FRAME_BYTES_MAX, "{}", message.name());
    }
}

#[test]
fn a_full_batch_with_a_full_table_of_epochs_fits_a_frame() {
    let limits = Limits::default();
    let mut page = SyncPage {
        channel: ChannelId::from_random([0xff; 16]),
        fence: Fence { generation: u32::MAX, epoch: u32::MAX },
        before: Hash::ZERO,
        entries: Vec::new(),
        head: Position { pos: u64::MAX, epoch: u32::MAX, chain: Hash::ZERO },
        receipt: Some(Draw::fixed().signed_receipt()),
        diverged: Vec::new(),
        first: u64::MAX,
    };
    let mut draw = Draw::with_bodies_of(8);
    let entry =
        Entry { pos: u64::MAX, epoch: u32::MAX, sequenced: UnixMillis(u64::MAX), envelope: draw.signed_envelope() };
    let count = (limits.batch_bytes_max / entry.wire_bytes()).min(limits.batch_entries_max);
    page.entries.resize(count, entry);
    let record = EpochRecord {
        channel: page.channel,
        fence: page.fence,
        owner: EpochOwner::Host(DeviceId([1; 32])),
        base: page.head,
    };
    page.diverged.resize(EPOCHS_MAX, draw.signed(record));
    assert!(Frame::push(&page).len() <= FRAME_BYTES_MAX);
}

#[test]
fn the_longest_page_of_every_list_fits_a_frame() {
    let draw = &mut Draw::fixed();
    let long = "n".repeat(NAME_BYTES_MAX);
    let who = Who { account: AccountId(u64::MAX), name: UserName::new(&long).unwrap() };
    let address = Some(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), u16::MAX));
    let user = UserRow { who: who.clone(), address, ..draw.user_row() };
    let member = MemberRow { who: who.clone(), presence: Presence::Unknown(u16::MAX) };
    let device = DeviceRecord { who: who.clone(), revoked: Some(UnixMillis(u64::MAX)), ..draw.device_record() };
    let record = ChannelRecord { owner: who, name: ChannelName::new(&long).unwrap(), ..draw.channel_record() };
    let channel = ChannelRow { record: draw.signed(record), host: address, ..draw.channel_row() };
    let limits = Limits::default();

    let Page { rows, more } = Page::fill(core::iter::repeat_n(user, 300), &limits);
    assert!(more && rows.len() == PAGE_ROWS_MAX && Frame::push(&UserPage { rows, more }).len() <= FRAME_BYTES_MAX);
    let Page { rows, more } = Page::fill(core::iter::repeat_n(member, 300), &limits);
    assert!(more && rows.len() == PAGE_ROWS_MAX && Frame::push(&MemberPage { rows, more }).len() <= FRAME_BYTES_MAX);
    let Page { rows, more } = Page::fill(core::iter::repeat_n(draw.signed(device), 300), &limits);
    assert!(more && Frame::push(&DevicePage { records: rows }).len() <= FRAME_BYTES_MAX);
    // 256 of the longest channels would not fit: the page ends before.
    let Page { rows, more } = Page::fill(core::iter::repeat_n(channel, 300), &limits);
    assert!(more && rows.len() > 100 && rows.len() < PAGE_ROWS_MAX);
    assert!(Frame::push(&ChannelPage { rows, more }).len() <= FRAME_BYTES_MAX);
}

#[test]
fn a_page_takes_everything_that_fits() {
    let limits = Limits { page_rows_max: 3, ..Limits::default() };
    assert_eq!(Page::fill([1_u32, 2, 3], &limits), Page { rows: [1, 2, 3].into(), more: false });
    assert_eq!(Page::fill([1_u32, 2, 3, 4], &limits), Page { rows: [1, 2, 3].into(), more: true });
    assert_eq!(Page::fill([0_u32; 0], &limits), Page { rows: Vec::new(), more: false });
}

#[test]
fn what_a_client_sends_before_login_fits_the_smaller_frame() {
    for message in every_message(&mut Draw::with_texts_of(TEXT_BYTES_MAX)) {
        if matches!(message.name(), "Hello" | "Register" | "Login" | "Guest" | "ResumeSession" | "Subscribe") {
            assert!(frame(&message).len() <= FRAME_BEFORE_LOGIN_BYTES_MAX, "{}", message.name());
        }
    }
}

#[test]
fn a_detail_is_cut_between_characters() {
    let failure = Failure::new(Reason::Malformed, &"д".repeat(150));
    assert_eq!(failure.detail, "д".repeat(DETAIL_BYTES_MAX / 2));
    assert_eq!(Failure::new(Reason::Malformed, "short").detail, "short".to_string());
}
