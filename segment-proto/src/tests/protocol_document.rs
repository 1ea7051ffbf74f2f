//! The tables of `docs/protocol.md`, made from the code.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use serde::Serialize;

use super::blessed::check_section;
use super::draw::Draw;
use super::samples::{every_message, frame, role};
use super::schema::{Field, Schema};
use crate::access::{AccessOp, Measure};
use crate::frame::Role;
use crate::limits::*;
use crate::messages::*;
use crate::signed::Content;
use crate::*;

const DOCUMENT: &str = "docs/protocol.md";

struct Described<'a>(&'a mut Schema, String);

impl Encoder for &mut Described<'_> {
    fn encode<P: Payload>(self, payload: &P) -> Frame {
        self.1 = self.0.describe(payload);
        Frame::push(payload)
    }
}

fn fields(fields: &[Field]) -> String {
    let written: Vec<String> = fields.iter().map(|(name, of)| format!("`{name}` {of}")).collect();
    if written.is_empty() { "none".to_string() } else { written.join(", ") }
}

fn answer(name: &str) -> String {
    let answer = Message::ANSWERS.iter().find(|(request, _)| *request == name);
    match (answer, role(name)) {
        (Some((_, response)), _) => format!("request, answered by `{response}`"),
        (None, Role::Response) => "response".to_string(),
        (None, _) => "push".to_string(),
    }
}

/// The schema of everything, and the structs that are messages.
fn schema() -> (Schema, BTreeSet<String>) {
    let mut schema = Schema::default();
    let mut messages = BTreeSet::new();
    for message in every_message(&mut Draw::fixed()) {
        let mut described = Described(&mut schema, String::new());
        let _frame = message.encode(&mut described);
        messages.insert(described.1);
    }
    (schema, messages)
}

#[test]
fn the_document_lists_every_message_with_its_fields() {
    let (schema, _) = schema();
    let mut table = String::from("| kind | name | role | fields, in order |\n|---|---|---|---|\n");
    for (kind, name) in Message::TABLE {
        writeln!(table, "| `{kind}` | `{name}` | {} | {} |", answer(name), fields(&schema.structs[name])).unwrap();
    }
    check_section(DOCUMENT, "messages", &table);
}

#[test]
fn the_document_lists_every_struct_inside_messages() {
    let (schema, messages) = schema();
    let mut table = String::from("| struct | fields, in order |\n|---|---|\n");
    for (name, of) in schema.structs.iter().filter(|(name, _)| !messages.contains(**name)) {
        writeln!(table, "| `{name}` | {} |", fields(of)).unwrap();
    }
    check_section(DOCUMENT, "structs", &table);
}

#[test]
fn the_document_lists_every_named_type() {
    let mut schema = schema().0;
    schema.describe(&Draw::fixed().access());
    schema.describe(&Draw::fixed().change());
    schema.describe(&Draw::fixed().envelope());
    schema.describe(&Draw::fixed().channel_record());
    schema.describe(&Draw::fixed().frame_header());
    schema.describe(&Draw::fixed().stream_description());
    let mut table = String::from("| type | written as |\n|---|---|\n");
    for (name, of) in &schema.newtypes {
        writeln!(table, "| `{name}` | {of} |").unwrap();
    }
    check_section(DOCUMENT, "types", &table);
}

fn content<T: Content>(signer: &str, value: &T) -> String {
    let mut schema = Schema::default();
    let name = schema.describe(value);
    format!("| `{}` | `{name}` | {signer} | {} |\n", T::DOMAIN, fields(&schema.structs[name.as_str()]))
}

#[test]
fn the_document_lists_everything_that_is_signed() {
    let d = &mut Draw::fixed();
    let mut table = String::from("| domain | content | signed by | fields, in order |\n|---|---|---|---|\n");
    table += &content("its author", &d.envelope());
    table += &content("the tracker", &d.epoch_record());
    table += &content("the tracker", &d.receipt());
    table += &content("the tracker", &d.certificate());
    table += &content("the tracker", &d.device_record());
    table += &content("the tracker", &d.channel_record());
    table += &content("the tracker", &d.snapshot());
    table += &content("its streamer", &d.stream_description());
    table += &content("its streamer", &d.frame_header());
    table += &content("who coordinates", &d.ticket());
    check_section(DOCUMENT, "signed", &table);
}

fn unsigned<T: Serialize>(where_: &str, value: &T) -> String {
    let mut schema = Schema::default();
    let name = schema.describe(value);
    format!("| `{name}` | {where_} | {} |\n", fields(&schema.structs[name.as_str()]))
}

#[test]
fn the_document_lists_what_is_inside_bytes() {
    let d = &mut Draw::fixed();
    let mut table = String::from("| struct | stands in | fields, in order |\n|---|---|---|\n");
    table += &unsigned("`body` of an envelope of kind `access`", &d.change());
    table += &unsigned("`tracks` of a stream's description", &d.track());
    table += &unsigned("`place` of a frame's header", &d.frame_place());
    check_section(DOCUMENT, "inside", &table);
}

macro_rules! values {
    ($($name:ident),+) => {
        [$((
            stringify!($name),
            $name::ALL.iter().map(|value| format!("{} `{value}`", value.code())).collect::<Vec<_>>().join(", "),
        )),+]
    };
}

#[test]
fn the_document_lists_every_value_of_the_open_enumerations() {
    let all: BTreeMap<&str, String> = values![
        AccessOp,
        AuthMethod,
        ChannelFilter,
        EnvelopeKind,
        FateCode,
        Greeter,
        Measure,
        Presence,
        Status,
        TrackKind,
        View,
        Visitors
    ]
    .into();
    let mut table = String::from("| type | values |\n|---|---|\n");
    for (name, values) in &all {
        writeln!(table, "| `{name}` | {values} |").unwrap();
    }
    check_section(DOCUMENT, "values", &table);
}

#[test]
fn the_document_lists_every_reason() {
    let mut table = String::from("| code | reason | status |\n|---|---|---|\n");
    for reason in Reason::ALL {
        writeln!(table, "| {} | `{reason}` | `{}` |", reason.code(), reason.status()).unwrap();
    }
    check_section(DOCUMENT, "reasons", &table);
}

#[test]
fn the_document_lists_the_limits_of_the_protocol() {
    let mut table = String::from("| limit | value | what happens beyond |\n|---|---|---|\n");
    for (name, value, beyond) in [
        ("frame", FRAME_BYTES_MAX, "`too_large`, the link is closed"),
        ("frame before login", FRAME_BEFORE_LOGIN_BYTES_MAX, "`too_large`, the link is closed"),
        ("name, bytes", NAME_BYTES_MAX, "`bad_name`; inside another message `malformed`"),
        ("body of an envelope, bytes", BODY_BYTES_MAX, "refused for good: `bad_envelope`"),
        ("content of a signed envelope, bytes", ENVELOPE_BYTES_MAX, "as above; in a log's entries `malformed`"),
        ("other text, bytes", TEXT_BYTES_MAX, "`malformed`"),
        ("rows of a page", PAGE_ROWS_MAX, "`malformed`; the sender puts the rest on the next page"),
        ("entries, envelopes or fates of a batch", BATCH_ENTRIES_MAX, "`malformed`; the rest comes with the next"),
        ("tracks of a stream, backups of a viewer", STREAM_TRACKS_MAX, "`malformed`"),
        (
            "devices on the way of a stream",
            STREAM_PATH_MAX,
            "`malformed`; nobody passes a stream on that has come so far",
        ),
        ("payload of a chunk, bytes", CHUNK_BYTES_MAX, "the viewer leaves who sends it"),
        ("payload of a stream's frame, bytes", STREAM_FRAME_BYTES_MAX, "the viewer leaves who sends it"),
        ("epoch records in a message", EPOCHS_MAX, "`malformed`; the sender sends the newest"),
    ] {
        writeln!(table, "| {name} | {value} | {beyond} |").unwrap();
    }
    check_section(DOCUMENT, "limits", &table);
}

#[test]
fn the_document_shows_real_frames() {
    let mut block = String::from("```text\n");
    for message in every_message(&mut Draw::fixed()) {
        if matches!(message.name(), "Hello" | "Ping" | "JoinChannel") {
            writeln!(block, "{:<12}{}", message.name(), readable::Hex(&frame(&message).bytes())).unwrap();
        }
    }
    check_section(DOCUMENT, "frames", &(block + "```\n"));
}
