//! A sink in a thread of its own, so that nobody waits for it.

use std::thread::{self, JoinHandle};

use super::{Sink, SinkError};
use crate::{Bounds, Frame, Receiver, Sender, Stop, queue};

/// What waits for a sink. Policy: the oldest group goes.
pub const OUTLET_BOUNDS: Bounds = Bounds { frames: 512, bytes: 32 * 1024 * 1024 };

/// What has become of the frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Taken.
    pub taken: u64,
    /// Left out, because the sink was slow.
    pub dropped: u64,
}

/// Where frames are put for a sink.
#[derive(Debug)]
pub struct Outlet {
    frames: Option<Sender>,
    thread: Option<JoinHandle<(u64, Result<(), SinkError>)>>,
    stop: Stop,
}

impl Outlet {
    /// Runs a sink until no frame comes any more, it takes none, or it is told to stop. `stop` is set when it has ended,
    /// whyever.
    ///
    /// # Errors
    /// [`SinkError::Thread`].
    pub fn start(mut sink: impl Sink + 'static, stop: &Stop) -> Result<Self, SinkError> {
        let (sender, mut frames) = queue(OUTLET_BOUNDS);
        let told = stop.clone();
        let work = move || {
            let worked = serve(&mut sink, &mut frames, &told);
            drop(sink);
            told.set();
            worked
        };
        let thread = thread::Builder::new().name("sink".into()).spawn(work);
        let thread = thread.map_err(|error| SinkError::Thread(error.to_string()))?;
        Ok(Self { frames: Some(sender), thread: Some(thread), stop: stop.clone() })
    }

    /// Puts a frame in; never waits. Whether it has ended is told by the [`Stop`].
    pub fn put(&self, frame: Frame) {
        if let Some(frames) = &self.frames {
            // A sink that has ended says why at the end.
            let _ = frames.push(frame);
        }
    }

    /// Set when nobody looks any more.
    #[must_use]
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// No further frame comes: waits until those that are here are taken.
    ///
    /// # Errors
    /// [`SinkError`]: why it has ended before.
    pub fn finish(mut self) -> Result<Summary, SinkError> {
        let dropped = self.frames.take().map_or(0, |frames| frames.dropped());
        let Some(thread) = self.thread.take() else { return Ok(Summary::default()) };
        let (taken, outcome) = thread.join().map_err(|_| SinkError::Broken)?;
        outcome.map(|()| Summary { taken, dropped })
    }
}

/// Gives a sink its frames in this thread, until none comes any more or it takes none: how many it has taken, and how it
/// has ended. When told to stop, it ends with the next frame, or with the other end of the queue.
pub fn serve(sink: &mut impl Sink, frames: &mut Receiver, stop: &Stop) -> (u64, Result<(), SinkError>) {
    let mut taken = 0;
    while let Some(frame) = frames.next_blocking() {
        if stop.is_set() {
            break;
        }
        if let Err(error) = sink.take(&frame) {
            return (taken, Err(error));
        }
        taken += 1;
    }
    (taken, sink.finish())
}

impl Drop for Outlet {
    /// Left without a word: what waits is not taken.
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.stop.set();
        }
    }
}
