//! Frames on their way, never waited for: what there is no room for goes by whole groups, oldest first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::Frame;

/// What a queue holds at most. Policy: the oldest group of the track that takes the most room goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Frames.
    pub frames: usize,
    /// Bytes of their payloads.
    pub bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Frame>,
    bytes: usize,
    /// Tracks whose next frames nobody could decode.
    broken: BTreeSet<u8>,
    dropped: u64,
    is_closed: bool,
}

#[derive(Debug)]
struct Shared {
    bounds: Bounds,
    state: Mutex<State>,
    ready: Condvar,
    async_ready: Notify,
}

/// Where frames are put in.
#[derive(Debug)]
pub struct Sender(Arc<Shared>);

/// Where they come out.
#[derive(Debug)]
pub struct Receiver(Arc<Shared>);

/// A queue with its two ends.
#[must_use]
pub fn queue(bounds: Bounds) -> (Sender, Receiver) {
    let (state, ready, async_ready) = Default::default();
    let shared = Arc::new(Shared { bounds, state, ready, async_ready });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.wake();
    }

    fn wake(&self) {
        self.ready.notify_one();
        self.async_ready.notify_one();
    }
}

/// Nobody takes frames any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl Sender {
    /// Puts a frame in, and never waits.
    ///
    /// # Errors
    /// `Closed`: nobody takes frames any more.
    pub fn push(&self, frame: Frame) -> Result<(), Closed> {
        let mut state = self.0.lock();
        if state.is_closed {
            return Err(Closed);
        }
        state.push(frame, self.0.bounds);
        drop(state);
        self.0.wake();
        Ok(())
    }

    /// Frames that there was no room for.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }
}

impl State {
    fn push(&mut self, frame: Frame, bounds: Bounds) {
        if frame.key {
            self.broken.remove(&frame.track);
        }
        if self.broken.contains(&frame.track) {
            self.dropped += 1;
            return;
        }
        self.bytes += frame.payload.len();
        self.frames.push_back(frame);
        while self.frames.len() > bounds.frames || self.bytes > bounds.bytes {
            self.shed();
        }
    }

    fn shed(&mut self) {
        let Some(track) = self.heaviest() else { return };
        let mut cut = Cut::Nothing;
        let mut kept = VecDeque::with_capacity(self.frames.len());
        for frame in self.frames.drain(..) {
            cut = if frame.track == track { cut.next(&frame) } else { cut };
            match cut {
                Cut::Going | Cut::Single if frame.track == track => {
                    self.bytes -= frame.payload.len();
                    self.dropped += 1;
                }
                _ => kept.push_back(frame),
            }
        }
        self.frames = kept;
        if cut == Cut::Going {
            self.broken.insert(track);
        }
    }

    fn heaviest(&self) -> Option<u8> {
        let mut bytes = BTreeMap::new();
        for frame in &self.frames {
            *bytes.entry(frame.track).or_insert(0) += frame.payload.len() + 1;
        }
        bytes.into_iter().max_by_key(|(_, bytes)| *bytes).map(|(track, _)| track)
    }
}

/// How far the oldest group has been taken out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Nothing,
    /// One that no other needs was enough.
    Single,
    Going,
    Done,
}

impl Cut {
    fn next(self, frame: &Frame) -> Self {
        match self {
            Self::Nothing if frame.discardable => Self::Single,
            Self::Nothing => Self::Going,
            Self::Going if !frame.key => Self::Going,
            Self::Going | Self::Single | Self::Done => Self::Done,
        }
    }
}

impl Receiver {
    /// The next frame; none once the other end is gone and everything is taken.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            let ready = self.0.async_ready.notified();
            {
                let mut state = self.0.lock();
                match state.take() {
                    Some(frame) => return Some(frame),
                    None if state.is_closed => return None,
                    None => {}
                }
            }
            ready.await;
        }
    }

    /// [`Receiver::next`] for a thread.
    pub fn next_blocking(&mut self) -> Option<Frame> {
        let empty = |state: &mut State| state.frames.is_empty() && !state.is_closed;
        let waited = self.0.ready.wait_while(self.0.lock(), empty);
        waited.unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Frames that there was no room for.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }
}

impl State {
    fn take(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.payload.len();
        Some(frame)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.0.close();
    }
}
