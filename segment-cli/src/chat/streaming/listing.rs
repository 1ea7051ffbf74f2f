//! `/stream list`, `/stream stats`, `/stream tree`.

use std::time::Instant;

use segment_core::peer::events::Reply;
use segment_net::RequestError;
use segment_proto::messages::{StreamRow, ViewerFigures, ViewerRow};
use segment_proto::{ChannelId, ChannelName, StreamId};

use super::answers::StreamListed;
use super::branching::StreamTree;
use super::faring::{LOOKS, StreamStats, StreamViewer, slow_names, trouble_text};
use super::running::{Role, Running};
use super::shape::Shape;
use super::words::quoted;
use crate::chat::answers::{Counted, Said};
use crate::chat::{Chat, Done, Target, unheard};
use crate::commands::StreamRef;
use crate::errors::Problem;

impl Chat {
    /// `/stream list`
    pub(super) async fn list_streams(&self, target: &Target) -> Done {
        let rows = self.stream_rows(target).await?;
        let channel = format!("#{}", target.name);
        let listed = rows.iter().enumerate().map(|(at, row)| {
            let stream = row.description.stream;
            let here = [Role::Sends, Role::Watches].into_iter().find(|role| self.streaming.has(*role, stream));
            StreamListed::new(at + 1, channel.clone(), row, here)
        });
        let listed: Vec<_> = listed.collect();
        self.out.answers(&listed).await.map_err(unheard)?;
        self.out.answer(&Counted { what: "streams", count: rows.len() }).await.map_err(unheard)
    }

    /// `/stream tree`
    pub(super) async fn stream_tree(&self, target: &Target, which: Option<StreamRef>) -> Done {
        let row = self.pick(target, which.as_ref()).await?;
        let shape = self.shape_of(target.id, &row).await?;
        let tree = StreamTree::new(format!("#{}", target.name), &row.description, &shape);
        self.out.answer(&tree).await.map_err(unheard)
    }

    /// `/stream stats`: of what runs here; where nothing does, of the channel's only one.
    pub(super) async fn stream_stats(&self, channel: Option<ChannelName>, which: Option<StreamRef>) -> Done {
        let target = match channel {
            Some(name) => Some(self.target(Some(name)).await?),
            None => None,
        };
        let meant = self.meant(target.as_ref(), which.as_ref()).await?;
        if meant.is_empty() {
            let target = match target {
                Some(target) => target,
                None => self.target(None).await?,
            };
            let row = self.pick(&target, which.as_ref()).await?;
            return self.show_stats(&target, &row, None).await;
        }
        for running in meant {
            let rows = self.stream_rows(&running.target).await?;
            match rows.iter().find(|row| row.description.stream == running.stream) {
                Some(row) => self.show_stats(&running.target, row, Some(running)).await?,
                None => self.say_unknown(running).await?,
            }
        }
        Ok(())
    }

    /// Whoever serves the channel has not heard of it yet, or its streamer is gone.
    async fn say_unknown(&self, running: &Running) -> Done {
        let text = format!(
            "{} of {} in #{}: whoever serves the channel now does not know it; it goes on when its streamer is back, or ends \
             within a minute.",
            quoted(&running.title),
            running.by,
            running.target.name
        );
        self.out.answer(&Said { text }).await.map_err(unheard)
    }

    async fn show_stats(&self, target: &Target, row: &StreamRow, running: Option<&Running>) -> Done {
        let stream = row.description.stream;
        let shape = self.shape_of(target.id, row).await?;
        let (slow, waiting) = (shape.slow_part(), shape.waiting());
        let look = move |machine: &mut segment_core::peer::Peer, _| {
            (machine.stream_followers(stream), machine.stream_figures(stream))
        };
        let (followers, figures) = self.peer().call(look).await?;
        let mut stats = StreamStats {
            role: running.map_or(LOOKS, |running| running.role.as_str()),
            channel: format!("#{}", target.name),
            stream,
            title: row.description.title.clone(),
            by: row.description.who.to_string(),
            seconds: 0.0,
            fps: 0.0,
            rate_bps: 0.0,
            frames: 0,
            pictures: None,
            dropped: 0,
            viewers: shape.len(),
            served: shape.served_by(self.peer().device()) as u64,
            delay_p50_us: None,
            delay_p95_us: None,
            slow: slow_names(&slow),
            text: trouble_text(&slow, &waiting),
            waiting,
        };
        if let Some(running) = running {
            stats.fill(&running.meter.read(Instant::now()));
        }
        stats.dropped += followers.map_or(0, |(_, left_out)| left_out);
        if let Some(ViewerFigures { frames, dropped, delay_p50_us, delay_p95_us, .. }) = figures {
            stats.frames = frames;
            stats.dropped += dropped;
            (stats.delay_p50_us, stats.delay_p95_us) = (Some(delay_p50_us), Some(delay_p95_us));
        }
        self.out.answer(&stats).await.map_err(unheard)?;
        self.out.answers(&StreamViewer::of(stream, &shape)).await.map_err(unheard)
    }

    async fn shape_of(&self, channel: ChannelId, row: &StreamRow) -> Result<Shape, Problem> {
        let rows = viewers(self, channel, row.description.stream).await?;
        Ok(Shape::new(row.description.device, rows))
    }
}

async fn viewers(chat: &Chat, channel: ChannelId, stream: StreamId) -> Result<Vec<ViewerRow>, Problem> {
    let mut rows: Vec<ViewerRow> = Vec::new();
    loop {
        let after = rows.last().map(|row| row.device);
        let asked = chat.peer().request(move |machine, now| machine.list_viewers(channel, stream, after, now));
        let Reply::Viewers(page) = asked.await? else { return Err(RequestError::OtherAnswer.into()) };
        let is_last = !page.more || page.rows.is_empty();
        rows.extend(page.rows);
        if is_last {
            return Ok(rows);
        }
    }
}
