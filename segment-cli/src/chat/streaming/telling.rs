//! What happens to streams by itself, said to people and programs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use segment_core::peer::events::{PeerEvent, Serving};
use segment_media::Stop;
use segment_net::{Broadcast, Peer};
use segment_proto::messages::StreamRow;
use segment_proto::{ChannelId, DeviceId, Reason, StreamId, Untrusted};
use serde::Serialize;

use super::answers::StreamEnded;
use super::faring::way_text;
use super::shape::{Shape, Way};
use super::words::{counted, millis, pictures, quoted};
use crate::chat::answers::answer;
use crate::chat::narrator::Narrator;
use crate::chat::output::{Answer, Out};
use crate::chat::talk::Talk;
use crate::chat::telling::now_ms;
use crate::chat::{Chat, Target};
use crate::render::Style;

/// How often a streamer looks who watches.
const LOOK: Duration = Duration::from_secs(2);
/// More who come or go at once are only counted.
const NAMED_MAX: usize = 5;
/// Streams that are remembered. Policy: those beyond are told of without what is known of them.
const HEARD_MAX: usize = 1_024;

/// A stream that was told of.
#[derive(Clone, Debug)]
pub(in crate::chat) struct Heard {
    channel: ChannelId,
    title: String,
    by: String,
    is_there: bool,
}

impl Heard {
    fn new(channel: ChannelId, row: &StreamRow) -> Self {
        let description = &row.description;
        Self { channel, title: description.title.clone(), by: description.who.to_string(), is_there: row.present }
    }
}

/// Something has happened to a stream.
#[derive(Debug, Serialize)]
struct StreamNews {
    event: &'static str,
    channel: String,
    stream: StreamId,
    title: String,
    by: String,
    text: String,
    #[serde(skip)]
    at_ms: u64,
}
answer!(StreamNews, "event", |self, style| style.notice(self.at_ms, &self.text));

impl Narrator {
    /// Tells of a stream; gives back what is about something else.
    pub(in crate::chat) fn tell_stream(&self, event: PeerEvent) -> Option<PeerEvent> {
        match event {
            PeerEvent::StreamStarted { channel, row } => self.tell_stream_there(channel, &row),
            PeerEvent::StreamStopped { channel, stream, reason } => self.tell_stream_over(channel, stream, reason),
            PeerEvent::StreamLost { channel, stream, .. } => self.tell_stream_lost(channel, stream),
            PeerEvent::FrameReady { .. } | PeerEvent::StreamParent { .. } => {}
            PeerEvent::ServedFrom { channel, serving } => {
                self.ask_for_streams(channel, serving);
                return Some(PeerEvent::ServedFrom { channel, serving });
            }
            other => return Some(other),
        }
        None
    }

    /// Whoever serves a channel now announced its streams to those who were there then.
    fn ask_for_streams(&self, channel: ChannelId, serving: Serving) {
        let name = self.talk.known().names.get(&channel).cloned();
        let Some(name) = name.filter(|_| matches!(serving, Serving::Host(_) | Serving::Copy)) else { return };
        let (peer, out, talk) = (self.peer.clone(), self.out.clone(), self.talk.clone());
        tokio::spawn(async move { tell_running(&peer, &out, &talk, &Target { id: channel, name }).await });
    }

    fn tell_stream_there(&self, channel: ChannelId, row: &StreamRow) {
        let description = &row.description;
        let heard = Heard::new(channel, row);
        let (before, is_current) = {
            let mut known = self.talk.known();
            let is_current = known.current.as_ref().is_some_and(|current| current.id == channel);
            let has_room = known.streams.len() < HEARD_MAX || known.streams.contains_key(&description.stream);
            let before = if has_room { known.streams.insert(description.stream, heard.clone()) } else { None };
            (before.map(|before| before.is_there), is_current)
        };
        let is_own = description.device == self.peer.device();
        let (by, title) = (&heard.by, quoted(&heard.title));
        let (event, text) = match (before, row.present) {
            (None, true) if !is_own => ("stream_started", self.invitation(row, channel, is_current)),
            (Some(true), false) => {
                ("stream_away", format!("{by} went away; {title} ends unless {by} is back within a minute"))
            }
            (Some(false), true) if !is_own => ("stream_back", format!("{by} is back with {title}")),
            _ => return,
        };
        self.stream_news(event, channel, description.stream, &heard, text);
    }

    fn invitation(&self, row: &StreamRow, channel: ChannelId, is_current: bool) -> String {
        let place = if is_current { String::new() } else { format!(" #{}", self.talk.known().name_of(&channel)) };
        let meant = meant_by(&self.talk, channel, row);
        invitation(row, &format!("{place}{meant}"))
    }

    fn tell_stream_over(&self, channel: ChannelId, stream: StreamId, reason: Reason) {
        let Some(heard) = self.talk.known().streams.remove(&stream) else { return };
        let (by, title) = (&heard.by, quoted(&heard.title));
        let is_me = self.talk.known().me.as_ref().is_some_and(|me| me.to_string() == *by);
        let (event, text) = match reason {
            // Whoever has stopped it has been answered.
            Reason::ShuttingDown if is_me => return,
            Reason::ShuttingDown => ("stream_stopped", format!("{by} stopped {title}")),
            Reason::StreamerGone => ("stream_gone", format!("{title} is over: {by} went away and did not come back")),
            Reason::MayNotStream => ("stream_stopped", format!("{title} is over: {by} may not stream here any more")),
            _ => ("stream_stopped", format!("{title} of {by} is over")),
        };
        self.stream_news(event, channel, stream, &heard, text);
    }

    fn tell_stream_lost(&self, channel: ChannelId, stream: StreamId) {
        let Some(heard) = self.talk.known().streams.get(&stream).cloned() else { return };
        let text = format!("you may not watch {} of {} any more", quoted(&heard.title), heard.by);
        self.stream_news("stream_lost", channel, stream, &heard, text);
    }

    fn stream_news(&self, event: &'static str, channel: ChannelId, stream: StreamId, heard: &Heard, text: String) {
        let channel = format!("#{}", self.talk.known().name_of(&channel));
        let Heard { title, by, .. } = heard.clone();
        self.out.happened(&StreamNews { event, channel, stream, title, by, text, at_ms: now_ms() });
    }
}

/// What has to be said so that this stream is meant, and none of the others of its channel.
fn meant_by(talk: &Talk, channel: ChannelId, row: &StreamRow) -> String {
    let (stream, by) = (row.description.stream, row.description.who.to_string());
    let known = talk.known();
    let mine = known.me.as_ref().map(ToString::to_string);
    let others = known.streams.iter().filter(|(id, heard)| {
        **id != stream && heard.channel == channel && heard.is_there && Some(&heard.by) != mine.as_ref()
    });
    let others: Vec<&Heard> = others.map(|(_, heard)| heard).collect();
    let title = &row.description.title;
    if others.is_empty() {
        String::new()
    } else if others.iter().all(|heard| heard.by != by) {
        format!(" @{by}")
    } else if title.contains(char::is_whitespace) {
        format!(" \"{}\"", Untrusted(title))
    } else {
        format!(" {}", Untrusted(title))
    }
}

fn invitation(row: &StreamRow, place: &str) -> String {
    let description = &row.description;
    let title = quoted(&description.title);
    format!("@{} streams {title} {} · /stream watch{place}", description.who, pictures(&description.tracks))
}

impl Chat {
    /// Tells whoever comes into a channel what runs there.
    pub(in crate::chat) async fn tell_streams(&self, target: &Target) {
        tell_running(self.peer(), &self.out, &self.talk, target).await;
    }
}

/// Tells a person what runs in a channel and was not told of yet.
async fn tell_running(peer: &Peer, out: &Out, talk: &Talk, target: &Target) {
    if out.as_screen().is_none() {
        return;
    }
    // Where nobody serves the channel nobody streams in it.
    let Ok(rows) = peer.channel(target.id).streams().await else { return };
    for row in &rows {
        let description = &row.description;
        let is_own = description.device == peer.device();
        // Others' while they are there, one's own where it has broken off.
        if is_own == row.present {
            continue;
        }
        let heard = Heard::new(target.id, row);
        let is_current = {
            let mut known = talk.known();
            if known.streams.len() >= HEARD_MAX || known.streams.contains_key(&description.stream) {
                continue;
            }
            known.streams.insert(description.stream, heard.clone());
            known.current.as_ref().is_some_and(|current| current.id == target.id)
        };
        let place = if is_current { String::new() } else { format!(" #{}", target.name) };
        let (event, text) = if is_own {
            ("stream_away", broken_off(&heard.title, &place))
        } else {
            ("stream_started", invitation(row, &format!("{place}{}", meant_by(talk, target.id, row))))
        };
        let Heard { title, by, .. } = heard;
        let (channel, stream) = (format!("#{}", target.name), description.stream);
        out.happened(&StreamNews { event, channel, stream, title, by, text, at_ms: now_ms() });
    }
}

fn broken_off(title: &str, place: &str) -> String {
    format!("your {} broke off: the same /stream start{place} within a minute goes on with it", quoted(title))
}

/// Tells a streamer who comes and goes, until the stream ends.
pub(super) fn viewers(out: &Out, broadcast: &Broadcast, of: &StreamEnded, stop: &Stop) {
    if out.as_screen().is_none() {
        return;
    }
    let watchers = Watchers {
        out: out.clone(),
        broadcast: broadcast.clone(),
        channel: of.channel.clone(),
        title: of.title.clone(),
        by: of.by.clone(),
        seen: BTreeMap::new(),
    };
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = watchers.run() => {}
            () = stop.wait() => {}
        }
    });
}

/// Those who were told of.
struct Watchers {
    out: Out,
    broadcast: Broadcast,
    channel: String,
    title: String,
    by: String,
    seen: BTreeMap<DeviceId, String>,
}

impl Watchers {
    /// Until the stream is over.
    async fn run(mut self) {
        let own = self.broadcast.device();
        loop {
            tokio::time::sleep(LOOK).await;
            match self.broadcast.viewers().await {
                Ok(rows) => self.look(&Shape::new(own, rows)),
                Err(segment_net::RequestError::Refused(failure)) if failure.reason == Reason::NoSuchStream => return,
                Err(segment_net::RequestError::Stopped(_)) => return,
                Err(_) => {}
            }
        }
    }

    /// Who has no picture yet has not come.
    fn look(&mut self, shape: &Shape) {
        let here: BTreeSet<DeviceId> = shape.viewers().map(|row| row.device).collect();
        let gone: Vec<DeviceId> = self.seen.keys().copied().filter(|device| !here.contains(device)).collect();
        let gone: Vec<String> = gone.iter().filter_map(|device| self.seen.remove(device)).collect();
        let mut came = Vec::new();
        for row in shape.viewers().filter(|row| row.figures.frames > 0) {
            let way = match shape.way(row) {
                Way::None => continue,
                way => way_text(&way),
            };
            let name = shape.name(row);
            if self.seen.insert(row.device, name.clone()).is_none() {
                came.push(format!("{name} watches ({way}, {})", millis(row.figures.delay_p50_us)));
            }
        }
        let left = gone.into_iter().map(|name| format!("{name} watches no more")).collect();
        self.tell("viewer_came", came, "more watch");
        self.tell("viewer_gone", left, "more watch no more");
    }

    fn tell(&self, event: &'static str, mut words: Vec<String>, more: &str) {
        if words.is_empty() {
            return;
        }
        let others = words.len().saturating_sub(NAMED_MAX) as u64;
        words.truncate(NAMED_MAX);
        if others > 0 {
            words.push(format!("{} {more}", counted(others, "")).replace("  ", " "));
        }
        let text = format!("{}: {}", quoted(&self.title), words.join(" · "));
        let (channel, title, by) = (self.channel.clone(), self.title.clone(), self.by.clone());
        let stream = self.broadcast.id();
        self.out.happened(&StreamNews { event, channel, stream, title, by, text, at_ms: now_ms() });
    }
}
