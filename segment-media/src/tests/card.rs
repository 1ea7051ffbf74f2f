use crate::card::{Card, CardOptions, Stamp, open};
use crate::{Picture, SourceError, TrackKind, jpeg};

#[test]
fn frames_of_a_card_decode_differ_and_carry_their_time() {
    let options = CardOptions { width: 320, height: 240, rate: 60, ..CardOptions::default() };
    let mut source = open(options).unwrap();
    assert_eq!(source.tracks()[0].format.to_string(), "320x240");
    assert_eq!(source.tracks()[0].kind(), TrackKind::Video);
    let mut last: Option<(Stamp, Picture)> = None;
    for _ in 0..10 {
        let frame = source.next_blocking().unwrap().unwrap();
        assert!(frame.key && frame.discardable);
        let picture = jpeg::decode(&frame.payload).unwrap();
        assert_eq!(jpeg::size(&frame.payload).unwrap(), (320, 240));
        let stamp = Stamp::read(&picture).unwrap();
        assert_eq!(stamp.timestamp_us, frame.timestamp_us);
        if let Some((before, shown)) = last {
            assert!(stamp.number > before.number && stamp.timestamp_us > before.timestamp_us);
            assert_ne!(picture, shown);
        }
        last = Some((stamp, picture));
    }
}

#[test]
fn a_stamp_is_read_at_any_size_and_quality_and_nothing_else_is_taken_for_one() {
    let mut card = Card::new(1280, 720);
    for number in [77, u32::MAX] {
        let stamp = Stamp { timestamp_us: 1_795_347_203_123_456 + u64::from(number), number };
        card.show(stamp);
        for (width, height, quality) in [(1280, 720, 30), (640, 360, 50), (320, 180, 60), (426, 240, 80)] {
            let bytes = jpeg::encode(&card.picture().scaled(width, height), quality).unwrap();
            assert_eq!(Stamp::read(&jpeg::decode(&bytes).unwrap()), Some(stamp), "{width}x{height} {quality}");
        }
    }
    assert_eq!(Stamp::read(&Picture::black(640, 360)), None);
    let mut white = Picture::black(640, 360);
    white.fill(0, 0, 640, 360, [255; 3]);
    assert_eq!(Stamp::read(&white), None);
}

#[test]
fn drawing_only_what_changes_draws_the_same() {
    let mut worn = Card::new(320, 180);
    for number in 0..100 {
        let stamp = Stamp { timestamp_us: u64::from(number) * 33_333, number };
        worn.show(stamp);
        let mut fresh = Card::new(320, 180);
        fresh.show(stamp);
        assert_eq!(worn.picture(), fresh.picture(), "frame {number}");
    }
}

#[test]
fn impossible_cards_are_refused() {
    for (width, height, rate) in [(0, 720, 30), (1280, 5_000, 30), (1280, 720, 0), (1280, 720, 121)] {
        let options = CardOptions { width, height, rate, ..CardOptions::default() };
        assert!(matches!(open(options), Err(SourceError::CardSize)));
    }
}

#[test]
fn what_is_no_jpeg_is_refused() {
    let card = Card::new(320, 240);
    let bytes = jpeg::encode(card.picture(), 70).unwrap();
    assert!(jpeg::decode(b"").is_err() && jpeg::decode(b"\xff\xd8\xff\xd9").is_err());
    for at in 0..200 {
        assert!(jpeg::decode(&bytes[..at]).is_err(), "cut at {at}");
    }
}
