//! A slow step shows that it is alive.

use std::time::Duration;

use tokio::pin;
use tokio::time::{Instant, sleep};

use super::output::Out;
use crate::terminal::{Screen, Turn};

/// What is done within this is not talked about.
const SLOW: Duration = Duration::from_secs(1);
/// Then it is said again so often.
const AGAIN: Duration = Duration::from_secs(5);

/// Does something, and tells a person who waits for it that it is under way. While a password is typed nothing is said.
pub(super) async fn alive<T>(out: &Out, what: &str, turn: Option<&Turn>, work: impl Future<Output = T>) -> T {
    pin!(work);
    if out.as_screen().is_none() {
        return work.await;
    }
    let (mut since, mut next) = (Instant::now(), SLOW);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = sleep(next) => {}
        }
        // Who reads in the pager, or is asked for something, waits for nothing.
        if turn.is_some_and(Turn::is_asking) || out.as_screen().is_some_and(Screen::is_lent) {
            (since, next) = (Instant::now(), SLOW);
            continue;
        }
        next = AGAIN;
        let text = format!("(waiting for {what}, {} s; Ctrl-C gives up)", since.elapsed().as_secs());
        // Whoever does the work finds out that nobody reads.
        let _ = out.remark(&text).await;
    }
}
