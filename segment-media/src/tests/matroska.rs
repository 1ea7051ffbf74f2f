use std::cell::RefCell;
use std::io::{Cursor, Read, Write};
use std::rc::Rc;

use bytes::Bytes;

use crate::matroska::{Block, FileWriter, MatroskaError, Reader, Writer};
use crate::{Format, Frame, Track};

fn tracks() -> Vec<Track> {
    let video = Format { config: Bytes::from_static(&[1, 0x64, 0, 31]), ..Format::video(1280, 720) };
    // A head of Opus that throws 312 samples away: 6.5 ms.
    let opus = Bytes::from_static(b"OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00");
    let audio = Format { config: opus, ..Format::audio(48_000, 2) };
    vec![
        Track { track: 0, codec: "h264".into(), format: video, rate_bps: 0, interval_us: 40_000 },
        Track { track: 1, codec: "opus".into(), format: audio, rate_bps: 0, interval_us: 0 },
    ]
}

const BEGAN_US: u64 = 1_795_347_203_000_000;

fn frames() -> Vec<Frame> {
    let video = (0..200_u64).map(|number| Frame {
        track: 0,
        timestamp_us: BEGAN_US + number * 40_000,
        key: number % 25 == 0,
        discardable: number % 3 == 1,
        payload: Bytes::from(vec![number as u8; 100 + number as usize]),
    });
    let audio = (0..400_u64).map(|number| Frame {
        track: 1,
        timestamp_us: BEGAN_US + number * 20_000,
        key: true,
        discardable: false,
        payload: Bytes::from(vec![0xaa; 30]),
    });
    let mut frames: Vec<_> = video.chain(audio).collect();
    frames.sort_by_key(|frame| frame.timestamp_us);
    frames
}

fn written() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &tracks()).unwrap();
    frames().iter().for_each(|frame| writer.write(frame).unwrap());
    writer.finish().unwrap()
}

fn blocks<R: Read>(reader: &mut Reader<R>) -> Vec<Block> {
    std::iter::from_fn(|| reader.next_block().unwrap()).collect()
}

/// One byte at a time.
struct Trickle<R>(R);

impl<R: Read> Read for Trickle<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}

/// Seen while it is written.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_is_written_is_read_again() {
    let bytes = written();
    let mut reader = Reader::open(Trickle(&bytes[..])).unwrap();
    assert_eq!(reader.tracks(), tracks());
    let blocks = blocks(&mut reader);
    assert_eq!(blocks.len(), frames().len());
    for (block, frame) in blocks.iter().zip(frames()) {
        let since = i64::try_from(frame.timestamp_us - BEGAN_US).unwrap();
        assert!((block.at_us - since).abs() <= 500, "{} is {since}", block.at_us);
        assert_eq!((block.track, block.key, block.discardable), (frame.track, frame.key, frame.discardable));
        assert_eq!(block.payload, frame.payload);
    }
}

#[test]
fn a_file_says_how_long_it_is_and_where_to_begin() {
    let mut writer = FileWriter::new(Cursor::new(Vec::new()), &tracks()).unwrap();
    frames().iter().for_each(|frame| writer.write(frame).unwrap());
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(blocks(&mut Reader::open(&bytes[..]).unwrap()).len(), frames().len());
    let find = |id: &[u8]| bytes.windows(id.len()).position(|window| window == id).unwrap();
    let duration = find(&[0x44, 0x89, 1, 0, 0, 0, 0, 0, 0, 8]) + 10;
    assert_eq!(f64::from_be_bytes(bytes[duration..duration + 8].try_into().unwrap()), 8_000.0);
    let segment = find(&[0x18, 0x53, 0x80, 0x67]) + 4;
    let seek = find(&[0x53, 0xac]) + 10;
    let cues = u64::from_be_bytes(bytes[seek..seek + 8].try_into().unwrap()) as usize + segment + 8;
    assert_eq!(bytes[cues..cues + 4], [0x1c, 0x53, 0xbb, 0x6b]);
    let cluster = find(&[0xf1, 1, 0, 0, 0, 0, 0, 0, 8]) + 9;
    let cluster = u64::from_be_bytes(bytes[cluster..cluster + 8].try_into().unwrap()) as usize + segment + 8;
    assert_eq!(bytes[cluster..cluster + 4], [0x1f, 0x43, 0xb6, 0x75]);
}

#[test]
fn a_cut_at_any_place_is_an_error_or_an_end_and_what_came_before_stands() {
    let bytes = &written()[..3_000];
    for at in 0..bytes.len() {
        let Ok(mut reader) = Reader::open(&bytes[..at]) else { continue };
        while let Ok(Some(block)) = reader.next_block() {
            assert!(block.payload.iter().all(|byte| *byte == block.payload[0]));
        }
    }
    assert!(Reader::open(&bytes[..1_000]).is_ok());
}

#[test]
fn flipped_bytes_never_panic_and_cost_no_memory() {
    let bytes = &written()[..1_500];
    for at in 0..bytes.len() {
        for value in [0x00, 0x01, 0x7f, 0xff] {
            let mut flipped = bytes.to_vec();
            flipped[at] = value;
            let Ok(mut reader) = Reader::open(&flipped[..]) else { continue };
            while let Ok(Some(_)) = reader.next_block() {}
        }
    }
}

#[test]
fn who_comes_late_keeps_the_times_of_pictures_that_are_older_than_the_first_sound() {
    let (pictures, sound): (Vec<_>, Vec<_>) = frames().into_iter().take(100).partition(|frame| frame.track == 0);
    let mut writer = Writer::new(Vec::new(), &tracks()).unwrap();
    let late = sound.last().unwrap();
    std::iter::once(late).chain(&pictures).for_each(|frame| writer.write(frame).unwrap());
    let bytes = writer.finish().unwrap();
    let read = blocks(&mut Reader::open(&bytes[..]).unwrap());
    let times_ms = |track| read.iter().filter(move |block| block.track == track).map(|block| block.at_us / 1_000);
    assert!(times_ms(0).eq((0..).step_by(40).take(pictures.len())));
    assert_eq!(times_ms(1).collect::<Vec<_>>(), [i64::try_from(late.timestamp_us - BEGAN_US).unwrap() / 1_000]);
}

#[test]
fn a_track_that_never_begins_is_waited_for_half_a_second() {
    let out = Shared::default();
    let mut writer = Writer::new(out.clone(), &tracks()).unwrap();
    let pictures: Vec<_> = frames().into_iter().filter(|frame| frame.track == 0).take(15).collect();
    for (number, frame) in pictures.iter().enumerate() {
        let before = out.0.borrow().len();
        writer.write(frame).unwrap();
        assert_eq!(out.0.borrow().len() > before, number * 40 >= 500, "{number}");
    }
    let short = {
        let mut writer = Writer::new(Vec::new(), &tracks()).unwrap();
        writer.write(&pictures[0]).unwrap();
        writer.finish().unwrap()
    };
    assert_eq!(blocks(&mut Reader::open(&short[..]).unwrap()).len(), 1);
}

#[test]
fn times_that_jump_begin_a_cluster() {
    let times = [0, 4_999_000, 40_000_000, 39_000_000, 3_600_000_000, 1_000_000];
    let mut writer = Writer::new(Vec::new(), &tracks()).unwrap();
    for time in times {
        let frame = Frame { track: 0, timestamp_us: BEGAN_US + time, key: false, ..frames()[0].clone() };
        writer.write(&frame).unwrap();
    }
    let bytes = writer.finish().unwrap();
    let read: Vec<_> = blocks(&mut Reader::open(&bytes[..]).unwrap()).iter().map(|block| block.at_us as u64).collect();
    assert_eq!(read, times);
}

#[test]
fn what_cannot_be_carried_is_refused_with_its_name() {
    assert!(matches!(Reader::open(&b"RIFF"[..]), Err(MatroskaError::NotMatroska)));
    let odd = Track { codec: "cinepak".into(), ..tracks()[0].clone() };
    let refused = Writer::new(Vec::new(), &[odd]).unwrap_err();
    assert!(refused.to_string().contains("cinepak"), "{refused}");
}
