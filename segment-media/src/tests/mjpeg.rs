use bytes::Bytes;

use crate::card::{Card, Stamp};
use crate::jpeg;
use crate::mjpeg::Splitter;

fn pictures(count: u32) -> Vec<Bytes> {
    let mut card = Card::new(32, 24);
    let numbers = (0..count).map(|number| {
        card.show(Stamp { timestamp_us: 1_000, number });
        jpeg::encode(card.picture(), 50).unwrap()
    });
    numbers.collect()
}

fn split(parts: &[&[u8]]) -> Vec<Bytes> {
    let mut splitter = Splitter::default();
    let mut frames = Vec::new();
    for part in parts {
        splitter.push(part);
        frames.extend(std::iter::from_fn(|| splitter.next_frame()));
    }
    frames
}

/// With a picture inside a picture, as cameras put their previews, and filling bytes.
fn with_preview(picture: &Bytes, preview: &Bytes) -> Bytes {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xff, 0xe1];
    bytes.extend_from_slice(&u16::try_from(preview.len() + 2).unwrap().to_be_bytes());
    bytes.extend_from_slice(preview);
    bytes.extend_from_slice(&picture[2..]);
    bytes.into()
}

#[test]
fn jpegs_are_cut_apart_whatever_the_boundaries() {
    let mut wanted = pictures(2);
    wanted.push(with_preview(&wanted[0], &wanted[1]));
    assert!(jpeg::decode(&wanted[2]).is_ok());
    let all = wanted.concat();
    for at in 0..=all.len() {
        assert_eq!(split(&[&all[..at], &all[at..]]), wanted, "cut at {at}");
    }
    let bytes: Vec<&[u8]> = all.chunks(1).collect();
    assert_eq!(split(&bytes), wanted);
}

#[test]
fn what_lies_between_and_what_is_damaged_is_left_out() {
    let wanted = pictures(3);
    let mut bytes = b"--boundary\r\nContent-Type: image/jpeg\r\n\r\n".to_vec();
    bytes.extend_from_slice(&wanted[0]);
    bytes.extend_from_slice(b"\r\n--boundary\r\n\xff");
    bytes.extend_from_slice(&wanted[1][..wanted[1].len() / 2]);
    bytes.extend_from_slice(&wanted[2]);
    for size in [1, 7, 1_000, bytes.len()] {
        let parts: Vec<&[u8]> = bytes.chunks(size).collect();
        assert_eq!(split(&parts), [wanted[0].clone(), wanted[2].clone()], "in parts of {size}");
    }
}

#[test]
fn a_jpeg_without_end_is_given_up() {
    let wanted = pictures(1);
    let mut splitter = Splitter::default();
    splitter.push(&wanted[0][..wanted[0].len() - 2]);
    for _ in 0..80 {
        splitter.push(&[0x55; 64 * 1024]);
        assert_eq!(splitter.next_frame(), None);
    }
    splitter.push(&wanted[0]);
    assert_eq!(splitter.next_frame(), Some(wanted[0].clone()));
}
