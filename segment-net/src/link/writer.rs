//! The task that writes a link.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use segment_proto::LinkId;
use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::batch::Batch;
use super::patience::{Pace, or_else_wait};
use super::queue::SendQueue;
use super::{End, Notice, Notices};
use crate::limits::{MEDIA_WRITE_BYTES, WRITE_BYTES};
use crate::traffic::Counters;
use crate::transport::Writer;

pub(super) struct LinkWriter {
    pub(super) id: LinkId,
    pub(super) writer: Writer,
    pub(super) notices: Notices,
    pub(super) queue: Arc<SendQueue>,
    pub(super) closing: CancellationToken,
    pub(super) no_progress: Duration,
    pub(super) flush: Duration,
    pub(super) counters: Counters,
}

impl LinkWriter {
    pub(super) async fn run(mut self: Box<Self>) {
        let overdue = overdue(self.closing.clone(), self.flush);
        let end = tokio::select! {
            end = self.write_until_closed() => end,
            () = overdue => End::Stalled,
        };
        // A driver that is gone needs no notice.
        let _ = Box::pin(self.notices.send((self.id, Notice::Down(end)))).await;
    }

    async fn write_until_closed(&mut self) -> End {
        let mut media_bytes_max = MEDIA_WRITE_BYTES;
        while let Some(batch) = self.queue.next_batch(media_bytes_max).await {
            let (lane, size) = (batch.lane, batch.remaining());
            // A message waits for one write of a stream: for a large one only where the kernel takes it without a wait.
            media_bytes_max = match self.write(batch).await {
                Ok(Pace::AtOnce) => WRITE_BYTES.min(2 * media_bytes_max),
                Ok(Pace::Waited) => MEDIA_WRITE_BYTES,
                Err(end) => return end,
            };
            self.counters.written(size);
            if let Some(room) = self.queue.written(lane, size) {
                // Not `await`ed with the queue held: the driver may be busy for a while.
                let _ = Box::pin(self.notices.send((self.id, Notice::Room(room)))).await;
            }
        }
        match self.writer.shutdown().await {
            Ok(()) => End::Hangup,
            Err(error) => End::Broken(error),
        }
    }

    async fn write(&mut self, mut batch: Batch) -> Result<Pace, End> {
        let mut pace = Pace::AtOnce;
        while batch.has_remaining() {
            pace = pace.max(within(self.no_progress, self.writer.write_buf(&mut batch)).await?);
        }
        Ok(pace.max(within(self.no_progress, self.writer.flush()).await?))
    }
}

async fn within<T>(limit: Duration, step: impl Future<Output = io::Result<T>>) -> Result<Pace, End> {
    match or_else_wait(step, |step| timeout(limit, step)).await {
        (Ok(done), pace) => done.map(|_| pace).map_err(End::from),
        (Err(_), _) => Err(End::Stalled),
    }
}

async fn overdue(closing: CancellationToken, flush: Duration) {
    closing.cancelled().await;
    Box::pin(sleep(flush)).await;
}
