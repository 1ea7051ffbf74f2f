//! Waiting for a while at most, at no cost where nothing has to be waited for.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::time::Timeout;
use tokio::time::error::Elapsed;

/// Whether something was done without waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pace {
    AtOnce,
    Waited,
}

/// Does a step; where it has to wait, no longer than `limited` lets it. The timer is made only then and in a box, since
/// it is larger than the rest of a link's tasks.
pub(super) async fn or_else_wait<F: Future>(
    step: F,
    limited: impl FnOnce(Pin<&mut F>) -> Timeout<Pin<&mut F>>,
) -> (Result<F::Output, Elapsed>, Pace) {
    let mut step = pin!(step);
    if let Poll::Ready(done) = poll_fn(|context| Poll::Ready(step.as_mut().poll(context))).await {
        return (Ok(done), Pace::AtOnce);
    }
    (Box::pin(limited(step)).await, Pace::Waited)
}
