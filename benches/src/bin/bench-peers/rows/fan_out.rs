//! One author, many members, as fast as can be.

use anyhow::Result;

use super::{CHAT_BYTES, Task};
use crate::outcome::{Outcome, Watch};
use crate::room::Room;

/// Messages that go in one write.
pub const BATCH: usize = 64;

/// The author is never more than a window ahead of the slowest member, and nothing is lost.
pub async fn pipelined(task: &Task, members: usize, bytes: usize) -> Result<Outcome> {
    let window = task.system.window(bytes);
    let batch = BATCH.min(window / 4);
    let mut room = Room::open(task, members, bytes).await?;
    room.author.publish(batch).await?;
    room.audience.all_have(batch).await?;
    let (watch, mut sent) = (Watch::start(task.server)?, batch);
    while watch.elapsed() < task.time() {
        room.author.publish(batch).await?;
        sent += batch;
        room.audience.all_have(sent.saturating_sub(window)).await?;
    }
    room.audience.all_have(sent).await?;
    let outcome = watch.stop((sent - batch) * members)?;
    room.audience.has_exactly(sent)?;
    Ok(outcome)
}

/// The next message goes when everybody has the last.
pub async fn one_at_a_time(task: &Task, members: usize) -> Result<Outcome> {
    let mut room = Room::open(task, members, CHAT_BYTES).await?;
    room.author.publish(1).await?;
    room.audience.all_have(1).await?;
    let (watch, mut sent) = (Watch::start(task.server)?, 1);
    while watch.elapsed() < task.time() {
        sent += 1;
        room.author.publish(1).await?;
        room.audience.all_have(sent).await?;
    }
    let outcome = watch.stop((sent - 1) * members)?;
    room.audience.has_exactly(sent)?;
    Ok(outcome)
}
