//! Waking the thread that waits for keys.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Wakes the terminal's thread; cheap to clone. Without a thread that waits it does nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Waker(Option<Arc<Bell>>);

#[derive(Debug)]
struct Bell {
    stream: UnixStream,
    /// It was rung, and nobody has looked since.
    rung: AtomicBool,
}

/// The end that is waited at.
#[derive(Debug)]
pub(super) struct Wakes {
    pub stream: UnixStream,
    bell: Arc<Bell>,
}

/// A bell and who hears it.
pub(super) fn wakes() -> io::Result<(Waker, Wakes)> {
    let (stream, heard) = UnixStream::pair()?;
    stream.set_nonblocking(true)?;
    heard.set_nonblocking(true)?;
    let bell = Arc::new(Bell { stream, rung: AtomicBool::new(false) });
    Ok((Waker(Some(Arc::clone(&bell))), Wakes { stream: heard, bell }))
}

impl Waker {
    pub fn wake(&self) {
        let Some(bell) = &self.0 else { return };
        if !bell.rung.swap(true, Ordering::AcqRel) {
            // Where there is no room it was rung already.
            let _ = (&bell.stream).write(&[0]);
        }
    }
}

impl Wakes {
    /// What is done from now on wakes again.
    pub fn quiet(&mut self) {
        let mut buffer = [0; 64];
        while matches!(self.stream.read(&mut buffer), Ok(1..)) {}
        // Only now: a ring between the two would be taken for heard, and none after it would be heard.
        self.bell.rung.swap(false, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::AtomicUsize;
    use std::thread;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    #[test]
    fn no_ring_is_lost() {
        const RINGS: usize = 20_000;
        let (waker, mut wakes) = wakes().unwrap();
        let rung = Arc::new(AtomicUsize::new(0));
        let ringing = Arc::clone(&rung);
        let ringer = thread::spawn(move || {
            for _ in 0..RINGS {
                ringing.fetch_add(1, Ordering::AcqRel);
                waker.wake();
            }
        });
        let patience = Timespec::try_from(Duration::from_secs(10)).unwrap();
        while rung.load(Ordering::Acquire) < RINGS {
            let ready = poll(&mut [PollFd::new(&wakes.stream, PollFlags::IN)], Some(&patience)).unwrap();
            assert_eq!(ready, 1, "nobody is woken after {} rings", rung.load(Ordering::Acquire));
            wakes.quiet();
        }
        ringer.join().unwrap();
    }
}
