//! Where a watched stream is shown.

use std::env;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;

use segment_media::screen::TerminalSink;
use segment_media::sink::{OUTLET_BOUNDS, serve};
use segment_media::{FileSink, Frame, PlayerSink, Receiver, Sender, Sink, SinkError, Stop, Track, queue};
use tokio::sync::oneshot;

use super::room::Room;
use crate::errors::{LocalReason, Problem};
use crate::terminal::Screen;

/// How many frames a sink has taken, or why it has ended before.
pub(super) type Shown = Result<u64, Problem>;

/// A sink at work.
pub(super) struct Showing {
    frames: Option<Sender>,
    /// Set when nobody looks any more.
    pub stop: Stop,
    work: Pin<Box<dyn Future<Output = Shown> + Send>>,
}

impl Showing {
    /// In a file.
    pub fn file(path: &Path, tracks: &[Track]) -> Result<Self, Problem> {
        Self::in_thread(FileSink::create(path, tracks)?)
    }

    /// In the window of a player.
    pub fn player(tracks: &[Track]) -> Result<Self, Problem> {
        Self::in_thread(PlayerSink::open(&env::var_os("PATH").unwrap_or_default(), tracks)?)
    }

    /// In this terminal. What its frames are put into does nothing before somebody waits for [`Showing::ended`].
    pub fn terminal(screen: Screen, tracks: Vec<Track>, title: String, room: Room) -> Self {
        let (stop, (sender, mut frames)) = (Stop::default(), queue(OUTLET_BOUNDS));
        let told = stop.clone();
        let chat = screen.clone();
        let show = move || {
            let mut sink = TerminalSink::open(&tracks, &title, move || aside(&chat, &room), &told)?;
            shown(&mut sink, &mut frames, &told)
        };
        let work = async move { screen.lend(show).await.map_err(no_screen)? };
        Self { frames: Some(sender), stop, work: Box::pin(work) }
    }

    fn in_thread(mut sink: impl Sink + 'static) -> Result<Self, Problem> {
        let (stop, (sender, mut frames)) = (Stop::default(), queue(OUTLET_BOUNDS));
        let (told, (done, is_done)) = (stop.clone(), oneshot::channel());
        let work = move || {
            let worked = shown(&mut sink, &mut frames, &told);
            drop(sink);
            told.set();
            let _ = done.send(worked);
        };
        let no_thread = |error: io::Error| Problem::from(SinkError::Thread(error.to_string()));
        std::thread::Builder::new().name("sink".into()).spawn(work).map_err(no_thread)?;
        let work = async move { is_done.await.unwrap_or_else(|_| Err(SinkError::Broken.into())) };
        Ok(Self { frames: Some(sender), stop, work: Box::pin(work) })
    }

    /// Never waits.
    pub fn put(&self, frame: Frame) {
        if let Some(frames) = &self.frames {
            // A sink that has ended says why at the end.
            let _ = frames.push(frame);
        }
    }

    /// Frames that it was too slow for.
    pub fn dropped(&self) -> u64 {
        self.frames.as_ref().map_or(0, Sender::dropped)
    }

    /// When it has ended. Cancelling it loses nothing.
    pub async fn ended(&mut self) -> Shown {
        (&mut self.work).await
    }

    /// No further frame comes: what is here is still shown.
    pub async fn finish(mut self) -> Shown {
        self.frames = None;
        self.work.await
    }
}

/// What a person should know while a picture hides everything else.
fn aside(chat: &Screen, room: &Room) -> String {
    let missing = room.is_missing().then(|| "no uplink left for it".to_owned());
    let waiting =
        Some(chat.waiting()).filter(|waiting| *waiting > 0).map(|waiting| format!("{waiting} new in the chat"));
    missing.into_iter().chain(waiting).collect::<Vec<_>>().join("  ")
}

fn shown(sink: &mut impl Sink, frames: &mut Receiver, stop: &Stop) -> Shown {
    let (taken, ended) = serve(sink, frames, stop);
    ended?;
    Ok(taken)
}

fn no_screen(_: io::Error) -> Problem {
    Problem::local(LocalReason::NoScreen)
}
