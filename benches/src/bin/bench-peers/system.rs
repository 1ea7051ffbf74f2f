//! What is compared.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::systems::Cover;

const WINDOW: usize = 2_048;
pub const WINDOW_BYTES: usize = 4 * 1024 * 1024;

/// A server, or for what needs none a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// A server that writes what it reads.
    RawTcp,
    /// The same over TLS.
    RawTls,
    Nats,
    /// Of a newer NATS, which can sync each message.
    Jetstream,
    Redis,
    Mosquitto,
    Tarpc,
    Tonic,
    /// As it is: TLS, and both of its stores on the disk.
    Segment,
    /// Over TCP, which no user can have.
    SegmentPlain,
    /// With its stores in memory.
    SegmentMemory,
    /// Libraries beside parts of Segment.
    Memcpy,
    Postcard,
    Json,
    File,
    Sqlite,
    Singly,
}

impl System {
    /// For tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::RawTcp => "raw TCP",
            Self::RawTls => "raw TLS",
            Self::Nats => "NATS",
            Self::Jetstream => "JetStream, sync always",
            Self::Redis => "Redis",
            Self::Mosquitto => "Mosquitto",
            Self::Tarpc => "tarpc",
            Self::Tonic => "tonic",
            Self::Segment => "**Segment**",
            Self::SegmentPlain => "Segment without TLS",
            Self::SegmentMemory => "Segment without disks",
            Self::Memcpy => "memcpy",
            Self::Postcard => "postcard alone",
            Self::Json => "serde_json",
            Self::File => "a bare file",
            Self::Sqlite => "SQLite alone, FULL",
            Self::Singly => "each by itself",
        }
    }

    /// What its bytes go through.
    pub fn cover(self) -> Cover {
        match self {
            Self::RawTls | Self::Segment | Self::SegmentMemory => Cover::Tls,
            Self::RawTcp | Self::SegmentPlain => Cover::Plain,
            _ => Cover::Bare,
        }
    }

    pub fn is_segment(self) -> bool {
        matches!(self, Self::Segment | Self::SegmentPlain | Self::SegmentMemory)
    }

    /// The author of a fan-out is never so many messages of this size ahead of the slowest member.
    pub fn window(self, bytes: usize) -> usize {
        match self {
            // What is slow would take long to deliver more.
            Self::Mosquitto | Self::Jetstream => 256,
            _ => WINDOW.min(WINDOW_BYTES / bytes),
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("?", |value| value.get_name()))
    }
}
