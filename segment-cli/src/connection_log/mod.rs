//! `connection_log.txt`: what was connected, transferred and streamed, and **from where each item came**.
//!
//! One ASCII line per record: `[<RFC 3339 UTC ms>] <event_type> | Source: <source> | Details: <details>`.
//! A file holds exactly [`LogLimits::records_per_file`] records, also across restarts; then it is
//! renamed to `connection_log.NNNNNN.txt` with a rising number and a new one begins.

mod event;
mod files;
mod reader;
mod record;
mod writer;

pub use event::EventType;
pub use files::{LogError, LogLimits};
pub use reader::{SHOWN_RECORDS_MAX, last_records};
pub use record::{Details, RECORD_BYTES_MAX, Record, Source, SourceKind};
pub use writer::{ConnectionLog, LogGuard, QUEUED_RECORDS_MAX};

/// The file that is being written.
pub const LOG_FILE: &str = "connection_log.txt";

#[cfg(test)]
mod tests;
