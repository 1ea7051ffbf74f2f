//! Whether anybody still reads standard output.

use std::io;
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::oneshot;

/// Returns once nobody reads standard output any more, also where nothing is written to it.
pub(super) async fn nobody_reads() {
    let (sender, has_gone) = oneshot::channel();
    // The thread ends with the program where the reader stays.
    let watch = move || wait_for_hangup().is_ok_and(|()| sender.send(()).is_ok());
    let started = thread::Builder::new().name("reader".into()).spawn(watch);
    if started.is_err() || has_gone.await.is_err() {
        // Nothing is known of it: a write says so.
        std::future::pending().await
    }
}

fn wait_for_hangup() -> io::Result<()> {
    let out = io::stdout();
    loop {
        // A hang-up is told without being asked for.
        let mut ways = [PollFd::new(&out, PollFlags::empty())];
        match poll(&mut ways, None) {
            Ok(_) if ways.iter().any(|way| !way.revents().is_empty()) => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
