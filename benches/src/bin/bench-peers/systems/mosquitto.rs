//! Mosquitto: MQTT 3.1.1 without acknowledgements.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::{Cover, Deliveries, Program, Wire, text};

const CONNECT: &[u8] = &[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 0];
const SUBSCRIBE: &[u8] = &[0x82, 6, 0, 1, 0, 1, b'c', 0];

pub fn program(port: u16, dir: &Path) -> Result<Program> {
    let settings = dir.join("mosquitto.conf");
    fs::write(&settings, format!("listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"))?;
    Ok(Program::new("mosquitto", ["-c", &settings.display().to_string()]))
}

pub fn wire(bytes: usize) -> Wire {
    let publication = publication(bytes);
    Wire {
        cover: Cover::Bare,
        subscribe: [CONNECT, SUBSCRIBE].concat(),
        subscribed: vec![0x90, 3, 0, 1, 0],
        author: CONNECT.to_vec(),
        asker: CONNECT.to_vec(),
        guest: CONNECT.to_vec(),
        welcomed: vec![0x20, 2, 0, 0],
        deliveries: Deliveries::Bytes(publication.len()),
        publication,
        request: None,
    }
}

/// A length in groups of seven bits, a topic, and the text.
fn publication(bytes: usize) -> Vec<u8> {
    let mut publication = vec![0x30];
    let mut length = bytes + 3;
    while length >= 128 {
        publication.push(u8::try_from(length % 128).unwrap_or_default() | 128);
        length /= 128;
    }
    publication.push(u8::try_from(length).unwrap_or_default());
    publication.extend_from_slice(&[0, 1, b'c']);
    publication.extend_from_slice(&text(bytes));
    publication
}
