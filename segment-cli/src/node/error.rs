//! Why a part of a program did not start or did not end well.

use std::path::PathBuf;
use std::sync::Arc;

use segment_net::{DriverError, StartError};
use segment_store::OpenError;

use crate::connection_log::LogError;
use crate::errors::{LocalReason, Problem};
use crate::profile::ProfileError;

/// Why a part of a program did not start or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The data directory.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// Another process runs on this data.
    #[error("{} is in use by pid {}; end that one or choose another --data", dir.display(), .pid.map_or("?".to_owned(), |pid| pid.to_string()))]
    InUse {
        /// Which directory.
        dir: PathBuf,
        /// Which process, if its lock says so.
        pid: Option<u32>,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The connection log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The driver, or the port.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It ended by itself, or not well.
    #[error(transparent)]
    Driver(#[from] Arc<DriverError>),
}

impl From<NodeError> for Problem {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Profile(error) => error.into(),
            NodeError::Driver(error) => Self::local(LocalReason::Stopped).saying(error),
            other => Self::local(LocalReason::Start).saying(with_sources(&other)),
        }
    }
}

/// An error with what caused it, on one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text} ({cause_text})");
        }
        source = cause.source();
    }
    text
}
