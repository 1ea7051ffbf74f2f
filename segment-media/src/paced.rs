//! Times of a medium as times of the clock.

use std::io::Read;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::matroska::{Block, MatroskaError, Reader};
use crate::source::{SourceEnd, SourceError, now_us};
use crate::{Frame, Sender};

/// A medium that jumps further than this begins anew.
const JUMP_MAX_US: i64 = 10_000_000;

/// When the medium began, by the clock. What comes too early is held back, so that a file plays at its pace.
#[derive(Debug, Default)]
pub(crate) struct Pace(Option<Beginning>);

#[derive(Clone, Copy, Debug)]
struct Beginning {
    media_us: i64,
    last_us: i64,
    clock_us: u64,
    moment: Instant,
}

impl Pace {
    /// Waits until it is time, and says by the clock what time that is.
    pub fn wait(&mut self, at_us: i64) -> u64 {
        let known = self.0.filter(|began| (at_us - began.last_us).abs() < JUMP_MAX_US);
        let mut began = known.unwrap_or_else(|| Beginning {
            media_us: at_us,
            last_us: at_us,
            clock_us: now_us(),
            moment: Instant::now(),
        });
        began.last_us = at_us;
        self.0 = Some(began);
        let since_us = at_us - began.media_us;
        let due = began.moment + Duration::from_micros(since_us.max(0).unsigned_abs());
        sleep(due.saturating_duration_since(Instant::now()));
        began.clock_us.saturating_add_signed(since_us)
    }
}

/// Hands each block on when it is time.
pub(crate) fn play(reader: &mut Reader<impl Read>, frames: &Sender) -> Result<(), SourceEnd> {
    let mut pace = Pace::default();
    let broken = |error: MatroskaError| SourceEnd::Failed(SourceError::Container(error.to_string()));
    while let Some(Block { track, at_us, key, discardable, payload }) = reader.next_block().map_err(broken)? {
        frames.push(Frame { track, timestamp_us: pace.wait(at_us), key, discardable, payload })?;
    }
    Ok(())
}
