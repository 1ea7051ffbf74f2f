//! What is measured: one file for each kind of row.

pub mod append;
pub mod bulk;
pub mod codec;
pub mod fan_out;
pub mod idle;
pub mod latency;
pub mod requests;
pub mod signatures;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::outcome::{Metric, Outcome};
use crate::system::System;
use crate::system::System::*;

/// Bytes of a chat message.
pub const CHAT_BYTES: usize = 128;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Row {
    /// One author, so many members, as fast as can be.
    FanOut {
        bytes: usize,
        members: usize,
    },
    /// The same, the next message when everybody has the last.
    Single {
        members: usize,
    },
    /// So many messages a second.
    Latency {
        members: usize,
        rate: u32,
    },
    /// So many requests outstanding on one link.
    Requests {
        outstanding: usize,
    },
    /// Links on which nothing is said.
    Idle {
        links: usize,
    },
    /// Frames of a stream, each link as fast as can be.
    Bulk {
        members: usize,
    },
    /// One message to bytes, and back.
    Encode,
    Decode,
    /// So many messages that one sync makes durable.
    Append {
        at_once: usize,
    },
    /// Signatures of one author.
    Signatures {
        at_once: usize,
    },
}

const FAN_OUT: &[System] = &[RawTcp, RawTls, Nats, Redis, Mosquitto, Jetstream, Segment, SegmentPlain, SegmentMemory];
const BIG_FAN_OUT: &[System] = &[RawTcp, RawTls, Nats, Redis, Segment, SegmentPlain];
const SINGLE: &[System] = &[RawTcp, RawTls, Nats, Redis, Segment, SegmentPlain, SegmentMemory];
const LATENCY: &[System] = &[RawTcp, RawTls, Nats, Redis, Mosquitto, Segment, SegmentMemory];
const REQUESTS: &[System] = &[RawTcp, RawTls, Nats, Redis, Tarpc, Tonic, Segment, SegmentPlain];
const IDLE: &[System] = &[RawTcp, RawTls, Nats, Redis, Mosquitto, Segment];
const BULK: &[System] = &[RawTcp, RawTls, Tonic, Segment, SegmentPlain];
const BULK_MANY: &[System] = &[RawTcp, RawTls, Nats, Segment, SegmentPlain];
const ENCODE: &[System] = &[Memcpy, Postcard, Json, Segment];
/// What is hashed and signed is written to JSON, for people, and not read from it.
const DECODE: &[System] = &[Memcpy, Postcard, Segment];
const APPEND: &[System] = &[File, Sqlite, Segment];
const SIGNATURES: &[System] = &[Singly, Segment];

impl Row {
    /// All of them; with so many idle links.
    pub fn all(links: usize) -> Vec<Self> {
        let crowds = [10, 100, 1_000];
        let mut rows: Vec<Self> = Vec::new();
        rows.extend(
            [CHAT_BYTES, 1_024].iter().flat_map(|bytes| crowds.map(|members| Self::FanOut { bytes: *bytes, members })),
        );
        rows.extend(crowds.map(|members| Self::Single { members }));
        rows.extend([(10, 1_000), (1_000, 100)].map(|(members, rate)| Self::Latency { members, rate }));
        rows.extend([1, 64, 1_024].map(|outstanding| Self::Requests { outstanding }));
        rows.push(Self::Idle { links });
        rows.extend([1, 10].map(|members| Self::Bulk { members }));
        rows.extend([Self::Encode, Self::Decode]);
        rows.extend([1, 64].map(|at_once| Self::Append { at_once }));
        rows.extend([1, 64].map(|at_once| Self::Signatures { at_once }));
        rows
    }

    /// Whether it is meant by a name, or by what a name begins with.
    pub fn is_called(self, name: &str) -> bool {
        let own = self.to_string();
        own == name || own.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
    }

    /// Who can do that by itself.
    pub fn systems(self) -> &'static [System] {
        match self {
            Self::FanOut { bytes: CHAT_BYTES, .. } => FAN_OUT,
            Self::FanOut { .. } => BIG_FAN_OUT,
            Self::Single { .. } => SINGLE,
            Self::Latency { .. } => LATENCY,
            Self::Requests { .. } => REQUESTS,
            Self::Idle { .. } => IDLE,
            Self::Bulk { members: 1 } => BULK,
            Self::Bulk { .. } => BULK_MANY,
            Self::Encode => ENCODE,
            Self::Decode => DECODE,
            Self::Append { .. } => APPEND,
            Self::Signatures { .. } => SIGNATURES,
        }
    }

    /// Of which its figures are; the first is the one that is drawn.
    pub fn metrics(self) -> &'static [Metric] {
        match self {
            Self::Latency { .. } => &[Metric::P50, Metric::P99],
            Self::Requests { outstanding: 1 } => &[Metric::P50],
            Self::Idle { .. } => &[Metric::Resident, Metric::Seconds],
            Self::Bulk { .. } => &[Metric::Bytes(bulk::FRAME_BYTES)],
            Self::Encode | Self::Decode => &[Metric::Nanoseconds],
            Self::FanOut { .. }
            | Self::Single { .. }
            | Self::Requests { .. }
            | Self::Append { .. }
            | Self::Signatures { .. } => &[Metric::Rate],
        }
    }

    /// Whether there is a server; where there is none, a library is measured in one process.
    pub fn has_server(self) -> bool {
        !matches!(self, Self::Encode | Self::Decode | Self::Append { .. } | Self::Signatures { .. })
    }

    /// The core of the clients: a single round trip is made on the server's.
    pub fn client_core(self) -> &'static str {
        if self == (Self::Requests { outstanding: 1 }) { "0" } else { "1" }
    }

    /// Rows of one table.
    pub fn table(self) -> &'static str {
        match self {
            Self::FanOut { bytes: CHAT_BYTES, .. } => "Fan-out, 128 bytes: deliveries a second",
            Self::FanOut { .. } => "Fan-out, 1 KiB: deliveries a second",
            Self::Single { .. } => "Fan-out, one message at a time: deliveries a second",
            Self::Latency { .. } => "From send to each member: microseconds, p50 and p99",
            Self::Requests { .. } => "Requests on one link: p50 in microseconds, or answers a second",
            Self::Idle { .. } => "Idle links: resident bytes each, and seconds until all are there",
            Self::Bulk { .. } => "Frames of 64 KiB: bytes a second to all",
            Self::Encode | Self::Decode => "One chat message to bytes and back: nanoseconds",
            Self::Append { .. } => "Durable appends a second",
            Self::Signatures { .. } => "Signatures of one author that are checked in a second",
        }
    }

    /// Its column there.
    pub fn column(self) -> String {
        match self {
            Self::FanOut { members, .. } | Self::Single { members } => format!("to {members}"),
            Self::Latency { members, rate } => format!("to {members} at {rate}/s"),
            Self::Requests { outstanding } => format!("{outstanding} outstanding"),
            Self::Idle { links } => format!("{links} links"),
            Self::Bulk { members: 1 } => "one link".to_owned(),
            Self::Bulk { members } => format!("{members} members"),
            Self::Encode => "encode".to_owned(),
            Self::Decode => "decode".to_owned(),
            Self::Append { at_once: 1 } => "sync each".to_owned(),
            Self::Append { at_once } => format!("{at_once} waiting"),
            Self::Signatures { at_once } => format!("{at_once} at once"),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FanOut { bytes, members } => write!(f, "fan-out-{bytes}-{members}"),
            Self::Single { members } => write!(f, "single-{members}"),
            Self::Latency { members, .. } => write!(f, "latency-{members}"),
            Self::Requests { outstanding } => write!(f, "requests-{outstanding}"),
            Self::Idle { links } => write!(f, "idle-{links}"),
            Self::Bulk { members } => write!(f, "bulk-{members}"),
            Self::Encode => f.write_str("codec-encode"),
            Self::Decode => f.write_str("codec-decode"),
            Self::Append { at_once } => write!(f, "append-{at_once}"),
            Self::Signatures { at_once } => write!(f, "signatures-{at_once}"),
        }
    }
}

/// One measurement, as the clients' process is told of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    pub system: System,
    pub row: Row,
    /// Where the server is, in its own words; and its process.
    pub place: String,
    pub server: Option<u32>,
    /// How long it is driven.
    pub seconds: f64,
    /// For files, on the disk on which the servers' are.
    pub dir: String,
}

impl Task {
    pub fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// Where a file of this name is.
    pub fn file(&self, name: &str) -> PathBuf {
        Path::new(&self.dir).join(name)
    }

    pub async fn run(&self) -> Result<Outcome> {
        match self.row {
            Row::FanOut { bytes, members } => fan_out::pipelined(self, members, bytes).await,
            Row::Single { members } => fan_out::one_at_a_time(self, members).await,
            Row::Latency { members, rate } => latency::run(self, members, rate).await,
            Row::Requests { outstanding } => requests::run(self, outstanding).await,
            Row::Idle { links } => idle::run(self, links).await,
            Row::Bulk { members } => bulk::run(self, members).await,
            Row::Encode => codec::encode(self),
            Row::Decode => codec::decode(self),
            Row::Append { at_once } => append::run(self, at_once),
            Row::Signatures { at_once } => signatures::run(self, at_once),
        }
    }
}
