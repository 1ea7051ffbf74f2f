//! How long a message takes to each member, when so many are sent in a second.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep_until};

use super::{CHAT_BYTES, Task};
use crate::outcome::{Outcome, Watch};
use crate::room::Room;

/// Messages before the first that counts.
const WARM_UP: usize = 20;

pub async fn run(task: &Task, members: usize, rate: u32) -> Result<Outcome> {
    let mut room = Room::open(task, members, CHAT_BYTES).await?;
    for sent in 1..=WARM_UP {
        room.author.publish(1).await?;
        room.audience.all_have(sent).await?;
    }
    let count = (task.seconds * f64::from(rate)) as u32;
    let (watch, begun, step) = (Watch::start(task.server)?, Instant::now(), Duration::from_secs(1) / rate);
    for number in 0..count {
        sleep_until(begun + step * number).await;
        room.audience.mark(WARM_UP + number as usize);
        room.author.publish(1).await?;
    }
    let sent = WARM_UP + count as usize;
    room.audience.all_have(sent).await?;
    let outcome = watch.stop(count as usize * members)?;
    room.audience.has_exactly(sent)?;
    Ok(outcome.with_times(room.audience.times()))
}
