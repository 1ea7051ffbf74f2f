//! Live streams: what this program sends and watches.
//!
//! `sending` and `watching` run beside the conversation, `picking` finds the stream that is meant, `telling` says what
//! happens by itself, `shape` knows who has a stream from whom, `room` whether anybody can send it here; `answers`, `faring` and `branching` are what is said of
//! it, in `words`.

mod answers;
mod branching;
mod faring;
mod listing;
mod meter;
mod picking;
mod room;
mod running;
mod sending;
mod shape;
mod showing;
mod telling;
mod watching;
mod words;

use std::time::Duration;

use segment_media::{SinkError, SourceError};
use segment_proto::ChannelName;

use super::{Chat, Done};
use crate::commands::StreamRequest;
use crate::errors::{LocalReason, Problem};

pub(super) use running::Streaming;
pub(super) use telling::Heard;

/// What a viewer is not yet given when a source ends is on its way for so long.
const LINGER: Duration = Duration::from_secs(1);

impl Chat {
    /// `/stream`
    pub(super) async fn stream(&mut self, channel: Option<ChannelName>, request: StreamRequest) -> Done {
        if !self.is_script() {
            self.streaming.forget_ended();
        }
        let target = match request {
            // Who names nothing means what there is, wherever it is.
            StreamRequest::Stop(which) => return self.stop_stream(channel, which).await,
            StreamRequest::Stats(which) => return self.stream_stats(channel, which).await,
            _ => self.target(channel).await?,
        };
        match request {
            StreamRequest::Start(start) => self.start_stream(target, start).await,
            StreamRequest::Watch(watch) => self.watch_stream(target, watch).await,
            StreamRequest::Tree(which) => self.stream_tree(&target, which).await,
            _ => self.list_streams(&target).await,
        }
    }
}

impl From<SourceError> for Problem {
    fn from(error: SourceError) -> Self {
        let reason = match &error {
            SourceError::NoFile(_) | SourceError::NoCamera(_) => LocalReason::NoSource,
            _ => LocalReason::Source,
        };
        Self::local(reason).saying(error)
    }
}

impl From<SinkError> for Problem {
    fn from(error: SinkError) -> Self {
        let reason = match &error {
            SinkError::NoPlayer | SinkError::Missing(_) => LocalReason::MissingProgram,
            SinkError::NoScreen(_) => LocalReason::NoScreen,
            _ => LocalReason::Sink,
        };
        Self::local(reason).saying(error)
    }
}
