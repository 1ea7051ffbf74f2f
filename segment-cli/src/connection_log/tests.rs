#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::tempdir;

use super::files::{LogFiles, archives};
use super::*;

const AT_MS: u64 = 1_763_820_000_123;

fn record(number: u64) -> Record {
    Record {
        at_ms: AT_MS,
        event: EventType::MessageReceived,
        source: Source::new(SourceKind::Host, "ken 127.0.0.1:4100"),
        details: Details::new().with("channel", "#general").with("number", number),
    }
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn line_counts(dir: &Path) -> Vec<usize> {
    let mut counts: Vec<_> = archives(dir).unwrap().iter().map(|(_, path)| lines(path).len()).collect();
    counts.push(lines(&dir.join(LOG_FILE)).len());
    counts
}

#[test]
fn a_record_is_one_line_of_the_format() {
    assert_eq!(
        record(7).to_string(),
        "[2025-11-22T14:00:00.123Z] message_received | Source: host ken 127.0.0.1:4100 | Details: channel=#general number=7"
    );
    let bare = Record { source: Source::own(), details: Details::new(), at_ms: 0, ..record(0) };
    assert_eq!(bare.to_string(), "[1970-01-01T00:00:00.000Z] message_received | Source: self | Details: -");
}

#[test]
fn what_others_wrote_cannot_forge_a_record() {
    let forged = Record {
        source: Source::new(SourceKind::Peer, "x\n[2025] connection_opened | Source: tracker"),
        details: Details::new().with("text", "a\r\n\u{1b}[2J | Details: \"\\ \u{e9}\u{1f600}").with("empty", ""),
        ..record(0)
    };
    assert_eq!(
        forged.to_string(),
        "[2025-11-22T14:00:00.123Z] message_received \
         | Source: peer x\\n[2025] connection_opened \\u{7c} Source: tracker \
         | Details: text=\"a\\r\\n\\u{1b}[2J \\u{7c} Details: \\u{22}\\u{5c} \\u{e9}\\u{1f600}\" empty=\"\""
    );
}

#[test]
fn a_long_record_is_cut() {
    let long = "\u{1f600}".repeat(10_000);
    let cut = Record {
        source: Source::new(SourceKind::Peer, &long),
        details: (0..50).fold(Details::new(), |details, _| details.with("text", &long)),
        ..record(0)
    };
    let line = cut.to_string();
    assert!(line.len() <= RECORD_BYTES_MAX, "{}", line.len());
    assert!(line.contains("..."));
}

#[test]
fn files_hold_exactly_their_number_across_restarts() {
    let dir = tempdir().unwrap();
    let limits = LogLimits { records_per_file: 10, files: 100 };
    let mut written = 0;
    for batch in [3, 7, 1, 0, 25, 9, 10, 5] {
        let mut files = LogFiles::open(dir.path(), limits, AT_MS).unwrap();
        for _ in 0..batch {
            files.write(&record(written));
            written += 1;
        }
    }
    assert_eq!(written, 60);
    assert_eq!(line_counts(dir.path()), [10; 6]);
    let all = last_records(dir.path(), 1000).unwrap();
    let expected: Vec<_> = (0..written).map(|number| record(number).to_string()).collect();
    assert_eq!(all, expected);
}

#[test]
fn the_shipped_limit_is_exact_too() {
    let dir = tempdir().unwrap();
    for batch in [9_999, 2, 9_999] {
        let (log, guard) = ConnectionLog::open(dir.path(), LogLimits::default()).unwrap();
        (0..batch).for_each(|number| log.write(record(number)));
        drop(guard);
    }
    assert_eq!(line_counts(dir.path()), [10_000, 10_000]);
}

#[test]
fn the_oldest_file_is_removed_and_its_removal_recorded() {
    let dir = tempdir().unwrap();
    let limits = LogLimits { records_per_file: 5, files: 3 };
    let mut files = LogFiles::open(dir.path(), limits, AT_MS).unwrap();
    (0..15).for_each(|number| files.write(&record(number)));
    assert_eq!(line_counts(dir.path()), [5, 5, 5]);

    files.write(&record(15));
    assert_eq!(line_counts(dir.path()), [5, 5, 2]);
    let newest = lines(&dir.path().join(LOG_FILE));
    assert_eq!(
        newest[0],
        "[2025-11-22T14:00:00.123Z] log_file_removed | Source: self | Details: file=connection_log.000001.txt"
    );
    assert_eq!(newest[1], record(15).to_string());
    let numbers: Vec<_> = archives(dir.path()).unwrap().into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, [2, 3]);
}

#[test]
fn fewer_kept_files_take_effect_at_the_next_new_file() {
    let dir = tempdir().unwrap();
    let many = LogLimits { records_per_file: 4, files: 100 };
    let mut files = LogFiles::open(dir.path(), many, AT_MS).unwrap();
    (0..20).for_each(|number| files.write(&record(number)));
    drop(files);
    let few = LogLimits { records_per_file: 4, files: 3 };
    LogFiles::open(dir.path(), few, AT_MS).unwrap().write(&record(20));
    assert_eq!(line_counts(dir.path()), [4, 4, 4]);
    let removals = lines(&dir.path().join(LOG_FILE)).iter().filter(|line| line.contains("log_file_removed")).count();
    assert_eq!(removals, 3);
}

#[test]
fn half_a_record_of_a_crash_is_cut_off_and_recorded() {
    let dir = tempdir().unwrap();
    let path = dir.path().join(LOG_FILE);
    let whole = format!("{}\n", record(1));
    fs::write(&path, format!("{whole}{}", &whole[..20])).unwrap();
    LogFiles::open(dir.path(), LogLimits::default(), AT_MS).unwrap().write(&record(2));
    let lines = lines(&path);
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0], record(1).to_string());
    assert!(lines[1].contains("log_tail_cut | Source: self | Details: bytes=20"), "{}", lines[1]);
    assert_eq!(lines[2], record(2).to_string());
}

#[test]
fn other_files_of_the_directory_are_left_alone() {
    let dir = tempdir().unwrap();
    for name in ["connection_log.1.txt", "connection_log.000000a.txt", "connection_log.txt.bak", "notes.txt"] {
        fs::write(dir.path().join(name), "mine").unwrap();
    }
    let limits = LogLimits { records_per_file: 2, files: 1 };
    let mut files = LogFiles::open(dir.path(), limits, AT_MS).unwrap();
    (0..20).for_each(|number| files.write(&record(number)));
    assert!(archives(dir.path()).unwrap().is_empty());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 5);
}

#[test]
fn everything_queued_is_written_at_the_end() {
    let dir = tempdir().unwrap();
    let (log, guard) = ConnectionLog::open(dir.path(), LogLimits::default()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = log.clone();
            scope.spawn(move || (0..250).for_each(|number| log.write(record(thread * 250 + number))));
        }
    });
    drop(guard);
    assert_eq!(line_counts(dir.path()), [1000]);
    log.record(EventType::MessageSent, Source::own(), Details::new());
    log.flush();
    assert_eq!(line_counts(dir.path()), [1000]);
}

#[test]
fn the_newest_records_are_read_back_across_files() {
    let dir = tempdir().unwrap();
    let limits = LogLimits { records_per_file: 4, files: 10 };
    let (log, _guard) = ConnectionLog::open(dir.path(), limits).unwrap();
    (0..10).for_each(|number| log.write(record(number)));
    log.flush();
    let expected = |from: u64| (from..10).map(|number| record(number).to_string()).collect::<Vec<_>>();
    assert_eq!(last_records(dir.path(), 1).unwrap(), expected(9));
    assert_eq!(last_records(dir.path(), 5).unwrap(), expected(5));
    assert_eq!(last_records(dir.path(), 999).unwrap(), expected(0));
    assert!(last_records(dir.path(), 0).unwrap().is_empty());
}

#[test]
fn a_file_that_others_wrote_to_is_shown_without_control_characters() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join(LOG_FILE), b"\x1b[2J \xff\x00 fine\n").unwrap();
    assert_eq!(last_records(dir.path(), 5).unwrap(), ["\\x1b[2J \\xff\\x00 fine"]);
}

#[test]
fn records_that_cannot_be_written_are_counted_and_the_count_recorded() {
    let dir = tempdir().unwrap();
    let limits = LogLimits { records_per_file: 2, files: 9 };
    let mut files = LogFiles::open(dir.path(), limits, AT_MS).unwrap();
    (0..2).for_each(|number| files.write(&record(number)));

    let moved = dir.path().with_extension("away");
    fs::rename(dir.path(), &moved).unwrap();
    (2..5).for_each(|number| files.write(&record(number)));
    fs::rename(&moved, dir.path()).unwrap();
    files.write(&record(5));

    let newest = lines(&dir.path().join(LOG_FILE));
    assert_eq!(line_counts(dir.path()), [2, 2]);
    assert!(newest[0].ends_with("log_records_lost | Source: self | Details: count=3"), "{}", newest[0]);
    assert_eq!(newest[1], record(5).to_string());
}

#[test]
fn every_event_type_has_a_name_of_its_own_that_reads_back() {
    let mut names: Vec<_> = EventType::ALL.iter().map(|event| event.as_str()).collect();
    for event in EventType::ALL {
        assert_eq!(EventType::parse(event.as_str()), Some(*event));
        assert!(event.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), EventType::ALL.len());
}

proptest! {
    #[test]
    fn any_record_is_one_ascii_line_with_three_parts(source in any::<String>(), text in any::<String>(), at_ms in any::<u64>()) {
        let line = Record {
            at_ms,
            event: EventType::MessageSent,
            source: Source::new(SourceKind::Peer, &source),
            details: Details::new().with("text", &text),
        }.to_string();
        prop_assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        prop_assert!(line.len() <= RECORD_BYTES_MAX);
        prop_assert_eq!(line.matches('|').count(), 2);
        prop_assert_eq!(line.split(" | ").count(), 3);
    }
}
