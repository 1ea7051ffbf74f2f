//! The task that writes a link.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use segment_proto::LinkId;
use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::batch::Batch;
use super::queue::SendQueue;
use super::{End, Notice, Notices};
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
    pub(super) async fn run(mut self) {
        let (closing, flush) = (self.closing.clone(), self.flush);
        let end = tokio::select! {
            end = self.write_until_closed() => end,
            () = overdue(closing, flush) => End::Stalled,
        };
        // A driver that is gone needs no notice.
        let _ = self.notices.send((self.id, Notice::Down(end))).await;
    }

    async fn write_until_closed(&mut self) -> End {
        while let Some(batch) = self.next_batch().await {
            let (lane, size) = (batch.lane, batch.remaining());
            if let Err(end) = self.write(batch).await {
                return end;
            }
            self.counters.written(size);
            if let Some(room) = self.queue.written(lane, size) {
                // Not `await`ed with the queue held: the driver may be busy for a while.
                let _ = self.notices.send((self.id, Notice::Room(room))).await;
            }
        }
        match self.writer.shutdown().await {
            Ok(()) => End::Hangup,
            Err(error) => End::Broken(error),
        }
    }

    /// The next bytes to write; `None` once the link is being closed and everything is flushed.
    async fn next_batch(&mut self) -> Option<Batch> {
        tokio::select! {
            biased;
            batch = self.queue.next_batch() => Some(batch),
            () = self.closing.cancelled() => self.queue.take_batch(),
        }
    }

    async fn write(&mut self, mut batch: Batch) -> Result<(), End> {
        while batch.has_remaining() {
            within(self.no_progress, self.writer.write_buf(&mut batch)).await?;
        }
        within(self.no_progress, self.writer.flush()).await
    }
}

async fn within<T>(limit: Duration, step: impl Future<Output = std::io::Result<T>>) -> Result<T, End> {
    match timeout(limit, step).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(End::Stalled),
    }
}

async fn overdue(closing: CancellationToken, flush: Duration) {
    closing.cancelled().await;
    sleep(flush).await;
}
