use std::fs;
use std::io::{Cursor, Read};

use bytes::Bytes;

use crate::card::{self, Card, CardOptions, Stamp};
use crate::matroska::{Reader, Writer};
use crate::{
    FileSink, Format, Frame, Outlet, PlayerSink, Sink, SinkError, SourceError, Stop, Summary, Track, input, jpeg,
};

fn pictures(count: u32) -> Vec<Bytes> {
    let mut card = Card::new(160, 120);
    let numbers = (0..count).map(|number| {
        card.show(Stamp { timestamp_us: 1_000, number });
        jpeg::encode(card.picture(), 50).unwrap()
    });
    numbers.collect()
}

fn track() -> Track {
    Track { track: 0, codec: "mjpeg".into(), format: Format::video(160, 120), rate_bps: 0, interval_us: 10_000 }
}

fn frame(number: u64, key: bool) -> Frame {
    let payload = Bytes::from(vec![number as u8; 64]);
    Frame { track: 0, timestamp_us: number * 10_000, key, discardable: false, payload }
}

#[test]
fn a_file_holds_what_was_put_in_and_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mkv");
    let mut source = card::open(CardOptions { width: 160, height: 120, rate: 100, ..CardOptions::default() }).unwrap();
    let outlet = Outlet::start(FileSink::create(&path, source.tracks()).unwrap(), &Stop::default()).unwrap();
    let frames: Vec<Frame> = (0..10).map(|_| source.next_blocking().unwrap().unwrap()).collect();
    frames.iter().for_each(|frame| outlet.put(frame.clone()));
    assert_eq!(outlet.finish().unwrap(), Summary { taken: 10, dropped: 0 });
    let mut reader = Reader::open(fs::File::open(&path).unwrap()).unwrap();
    let read: Vec<Bytes> = std::iter::from_fn(|| reader.next_block().unwrap()).map(|block| block.payload).collect();
    assert_eq!(read, frames.into_iter().map(|frame| frame.payload).collect::<Vec<_>>());
    assert!(matches!(FileSink::create(&path, &[track()]), Err(SinkError::FileExists(_))));
    let nowhere = FileSink::create(&folder.path().join("no/such.mkv"), &[track()]).unwrap_err();
    assert!(nowhere.to_string().contains("cannot be made"), "{nowhere}");
}

/// Takes nothing until it is let.
struct Gate(std::sync::mpsc::Receiver<()>, Vec<u64>, std::sync::mpsc::Sender<Vec<u64>>);

impl Sink for Gate {
    fn take(&mut self, frame: &Frame) -> Result<(), SinkError> {
        let _ = self.0.recv();
        self.1.push(frame.timestamp_us / 10_000);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        let _ = self.2.send(std::mem::take(&mut self.1));
        Ok(())
    }
}

#[test]
fn a_slow_sink_holds_nobody_up_and_gets_whole_groups() {
    let (go, gate) = std::sync::mpsc::channel();
    let (tell, told) = std::sync::mpsc::channel();
    let outlet = Outlet::start(Gate(gate, Vec::new(), tell), &Stop::default()).unwrap();
    (0..5_000).for_each(|number| outlet.put(frame(number, number % 10 == 0)));
    drop(go);
    let summary = outlet.finish().unwrap();
    assert_eq!(summary.taken + summary.dropped, 5_000);
    assert!(summary.dropped > 4_000, "{summary:?}");
    let taken = told.recv().unwrap();
    assert_eq!(taken.last(), Some(&4_999));
    let gaps = taken.windows(2).filter(|pair| pair[1] != pair[0] + 1);
    assert!(gaps.into_iter().all(|pair| pair[1] % 10 == 0), "{taken:?}");
}

#[cfg(unix)]
#[test]
fn a_player_gets_the_stream_on_its_standard_input() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (program, played) = (folder.path().join("ffplay"), folder.path().join("played"));
    fs::write(&program, format!("#!/bin/sh\nexec /bin/cat > '{}'\n", played.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let sink = PlayerSink::open(folder.path().as_os_str(), &[track()]).unwrap();
    let outlet = Outlet::start(sink, &Stop::default()).unwrap();
    (0..20).for_each(|number| outlet.put(frame(number, true)));
    assert_eq!(outlet.finish().unwrap().taken, 20);
    let mut reader = Reader::open(fs::File::open(&played).unwrap()).unwrap();
    assert_eq!(std::iter::from_fn(|| reader.next_block().unwrap()).count(), 20);
}

#[cfg(unix)]
#[test]
fn a_player_that_ends_ends_the_watching() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("mpv");
    fs::write(&program, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let stop = Stop::default();
    let opened = PlayerSink::open(folder.path().as_os_str(), &[track()]);
    let Ok(sink) = opened else { return assert!(matches!(opened, Err(SinkError::Container(_)))) };
    let outlet = Outlet::start(sink, &stop).unwrap();
    for number in 0..1_000 {
        if stop.is_set() {
            break;
        }
        outlet.put(frame(number, true));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(stop.is_set());
    assert!(matches!(outlet.finish(), Err(SinkError::PlayerEnded(_))));
}

#[test]
fn without_a_player_it_is_said_which_to_install() {
    let folder = tempfile::tempdir().unwrap();
    let refused = PlayerSink::open(folder.path().as_os_str(), &[track()]).unwrap_err();
    assert!(refused.to_string().starts_with("neither mpv nor ffplay is installed"), "{refused}");
}

#[test]
fn standard_input_gives_jpegs() {
    let wanted = pictures(5);
    let mut source = input::open(Cursor::new(wanted.concat()), 120).unwrap();
    assert_eq!(source.tracks(), [Track { rate_bps: source.tracks()[0].rate_bps, interval_us: 8_333, ..track() }]);
    let frames: Vec<Frame> = std::iter::from_fn(|| source.next_blocking().unwrap()).collect();
    assert!(frames.is_sorted_by(|a, b| a.timestamp_us < b.timestamp_us));
    assert_eq!(frames.into_iter().map(|frame| frame.payload).collect::<Vec<_>>(), wanted);
}

#[test]
fn standard_input_gives_matroska_with_frames_that_need_each_other() {
    let h264 = Track { codec: "h264".into(), ..track() };
    let mut writer = Writer::new(Vec::new(), std::slice::from_ref(&h264)).unwrap();
    let wanted: Vec<Frame> = (0..20).map(|number| frame(number, number % 10 == 0)).collect();
    wanted.iter().for_each(|frame| writer.write(frame).unwrap());
    let mut source = input::open(Cursor::new(writer.finish().unwrap()), 30).unwrap();
    assert_eq!(source.tracks(), [h264]);
    let frames: Vec<Frame> = std::iter::from_fn(|| source.next_blocking().unwrap()).collect();
    let began = frames[0].timestamp_us;
    for (frame, wanted) in frames.iter().zip(&wanted) {
        assert_eq!((frame.timestamp_us - began, frame.key), (wanted.timestamp_us, wanted.key));
        assert_eq!(frame.payload, wanted.payload);
    }
    assert_eq!(frames.len(), 20);
}

#[test]
fn what_is_neither_is_refused() {
    for bytes in [&b""[..], b"\xff", b"RIFF....AVI ", b"\xff\xd8\xff\xd9", b"\x1a\x45\xdf\xa3"] {
        let refused = input::open(Cursor::new(bytes), 30).unwrap_err();
        assert!(matches!(refused, SourceError::Unknown | SourceError::Container(_)), "{refused}");
    }
    let cut = pictures(1)[0].slice(..300);
    assert!(input::open(Cursor::new(cut).chain(Cursor::new([])), 30).is_err());
}
