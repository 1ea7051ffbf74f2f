//! The committed corpora of the fuzz targets, through the functions that the targets run.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use std::fs;

use super::bad_input;
use super::blessed::{blessing, path};
use super::draw::Draw;
use super::eddsa_cases;
use super::samples::{every_message, frame};
use crate::Message;
use crate::frame::LENGTH_BYTES;
use crate::fuzzing;

type Seeds = Vec<(String, Vec<u8>)>;

/// Larger seeds say nothing more.
const SEED_BYTES_MAX: usize = 1024;

fn write(target: &str, seeds: Seeds) {
    let directory = path("fuzz/corpus").join(target);
    fs::create_dir_all(&directory).unwrap();
    for (name, bytes) in seeds {
        let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        fs::write(directory.join(name), bytes).unwrap();
    }
}

fn replay(target: &str, run: fn(&[u8]), seeds: fn() -> Seeds) {
    if blessing() {
        write(target, seeds());
    }
    let files = fs::read_dir(path("fuzz/corpus").join(target)).unwrap();
    let replayed = files.map(|file| run(&fs::read(file.unwrap().path()).unwrap())).count();
    assert!(replayed >= seeds().len(), "seeds of {target} are missing; run with SEGMENT_BLESS=1");
}

fn message_seeds() -> Seeds {
    every_message(&mut Draw::fixed())
        .iter()
        .map(|message| (message.name().into(), frame(message).bytes()[LENGTH_BYTES..].to_vec()))
        .collect()
}

fn stream_seeds() -> Seeds {
    let mut seeds: Seeds = bad_input::cases()
        .into_iter()
        .filter(|case| case.bytes.len() <= SEED_BYTES_MAX)
        .map(|case| (case.name, case.bytes))
        .collect();
    let messages = every_message(&mut Draw::fixed());
    let short: Vec<&Message> = messages.iter().filter(|message| frame(message).len() <= 64).collect();
    for (index, group) in short.chunks(6).enumerate() {
        let stream = group.iter().flat_map(|message| frame(message).bytes().to_vec()).collect();
        seeds.push((format!("merged {index}"), stream));
    }
    seeds
}

fn signature_seeds() -> Seeds {
    let named = |(row, bytes)| (format!("kind {row}"), bytes);
    eddsa_cases::seeds().into_iter().enumerate().map(named).collect()
}

#[test]
fn the_corpus_of_frame_parser_is_replayed() {
    replay("frame_parser", fuzzing::frame_parser, stream_seeds);
}

#[test]
fn the_corpus_of_message_decode_is_replayed() {
    replay("message_decode", fuzzing::message_decode, message_seeds);
}

#[test]
fn the_corpus_of_signature_check_is_replayed() {
    replay("signature_check", fuzzing::signature_check, signature_seeds);
}
