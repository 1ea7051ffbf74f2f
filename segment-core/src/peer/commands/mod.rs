//! What an embedder can want.

use segment_proto::RequestId;

use crate::peer::errors::CommandError;

mod channels;
mod messages;
mod session;
mod streams;

pub use channels::Unsent;
pub use streams::StreamOptions;

type Asked = Result<RequestId, CommandError>;
