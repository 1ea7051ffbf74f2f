//! Words for what streams have: names, rates, times, pictures.

use segment_proto::{Track, TrackKind, Untrusted};

/// `'dry run'`
pub(super) fn quoted(title: &str) -> String {
    format!("'{}'", Untrusted(title))
}

/// `2.0 Mbit/s`
pub(super) fn rate(bps: f64) -> String {
    match bps {
        ..999_500.0 => format!("{:.0} kbit/s", bps / 1e3),
        _ => format!("{:.1} Mbit/s", bps / 1e6),
    }
}

/// `8.0 ms`; clocks of frames count milliseconds.
pub(super) fn millis(us: u32) -> String {
    match us {
        ..1_000 => "<1 ms".to_owned(),
        1_000..10_000 => format!("{:.1} ms", f64::from(us) / 1e3),
        _ => format!("{} ms", us / 1_000),
    }
}

/// `1 frame`, `2 frames`
pub(super) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// `30 frames`; with sound `82 frames, 30 of them pictures`
pub(super) fn frames(count: u64, shown: Option<u64>) -> String {
    match shown.filter(|shown| *shown < count) {
        Some(shown) => format!("{}, {shown} of them pictures", counted(count, "frame")),
        None => counted(count, "frame"),
    }
}

/// `640x360, 30/s, with sound`
pub(super) fn pictures(tracks: &[Track]) -> String {
    let of = |kind| tracks.iter().find(|track| track.kind == kind);
    let video = of(TrackKind::Video).map(|track| {
        let size = track.format.split(' ').next().unwrap_or_default().to_owned();
        let fps = 1_000_000_u32.checked_div(track.interval_us).map(|fps| format!(", {fps}/s")).unwrap_or_default();
        format!("{}{fps}", Untrusted(&size))
    });
    match (video, of(TrackKind::Audio)) {
        (Some(video), Some(_)) => format!("{video}, with sound"),
        (Some(video), None) => video,
        (None, Some(_)) => "sound".to_owned(),
        (None, None) => "nothing".to_owned(),
    }
}

/// Bits a second, all of them together.
pub(super) fn bps(tracks: &[Track]) -> f64 {
    tracks.iter().map(|track| f64::from(track.rate_bps)).sum()
}

/// Seconds, as a person says them.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        ..60.0 => format!("{seconds:.1} s"),
        _ => format!("{}:{:02} min", seconds as u64 / 60, seconds as u64 % 60),
    }
}
