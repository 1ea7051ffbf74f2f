//! `/stream watch`.

use std::time::{Duration, Instant};

use segment_media::{Stop, Track};
use segment_net::{Seen, Watching};
use segment_proto::messages::StreamRow;
use segment_proto::{Reason, TrackKind};

use super::answers::{StreamEnded, WatchBegun};
use super::meter::{Meter, Reading};
use super::picking::nobody_serves;
use super::room::{PATIENCE, Room};
use super::running::{Ended, Role, Running, reached, told};
use super::sending::from_the_wire;
use super::showing::{Showing, Shown};
use super::words::quoted;
use crate::chat::answers::Notice;
use crate::chat::output::Out;
use crate::chat::telling::now_ms;
use crate::chat::{Chat, Done, Target, unheard};
use crate::commands::{StreamWatch, WatchTo};
use crate::errors::{LocalReason, Problem};
use crate::terminal::Screen;

impl Chat {
    /// `/stream watch`
    pub(super) async fn watch_stream(&mut self, target: Target, watch: StreamWatch) -> Done {
        let screen = match watch.to {
            WatchTo::Terminal => Some(self.picture_screen()?),
            _ => None,
        };
        let row = self.pick_to_watch(&target, watch.which.as_ref()).await?;
        self.may_be_watched(&row)?;
        let tracks = row.description.tracks.iter().map(local_track).collect::<Result<Vec<_>, _>>()?;
        let title = format!("{}: {}", row.description.who, row.description.title);
        let room = Room::default();
        let showing = match (&watch.to, screen) {
            (WatchTo::File(path), _) if path.as_os_str() == "-" => return Err(no_pipe()),
            (WatchTo::File(path), _) => Showing::file(path, &tracks)?,
            (_, Some(screen)) => Showing::terminal(screen, tracks, title, room.clone()),
            _ => Showing::player(&tracks)?,
        };
        let watched = self.peer().channel(target.id).watch(&row.description, watch.relay_kbps).await;
        let watching = watched.map_err(|error| nobody_serves(error, &target))?;
        let (meter, stop) = (Meter::new(Instant::now()), Stop::default());
        let until = watch.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds.into()));
        let pictures = row.description.tracks.iter().filter(|track| track.kind == TrackKind::Video);
        let pictures = pictures.map(|track| track.track).collect();
        let ended = ended(&row, &target, &watch.to);
        let out = (watch.to != WatchTo::Terminal).then(|| self.out.clone());
        let viewing =
            Viewing { watching, room, out, showing, meter: meter.clone(), stop: stop.clone(), until, pictures, ended };
        if watch.to == WatchTo::Terminal {
            let ended = viewing.run().await?;
            return self.out.answer(&ended).await.map_err(unheard);
        }
        let task = tokio::spawn(told(self.out.clone(), stop.clone(), viewing.run()));
        let (title, by) = (row.description.title.clone(), row.description.who.to_string());
        let stream = row.description.stream;
        let begun = WatchBegun {
            channel: format!("#{}", target.name),
            stream,
            title: title.clone(),
            by: by.clone(),
            file: file_of(&watch.to),
        };
        self.streaming.0.push(Running { role: Role::Watches, stream, target, title, by, meter, stop, task });
        self.out.answer(&begun).await.map_err(unheard)
    }

    fn picture_screen(&self) -> Result<Screen, Problem> {
        let screen = self.out.as_screen().filter(|screen| screen.is_drawn() && !self.out.is_json());
        screen.cloned().ok_or_else(|| Problem::local(LocalReason::NoScreen))
    }

    fn may_be_watched(&self, row: &StreamRow) -> Result<(), Problem> {
        if row.description.device == self.peer().device() {
            let text = "this stream is sent from here: not watched; /stream stats shows who watches it";
            return Err(Problem::wire(Reason::NotNow).saying(text));
        }
        if self.streaming.has(Role::Watches, row.description.stream) {
            return Err(Problem::local(LocalReason::StreamsAlready));
        }
        Ok(())
    }
}

fn local_track(track: &segment_proto::Track) -> Result<Track, Problem> {
    let format = track.format.parse().map_err(|error| Problem::local(LocalReason::Sink).saying(error))?;
    let segment_proto::Track { track, codec, rate_bps, interval_us, .. } = track.clone();
    Ok(Track { track, codec, format, rate_bps, interval_us })
}

fn no_pipe() -> Problem {
    let text = "a stream is not written to standard output: nothing is watched; name a file, which can be played while it grows";
    Problem::local(LocalReason::Sink).saying(text)
}

fn file_of(to: &WatchTo) -> Option<std::path::PathBuf> {
    match to {
        WatchTo::File(path) => Some(path.clone()),
        _ => None,
    }
}

fn ended(row: &StreamRow, target: &Target, to: &WatchTo) -> StreamEnded {
    StreamEnded {
        role: Role::Watches.as_str(),
        channel: format!("#{}", target.name),
        title: row.description.title.clone(),
        by: row.description.who.to_string(),
        seconds: 0.0,
        frames: 0,
        pictures: 0,
        dropped: 0,
        file: file_of(to),
        why: None,
    }
}

/// A stream on its way to a sink.
struct Viewing {
    watching: Watching,
    room: Room,
    /// Where it is told that there is none; not what takes the terminal.
    out: Option<Out>,
    showing: Showing,
    meter: Meter,
    stop: Stop,
    until: Option<Instant>,
    pictures: Vec<u8>,
    ended: StreamEnded,
}

/// Why it is not watched any longer.
enum Over {
    /// Somebody here has seen enough.
    Here,
    Stream(Reason),
    Sink(Shown),
}

impl Viewing {
    async fn run(mut self) -> Ended {
        let over = self.show().await;
        let lost = self.watching.figures().await.map_or(0, |figures| figures.dropped);
        let dropped = lost + self.showing.dropped();
        if !matches!(over, Over::Stream(_)) {
            // Whoever coordinates it finds out by itself where it cannot be told.
            let _ = self.watching.stop().await;
        }
        let Reading { since, pictures, .. } = self.meter.read(Instant::now());
        let (frames, why) = match over {
            Over::Sink(shown) => (shown?, None),
            Over::Here => (self.showing.finish().await?, None),
            Over::Stream(reason) => (self.showing.finish().await?, Some(why(reason))),
        };
        let seconds = (since.as_secs_f64() * 10.0).round() / 10.0;
        // Not all that has come was shown.
        let pictures = pictures.min(frames);
        Ok(StreamEnded { seconds, frames, pictures, dropped, why, ..self.ended })
    }

    async fn show(&mut self) -> Over {
        let mut over = std::pin::pin!(reached(self.until));
        let mut silence = std::pin::pin!(tokio::time::sleep(PATIENCE));
        let enough = self.showing.stop.clone();
        let mut missed = 0;
        loop {
            let seen = tokio::select! {
                seen = self.watching.next() => seen,
                () = self.stop.wait() => return Over::Here,
                () = enough.wait() => return Over::Here,
                () = &mut over => return Over::Here,
                () = &mut silence => {
                    self.look_for_room().await;
                    silence.as_mut().reset(tokio::time::Instant::now() + PATIENCE);
                    continue;
                }
                shown = self.showing.ended() => return Over::Sink(shown),
            };
            match seen {
                Some(Seen::Frame(frame)) => {
                    self.room.is_there();
                    silence.as_mut().reset(tokio::time::Instant::now() + PATIENCE);
                    self.meter.count(frame.payload.len(), self.pictures.contains(&frame.track), Instant::now());
                    self.showing.put(from_the_wire(frame));
                }
                Some(Seen::Missed(count)) => missed += count,
                Some(Seen::Ended(reason)) => return Over::Stream(reason),
                None => return Over::Stream(Reason::ShuttingDown),
            }
            self.meter.dropped(missed + self.showing.dropped());
        }
    }

    /// No frame has come for a while.
    async fn look_for_room(&mut self) {
        let is_news = self.watching.waits_for_room().await.unwrap_or(false) && self.room.is_missing_now();
        if let Some(out) = self.out.as_ref().filter(|_| is_news) {
            out.happened(&no_room(&self.ended));
        }
    }
}

fn no_room(of: &StreamEnded) -> Notice {
    let text = format!(
        "{} of {} comes as soon as somebody has the uplink for it: whoever watches it with --relay RATE passes it on",
        quoted(&of.title),
        of.by
    );
    Notice { event: "stream_waits", channel: Some(of.channel.clone()), text, at_ms: now_ms() }
}

/// Why a stream is over that nobody here has left.
fn why(reason: Reason) -> String {
    match reason {
        Reason::ShuttingDown => "it is over".to_owned(),
        Reason::StreamerGone => "its streamer went away and did not come back".to_owned(),
        Reason::MayNotStream => "its streamer may not stream any more".to_owned(),
        Reason::MembersOnly | Reason::NoVisitors => "it may not be watched any more".to_owned(),
        other => Problem::wire(other).text,
    }
}
