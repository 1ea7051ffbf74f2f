//! The program seen from inside: its figures, and everything that it waits for.

use std::time::Duration;

use segment_core::contract::Direction;
use segment_core::host::HostReport;
use segment_core::peer::context::LOCAL;
use segment_core::peer::events::Reply;
use segment_core::peer::{ChannelInspection, Inspection, RequestView, Timer};
use segment_net::Traffic;
use segment_proto::{ChannelId, ChannelName};
use serde::Serialize;

use super::answers::{Facts, serving_name, source_name, table};
use super::session::session_state;
use super::{Chat, Done, unheard};
use crate::errors::Problem;

#[derive(Serialize)]
struct StatsFacts {
    up_seconds: u64,
    sent: u64,
    committed: u64,
    refused: u64,
    received: u64,
    received_bytes: u64,
    per_second_last_minute: f64,
    per_second: f64,
    frames_in: u64,
    bytes_in: u64,
    frames_out: u64,
    bytes_out: u64,
    links: Vec<LinkFacts>,
    tracker_micros: Option<u64>,
    stored: Option<LatencyFacts>,
    settled: Option<LatencyFacts>,
    disk_bytes: u64,
}

#[derive(Serialize)]
struct LatencyFacts {
    median_micros: u64,
    of_100_99_within_micros: u64,
    count: usize,
}

#[derive(Serialize)]
struct LinkFacts {
    link: u64,
    to: &'static str,
    address: String,
    direction: &'static str,
    device: String,
}

#[derive(Serialize)]
struct DebugFacts {
    tracker: &'static str,
    links: Vec<LinkFacts>,
    requests: Vec<RequestFacts>,
    operations: usize,
    stray_answers: u64,
    unnamed: usize,
    own_unsettled: usize,
    timers: Vec<TimerFacts>,
    channels: Vec<ChannelFacts>,
}

#[derive(Serialize)]
struct RequestFacts {
    id: String,
    link: u64,
    channel: Option<String>,
    what: &'static str,
    times_out_ms: u64,
}

#[derive(Serialize)]
struct TimerFacts {
    why: &'static str,
    due_ms: u64,
}

#[derive(Serialize)]
struct ChannelFacts {
    name: String,
    served_from: &'static str,
    link: Option<u64>,
    low: u64,
    head: u64,
    committed: u64,
    level: bool,
    outbox: usize,
    unread: usize,
    host: Option<HostFacts>,
    former: Option<HostFacts>,
    timers: Vec<TimerFacts>,
}

#[derive(Serialize)]
struct HostFacts {
    epoch: Option<u32>,
    stored: u64,
    committed: u64,
    unplaced: usize,
    members: usize,
}

impl Chat {
    /// `/stats`
    pub(super) async fn stats(&self) -> Done {
        let seen = self.peer().inspect().await?;
        // Where nobody answers, there is no round trip to tell of.
        let pong = self.peer().request(segment_core::peer::Peer::ping).await.ok();
        let round_trip = pong.and_then(|reply| if let Reply::Pong(took) = reply { Some(micros(took)) } else { None });
        let Traffic { frames_in, bytes_in, frames_out, bytes_out } = self.peer().traffic();
        let disk_bytes = crate::node::store_bytes(self.profile.dir());
        let facts = {
            let known = self.talk.known();
            let figures = &known.figures;
            StatsFacts {
                up_seconds: figures.up().as_secs(),
                sent: figures.sent,
                committed: figures.committed,
                refused: figures.refused,
                received: figures.received,
                received_bytes: figures.received_bytes,
                per_second_last_minute: rounded(figures.recent_rate()),
                per_second: rounded(figures.rate()),
                frames_in,
                bytes_in,
                frames_out,
                bytes_out,
                links: links(&seen),
                tracker_micros: round_trip,
                stored: latency(&figures.stored),
                settled: latency(&figures.settled),
                disk_bytes,
            }
        };
        let text = facts.text();
        self.out.answer(&Facts { facts, text }).await.map_err(unheard)
    }

    /// `/debug`
    pub(super) async fn debug(&self, channel: Option<ChannelName>) -> Done {
        let only = match channel {
            Some(name) => Some(self.target(Some(name)).await?.id),
            None => None,
        };
        let mut seen = self.peer().inspect().await?;
        seen.channels.retain(|channel| only.is_none_or(|only| only == channel.view.record.channel));
        let facts = self.debug_facts(&seen)?;
        let text = facts.text();
        self.out.answer(&Facts { facts, text }).await.map_err(unheard)
    }

    fn debug_facts(&self, seen: &Inspection) -> Result<DebugFacts, Problem> {
        let known = self.talk.known();
        let name = |id: &ChannelId| format!("#{}", known.name_of(id));
        let unread = |id: &ChannelId| known.unread.get(id).map_or(0, super::unread::Unread::messages);
        let channels = seen.channels.iter().map(|channel| ChannelFacts {
            unread: unread(&channel.view.record.channel),
            ..ChannelFacts::from(channel)
        });
        Ok(DebugFacts {
            tracker: session_state(seen.tracker),
            links: links(seen),
            requests: seen.requests.iter().map(|request| RequestFacts::new(request, name)).collect(),
            operations: seen.operations,
            stray_answers: seen.stray_answers,
            unnamed: seen.unnamed,
            own_unsettled: known.own.len() + known.settled.len(),
            timers: timers(&seen.timers),
            channels: channels.collect(),
        })
    }
}

fn links(seen: &Inspection) -> Vec<LinkFacts> {
    let facts = seen.links.iter().map(|link| LinkFacts {
        link: link.link.0,
        to: source_name(&link.source),
        address: link.address.to_string(),
        direction: if link.direction == Direction::Inbound { "in" } else { "out" },
        device: segment_proto::ids::short(&link.peer),
    });
    facts.collect()
}

fn timers(timers: &[Timer]) -> Vec<TimerFacts> {
    timers.iter().map(|timer| TimerFacts { why: timer.why, due_ms: millis(timer.due_in) }).collect()
}

fn latency(latencies: &super::figures::Latencies) -> Option<LatencyFacts> {
    let (median, most) = latencies.median_and_99()?;
    Some(LatencyFacts { median_micros: micros(median), of_100_99_within_micros: micros(most), count: latencies.len() })
}

impl RequestFacts {
    fn new(request: &RequestView, name: impl Fn(&ChannelId) -> String) -> Self {
        Self {
            id: segment_proto::ids::short(&request.id),
            link: request.link.0,
            channel: request.channel.as_ref().map(name),
            what: request.what,
            times_out_ms: millis(request.times_out_in),
        }
    }
}

impl From<&HostReport> for HostFacts {
    fn from(report: &HostReport) -> Self {
        Self {
            epoch: report.owns.map(|fence| fence.epoch),
            stored: report.stored,
            committed: report.committed,
            unplaced: report.resubmit,
            members: report.members.len(),
        }
    }
}

impl From<&ChannelInspection> for ChannelFacts {
    fn from(channel: &ChannelInspection) -> Self {
        let view = &channel.view;
        Self {
            name: format!("#{}", view.record.name),
            served_from: serving_name(view.serving),
            // A hosted channel is read inside this process.
            link: channel.link.filter(|link| *link != LOCAL).map(|link| link.0),
            low: view.low,
            head: view.head.pos,
            committed: view.committed,
            level: view.level,
            outbox: view.waiting,
            unread: 0,
            host: channel.host.as_ref().map(HostFacts::from),
            former: channel.former.as_ref().map(HostFacts::from),
            timers: timers(&channel.timers),
        }
    }
}

impl StatsFacts {
    fn text(&self) -> String {
        let own = format!("{} sent, {} of them committed, {} refused", self.sent, self.committed, self.refused);
        let ways: Vec<&str> = self.links.iter().map(|link| link.to).collect();
        let took = |latency: &Option<LatencyFacts>| match latency {
            Some(LatencyFacts { median_micros, of_100_99_within_micros, count }) => {
                format!("{} (99 of 100 within {}, of {count})", ms(*median_micros), ms(*of_100_99_within_micros))
            }
            None => "nothing was sent yet".to_owned(),
        };
        table(&[
            ("up", format!("{} min {} s", self.up_seconds / 60, self.up_seconds % 60)),
            ("messages", format!("{own}; {} received, {}", self.received, bytes(self.received_bytes))),
            (
                "rate",
                format!("{}/s in the last minute, {}/s since the start", self.per_second_last_minute, self.per_second),
            ),
            (
                "traffic",
                format!(
                    "in {} ({} frames), out {} ({} frames)",
                    bytes(self.bytes_in),
                    self.frames_in,
                    bytes(self.bytes_out),
                    self.frames_out
                ),
            ),
            ("links", format!("{} {}", self.links.len(), ways.join(" "))),
            ("tracker", self.tracker_micros.map_or("does not answer".to_owned(), ms)),
            ("stored", took(&self.stored)),
            ("committed", took(&self.settled)),
            ("disk", bytes(self.disk_bytes)),
        ])
    }
}

impl DebugFacts {
    fn text(&self) -> String {
        let mut lines = vec![format!("tracker: {}", self.tracker)];
        lines.push(format!("links: {}", self.links.len()));
        lines.extend(self.links.iter().map(|link| {
            format!("  {} {:<8} {:<22} {} {}", link.link, link.to, link.address, link.direction, link.device)
        }));
        lines.push(format!("requests: {}", self.requests.len()));
        lines.extend(self.requests.iter().map(RequestFacts::text));
        lines.push(format!(
            "queues: {} operations, {} own messages not settled, {} channels wait for names; {} stray answers",
            self.operations, self.own_unsettled, self.unnamed, self.stray_answers
        ));
        lines.push(format!("timers: {}", said(&self.timers)));
        lines.extend(self.channels.iter().map(ChannelFacts::text));
        lines.join("\n")
    }
}

impl RequestFacts {
    fn text(&self) -> String {
        let channel = self.channel.as_ref().map(|channel| format!(" {channel}")).unwrap_or_default();
        let given_up = due(self.times_out_ms);
        format!("  {} on link {}:{channel} {}, given up in {given_up}", self.id, self.link, self.what)
    }
}

impl ChannelFacts {
    fn text(&self) -> String {
        let link = self.link.map(|link| format!(" on link {link}")).unwrap_or_default();
        let level = if self.level { "level" } else { "behind" };
        let mut lines = vec![format!(
            "{}: from {}{link}, {level}, !{} to !{}, committed !{}, {} waiting, {} unread",
            self.name, self.served_from, self.low, self.head, self.committed, self.outbox, self.unread
        )];
        lines.extend(self.host.iter().map(|host| format!("  host: {}", host.text())));
        lines.extend(self.former.iter().map(|host| format!("  former host: {}", host.text())));
        if !self.timers.is_empty() {
            lines.push(format!("  timers: {}", said(&self.timers)));
        }
        lines.join("\n")
    }
}

impl HostFacts {
    fn text(&self) -> String {
        let epoch = self.epoch.map_or("owns no epoch".to_owned(), |epoch| format!("epoch {epoch}"));
        let Self { stored, committed, unplaced, members, .. } = self;
        format!("{epoch}, stored !{stored}, committed !{committed}, {unplaced} unplaced, {members} members")
    }
}

fn said(timers: &[TimerFacts]) -> String {
    let timers: Vec<String> = timers.iter().map(|timer| format!("{} in {}", timer.why, due(timer.due_ms))).collect();
    if timers.is_empty() { "none".to_owned() } else { timers.join(", ") }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn due(ms: u64) -> String {
    match ms {
        0..10_000 => format!("{ms} ms"),
        10_000..600_000 => format!("{} s", ms / 1_000),
        _ => format!("{} min", ms / 60_000),
    }
}

fn ms(micros: u64) -> String {
    format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100)
}

fn rounded(rate: f64) -> f64 {
    (rate * 100.0).round() / 100.0
}

fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{} KiB", count >> 10),
        _ => format!("{} MiB", count >> 20),
    }
}
