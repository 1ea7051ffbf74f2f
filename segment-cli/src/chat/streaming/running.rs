//! The streams that run here, and how they end.

use std::time::Instant;

use segment_media::Stop;
use segment_proto::{ChannelId, StreamId};
use tokio::task::JoinHandle;

use super::answers::StreamEnded;
use super::meter::Meter;
use crate::chat::answers::Notice;
use crate::chat::output::Out;
use crate::chat::telling::now_ms;
use crate::chat::{Chat, Target, unheard};
use crate::errors::{LocalReason, Problem};
use crate::exit::ExitCode;

/// How a stream has ended here.
pub(super) type Ended = Result<StreamEnded, Problem>;

/// What is done with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Sends,
    Watches,
}

/// A stream that runs here. Dropped, it ends.
#[derive(Debug)]
pub(super) struct Running {
    pub role: Role,
    pub stream: StreamId,
    pub target: Target,
    /// For people.
    pub title: String,
    pub by: String,
    pub meter: Meter,
    pub stop: Stop,
    pub task: JoinHandle<Ended>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.set();
    }
}

impl Running {
    /// Ends it, and says how it was.
    pub async fn end(mut self) -> Ended {
        self.stop.set();
        self.wait().await
    }

    async fn wait(&mut self) -> Ended {
        (&mut self.task).await.unwrap_or_else(|error| Err(Problem::local(LocalReason::Stopped).saying(error)))
    }
}

/// The streams that run here.
#[derive(Debug, Default)]
pub struct Streaming(pub(super) Vec<Running>);

impl Streaming {
    /// What has ended by itself was told.
    pub(super) fn forget_ended(&mut self) {
        self.0.retain(|running| !running.task.is_finished());
    }

    pub(super) fn has(&self, role: Role, stream: StreamId) -> bool {
        self.0.iter().any(|running| running.role == role && running.stream == stream && !running.task.is_finished())
    }

    /// Ends what runs in a channel, or everywhere; how it was is not told.
    pub(in crate::chat) async fn end(&mut self, channel: Option<ChannelId>) {
        self.end_those(|running| channel.is_none_or(|channel| running.target.id == channel)).await;
    }

    /// Ends what is sent from here: whoever is invisible sends nothing. How many that were.
    pub(in crate::chat) async fn end_sent(&mut self) -> usize {
        self.end_those(|running| running.role == Role::Sends).await
    }

    async fn end_those(&mut self, is_meant: impl Fn(&Running) -> bool) -> usize {
        let (ending, kept): (Vec<Running>, Vec<Running>) = std::mem::take(&mut self.0).into_iter().partition(is_meant);
        self.0 = kept;
        let count = ending.len();
        for running in ending {
            // Whoever ends everything does not ask how it was.
            let _ = running.end().await;
        }
        count
    }
}

/// Waits for a moment; without one for ever.
pub(super) async fn reached(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

/// Tells a person how a stream has ended that nobody has stopped here.
pub(super) async fn told(out: Out, stop: Stop, work: impl Future<Output = Ended>) -> Ended {
    let ended = work.await;
    if stop.is_set() {
        return ended;
    }
    match &ended {
        Ok(ended) => out.happened(ended),
        Err(problem) => {
            let text = problem.text.clone();
            out.happened(&Notice { event: "stream_failed", channel: None, text, at_ms: now_ms() });
        }
    }
    ended
}

impl Chat {
    /// A script is not over before its streams are.
    pub(in crate::chat) async fn streams_ended(&mut self) -> Result<ExitCode, Problem> {
        let mut end = ExitCode::Done;
        // Whoever gives up waiting still has them to end.
        while let Some(running) = self.streaming.0.last_mut() {
            let ended = running.wait().await;
            self.streaming.0.pop();
            match ended {
                Ok(ended) => self.out.answer(&ended).await.map_err(unheard)?,
                Err(problem) => {
                    self.out.problem("/stream", &problem).await.map_err(unheard)?;
                    end = end.then(problem.exit);
                }
            }
        }
        Ok(end)
    }
}
