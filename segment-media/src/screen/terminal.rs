//! The terminal as a sink.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{env, io};

use super::capability::Colours;
use super::fit::Window;
use super::show::{Painter, Show};
use super::slot::{Slot, Still, Taken};
use super::tty::{Tty, keys, send};
use crate::ffmpeg::{Decoder, Pictures, Tool};
use crate::sink::{Sink, SinkError};
use crate::{Frame, Picture, Stop, Track, TrackKind};

/// How often a window is asked for its size while nothing comes.
const LOOK: Duration = Duration::from_millis(200);
/// No picture for so long is said below the last one.
const SILENCE: Duration = Duration::from_secs(2);
/// How often it is looked whether it is over.
const KEY_PATIENCE: Duration = Duration::from_millis(100);
/// Columns of pixels that ffmpeg gives.
const DECODED_WIDTH_MAX: usize = 800;
const CTRL_C: u8 = 3;

/// Shows the pictures of a stream in the terminal, until Ctrl-C or `q`.
pub struct TerminalSink {
    track: u8,
    way: Way,
    slot: Slot,
    threads: Vec<JoinHandle<()>>,
    stop: Stop,
    shown: Arc<AtomicU64>,
}

/// How frames become pictures.
enum Way {
    Jpeg,
    Ffmpeg(Decoder),
}

impl TerminalSink {
    /// Takes the terminal: nothing else may write to it or read from it until this is dropped. `title` stands below the
    /// picture, with what `aside` says whenever it is drawn. `stop` is set when the person has seen enough, and ends it when it is set.
    ///
    /// # Errors
    /// [`SinkError`]: there is nothing to show, or nothing to show it with.
    pub fn open(
        tracks: &[Track],
        title: &str,
        aside: impl Fn() -> String + Send + 'static,
        stop: &Stop,
    ) -> Result<Self, SinkError> {
        let track = tracks.iter().find(|track| track.kind() == TrackKind::Video).ok_or(SinkError::NoPictures)?;
        let (slot, shown) = (Slot::default(), Arc::<AtomicU64>::default());
        let (way, pictures) = way(track)?;
        let no_screen = |error: io::Error| SinkError::NoScreen(error.to_string());
        let term = env::var("TERM").unwrap_or_default();
        let (tty, replies) = Tty::enter(&term).map_err(no_screen)?;
        let colours = Colours::decide(&env::var("COLORTERM").unwrap_or_default(), &term);
        let show = Show::new(Painter::new(replies.capability(colours)));
        let mut sink = Self { track: track.track, way, slot, threads: Vec::new(), stop: stop.clone(), shown };
        let listening = stop.clone();
        sink.spawn("keys", move || listen(&listening))?;
        if let Some(pictures) = pictures {
            let slot = sink.slot.clone();
            sink.spawn("pictures", move || decode(pictures, &slot))?;
        }
        let (slot, stop, title) = (sink.slot.clone(), stop.clone(), title.to_owned());
        let drawing = Drawing { slot, stop, title, aside: Box::new(aside), shown: Arc::clone(&sink.shown) };
        sink.spawn("screen", move || draw(&tty, show, &drawing))?;
        Ok(sink)
    }

    /// Pictures that were drawn, and those that came too quickly for that.
    #[must_use]
    pub fn figures(&self) -> (u64, u64) {
        (self.shown.load(Ordering::Relaxed), self.slot.missed())
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), SinkError> {
        let thread = thread::Builder::new().name(name.into()).spawn(work);
        self.threads.push(thread.map_err(|error| SinkError::Thread(error.to_string()))?);
        Ok(())
    }
}

fn way(track: &Track) -> Result<(Way, Option<Pictures>), SinkError> {
    if track.codec == "mjpeg" {
        return Ok((Way::Jpeg, None));
    }
    let tool = Tool::find("to show this stream in the terminal")?;
    let (decoder, pictures) = Decoder::start(&tool, track, DECODED_WIDTH_MAX)?;
    Ok((Way::Ffmpeg(decoder), Some(pictures)))
}

impl Sink for TerminalSink {
    fn take(&mut self, frame: &Frame) -> Result<(), SinkError> {
        if frame.track != self.track {
            return Ok(());
        }
        match &mut self.way {
            Way::Jpeg => self.slot.put(Still::Jpeg(frame.payload.clone())),
            Way::Ffmpeg(decoder) => decoder.put(frame)?,
        }
        Ok(())
    }

    /// The last picture is shown; then the terminal is as it was.
    fn finish(&mut self) -> Result<(), SinkError> {
        if let Way::Ffmpeg(decoder) = &mut self.way {
            decoder.finish();
        } else {
            self.slot.close();
        }
        Ok(())
    }
}

impl Drop for TerminalSink {
    fn drop(&mut self) {
        self.slot.close();
        // The screen, begun last, ends first: it shows what is left, and keys are listened to until then.
        for thread in self.threads.drain(..).rev() {
            // One that has failed has ended.
            let _ = thread.join();
            self.stop.set();
            if let Way::Ffmpeg(decoder) = &self.way {
                decoder.kill();
            }
        }
    }
}

fn decode(mut pictures: Pictures, slot: &Slot) {
    while let Some(picture) = pictures.next_picture() {
        slot.put(Still::Decoded(Arc::new(picture)));
    }
    slot.close();
}

/// Waits for the key that ends it.
fn listen(stop: &Stop) {
    while !stop.is_set() {
        match keys(KEY_PATIENCE) {
            Ok(typed) if !typed.iter().any(|key| matches!(key, &CTRL_C | b'q' | b'Q')) => {}
            _ => stop.set(),
        }
    }
}

struct Drawing {
    slot: Slot,
    stop: Stop,
    title: String,
    aside: Box<dyn Fn() -> String + Send>,
    shown: Arc<AtomicU64>,
}

impl Drawing {
    /// What stands below the picture.
    fn line(&self, how: &str, window: &Window) -> String {
        let aside = Some((self.aside)()).filter(|aside| !aside.is_empty());
        let words: Vec<&str> = [self.title.as_str(), how].into_iter().chain(aside.as_deref()).collect();
        ended_by(&words.join("  "), window.columns())
    }
}

fn draw(tty: &Tty, mut show: Show, drawing: &Drawing) {
    let mut last: Option<Arc<Picture>> = None;
    let mut rate = Rate::new();
    while !drawing.stop.is_set() {
        match drawing.slot.take(LOOK) {
            Taken::Closed => return,
            Taken::Nothing => rate.note(0),
            Taken::Still(still) => {
                // What is damaged is left out: the next one may be whole.
                last = still.picture().or(last);
                rate.note(1);
                drawing.shown.fetch_add(1, Ordering::Relaxed);
            }
        }
        let window = tty.window();
        let line = drawing.line(&rate.words(last.as_deref()), &window);
        let shown = match &last {
            Some(picture) => show.frame(picture, &line, &window),
            None => show.waiting(&line, &window),
        };
        if send(&shown).is_err() {
            drawing.stop.set();
        }
    }
}

/// How it ends is said in the narrowest window too.
fn ended_by(line: &str, columns: u16) -> String {
    const END: &str = "  q ends";
    let room = usize::from(columns).saturating_sub(END.len());
    format!("{line:.room$}{END}")
}

/// Pictures in the last whole second.
struct Rate {
    since: Instant,
    count: u32,
    shown: u32,
    last: Instant,
}

impl Rate {
    fn new() -> Self {
        let now = Instant::now();
        Self { since: now, count: 0, shown: 0, last: now }
    }

    fn note(&mut self, pictures: u32) {
        self.count += pictures;
        if pictures > 0 {
            self.last = Instant::now();
        }
        if self.since.elapsed() >= Duration::from_secs(1) {
            *self = Self { shown: self.count, last: self.last, ..Self::new() };
        }
    }

    /// How it goes, beside what is shown.
    fn words(&self, shown: Option<&Picture>) -> String {
        let silent = self.last.elapsed();
        match shown {
            None => "waits for a picture".to_owned(),
            Some(_) if silent >= SILENCE => format!("no picture for {} s, waits", silent.as_secs()),
            Some(picture) => format!("{}x{}, {}/s shown", picture.width(), picture.height(), self.shown),
        }
    }
}
